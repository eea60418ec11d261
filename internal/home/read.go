package home

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// largest is more than ten thousand apps take. No bigger file is written, so
// one that is there is none of ours.
var largest int64 = 64 << 20

// Read reads the state file at path, which is one that Write has written:
//
//   - There is none, and no backup: nil and no error.
//   - It is damaged, or only the backup is there: the backup. If that is
//     damaged too, an empty State. Damaged files are set aside, never removed,
//     and the notes say, in sentences for people, what was done.
//   - It cannot be read, or a newer version wrote it: an error, and no file is
//     touched.
func Read(path string) (s *State, notes []string, err error) {
	s, err = Load(path)
	switch {
	case err == nil:
		return s, nil, nil
	case missing(err):
		s, err = Load(Backup(path))
		if missing(err) {
			return nil, nil, nil
		}
		notes = append(notes, path+" is missing")
	case !damaged(err):
		return nil, nil, err
	default:
		if notes, err = setAside(notes, path, err); err != nil {
			return nil, notes, err
		}
		s, err = Load(Backup(path))
	}
	switch {
	case err == nil:
		return s, append(notes, "the backup of "+s.SavedAt.Std().UTC().Format(time.DateTime)+" UTC was used"), nil
	case missing(err):
		notes = append(notes, "there is no backup: nothing is remembered")
	case !damaged(err):
		return nil, notes, err
	default:
		if notes, err = setAside(notes, Backup(path), err); err != nil {
			return nil, notes, err
		}
		notes = append(notes, "nothing is remembered")
	}
	return &State{Version: StateVersion, NextID: 1}, notes, nil
}

func setAside(notes []string, path string, why error) ([]string, error) {
	to, err := aside(path, velos.TimeOf(time.Now()))
	if err != nil {
		return notes, fault("set aside the damaged file", path, err, "")
	}
	return append(notes, why.Error()+"; it was set aside as "+to), nil
}

// Load reads the state file at path and touches nothing: it is for files that
// a user names. Errors have code NotFound when there is none, Invalid when it
// is damaged or no state file, Unsupported when a newer version wrote it, else
// Denied or Failed.
func Load(path string) (*State, error) {
	b, err := take(path)
	if err != nil {
		return nil, err
	}
	var s State
	if err := record.DecodeJSON(b, head{&s}); err != nil {
		return nil, broken(path, err.Error())
	}
	if s.Version > StateVersion {
		return nil, &velos.Error{Code: velos.Unsupported,
			Message: "read " + path + ": it has version " + strconv.Itoa(s.Version) + "; this program knows version " + strconv.Itoa(StateVersion),
			Hint:    "run the newer velosd that wrote it, or move the file away to begin with no apps"}
	}
	s = State{}
	if err := record.DecodeJSON(b, &s); err != nil {
		return nil, broken(path, err.Error())
	}
	if err := s.check(path); err != nil {
		return nil, err
	}
	return &s, nil
}

// take reads a whole file, if it is one.
func take(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|plain, 0)
	if os.IsNotExist(err) {
		return nil, &velos.Error{Code: velos.NotFound, Message: "read " + path + ": no such file", Cause: err}
	}
	if err != nil {
		return nil, fault("read", path, err, "")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fault("read", path, err, "")
	}
	if !info.Mode().IsRegular() {
		return nil, &velos.Error{Code: velos.Failed, Message: "read " + path + ": it is not a file"}
	}
	if info.Size() > largest {
		return nil, &velos.Error{Code: velos.TooLarge, Message: path + " is too large for a state file", Cause: wreck("it is too large")}
	}
	b := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(f, largest)); err != nil {
		return nil, fault("read", path, err, "")
	}
	return b.Bytes(), nil
}

// check finds what decodes and still makes no sense, and mends what can be.
func (s *State) check(path string) error {
	if s.Version < 1 {
		return broken(path, "it has no version")
	}
	ids := make(map[uint32]bool, len(s.Apps))
	for i := range s.Apps {
		a := &s.Apps[i]
		if a.ID == 0 || ids[a.ID] {
			return broken(path, "app "+strconv.Itoa(i+1)+" has no id of its own")
		}
		if a.Spec.Name == "" || a.Spec.Script == "" && a.Spec.Command == "" {
			return broken(path, "app "+strconv.Itoa(i+1)+" has no name or no script")
		}
		ids[a.ID] = true
		a.Spec.FileEnv = nil
		s.NextID = max(s.NextID, a.ID+1)
	}
	s.NextID = max(s.NextID, 1)
	return nil
}

// A wreck is the cause of an error about a damaged file.
type wreck string

func (w wreck) Error() string { return string(w) }

func broken(path, why string) error {
	return &velos.Error{Code: velos.Invalid, Message: path + " is damaged: " + why, Cause: wreck(why)}
}

func damaged(err error) bool {
	e, ok := err.(*velos.Error)
	if !ok {
		return false
	}
	_, ok = e.Cause.(wreck)
	return ok
}

func missing(err error) bool {
	e, ok := err.(*velos.Error)
	return ok && e.Code == velos.NotFound
}
