// Package trust remembers which configuration files may have their commands
// run, by path and content, and tells whether an agent is at work. It reads no
// configuration and asks nobody.
package trust

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
)

// A Record is a file that somebody has trusted.
type Record struct {
	Path     string           `json:"path"`
	Sum      string           `json:"sha256"`
	Files    []string         `json:"includes,omitempty"`
	Commands []config.Command `json:"commands"`
	Time     velos.Time       `json:"trusted_at"`
	How      string           `json:"how"` // asked, flag, script, command, written, same
}

// A Store is the records of one home.
type Store struct{ Home home.Home }

const (
	largest = 16 << 20
	most    = 1000 // files; the oldest goes
)

type content struct {
	Version int      `json:"version"`
	Files   []Record `json:"files"`
}

// List is all records, by path.
func (s Store) List() ([]Record, error) {
	f, err := os.Open(s.Home.TrustedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return []Record{}, nil
	}
	if err != nil {
		return nil, s.trouble("read", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return nil, s.trouble("read", err)
	}
	var c content
	if err := json.Unmarshal(b, &c); err != nil || c.Version != 1 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "read " + s.Home.TrustedFile() + ": it is damaged, or a newer velos has written it",
			Hint: "remove it: files are then asked about anew", Cause: err}
	}
	return c.Files, nil
}

func (s Store) trouble(what string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	return &velos.Error{Code: code, Message: what + " " + s.Home.TrustedFile() + ": " + err.Error(), Cause: err}
}

// Find is the record of a file.
func (s Store) Find(path string) (Record, bool, error) {
	list, err := s.List()
	if err != nil {
		return Record{}, false, err
	}
	path = Real(path)
	for _, r := range list {
		if r.Path == path {
			return r, true, nil
		}
	}
	return Record{}, false, nil
}

// Remember puts a file on record, in the place of what was known of it.
func (s Store) Remember(c config.Claim, how string, now velos.Time) error {
	path := Real(c.Path)
	return s.change(func(list []Record) ([]Record, error) {
		list = slices.DeleteFunc(list, func(r Record) bool { return r.Path == path })
		if len(list) >= most {
			oldest := slices.MinFunc(list, func(a, b Record) int { return int(min(1, max(-1, int64(a.Time-b.Time)))) })
			list = slices.DeleteFunc(list, func(r Record) bool { return r.Path == oldest.Path })
		}
		return append(list, Record{Path: path, Sum: c.Sum, Files: c.Files, Commands: c.Commands(), Time: now, How: how}), nil
	})
}

// Revoke forgets a file. The error has code NotFound when it is not on record.
func (s Store) Revoke(path string) error {
	path = Real(path)
	return s.change(func(list []Record) ([]Record, error) {
		n := len(list)
		if list = slices.DeleteFunc(list, func(r Record) bool { return r.Path == path }); len(list) == n {
			return nil, &velos.Error{Code: velos.NotFound, Message: "trust revoke " + path + ": the file is not trusted", Hint: "velos trust list"}
		}
		return list, nil
	})
}

func (s Store) change(f func([]Record) ([]Record, error)) error {
	if err := s.Home.Prepare(); err != nil {
		return err
	}
	done, err := home.Turn(s.Home.TrustedFile(), true)
	if err != nil {
		return err
	}
	defer done()
	list, err := s.List()
	if err != nil {
		return err
	}
	if list, err = f(list); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b Record) int { return strings.Compare(a.Path, b.Path) })
	b, err := json.Marshal(content{1, list})
	if err != nil {
		return err
	}
	return home.Replace(s.Home.TrustedFile(), append(b, '\n'))
}

// Real is the path that a file is known by, whichever links lead there.
func Real(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// Same reports whether two lists have the same commands.
func Same(a, b []config.Command) bool {
	return len(a) > 0 && slices.EqualFunc(a, b, func(x, y config.Command) bool { return x.App == y.App && x.Sum == y.Sum })
}

// A Difference is a line that a file has now and had not before, or the other
// way round. Sign is a blank where it is the same.
type Difference struct {
	Sign byte
	Text string
}

// Differences are the lines of commands that changed, app by app.
func Differences(old, now []config.Command) []Difference {
	var out []Difference
	find := func(list []config.Command, app string) *config.Command {
		for i := range list {
			if list[i].App == app {
				return &list[i]
			}
		}
		return nil
	}
	all := func(sign byte, c *config.Command) {
		for _, l := range c.Text() {
			out = append(out, Difference{sign, l})
		}
	}
	for i := range now {
		n := &now[i]
		switch o := find(old, n.App); {
		case o == nil:
			all('+', n)
		case o.Sum != n.Sum:
			was, is, before := o.Text(), n.Text(), len(out)
			for _, l := range was {
				if !slices.Contains(is, l) {
					out = append(out, Difference{'-', l})
				}
			}
			for _, l := range is {
				if !slices.Contains(was, l) {
					out = append(out, Difference{'+', l})
				}
			}
			if len(out) == before {
				out = append(out, Difference{'~', is[0] + " (values of its environment)"})
			}
		}
	}
	for i := range old {
		if find(now, old[i].App) == nil {
			all('-', &old[i])
		}
	}
	return out
}
