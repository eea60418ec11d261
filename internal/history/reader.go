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
		return nil, &velos.Error{Code: velos.NotFound, Message: "history: nothing was recorded yet: no " + path, Hint: "velos api --history and velos metrics --history record while they run"}
	}
	db, err := open(path, "query_only(1)", "cache_size(-1024)")
	if err != nil {
		return nil, failed("open", path, err)
	}
	fresh, err := check(context.Background(), db, path)
	if err == nil && fresh {
		err = &velos.Error{Code: velos.NotFound, Message: "history: nothing was recorded yet", Hint: "velos api --history and velos metrics --history record while they run"}
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
	App   string // for All: empty
	Inst  int    // -1: all of them, added up
	Since velos.Time
	Until velos.Time
	Step  time.Duration // of one point; at least a second
}

// Query is the points of an app, oldest first; there is none for a time in
// which nobody recorded. They come from single samples as far as a step is
// shorter than a minute and there are any, else from minutes or hours.
func (r *Reader) Query(ctx context.Context, q Question) ([]velos.Point, error) {
	all, err := r.ask(ctx, q, q.App)
	return all[q.App], err
}

// All is the points of every app that has any, by name, as Query has them.
func (r *Reader) All(ctx context.Context, q Question) (map[string][]velos.Point, error) {
	return r.ask(ctx, q, "")
}

// ask answers for one app, or for all where name is empty.
func (r *Reader) ask(ctx context.Context, q Question, name string) (map[string][]velos.Point, error) {
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
	list, err := plan(ctx, tx, since, until, step)
	if err != nil {
		return nil, failed("read", r.path, err)
	}
	all := map[string][]velos.Point{}
	if len(list) > 0 {
		err = query(ctx, tx, list, name, q.Inst, step, all)
	}
	if err != nil {
		return nil, failed("read", r.path, err)
	}
	return all, nil
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
				till = min(till, first/unit*unit) // the finer one has all of its first unit, see prune
			}
		}
		if till = min(till, until); till > end {
			list = append(list, stretch{i, end, till})
			end = till
		}
	}
	return list, nil
}

// Of all apps, rows are read as they lie, in the order of time. Those of one app
// are a few among many, each found by its key: a year of one app is 8,760 rows for
// each of its series, and a million of all.
const (
	figures = "t, s, n, up, cpu, cpumax, mem, memmax, restarts, lines, errors"
	single  = "t, s, 1 n, up, cpu, cpu cpumax, mem, mem memmax, restarts, lines, errors"
	ofAll   = "SELECT %f FROM %t WHERE t >= ? AND t < ?"
	ofOne   = `SELECT %f FROM (WITH RECURSIVE at(k) AS (SELECT ? UNION ALL SELECT k + %u FROM at WHERE k + %u < ?) SELECT k FROM at)
	CROSS JOIN (SELECT id FROM series WHERE %w) CROSS JOIN %t ON t = k AND s = id`
	sums = `SELECT name, t/?*? b, s, inst, sum(n), sum(up), sum(cpu*n), max(cpumax), sum(mem*n), max(memmax), sum(restarts), sum(lines), sum(errors)
FROM (SELECT id, inst, name FROM series WHERE %w) JOIN (%p) ON s = id GROUP BY name, b, s ORDER BY name, b`
)

// query adds up the rows of some stretches of time to points, by name.
func query(ctx context.Context, tx *sql.Tx, list []stretch, name string, inst int, step int64, all map[string][]velos.Point) error {
	which, whose := "(? < 0 OR inst = ?)", []any{inst, inst}
	if name != "" {
		which, whose = "name = ? AND "+which, append([]any{name}, whose...)
	}
	args := append([]any{step, step}, whose...)
	var parts []string
	for _, p := range list {
		part, fields, t := ofAll, figures, tiers[p.tier]
		if p.tier == 0 {
			fields = single
		}
		since := (p.since + t.unit - 1) / t.unit * t.unit // where there can be a row
		if since >= p.till {
			continue // within one unit, whose row is of before
		}
		if args = append(args, since, p.till); name != "" {
			part, args = ofOne, append(args, whose...)
		}
		parts = append(parts, strings.NewReplacer("%f", fields, "%t", t.table, "%u", strconv.FormatInt(t.unit, 10), "%w", which).Replace(part))
	}
	if len(parts) == 0 {
		return nil
	}
	ask := strings.NewReplacer("%w", which, "%p", strings.Join(parts, " UNION ALL ")).Replace(sums)
	rows, err := tx.QueryContext(ctx, ask, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var sum adder
	for rows.Next() {
		var x row
		if err := rows.Scan(&x.name, &x.t, &x.s, &x.inst, &x.n, &x.up, &x.cpu, &x.cpumax, &x.mem, &x.memmax, &x.restarts, &x.lines, &x.errors); err != nil {
			return err
		}
		if (x.t != sum.t || x.name != sum.name) && sum.rows > 0 {
			all[sum.name] = append(all[sum.name], sum.point())
			sum = adder{}
		}
		sum.add(&x)
	}
	if sum.rows > 0 {
		all[sum.name] = append(all[sum.name], sum.point())
	}
	return rows.Err()
}

// A row is one series in one step; cpu and mem are sums over n looks.
type row struct {
	name                                                                 string
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
	a.name, a.t = x.name, x.t
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
