package history

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// mostPoints bounds an answer.
const mostPoints = 10_000

// A Reader answers questions, while a Writer writes or after it. It is safe
// for use by several goroutines.
type Reader struct {
	path string
	db   *sql.DB
}

// Open opens the file for reading. The error has the code NotFound when nobody
// has recorded anything yet.
func Open(path string) (*Reader, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &velos.Error{Code: velos.NotFound, Message: "history: nothing was recorded yet: no " + path, Hint: "velos metrics --history records while it runs"}
	}
	db, err := open(path, "query_only(1)", "cache_size(-1024)")
	if err != nil {
		return nil, failed("open", path, err)
	}
	fresh, err := check(context.Background(), db, path)
	if err == nil && fresh {
		err = &velos.Error{Code: velos.NotFound, Message: "history: nothing was recorded yet", Hint: "velos metrics --history records while it runs"}
	}
	if err != nil {
		db.Close()
		return nil, failed("open", path, err)
	}
	return &Reader{path, db}, nil
}

// Close ends it.
func (r *Reader) Close() error { return r.db.Close() }

// A Question asks for the points of an app.
type Question struct {
	App   string
	Inst  int // -1: all of them, added up
	Since velos.Time
	Until velos.Time
	Step  time.Duration // of one point; at least a second
}

// Query is the points of an app, oldest first; there is none for a time in
// which nobody recorded. They come from single samples as far as a step is
// shorter than a minute and there are any, else from minutes or hours.
func (r *Reader) Query(ctx context.Context, q Question) ([]velos.Point, error) {
	step := max(int64(q.Step/time.Second), 1)
	since, until := int64(q.Since)/1000/step*step, (int64(q.Until)+999)/1000
	if until <= since || (until-since)/step > mostPoints {
		return nil, &velos.Error{Code: velos.Invalid, Message: "history: that is no stretch of time, or more than " + strconv.Itoa(mostPoints) + " points of it", Hint: "ask for less, or in longer steps"}
	}
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one moment for all tiers
	if err != nil {
		return nil, failed("read", r.path, err)
	}
	defer tx.Rollback()
	points, err := query(ctx, tx, &q, since, until, step)
	if err != nil {
		return nil, failed("read", r.path, err)
	}
	return points, nil
}

// A stretch of time is read from one tier.
type stretch struct {
	tier        int
	since, till int64
}

// plan decides which tier tells what. The best one is that of the step; before
// it begins a coarser one is all there is, after it ends a finer one.
func plan(ctx context.Context, q querier, since, until, step int64) (list []stretch, err error) {
	best := 0
	for best+1 < len(tiers) && step >= tiers[best+1].unit {
		best++
	}
	end := since
	for i := len(tiers) - 1; i >= 0; i-- {
		till := until
		if i > 0 {
			if till, err = upto(ctx, q, i); err != nil {
				return nil, err
			}
		}
		if i > best { // only as far as the finer one does not reach back
			first, ok, err := oldest(ctx, q, i-1)
			if err != nil {
				return nil, err
			}
			if unit := tiers[i].unit; ok {
				till = min(till, (first+unit-1)/unit*unit)
			}
		}
		if till = min(till, until); till > end {
			list = append(list, stretch{i, end, till})
			end = till
		}
	}
	return list, nil
}

const (
	fromSamples = "SELECT t, s, 1 n, up, cpu, cpu cpumax, mem, mem memmax, restarts, lines, errors FROM samples WHERE t >= ? AND t < ?"
	fromOthers  = "SELECT t, s, n, up, cpu, cpumax, mem, memmax, restarts, lines, errors FROM %s WHERE t >= ? AND t < ?"
	sums        = `SELECT t/?*? b, s, inst, sum(n), sum(up), sum(cpu*n), max(cpumax), sum(mem*n), max(memmax), sum(restarts), sum(lines), sum(errors)
FROM (SELECT id, inst FROM series WHERE name = ? AND (? < 0 OR inst = ?)) JOIN (%s) ON s = id GROUP BY b, s ORDER BY b`
)

func query(ctx context.Context, tx *sql.Tx, q *Question, since, until, step int64) ([]velos.Point, error) {
	list, err := plan(ctx, tx, since, until, step)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, nil
	}
	var parts []string
	args := []any{step, step, q.App, q.Inst, q.Inst}
	for _, p := range list {
		part := fromSamples
		if p.tier > 0 {
			part = strings.Replace(fromOthers, "%s", tiers[p.tier].table, 1)
		}
		parts = append(parts, part)
		args = append(args, p.since, p.till)
	}
	rows, err := tx.QueryContext(ctx, strings.Replace(sums, "%s", strings.Join(parts, " UNION ALL "), 1), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var points []velos.Point
	var sum adder
	for rows.Next() {
		var x row
		if err := rows.Scan(&x.t, &x.s, &x.inst, &x.n, &x.up, &x.cpu, &x.cpumax, &x.mem, &x.memmax, &x.restarts, &x.lines, &x.errors); err != nil {
			return nil, err
		}
		if x.t != sum.t && sum.rows > 0 {
			points = append(points, sum.point())
			sum = adder{}
		}
		sum.add(&x)
	}
	if sum.rows > 0 {
		points = append(points, sum.point())
	}
	return points, rows.Err()
}

// A row is one series in one step; cpu and mem are sums over n looks.
type row struct {
	t, s, inst, n, up, cpu, cpumax, mem, memmax, restarts, lines, errors int64
}

// An adder adds the instances of an app up. Who was there for a part of the
// step only counts for that part.
type adder struct {
	row
	rows  int
	looks int64 // of the one that was there longest
}

func (a *adder) add(x *row) {
	a.rows++
	a.t = x.t
	a.restarts, a.lines, a.errors = a.restarts+x.restarts, a.lines+x.lines, a.errors+x.errors
	if x.inst < 0 {
		return
	}
	a.looks = max(a.looks, x.n)
	a.n, a.up, a.cpu, a.mem = a.n+x.n, a.up+x.up, a.cpu+x.cpu, a.mem+x.mem
	a.cpumax, a.memmax = a.cpumax+x.cpumax, a.memmax+x.memmax
}

func (a *adder) point() velos.Point {
	looks, n := float64(max(a.looks, 1)), float64(max(a.n, 1))
	return velos.Point{Time: velos.Time(a.t * 1000), Up: float64(a.up) / n, CPU: float64(a.cpu) / looks / 100, CPUMax: float64(a.cpumax) / 100,
		Memory: int64(float64(a.mem)/looks) << 10, MemoryMax: a.memmax << 10, Restarts: int(a.restarts), Lines: a.lines, Errors: a.errors}
}
