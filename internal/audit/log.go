package audit

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

// A Log is the writer's end. The zero value with a Path is ready; nothing is
// opened before the first Record. There is one Log for each path, the daemon's.
type Log struct {
	Path string

	mu   sync.Mutex
	open bool // seq and last are known
	seq  uint64
	last string // hash of the newest line
	lost int    // orders since then that could not be written
}

// head is what the file beside the log holds: how far the chain has come. It is
// how lines that were taken from its end are missed.
type head struct {
	seq  uint64
	hash string
}

func (h *head) Fields(f velos.Fields) {
	velos.Int(f, "seq", &h.seq)
	f.String("hash", &h.hash)
}

func headFile(path string) string { return path + ".head" }

func older(path string, n int) string { return path + "." + strconv.Itoa(n) }

// Add writes a record, with its number, time and place in the chain. With
// durable it is on the disk when Add returns; without, it is in the hands of
// the system, and a crash of the machine may lose it.
func (l *Log) Add(r *Record, durable bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file()
	if err != nil {
		l.lost++
		return blame(l.Path, err)
	}
	defer f.Close()
	if err := l.own(f); err != nil {
		l.lost++
		return blame(l.Path, err)
	}
	seq := l.seq
	if err := l.put(f, r, durable); err != nil {
		if l.seq == seq {
			l.lost++
		}
		return blame(l.Path, err)
	}
	return nil
}

// own says of orders that could not be written that they are missing, as soon
// as something can be.
func (l *Log) own(f *os.File) error {
	if l.lost == 0 {
		return nil
	}
	lost := strconv.Itoa(l.lost)
	seq := l.seq
	err := l.put(f, &Record{Op: "mend", Inst: -1, Actor: velos.Policy, Result: "ok", Args: map[string]string{"not_recorded": lost}, Message: "so many orders could not be recorded"}, true)
	if l.seq != seq {
		l.lost = 0
	}
	return err
}

// Ready is an error when a record could not be written now, as far as one can
// know without writing it.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file()
	if err != nil {
		return blame(l.Path, err)
	}
	defer f.Close()
	if !roomy(f) {
		return blame(l.Path, errors.New("the disk is full"))
	}
	if err := l.own(f); err != nil {
		return blame(l.Path, err)
	}
	return nil
}

// file opens the file that grows. It is opened for each record, which is
// seldom enough: whatever was done to it meanwhile, lines go where people look.
func (l *Log) file() (*os.File, error) {
	f, err := os.OpenFile(l.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND|plain, 0o600)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err == nil && !l.open {
		err = l.take(f, st.Size())
	}
	if err == nil && st.Size() > maxFile {
		_ = f.Close()
		return l.turn()
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// put appends one line, all of it or nothing.
func (l *Log) put(f *os.File, r *Record, durable bool) error {
	r.Seq, r.Time, r.Prev = l.seq+1, velos.TimeOf(time.Now()), l.last
	line := r.line()
	if len(line) > maxLine {
		r.Args, r.Message = map[string]string{"left_out": "too long"}, ""
		line = r.line()
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(line); err != nil {
		_ = f.Truncate(st.Size())
		return err
	}
	l.seq, l.last = r.Seq, r.Hash
	if durable {
		err = f.Sync()
	}
	return errors.Join(err, l.point())
}

// point says in the file beside the log how far the chain has come.
func (l *Log) point() error {
	f, err := os.OpenFile(headFile(l.Path), os.O_WRONLY|os.O_CREATE|plain, 0o600)
	if err != nil {
		return err
	}
	b := append(record.AppendJSON(nil, &head{l.seq, l.last}), '\n')
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Truncate(int64(len(b)))
	}
	return errors.Join(err, f.Close())
}

// readHead is how far the chain has come; zero when nobody says.
func readHead(path string) (h head) {
	f, err := os.OpenFile(headFile(path), os.O_RDONLY|plain, 0)
	if err != nil {
		return head{}
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 4<<10))
	if record.DecodeJSON(bytes.TrimSpace(b), &h) != nil {
		return head{}
	}
	return h
}

// take goes on where a former daemon has ended: a line that it did not finish
// is cut off, and said to be; lines that somebody took from the end are missed.
func (l *Log) take(f *os.File, size int64) error {
	newest, whole, err := tail(f, size)
	if err != nil {
		return err
	}
	if newest == nil {
		if old, err := os.Open(older(l.Path, 1)); err == nil {
			if st, err := old.Stat(); err == nil {
				newest, _, _ = tail(old, st.Size())
			}
			_ = old.Close()
		}
	}
	if newest != nil {
		r, _ := parse(newest)
		l.seq, l.last = r.Seq, r.Hash
	}
	was := readHead(l.Path)
	lost := was.seq > l.seq
	if lost {
		l.seq, l.last = was.seq, was.hash
	}
	if whole < size {
		if err := f.Truncate(whole); err != nil {
			return err
		}
	}
	l.open = true
	if !lost && whole == size {
		return nil
	}
	note := &Record{Op: "mend", Inst: -1, Actor: velos.Policy, Result: "ok", Args: map[string]string{}}
	if whole < size {
		note.Args["torn_bytes"] = strconv.FormatInt(size-whole, 10)
		note.Message = "the last line was not finished"
	}
	if lost {
		note.Args["missing_before"] = strconv.FormatUint(was.seq+1, 10)
		note.Message = "lines are missing at the end"
	}
	return l.put(f, note, true)
}

// tail is the last whole line of a file, and where whole lines end.
func tail(f io.ReaderAt, size int64) (line []byte, whole int64, err error) {
	from := max(0, size-maxLine-maxLine)
	b := make([]byte, size-from)
	if _, err := f.ReadAt(b, from); err != nil && err != io.EOF {
		return nil, 0, err
	}
	end := bytes.LastIndexByte(b, '\n')
	if end < 0 {
		return nil, from, nil
	}
	whole = from + int64(end) + 1
	b = b[:end]
	return b[bytes.LastIndexByte(b, '\n')+1:], whole, nil
}

// turn begins a file anew and keeps the full one. The chain goes on.
func (l *Log) turn() (*os.File, error) {
	for n := maxFiles; n > 0; n-- {
		from := older(l.Path, n-1)
		if n == 1 {
			from = l.Path
		}
		if err := os.Rename(from, older(l.Path, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return os.OpenFile(l.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND|plain, 0o600)
}

func blame(path string, err error) error {
	code, text := velos.Failed, err.Error()
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	return &velos.Error{Code: code, Message: "write the audit record " + path + ": " + text, Cause: err}
}
