//go:build linux

// Command ping measures how long a user waits for an answer: velos ping and
// velos list as whole processes, against a Go program that does nothing and
// against pm2, and one round trip on an open connection.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
)

var (
	runs     = flag.Int("runs", 200, "processes of each kind")
	pm2Runs  = flag.Int("pm2-runs", 20, "processes of pm2")
	trips    = flag.Int("trips", 5000, "round trips on an open connection")
	children = flag.Int("children", 1000, "instances that are listed")
)

func main() {
	flag.Parse()
	rig.Run("ping", run)
}

func run(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	nothing, err := compileNothing(r)
	if err != nil {
		return err
	}
	ping, empty := make([]time.Duration, 0, *runs), make([]time.Duration, 0, *runs)
	for range *runs {
		if err := process(&empty, nothing, os.Environ()); err != nil {
			return err
		}
		if err := process(&ping, r.Bin("velos"), d.Env(), "ping"); err != nil {
			return err
		}
	}
	trip, err := roundTrips(d)
	if err != nil {
		return err
	}
	d.End()
	pm2, pm2List, err := underPM2(r)
	if err != nil {
		return err
	}
	v := rig.Median(ping)
	r.Add(rig.Figure{What: "velos ping, whole process, median; by hand: an empty Go program",
		Velos: rig.Time(v), Base: rig.Time(rig.Median(empty)), Target: "< 8 ms", Met: v < 8*time.Millisecond,
		PM2: rig.Time(pm2), Ratio: rig.Ratio(float64(pm2), float64(v))})
	r.Add(rig.Figure{What: "the same, fastest", Velos: rig.Time(rig.Percentile(ping, 0)), Base: rig.Time(rig.Percentile(empty, 0))})
	t := rig.Median(trip)
	r.Add(rig.Figure{What: "ping on an open connection, median", Velos: rig.Time(t), Target: "< 100 µs", Met: t < 100*time.Microsecond})
	r.Add(rig.Figure{What: "the same, p99", Velos: rig.Time(rig.Percentile(trip, 99))})
	for _, apps := range []bool{false, true} {
		if err := lists(r, apps, pm2List); err != nil {
			return err
		}
	}
	return nil
}

// compileNothing is what a Go process costs here before it does anything.
func compileNothing(r *rig.Rig) (string, error) {
	src, out := filepath.Join(r.Dir, "nothing.go"), filepath.Join(r.Dir, "nothing")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return "", err
	}
	c := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, src)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build an empty program: %w\n%s", err, text)
	}
	return out, nil
}

// process runs a program once, from before the fork to its end.
func process(list *[]time.Duration, path string, env []string, args ...string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	fd := null.Fd()
	at := time.Now()
	pid, err := syscall.ForkExec(path, append([]string{path}, args...), &syscall.ProcAttr{Env: env, Files: []uintptr{fd, fd, fd}})
	if err != nil {
		return err
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		return err
	}
	*list = append(*list, time.Since(at))
	if ws.ExitStatus() != 0 {
		return fmt.Errorf("%s %v: exit code %d", path, args, ws.ExitStatus())
	}
	return nil
}

func roundTrips(d *rig.Daemon) ([]time.Duration, error) {
	ctx := context.Background()
	list := make([]time.Duration, 0, *trips)
	for range *trips {
		at := time.Now()
		if _, err := d.Ping(ctx); err != nil {
			return nil, err
		}
		list = append(list, time.Since(at))
	}
	return list, nil
}

// lists measures velos list, as a process and as a request.
func lists(r *rig.Rig, apps bool, pm2 time.Duration) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	defer d.End()
	what := fmt.Sprintf("one app of %d instances", *children)
	specs := []velos.Spec{rig.Spec("quiet", *children, "/bin/sleep", "infinity")}
	if apps {
		what = fmt.Sprintf("%d apps", *children)
		specs = specs[:0]
		for i := range *children {
			specs = append(specs, rig.Spec("quiet-"+strconv.Itoa(i), 1, "/bin/sleep", "infinity"))
		}
	}
	if err := d.Launch(specs...); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	var whole, request []time.Duration
	for range *runs / 2 {
		if err := process(&whole, r.Bin("velos"), d.Env(), "list"); err != nil {
			return err
		}
		at := time.Now()
		if _, err := d.List(context.Background()); err != nil {
			return err
		}
		request = append(request, time.Since(at))
	}
	v := rig.Median(whole)
	f := rig.Figure{What: "velos list, whole process, " + what, Velos: rig.Time(v), Target: "< 30 ms", Met: v < 30*time.Millisecond}
	if !apps && pm2 > 0 {
		f.PM2 = rig.Time(pm2) + " with 10"
	}
	r.Add(f)
	r.Add(rig.Figure{What: "the same, fastest", Velos: rig.Time(rig.Percentile(whole, 0))})
	r.Add(rig.Figure{What: "the request alone", Velos: rig.Time(rig.Median(request))})
	return nil
}

// underPM2 is pm2 ping, and pm2 list with ten children.
func underPM2(r *rig.Rig) (ping, list time.Duration, err error) {
	p := r.PM2()
	if p == nil {
		return 0, 0, nil
	}
	defer p.End()
	if err := p.Start("quiet", 10, "/bin/sleep", nil, "infinity"); err != nil {
		return 0, 0, err
	}
	var pings, lists []time.Duration
	for range *pm2Runs {
		if err := process(&pings, p.Bin(), p.Env(), "ping"); err != nil {
			return 0, 0, err
		}
		if err := process(&lists, p.Bin(), p.Env(), "list"); err != nil {
			return 0, 0, err
		}
	}
	return rig.Median(pings), rig.Median(lists), nil
}
