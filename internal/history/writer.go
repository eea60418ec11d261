package history

import (
	"context"
	"database/sql"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/velospm/velos"
)

// Keep says how long figures are kept; zero is the default of each.
type Keep struct {
	Samples time.Duration // an hour
	Minutes time.Duration // a week
	Hours   time.Duration // a year
}

func (k Keep) seconds() [len(tiers)]int64 {
	or := func(d, otherwise time.Duration) int64 {
		if d <= 0 {
			d = otherwise
		}
		return int64(d / time.Second)
	}
	const day = 24 * time.Hour
	return [...]int64{or(k.Samples, time.Hour), or(k.Minutes, 7*day), or(k.Hours, 365*day)}
}

// A Writer records. It is for one goroutine.
type Writer struct {
	path   string
	file   fs.FileInfo // that the database was when it was opened
	db     *sql.DB
	keep   [len(tiers)]int64
	series map[key]*series
	round  int
	upto   [len(tiers)]int64 // how far the figures of a tier are complete
}

type key struct {
	app  uint32
	inst int // -1: what is counted for the app as a whole
}

// series is one line of figures, and what its counters were.
type series struct {
	id            int64
	name          string
	restarts      int
	lines, errors uint64
	counted       bool
	round         int
}

// Create opens the file for writing, and makes it where it is missing. A
// damaged one is set aside: aside is its new name. The caller sees to it that
// there is one writer.
func Create(path string, keep Keep, now time.Time) (w *Writer, aside string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, "", failed("make the directory of", path, err)
	}
	w, err = create(path, keep)
	if err != nil && damaged(err) {
		if aside, err = setAside(path, now); err == nil {
			w, err = create(path, keep)
		}
	}
	if err != nil {
		return nil, aside, failed("open", path, err)
	}
	return w, aside, nil
}

func create(path string, keep Keep) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives its other files the same mode
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	f.Close()
	if err != nil {
		return nil, err
	}
	db, err := open(path, "auto_vacuum(2)", "journal_mode(wal)", "synchronous(normal)", "cache_size(-1024)", "journal_size_limit(4194304)")
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, file: info, db: db, keep: keep.seconds(), series: map[key]*series{}}
	if err := w.prepare(context.Background()); err != nil {
		db.Close()
		return nil, err
	}
	return w, nil
}

// prepare looks the file over, and makes the tables where there are none.
func (w *Writer) prepare(ctx context.Context) error {
	fresh, err := check(ctx, w.db, w.path)
	if err != nil {
		return err
	}
	if fresh {
		_, err = w.db.ExecContext(ctx, "BEGIN IMMEDIATE;"+schema+"COMMIT;")
		return err
	}
	verdict := ""
	if err := w.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errDamaged
	}
	return w.load(ctx)
}

// load reads what there is.
func (w *Writer) load(ctx context.Context) (err error) {
	clear(w.series)
	for i := 1; i < len(tiers); i++ {
		if w.upto[i], err = upto(ctx, w.db, i); err != nil {
			return err
		}
	}
	rows, err := w.db.QueryContext(ctx, "SELECT id, app, inst, name FROM series")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k key
		var s series
		if err := rows.Scan(&s.id, &k.app, &k.inst, &s.name); err != nil {
			return err
		}
		w.series[k] = &s
	}
	return rows.Err()
}

// Close ends it. What was recorded is in the file.
func (w *Writer) Close() error { return w.db.Close() }

// Record writes down how apps are, in one transaction: all of it is there, or
// nothing. Figures of minutes and hours that are over are made on the way, and
// what is too old goes.
func (w *Writer) Record(ctx context.Context, now velos.Time, apps []velos.App) error {
	if now, err := os.Stat(w.path); err != nil || !os.SameFile(now, w.file) {
		return failed("write", w.path, errGone) // what is written to it nobody can read
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return failed("write", w.path, err)
	}
	defer tx.Rollback()
	t := int64(now) / 1000
	w.round++
	if err = w.samples(ctx, tx, t, apps); err == nil {
		err = w.turn(ctx, tx, t)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		tx.Rollback()
		w.forget()
		return failed("write", w.path, err)
	}
	return nil
}

// forget goes back to what is in the file.
func (w *Writer) forget() {
	_ = w.load(context.Background())
}

func (w *Writer) samples(ctx context.Context, tx *sql.Tx, t int64, apps []velos.App) error {
	st, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer st.Close()
	for i := range apps {
		a := &apps[i]
		for j := range a.Instances {
			in := &a.Instances[j]
			s, err := w.of(ctx, tx, key{a.ID, in.Inst}, a.Spec.Name)
			if err != nil {
				return err
			}
			restarts := 0
			if s.counted && in.Restarts > s.restarts {
				restarts = in.Restarts - s.restarts
			}
			s.restarts, s.counted = in.Restarts, true
			up := 0
			if in.Status == velos.Online {
				up = 1
			}
			if _, err := st.ExecContext(ctx, t, s.id, up, int64(math.Round(in.Usage.CPU*100)), in.Usage.Memory>>10, restarts, 0, 0); err != nil {
				return err
			}
		}
		if err := w.counted(ctx, tx, st, t, a); err != nil {
			return err
		}
	}
	for k, s := range w.series { // who was away counts anew
		if s.round != w.round && w.round > 1 {
			delete(w.series, k)
		}
	}
	return nil
}

// counted writes what is counted for an app as a whole, when there is any.
func (w *Writer) counted(ctx context.Context, tx *sql.Tx, st *sql.Stmt, t int64, a *velos.App) error {
	s, err := w.of(ctx, tx, key{a.ID, -1}, a.Spec.Name)
	if err != nil {
		return err
	}
	lines, errors := a.Log.Lines-s.lines, a.Log.Errors-s.errors
	known := s.counted && a.Log.Lines >= s.lines && a.Log.Errors >= s.errors
	s.lines, s.errors, s.counted = a.Log.Lines, a.Log.Errors, true
	if !known || lines == 0 {
		return nil
	}
	_, err = st.ExecContext(ctx, t, s.id, 0, 0, 0, 0, int64(lines), int64(errors))
	return err
}

// of finds or makes a series, and follows a new name.
func (w *Writer) of(ctx context.Context, tx *sql.Tx, k key, name string) (*series, error) {
	s := w.series[k]
	if s != nil && s.name == name {
		s.round = w.round
		return s, nil
	}
	if s == nil {
		s = &series{}
	}
	err := tx.QueryRowContext(ctx, `INSERT INTO series (app, inst, name) VALUES (?, ?, ?)
		ON CONFLICT (app, inst) DO UPDATE SET name = excluded.name RETURNING id`, k.app, k.inst, name).Scan(&s.id)
	s.name, s.round = name, w.round
	w.series[k] = s
	return s, err
}
