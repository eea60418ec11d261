package logs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// addMinute writes a minute behind the others of a file, or into the last one
// when a clock has gone back. A record that a crash has torn is cut off, and
// so are those that lie in a future that a clock once believed in.
func addMinute(path string, m minute) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	end := st.Size() / minuteSize * minuteSize
	var b [minuteSize]byte
	for ; end > 0; end -= minuteSize {
		if _, err := f.ReadAt(b[:], end-minuteSize); err != nil {
			return err
		}
		last := readMinute(b[:])
		if last.at > m.at && last.at-m.at > slip {
			continue
		}
		if last.at >= m.at {
			m.at = last.at
			m.add(&last)
			end -= minuteSize
		}
		break
	}
	if end < st.Size() {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(m.append(b[:0]), end); err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	if end += minuteSize; end < 2*mostMinutes*minuteSize {
		return nil
	}
	return shortenMinutes(path, f, end)
}

// shortenMinutes replaces a file by its newer half.
func shortenMinutes(path string, f *os.File, end int64) error {
	b := make([]byte, mostMinutes*minuteSize)
	if _, err := f.ReadAt(b, end-int64(len(b))); err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return os.Rename(path+".tmp", path)
}

// newestMinute is the last one of a file, 0 when there is none.
func newestMinute(path string) uint32 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0
	}
	var b [minuteSize]byte
	if n, _ := f.ReadAt(b[:], max(0, st.Size()/minuteSize-1)*minuteSize); n < minuteSize {
		return 0
	}
	return readMinute(b[:]).at
}

// eachMinute yields the minutes of a file and says which was the newest.
func eachMinute(path string, yield func(*minute) bool) (newest uint32, stopped bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	at := max(0, st.Size()/minuteSize-mostMinutes) * minuteSize
	b := make([]byte, 512*minuteSize)
	for {
		n, err := f.ReadAt(b, at)
		n -= n % minuteSize
		for i := 0; i < n; i += minuteSize {
			m := readMinute(b[i:])
			newest = m.at
			if !yield(&m) {
				return newest, true, nil
			}
		}
		at += int64(n)
		if err == io.EOF || n == 0 {
			return newest, false, nil
		}
		if err != nil {
			return newest, false, err
		}
	}
}
