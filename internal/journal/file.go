package journal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
)

// patience is how long the writer waits before it asks a disk again that has
// refused.
const patience = 5 * time.Second

func old(path string) string { return path + ".1" }

// open opens the file that grows.
func (j *Journal) open() error {
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE|os.O_APPEND|plain, 0o600)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return errors.Join(err, errors.New("it is not a file"))
	}
	j.file = f
	return nil
}

// mend cuts a torn last line off and finds the last sequence number.
func (j *Journal) mend() error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	whole, err := wholeLines(j.file, info.Size())
	if err != nil {
		return err
	}
	if whole < info.Size() {
		if err := j.file.Truncate(whole); err != nil {
			return err
		}
	}
	newest := func(text []byte, _ int64) bool {
		seq, ok := seqOf(text)
		j.seq = max(j.seq, seq)
		return !ok
	}
	if err := backwards(j.file, whole, newest); err != nil || j.seq > 0 {
		return err
	}
	f, err := os.OpenFile(old(j.path), os.O_RDONLY|plain, 0)
	if err != nil {
		return nil // no older file: the numbers begin with 1
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return err
	}
	return backwards(f, info.Size(), newest)
}

// wholeLines is where the last newline before end is, and one more.
func wholeLines(f io.ReaderAt, end int64) (int64, error) {
	if end <= 0 {
		return 0, nil
	}
	buf := make([]byte, 512) // a line is half of that
	for end > 0 {
		n := min(end, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], end-n); err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

// write is the writer: the one goroutine that touches the disk. It ends when
// wake is closed and it has tried once more to write what is left.
func (j *Journal) write() {
	defer close(j.done)
	defer j.file.Close()
	retry := time.NewTimer(patience)
	retry.Stop()
	for open := true; open; {
		select {
		case _, open = <-j.wake:
		case <-retry.C:
		}
		if !j.drain() {
			retry.Reset(patience)
		}
	}
}

// drain writes until nothing waits; false when the disk refuses.
func (j *Journal) drain() bool {
	for {
		j.mu.Lock()
		buf := j.sheet[:0]
		for _, l := range j.tail {
			if l.seq > j.written {
				buf = append(buf, l.text...)
				j.taken = l.seq
			}
		}
		upto := j.taken
		j.mu.Unlock()
		if len(buf) == 0 {
			return true
		}
		err := j.put(buf)
		if j.sheet = buf; cap(buf) > 16<<10 { // after a burst
			j.sheet = nil
		}
		j.mu.Lock()
		j.fault = err
		if err != nil {
			j.taken = j.written
			j.shed()
			j.mu.Unlock()
			return false
		}
		j.written = upto
		j.forget(recent)
		j.mu.Unlock()
	}
}

// put appends whole lines to the file, all of them or none.
func (j *Journal) put(b []byte) error {
	info, err := j.file.Stat()
	if err == nil {
		info, err = j.there(info)
	}
	if err != nil {
		return blame("write to the journal", j.path, err)
	}
	size := info.Size()
	if size > 0 && size+int64(len(b)) > j.max {
		if err := j.turn(); err != nil {
			return blame("begin a new journal", j.path, err)
		}
		size = 0
	}
	if _, err := j.file.Write(b); err != nil {
		j.file.Truncate(size)
		return blame("write to the journal", j.path, err)
	}
	fault.Here("journal.written")
	return nil
}

// there is ours, if the path still leads to it; else somebody moved or deleted
// the file, and it is begun anew for those who look for it by its name.
func (j *Journal) there(ours os.FileInfo) (os.FileInfo, error) {
	info, err := os.Stat(j.path)
	if err == nil && os.SameFile(info, ours) {
		return ours, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	gone := j.file
	if err := j.open(); err != nil {
		return nil, err
	}
	gone.Close()
	return j.file.Stat()
}

// turn puts the full file in the old one's place and begins another.
func (j *Journal) turn() error {
	j.names.Lock()
	defer j.names.Unlock()
	if err := os.Rename(j.path, old(j.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fault.Here("journal.renamed")
	full := j.file
	if err := j.open(); err != nil {
		return err
	}
	full.Close()
	return nil
}

// blame names the path once and keeps the system's words.
func blame(what, path string, err error) error {
	code, text := velos.Failed, err.Error()
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	return &velos.Error{Code: code, Message: what + " " + path + ": " + text, Cause: err}
}
