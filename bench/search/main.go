//go:build linux

// Command search measures how fast log files are searched, against ripgrep
// and against reading every line as JSON, on files of its own making.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/velospm/velos/internal/search"
)

var (
	liveMB    = flag.Int("live", 300, "MB of the live file")
	rotatedMB = flag.Int("rotated", 1000, "MB of the rotated files before they are compressed")
	segmentMB = flag.Int("segment", 100, "MB of each rotated file")
	procs     = flag.Int("procs", 1, "processors")
)

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(*procs)
	missed, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
	if missed > 0 {
		os.Exit(3)
	}
}

// A row is one figure.
type row struct {
	what, ours, other, target string
	met                       bool
}

func run() (missed int, err error) {
	dir, err := os.MkdirTemp("", "velos-bench-search-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	c, err := build(dir)
	if err != nil {
		return 0, err
	}
	rows, err := c.live()
	if err != nil {
		return 0, err
	}
	more, err := c.rotated()
	if err != nil {
		return 0, err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tVelos\tother\ttarget\tverdict")
	for _, r := range append(rows, more...) {
		verdict := ""
		if r.target != "" {
			verdict = "met"
			if !r.met {
				verdict = "MISSED"
				missed++
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, r.ours, r.other, r.target, verdict)
	}
	return missed, w.Flush()
}

// A corpus is the files.
type corpus struct {
	dir         string
	liveFile    search.File
	segments    []search.File
	raw, packed int64
	index       int64
	began, end  int64 // times of the live file
	needles     int
}

func build(dir string) (*corpus, error) {
	c := &corpus{dir: dir}
	m := newMaker()
	segments := (*rotatedMB + *segmentMB - 1) / *segmentMB
	for i := range segments {
		plain := filepath.Join(dir, "plain")
		size, err := m.file(plain, int64(min(*segmentMB, *rotatedMB-i**segmentMB))<<20)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, fmt.Sprintf("app-out.log.%d.zst", segments-i))
		packed, index, err := compress(path, plain)
		if err != nil {
			return nil, err
		}
		c.raw, c.packed, c.index = c.raw+size, c.packed+packed, c.index+index
		c.segments = append(c.segments, search.File{Path: path, Number: segments - i, Packed: true})
		os.Remove(plain)
	}
	c.needles = m.needles
	c.began = m.now
	path := filepath.Join(dir, "app-out.log")
	size, err := m.file(path, int64(*liveMB)<<20)
	c.end = m.now
	c.liveFile = search.File{Path: path, Size: size}
	return c, err
}

func compress(path, plain string) (size, index int64, err error) {
	in, err := os.Open(plain)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	defer out.Close()
	if err := search.Pack(out, in); err != nil {
		return 0, 0, err
	}
	st, err := out.Stat()
	if err != nil {
		return 0, 0, err
	}
	index, err = search.IndexSize(path)
	return st.Size(), index, err
}

const rounds = 9

// best is the shortest of some runs, and what each found. It is time of the
// processor: what others do on the machine does not count.
func best(f func() (int, error)) (least time.Duration, found int, err error) {
	return bestOf(func() (time.Duration, int, error) {
		began := used(syscall.RUSAGE_SELF)
		n, err := f()
		return used(syscall.RUSAGE_SELF) - began, n, err
	})
}

func bestOf(f func() (time.Duration, int, error)) (least time.Duration, found int, err error) {
	for range rounds {
		d, n, err := f()
		if err != nil {
			return 0, 0, err
		}
		if least == 0 || d < least {
			least = d
		}
		found = n
	}
	return least, found, nil
}

// used is the time that this process, or its children, had of the processor.
func used(who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// find counts what a search of files finds, opening them included.
func find(files []search.File, q search.Query, expr string) func() (int, error) {
	return func() (n int, err error) {
		q.Inst = -1
		if expr != "" {
			if q.Pattern, err = search.Compile(expr, false, false); err != nil {
				return 0, err
			}
		}
		l, err := search.Open(1, files)
		if err != nil {
			return 0, err
		}
		defer l.Close()
		for _, err := range search.Find(context.Background(), []search.Ask{{Log: l, Query: q}}, search.Watch{}) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
}

// ripgrep counts lines with ripgrep on one thread; no figure when it is not
// there.
func ripgrep(expr, path string) (time.Duration, int, error) {
	if _, err := exec.LookPath("rg"); err != nil {
		return 0, 0, nil
	}
	return bestOf(func() (d time.Duration, n int, err error) {
		began := used(syscall.RUSAGE_CHILDREN)
		out, err := exec.Command("rg", "-j1", "-N", "--no-config", "-a", "-e", expr, path).Output()
		if e, ok := err.(*exec.ExitError); ok && e.ExitCode() == 1 {
			err = nil
		}
		for _, c := range out {
			if c == '\n' {
				n++
			}
		}
		return used(syscall.RUSAGE_CHILDREN) - began, n, err
	})
}

func (c *corpus) live() (rows []row, err error) {
	files := []search.File{c.liveFile}
	for _, p := range []struct{ what, expr string }{
		{"literal, seldom", "connection reset by peer"},
		{"expression with a literal", `upstream \w+ timed out after \d+ms`},
		{"any case, with a literal", "(?i)connection (refused or|reset)"},
	} {
		ours, n, err := best(find(files, search.Query{}, p.expr))
		if err != nil {
			return nil, err
		}
		theirs, m, err := ripgrep(p.expr, c.liveFile.Path)
		if err != nil {
			return nil, err
		}
		r := row{what: fmt.Sprintf("%s: `%s`, %d lines", p.what, p.expr, n), ours: speed(c.liveFile.Size, ours)}
		if theirs > 0 {
			if m != n {
				return nil, fmt.Errorf("%s: %d lines, and ripgrep finds %d", p.expr, n, m)
			}
			r.other, r.target, r.met = "rg -j1 "+speed(c.liveFile.Size, theirs)+", ratio "+ratio(theirs, ours), "≥ 0.5 × rg", 2*theirs >= ours
		}
		rows = append(rows, r)
	}
	naive, _, err := best(func() (int, error) { return decodePart(c.liveFile.Path, "connection reset by peer") })
	naive *= part
	if err != nil {
		return nil, err
	}
	full, _, err := best(find(files, search.Query{}, "connection reset by peer"))
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{"the same literal, each line read as JSON", speed(c.liveFile.Size, full), speed(c.liveFile.Size, naive) + ", ratio " + ratio(naive, full), "≥ 20 ×", naive >= 20*full})
	every, n, err := best(find(files, search.Query{}, ".*[0-9]{2}ms$"))
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{what: fmt.Sprintf("no literal: `.*[0-9]{2}ms$`, %d lines", n), ours: speed(c.liveFile.Size, every)})
	span := (c.end - c.began) / 100
	from := c.began + 60*span
	hundredth, n, err := best(find(files, search.Query{Since: milli(from), Until: milli(from + span)}, ".*[0-9]{2}ms$"))
	if err != nil {
		return nil, err
	}
	return append(rows, row{fmt.Sprintf("1 %% of the time, no literal, %d lines", n), hundredth.Round(10 * time.Microsecond).String(), fmt.Sprintf("%.1f %% of the whole", 100*float64(hundredth)/float64(every)), "≤ 5 %", hundredth*20 <= every}), nil
}

func (c *corpus) rotated() (rows []row, err error) {
	if len(c.segments) == 0 {
		return nil, nil
	}
	for _, expr := range []string{"needle", "(?i)NEEDLE", `order 4b1d0c0de\b`} {
		ours, n, err := best(find(c.segments, search.Query{}, expr))
		if err != nil {
			return nil, err
		}
		if n != c.needles {
			return nil, fmt.Errorf("%s: %d lines, want %d", expr, n, c.needles)
		}
		rows = append(rows, row{fmt.Sprintf("rare in %d MB rotated: `%s`, %d lines", c.raw>>20, expr, n), ours.Round(100 * time.Microsecond).String(), speed(c.raw, ours) + " in effect", "≤ 50 ms", ours <= 50*time.Millisecond})
	}
	ours, n, err := best(find(c.segments, search.Query{}, "connection reset by peer"))
	if err != nil {
		return nil, err
	}
	newest, _, err := best(func() (int, error) { return first(c.segments) })
	if err != nil {
		return nil, err
	}
	return append(rows,
		row{what: fmt.Sprintf("rotated, %d lines in most blocks", n), ours: speed(c.raw, ours) + " in effect"},
		row{what: "the newest match of it alone", ours: newest.Round(100 * time.Microsecond).String()},
		row{"rotated size, index included", fmt.Sprintf("1/%.2f of raw", float64(c.raw)/float64(c.packed)), "", "≤ 1/5", c.packed*5 <= c.raw},
		row{"index and filters", fmt.Sprintf("%.2f %% of raw", 100*float64(c.index)/float64(c.raw)), "", "≤ 4 %", c.index*25 <= c.raw}), nil
}

func first(files []search.File) (int, error) {
	p, err := search.Compile("connection reset by peer", true, false)
	if err != nil {
		return 0, err
	}
	l, err := search.Open(1, files)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	for _, err := range search.Find(context.Background(), []search.Ask{{Log: l, Query: search.Query{Inst: -1, Newest: true, Pattern: p}}}, search.Watch{}) {
		return 1, err
	}
	return 0, nil
}

// part is how much of a file is read as JSON: it is too slow to wait for all.
const part = 20

// decodePart is how it should not be done, for the first 1/part of a file.
func decodePart(path, text string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	p, err := search.Compile(text, true, false)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	read := int64(0)
	for lines.Scan() && read < st.Size()/part {
		var v struct {
			Time int64  `json:"ts"`
			Msg  string `json:"msg"`
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return 0, err
		}
		if p.Match([]byte(v.Msg)) {
			n++
		}
		read += int64(len(lines.Bytes())) + 1
	}
	return n, lines.Err()
}

func speed(bytes int64, d time.Duration) string {
	return fmt.Sprintf("%.2f GB/s", float64(bytes)/1e9/d.Seconds())
}

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", a.Seconds()/b.Seconds()) }
