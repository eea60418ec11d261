package history

import (
	"context"
	"database/sql"
	"errors"
)

// rolls make the figures of one tier from those of the one below, of a range
// of time that is over. Doing it twice does no harm.
var rolls = [len(tiers)]string{1: `INSERT OR REPLACE INTO minutes
SELECT t/60*60, s, CASE WHEN inst < 0 THEN 0 ELSE count(*) END, sum(up), sum(cpu)/count(*), max(cpu), sum(mem)/count(*), max(mem),
	sum(restarts), sum(lines), sum(errors)
FROM samples JOIN series ON series.id = s WHERE t >= ? AND t < ? GROUP BY 1, 2`,
	2: `INSERT OR REPLACE INTO hours
SELECT t/3600*3600, s, sum(n), sum(up), sum(cpu*n)/max(sum(n), 1), max(cpumax), sum(mem*n)/max(sum(n), 1), max(memmax),
	sum(restarts), sum(lines), sum(errors)
FROM minutes WHERE t >= ? AND t < ? GROUP BY 1, 2`}

// slowly is how many units of the tier above go at a time: a file that was
// left alone for long is not emptied in one transaction.
const slowly = 30

// upto is how far the figures of a tier are complete.
func upto(ctx context.Context, q querier, i int) (int64, error) {
	var t int64
	err := q.QueryRowContext(ctx, "SELECT upto FROM rolled WHERE tier = ?", tiers[i].table).Scan(&t)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return t, err
}

type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// oldest is the first time in a tier; ok is false when it is empty.
func oldest(ctx context.Context, q querier, i int) (t int64, ok bool, err error) {
	var v sql.NullInt64
	err = q.QueryRowContext(ctx, "SELECT min(t) FROM "+tiers[i].table).Scan(&v)
	return v.Int64, v.Valid, err
}

// turn makes the figures of minutes and hours that are over.
func (w *Writer) turn(ctx context.Context, tx *sql.Tx, now int64) error {
	turned := false
	for i := 1; i < len(tiers); i++ {
		unit := tiers[i].unit
		end := now / unit * unit
		from := w.upto[i]
		back := from > end+unit // the clock was ahead, and has been set back
		if from >= end && !back {
			continue
		}
		first, ok, err := oldest(ctx, tx, i-1)
		if err != nil {
			return err
		}
		if ok && !back {
			if _, err := tx.ExecContext(ctx, rolls[i], max(from, first/unit*unit), end); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO rolled VALUES (?, ?)", tiers[i].table, end); err != nil {
			return err
		}
		w.upto[i], turned = end, true
	}
	if !turned {
		return nil
	}
	return w.prune(ctx, tx, now)
}

// prune deletes what is too old, in whole units of the tier above, so that the
// first of them that is left has all that was recorded of it; and gives some free
// pages back. It runs once a minute.
func (w *Writer) prune(ctx context.Context, tx *sql.Tx, now int64) error {
	for i := range tiers {
		first, ok, err := oldest(ctx, tx, i)
		if err != nil {
			return err
		}
		limit, above := now-w.keep[i], tiers[i].unit
		if i+1 < len(tiers) {
			limit = min(limit, w.upto[i+1]) // never before its sum is made
			above = tiers[i+1].unit
		}
		if limit = min(limit, first+slowly*max(60, tiers[i].unit)+above) / above * above; !ok || first >= limit {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+tiers[i].table+" WHERE t < ?", limit); err != nil {
			return err
		}
	}
	if now%86400 < 60 { // once a day
		if err := w.unused(ctx, tx); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "PRAGMA incremental_vacuum(256)")
	return err
}

// unused deletes the series of which nothing is kept. The others go on
// counting where they are.
func (w *Writer) unused(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `DELETE FROM series WHERE id NOT IN
		(SELECT s FROM samples UNION SELECT s FROM minutes UNION SELECT s FROM hours) RETURNING id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	gone := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		gone[id] = true
	}
	for k, s := range w.series {
		if gone[s.id] {
			delete(w.series, k)
		}
	}
	return rows.Err()
}
