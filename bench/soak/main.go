//go:build linux

// Command soak does to one velosd in minutes what years do to it, and looks at
// what grows: memory, descriptors and threads of daemon and keeper, the
// goroutines of the daemon, and every file in its home. Each part does the same
// thing twice: what the first half needs is needed once, what the second half
// adds would never end.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
)

var (
	scale  = flag.Float64("scale", 1, "share of the full numbers")
	only   = flag.String("only", "", "parts to run, with commas between")
	settle = flag.Duration("settle", 20*time.Second, "pause before each look: the daemon tidies up when it has nothing to do")
)

// A part does something n times; from is how often it has been done before.
type part struct {
	name string
	full int // so often in each half
	what string
	do   func(d *rig.Daemon, from, n int) error
}

var parts = []part{
	{"churn", 10_000, "apps started and deleted", churn},
	{"crashes", 50_000, "restarts of apps that crash", crashes},
	{"hooks", 2_000, "runs with a hook before and after each", hooks},
	{"clients", 10_000, "connections: a question, a stream that is left, a broken frame", clients},
	{"agents", 2_000, "orders of agents: leases, approvals, apps that end with them", agents},
	{"changes", 5_000, "configurations of one app, each with another environment", changes},
	{"sockets", 1_000, "apps that listen, say that they are ready, and are asked how they are", sockets},
	{"deaths", 100, "daemons killed over five quiet apps", deaths},
}

func main() {
	flag.Parse()
	rig.Run("soak", run)
}

func run(r *rig.Rig) error {
	for _, p := range parts {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), p.name) {
			continue
		}
		if err := soak(r, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// What a home without apps may hold: 64 deleted apps and their histories, the
// journal and the record of orders with the files before them.
const (
	mostFiles = 200
	mostBytes = 32 << 20
)

// A look is what a daemon and its keeper hold, and how large the files of the
// home are.
type look struct {
	daemon, keeper rig.Memory
	files          map[string]int64
}

func soak(r *rig.Rig, p part) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	defer d.End()
	n := max(int(float64(p.full)**scale), 1)
	var looks [3]look
	for i := range looks {
		if i > 0 {
			began := time.Now()
			if err := p.do(d, (i-1)*n, n); err != nil {
				return err
			}
			r.Note("%s: %d %s in %v", p.name, n, p.what, time.Since(began).Round(time.Millisecond))
		}
		time.Sleep(*settle)
		if looks[i], err = see(d); err != nil {
			return err
		}
	}
	report(r, p, n, looks)
	return goroutines(r, d, p, n)
}

// mostGoroutines is how many a daemon with nothing to do may have, those of the
// runtime not counted.
const mostGoroutines = 40

// goroutines has the daemon die with a list of its goroutines.
func goroutines(r *rig.Rig, d *rig.Daemon, p part, n int) error {
	if err := kill(d, syscall.SIGQUIT); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, "velosd.log"))
	if err != nil {
		return err
	}
	found := bytes.Count(text, []byte("\ngoroutine "))
	r.Add(rig.Figure{What: fmt.Sprintf("%s, %d times: goroutines of the daemon at last", p.name, n),
		Velos: strconv.Itoa(found), Target: fmt.Sprintf("1 to %d", mostGoroutines), Met: found > 0 && found <= mostGoroutines})
	return nil
}

func report(r *rig.Rig, p part, n int, l [3]look) {
	row := func(what string, of func(look) int64, slack int64, unit string) {
		r.Add(rig.Figure{What: fmt.Sprintf("%s, %d times: %s at first, then, after as many again", p.name, n, what),
			Velos:  fmt.Sprintf("%d, %d, %d %s", of(l[0]), of(l[1]), of(l[2]), unit),
			Target: fmt.Sprintf("at last ≤ %d more", slack), Met: of(l[2])-of(l[1]) <= slack})
	}
	row("anonymous memory of the daemon", func(l look) int64 { return l.daemon.Anon >> 10 }, 512, "KiB")
	row("anonymous memory of the keeper", func(l look) int64 { return l.keeper.Anon >> 10 }, 64, "KiB")
	row("descriptors of the daemon", func(l look) int64 { return int64(l.daemon.Descriptors) }, 2, "")
	row("descriptors of the keeper", func(l look) int64 { return int64(l.keeper.Descriptors) }, 2, "")
	row("threads of the daemon", func(l look) int64 { return int64(l.daemon.Threads) }, 1, "")
	last := l[2].files
	r.Add(rig.Figure{What: fmt.Sprintf("%s, %d times: files in the home, and what they take", p.name, n),
		Velos:  fmt.Sprintf("%d, %d KiB", len(last), sum(last)>>10),
		Target: fmt.Sprintf("≤ %d, %d KiB", mostFiles, mostBytes>>10), Met: len(last) <= mostFiles && sum(last) <= mostBytes})
	for _, path := range grown(l[1].files, l[2].files) {
		r.Note("%s: %s: %d -> %d -> %d bytes", p.name, path, l[0].files[path], l[1].files[path], l[2].files[path])
	}
}

func sum(files map[string]int64) (n int64) {
	for _, size := range files {
		n += size
	}
	return n
}

// grown are files that are larger than they were, the largest ones.
func grown(before, after map[string]int64) (list []string) {
	for path, size := range after {
		if size > before[path] {
			list = append(list, path)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return int(after[b] - after[a]) })
	return list[:min(len(list), 12)]
}

func see(d *rig.Daemon) (l look, err error) {
	if l.daemon, err = rig.MemoryOf(d.PID); err != nil {
		return l, err
	}
	if d.Keeper != 0 {
		if l.keeper, err = rig.MemoryOf(d.Keeper); err != nil {
			return l, err
		}
	}
	l.files = map[string]int64{}
	err = filepath.WalkDir(d.Home.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // it went while we looked
		}
		if st, err := os.Lstat(path); err == nil {
			name, _ := filepath.Rel(d.Home.Dir, path)
			l.files[name] = st.Size()
			if s, ok := st.Sys().(*syscall.Stat_t); ok { // a spool has a hole where it was read
				l.files[name] = min(st.Size(), s.Blocks*512)
			}
		}
		return nil
	})
	return l, err
}

// awhile is a context for one order.
func awhile() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

// quiet is an app that is well at once and does nothing.
func quiet(name string) *velos.Spec {
	s := rig.Spec(name, 1, "/bin/sleep", "infinity")
	s.MinUptime = 0
	return &s
}
