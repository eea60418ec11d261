// Package history is the figures of apps over time: a file of SQLite with single samples, minutes and hours, one writer, and any number of
// readers. It measures nothing and draws nothing.
package history

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	code "modernc.org/sqlite/lib"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// version is that of the tables.
const version = 1

// file is the name below the home; there is one writer of it.
const file = "metrics/history.db"

// Path is where the history of a home is.
func Path(h home.Home) string { return filepath.Join(h.Dir, filepath.FromSlash(file)) }

// A tier is a table with figures of one length of time. Times are Unix
// seconds, CPU is in hundredths of a percent, memory in KiB.
type tier struct {
	table string
	unit  int64 // seconds
}

var tiers = [...]tier{{"samples", 1}, {"minutes", 60}, {"hours", 3600}}

// Rows lie in the order of time: a look writes one or two pages, and what is
// too old is the beginning of the table.
const schema = `
CREATE TABLE series (id INTEGER PRIMARY KEY, app INTEGER NOT NULL, inst INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (app, inst));
CREATE INDEX series_name ON series (name);
CREATE TABLE samples (t INTEGER, s INTEGER, up INTEGER, cpu INTEGER, mem INTEGER, restarts INTEGER, lines INTEGER, errors INTEGER,
	PRIMARY KEY (t, s)) WITHOUT ROWID;
CREATE TABLE minutes (t INTEGER, s INTEGER, n INTEGER, up INTEGER, cpu INTEGER, cpumax INTEGER, mem INTEGER, memmax INTEGER,
	restarts INTEGER, lines INTEGER, errors INTEGER, PRIMARY KEY (t, s)) WITHOUT ROWID;
CREATE TABLE hours (t INTEGER, s INTEGER, n INTEGER, up INTEGER, cpu INTEGER, cpumax INTEGER, mem INTEGER, memmax INTEGER,
	restarts INTEGER, lines INTEGER, errors INTEGER, PRIMARY KEY (t, s)) WITHOUT ROWID;
CREATE TABLE rolled (tier TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;`

// open connects to the file, which must be there.
func open(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)"}, pragmas...), "mode": {"rw"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// check tells whether the tables are those that we know; fresh: there are none.
func check(ctx context.Context, db *sql.DB, path string) (fresh bool, err error) {
	v := 0
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return false, err
	}
	if v > version {
		return false, &velos.Error{Code: velos.Unsupported, Message: "history: " + path + " was written by a newer velos (version " + strconv.Itoa(v) + " of the file, we know " + strconv.Itoa(version) + ")",
			Hint: "use that velos, or move the file away to begin anew"}
	}
	return v == 0, nil
}

// damaged reports an error that says that the file is no good.
func damaged(err error) bool {
	var e *sqlite.Error
	if errors.Is(err, errDamaged) {
		return true
	}
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case code.SQLITE_CORRUPT, code.SQLITE_NOTADB:
			return true
		}
	}
	return false
}

var (
	errDamaged = errors.New("the file is damaged")
	errGone    = errors.New("the file is gone") // somebody has moved it away
)

// setAside gives a damaged file another name, so that a new one can be begun.
func setAside(path string, now time.Time) (string, error) {
	to := path + ".damaged-" + now.UTC().Format("20060102-150405")
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	for _, tail := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + tail); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return to, err
		}
	}
	return to, nil
}

// failed is an error of the database in our words.
func failed(what, path string, err error) error {
	var e *velos.Error
	if errors.As(err, &e) {
		return err
	}
	hint := ""
	if damaged(err) {
		hint = "move the file away to begin anew; a writer does that by itself when it begins"
	}
	return &velos.Error{Code: velos.Failed, Message: "history: " + what + " " + path + ": " + strings.TrimPrefix(err.Error(), "sqlite: "), Hint: hint, Cause: err}
}
