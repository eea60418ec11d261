// Package home is everything under VELOS_HOME that is not a log line or an
// event: the names of its files, who may enter, the lock that decides who is
// the daemon, and the state files. It does not decide when to write them.
package home

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/velospm/velos"
)

// MaxSocketPath is the longest path, in bytes, that every system accepts for
// a Unix socket: macOS has 104 with the closing NUL.
const MaxSocketPath = 103

// A Home is one directory with one daemon.
type Home struct {
	Dir string // absolute
}

// Find says where the home is: VELOS_HOME, else .velos in the user's home
// directory. It looks at no file. The error has code Invalid: neither variable
// is set, or the path is too long for the socket.
func Find(getenv func(string) string) (Home, error) {
	dir := getenv("VELOS_HOME")
	if dir == "" {
		user := getenv("HOME")
		if user == "" && runtime.GOOS == "windows" {
			user = getenv("USERPROFILE")
		}
		if user == "" {
			return Home{}, &velos.Error{Code: velos.Invalid,
				Message: "find the home directory: neither VELOS_HOME nor HOME is set",
				Hint:    "set VELOS_HOME to a directory that belongs to you"}
		}
		dir = filepath.Join(user, ".velos")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Home{}, &velos.Error{Code: velos.Invalid, Cause: err,
			Message: "find the home directory: " + dir + " is relative to a working directory that is gone",
			Hint:    "set VELOS_HOME to an absolute path"}
	}
	h := Home{Dir: abs}
	if n := len(h.Socket()); n > MaxSocketPath {
		return Home{}, &velos.Error{Code: velos.Invalid,
			Message: "the socket path " + h.Socket() + " has " + strconv.Itoa(n) + " bytes; a socket can have " + strconv.Itoa(MaxSocketPath),
			Hint:    "set VELOS_HOME to a shorter path"}
	}
	return h, nil
}

// Socket is where the daemon listens.
func (h Home) Socket() string { return h.file("velos.sock") }

// PIDFile holds the daemon's pid, for people and other tools. Whether a daemon
// runs is decided by the lock alone.
func (h Home) PIDFile() string { return h.file("velos.pid") }

// LockFile is held locked by the daemon while it lives. It is never removed:
// two daemons could otherwise hold a lock each, on files of the same name.
func (h Home) LockFile() string { return h.file("velos.lock") }

// StateFile is what the daemon remembers over its own restarts.
func (h Home) StateFile() string { return h.file("state.json") }

// SavedFile is the snapshot of velos save.
func (h Home) SavedFile() string { return h.file("saved.json") }

// LogDir is where the apps' log files are.
func (h Home) LogDir() string { return h.file("logs") }

// EventsFile is the journal.
func (h Home) EventsFile() string { return h.file("events.jsonl") }

// AuditFile is the record of orders; rotated ones are beside it.
func (h Home) AuditFile() string { return h.file("audit.jsonl") }

// ConfigFile is what people write for all of this home: rules for agents,
// notifications.
func (h Home) ConfigFile() string { return h.file("config.toml") }

// NotifySocket is where programs say how they are, in the words of sd_notify.
func (h Home) NotifySocket() string { return h.file("notify.sock") }

// DrainScript is what Node loads into the workers of a cluster.
func (h Home) DrainScript() string { return h.file("drain.cjs") }

// TokenDir is where the tokens of HTTP doors are: hashes, never a token.
func (h Home) TokenDir() string { return h.file("tokens") }

// LinkDir is where links to the page wait for a browser, each as a hash.
func (h Home) LinkDir() string { return h.file("links") }

// PageFile says where the page is served.
func (h Home) PageFile() string { return h.file("page.json") }

// DaemonLog is the daemon's own log. No app's file can have this name: those
// end in -out.log and -err.log.
func (h Home) DaemonLog() string { return filepath.Join(h.LogDir(), "daemon.log") }

func (h Home) file(name string) string { return filepath.Join(h.Dir, name) }

// fault is an error about one path: what could not be done with it and the
// system's own words, without the path said twice.
func fault(what, path string, err error, hint string) error {
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	return &velos.Error{Code: code, Message: what + " " + path + ": " + reason(err), Hint: hint, Cause: err}
}

func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
