//go:build linux

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A tally is what became of numbered lines.
type tally struct {
	Lines, Lost, Doubled, Torn int
	Files, Compressed          int
	Faults                     []string // the first few, in words
}

func (t *tally) add(o tally) {
	t.Lines += o.Lines
	t.Lost += o.Lost
	t.Doubled += o.Doubled
	t.Torn += o.Torn
	t.Files += o.Files
	t.Compressed += o.Compressed
	t.Faults = append(t.Faults, o.Faults...)
}

func (t *tally) fault(format string, args ...any) {
	if len(t.Faults) < 5 {
		t.Faults = append(t.Faults, fmt.Sprintf(format, args...))
	}
}

func (t tally) bad() bool { return t.Lost+t.Doubled+t.Torn+len(t.Faults) > 0 }

func (t tally) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d torn of %d lines", t.Lost, t.Doubled, t.Torn, t.Lines)
}

// A count checks one stream of one child, line by line.
type count struct {
	tally
	next  int // number of the next line
	seq   uint64
	pid   int
	ended bool
}

// audit reads all files of one stream, oldest first: those that were rotated
// and those that were compressed too.
func audit(dir, name, stream string, pid int) (tally, error) {
	c := count{pid: pid}
	path := filepath.Join(dir, name+"-"+stream+".log")
	last := 0
	for n := 1; ; n++ {
		if list, _ := filepath.Glob(path + "." + strconv.Itoa(n) + "*"); len(list) == 0 {
			break
		}
		last = n
	}
	for n := last; n >= 0; n-- {
		file := path
		if n > 0 {
			file += "." + strconv.Itoa(n)
		}
		if err := c.file(file); err != nil {
			return c.tally, err
		}
	}
	if !c.ended {
		c.Lost++
		c.fault("%s %s: the last line is missing; %d came", name, stream, c.next)
	}
	return c.tally, nil
}

// file reads one file in whatever form it is. A compressor that was killed
// between its two steps leaves both.
func (c *count) file(path string) error {
	c.Files++
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		return c.read(f, path)
	}
	c.Compressed++
	if f, err = os.Open(path + ".zst"); err == nil {
		defer f.Close()
		z, err := zstd.NewReader(f)
		if err != nil {
			return err
		}
		defer z.Close()
		return c.read(z, path)
	}
	if f, err = os.Open(path + ".gz"); err != nil {
		return fmt.Errorf("%s is in no known form: %w", path, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	return c.read(z, path)
}

func (c *count) read(from io.Reader, path string) error {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		b, err := r.ReadBytes('\n')
		if len(b) > 0 {
			c.line(b, filepath.Base(path))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
}

// line takes one line of a file.
func (c *count) line(b []byte, file string) {
	var e struct {
		Msg string
		Seq uint64
		PID int
	}
	if !bytes.HasSuffix(b, []byte("\n")) || json.Unmarshal(b, &e) != nil {
		c.Torn++
		c.fault("%s: after line %d: %.80q is no JSON line", file, c.next-1, b)
		return
	}
	if e.Seq <= c.seq {
		c.fault("%s: sequence number %d after %d", file, e.Seq, c.seq)
	}
	c.seq = e.Seq
	if e.PID != c.pid {
		c.fault("%s: line of pid %d; want %d", file, e.PID, c.pid)
	}
	if total, ok := strings.CutPrefix(e.Msg, "end "); ok {
		c.ended = true
		if n, err := strconv.Atoi(total); err != nil || n != c.next {
			c.Lost += max(n-c.next, 1)
			c.fault("%s: %q after line %d", file, e.Msg, c.next-1)
		}
		return
	}
	n := number(e.Msg)
	switch {
	case n < 0:
		c.Torn++
		c.fault("%s: after line %d: %.80q", file, c.next-1, e.Msg)
		return
	case n < c.next:
		c.Doubled++
		c.fault("%s: line %d after line %d", file, n, c.next-1)
	case n > c.next:
		c.Lost += n - c.next
		c.fault("%s: line %d after line %d", file, n, c.next-1)
	}
	c.Lines++
	c.next = max(c.next, n+1)
}
