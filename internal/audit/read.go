package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/velospm/velos"
)

// A Query says which records somebody wants. What is zero does not count.
type Query struct {
	Since velos.Time
	App   string
	Agent string // name of an agent; "any": any agent, "none": people
	Actor string // user, uid, program or client
	Op    string
	Last  int // only the newest; 0: all
	// Before: only orders with a lower number; 0: any.
	Before uint64
	Keep   func(*Record) bool // nil: all
}

func (q *Query) wants(r *Record) bool {
	switch {
	case q.Before > 0 && r.Seq >= q.Before:
		return false
	case r.Time < q.Since, q.App != "" && r.App != q.App, q.Op != "" && r.Op != q.Op:
		return false
	case q.Agent == "any" && r.Actor.Agent == "", q.Agent == "none" && r.Actor.Agent != "":
		return false
	case q.Agent != "" && q.Agent != "any" && q.Agent != "none" && r.Actor.Agent != q.Agent:
		return false
	}
	a := &r.Actor
	if q.Keep != nil && !q.Keep(r) {
		return false
	}
	return q.Actor == "" || q.Actor == a.User || q.Actor == strconv.Itoa(a.UID) || q.Actor == a.Exe || q.Actor == a.Client
}

// Read gives the records of the log at path that q wants, oldest first. Lines
// that cannot be read are left out: Verify is who complains.
func Read(path string, q Query) ([]Record, error) {
	var list []Record
	err := lines(path, func(_ string, _ int, line []byte, _ bool) bool {
		r, _ := parse(line)
		if r.Seq == 0 || !q.wants(&r) {
			return true
		}
		list = append(list, r)
		if q.Last > 0 && len(list) >= 2*q.Last+100 { // a bound on what is held
			list = append(list[:0], list[len(list)-q.Last:]...)
		}
		return true
	})
	if q.Last > 0 && len(list) > q.Last {
		list = list[len(list)-q.Last:]
	}
	return list, err
}

// The problems that a chain can have.
const (
	Changed   = "changed"   // a line does not have the hash that it says
	Broken    = "broken"    // a line does not follow from the one before: lines were taken out or put in
	Truncated = "truncated" // lines at the end are missing
	Torn      = "torn"      // the last line was not finished: a write was interrupted; the next one mends it
	Exposed   = "exposed"   // others than the owner can read or write the file
)

// A Verdict is what Verify has found.
type Verdict struct {
	OK      bool   `json:"ok"`
	Records int    `json:"records"`
	First   uint64 `json:"first_seq"` // what came before was rotated away
	Last    uint64 `json:"last_seq"`
	Problem string `json:"problem,omitempty"`
	File    string `json:"file,omitempty"` // where it is
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text,omitempty"` // what is wrong, in words
}

// Verify goes along the whole chain and stops at the first line that is wrong.
func Verify(path string) (Verdict, error) {
	v := Verdict{OK: true}
	prev := ""
	err := lines(path, func(file string, n int, line []byte, whole bool) bool {
		fail := func(problem, text string) bool {
			v.OK, v.Problem, v.File, v.Line, v.Text = false, problem, file, n, text
			return false
		}
		r, ok := parse(line)
		switch {
		case !whole:
			return fail(Torn, "the last line was not finished")
		case !ok:
			return fail(Changed, "the line was changed")
		case v.Records > 0 && (r.Prev != prev || r.Seq != v.Last+1), v.Records == 0 && r.Seq == 1 && r.Prev != "":
			return fail(Broken, "record "+strconv.FormatUint(r.Seq, 10)+" does not follow the line before it, record "+strconv.FormatUint(v.Last, 10))
		}
		if v.Records++; v.First == 0 {
			v.First = r.Seq
		}
		prev, v.Last = r.Hash, r.Seq
		return true
	})
	if err != nil || !v.OK {
		return v, err
	}
	if h := readHead(path); h.seq > v.Last || h.seq == v.Last && h.seq > 0 && h.hash != prev {
		v.OK, v.Problem, v.File, v.Line, v.Text = false, Truncated, path, 0, "records up to "+strconv.FormatUint(h.seq, 10)+" were written; the last one that is there is "+strconv.FormatUint(v.Last, 10)
		return v, nil
	}
	if st, err := os.Lstat(path); err == nil && hasModes && st.Mode().Perm()&0o077 != 0 {
		v.OK, v.Problem, v.File, v.Text = false, Exposed, path, "others than its owner may open the file: chmod 600"
	}
	return v, nil
}

const hasModes = filepath.Separator == '/'

// lines gives every line of all files, the oldest first, until f says no. whole
// is false for what stands behind the last newline of the newest file.
func lines(path string, f func(file string, n int, line []byte, whole bool) bool) error {
	for i := maxFiles; i >= 0; i-- {
		name := path
		if i > 0 {
			name = older(path, i)
		}
		more, err := linesOf(name, f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return &velos.Error{Code: velos.Failed, Message: "read the audit record " + name + ": " + err.Error(), Cause: err}
		}
		if !more {
			return nil
		}
	}
	return nil
}

func linesOf(name string, f func(file string, n int, line []byte, whole bool) bool) (more bool, err error) {
	file, err := os.OpenFile(name, os.O_RDONLY|plain, 0)
	if err != nil {
		return true, err
	}
	defer file.Close()
	b := bufio.NewReaderSize(io.LimitReader(file, 2*maxFile), maxLine)
	for n := 1; ; n++ {
		line, err := b.ReadSlice('\n')
		whole := err == nil
		if len(line) > 0 && !f(name, n, bytes.TrimSuffix(line, []byte{'\n'}), whole || err == bufio.ErrBufferFull) {
			return false, nil
		}
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil && err != bufio.ErrBufferFull: // a line that long is none of ours: Verify finds its pieces changed
			return true, err
		}
	}
}
