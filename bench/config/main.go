//go:build linux

// Command config measures what a configuration file costs: resolving many
// apps, an apply that changes nothing, and watching a large tree.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/wire"
)

var (
	resolved = flag.Int("resolved", 1000, "apps of the file that is resolved")
	applied  = flag.Int("applied", 100, "apps of the file that is applied")
	runs     = flag.Int("runs", 31, "how often each command runs")
	files    = flag.Int("files", 50000, "files of the tree that is watched")
	window   = flag.Duration("window", 20*time.Second, "how long to look at the idle daemon")
)

func main() {
	flag.Parse()
	rig.Run("config", run)
}

func run(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	if err := resolve(r, d); err != nil {
		return err
	}
	if err := apply(r, d); err != nil {
		return err
	}
	d.End()
	return watch(r)
}

// command runs velos as often as asked, and returns the median.
func command(r *rig.Rig, d *rig.Daemon, args ...string) (time.Duration, string, error) {
	var took []time.Duration
	text := ""
	for range *runs {
		c := exec.Command(r.Bin("velos"), args...)
		c.Env, c.Dir = d.Env(), r.Dir
		at := time.Now()
		out, err := c.CombinedOutput()
		took = append(took, time.Since(at))
		if text = string(out); err != nil {
			return 0, text, fmt.Errorf("velos %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return rig.Median(took), text, nil
}

func write(r *rig.Rig, name string, apps int) (string, error) {
	var b strings.Builder
	b.WriteString("[defaults]\nautorestart = \"on-failure\"\nenv = { LANG = \"C.UTF-8\" }\n")
	for i := range apps {
		fmt.Fprintf(&b, "\n[apps.app-%d]\nscript = \"/bin/sleep\"\nargs = [\"infinity\"]\nmax_memory = \"150M\"\nkill_timeout = \"3s\"\nenv.PORT = \"%d\"\nenv.production = { NODE_ENV = \"production\" }\n", i, 3000+i)
	}
	path := filepath.Join(r.Dir, name)
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// resolve compares a diff of many apps with one of a single one: the rest is
// what every command costs. None of them is known to the daemon.
func resolve(r *rig.Rig, d *rig.Daemon) error {
	many, err := write(r, "many.toml", *resolved)
	if err != nil {
		return err
	}
	one, err := write(r, "one.toml", 1)
	if err != nil {
		return err
	}
	all, _, err := command(r, d, "diff", many, "--json")
	if err != nil {
		return err
	}
	base, _, err := command(r, d, "diff", one, "--json")
	if err != nil {
		return err
	}
	cost := all - base
	r.Add(rig.Figure{What: fmt.Sprintf("a file of %d apps: read, resolved, compared and shown, without what a file of one costs (%s)", *resolved, rig.Time(base)),
		Velos: rig.Time(cost), Target: "< 100 ms", Met: cost < 100*time.Millisecond})
	return nil
}

// apply runs one that changes nothing, and looks whether anything was written.
func apply(r *rig.Rig, d *rig.Daemon) error {
	file, err := write(r, "velos.toml", *applied)
	if err != nil {
		return err
	}
	c := exec.Command(r.Bin("velos"), "apply", file, "--json")
	c.Env, c.Dir = d.Env(), r.Dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("the first apply: %w\n%s", err, out)
	}
	if err := quiet(d.Home.Dir); err != nil {
		return err
	}
	before, err := newest(d.Home.Dir)
	if err != nil {
		return err
	}
	took, _, err := command(r, d, "apply", file, "--json")
	if err != nil {
		return err
	}
	after, err := newest(d.Home.Dir)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: fmt.Sprintf("apply without changes, %d apps, whole process, median of %d", *applied, *runs), Velos: rig.Time(took), Target: "< 50 ms", Met: took < 50*time.Millisecond})
	r.Add(rig.Figure{What: "files of VELOS_HOME that it has changed", Velos: fmt.Sprint(changed(before, after)), Target: "none", Met: len(changed(before, after)) == 0})
	return nil
}

// quiet waits until what the first apply has begun is on disk.
func quiet(dir string) error {
	last := map[string]time.Time{}
	return rig.Await(30*time.Second, "see the home come to rest", func() bool {
		time.Sleep(2 * time.Second)
		now, err := newest(dir)
		same := err == nil && len(changed(last, now)) == 0
		last = now
		return same
	})
}

func newest(dir string) (map[string]time.Time, error) {
	times := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			times[path] = info.ModTime()
		}
		return nil
	})
	return times, err
}

func changed(before, after map[string]time.Time) []string {
	list := []string{}
	for path, t := range after {
		if !before[path].Equal(t) {
			list = append(list, filepath.Base(path))
		}
	}
	return list
}

// watch has an app watch a tree in which nothing happens.
func watch(r *rig.Rig) error {
	tree := filepath.Join(r.Dir, "tree")
	for i := range *files {
		dir := filepath.Join(tree, fmt.Sprint("d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".js")), nil, 0o600); err != nil {
			return err
		}
	}
	d, err := r.Raise()
	if err != nil {
		return err
	}
	defer d.End()
	s := rig.Spec("watched", 1, "/bin/sleep", "infinity")
	s.Watch, s.WatchPaths, s.WatchDelay = true, []string{tree}, 200
	if err := d.Launch(s); err != nil {
		return err
	}
	memory, err := rig.MemoryOf(d.PID)
	if err != nil {
		return err
	}
	share, err := rig.ShareOf(d.PID, *window)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: fmt.Sprintf("watching %d files, nothing happens, over %v: %% of one core; anonymous memory %s", *files, *window, rig.KiB(memory.Anon)),
		Velos: fmt.Sprintf("%.3f %%", share), Target: "< 1 %", Met: share < 1})
	at := time.Now()
	if err := os.WriteFile(filepath.Join(tree, "d7", "700.js"), []byte("x"), 0o600); err != nil {
		return err
	}
	took, err := restarted(d, at)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: "a change in it, until the restart begins, of which 200 ms are the delay", Velos: rig.Time(took)})
	return nil
}

func restarted(d *rig.Daemon, since time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for e, err := range d.Events(ctx, wire.EventsQuery{Since: velos.TimeOf(since), Follow: true}) {
		if err != nil {
			return 0, err
		}
		if e.Kind == velos.KindState && e.To == velos.Stopping {
			return time.Since(since), nil
		}
	}
	return 0, errors.New("a change was not noticed")
}
