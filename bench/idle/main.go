//go:build linux

// Command idle measures the processor time of velosd while many children run
// and nobody asks for anything.
package main

import (
	"flag"
	"fmt"
	"strconv"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
)

var (
	children = flag.Int("children", 1000, "quiet children")
	pm2N     = flag.Int("pm2", 100, "quiet children for PM2, which takes minutes to start a thousand")
	window   = flag.Duration("window", 30*time.Second, "how long to look")
	settle   = flag.Duration("settle", 10*time.Second, "pause before")
)

func main() {
	flag.Parse()
	rig.Run("idle", run)
}

func run(r *rig.Rig) error {
	for _, apps := range []bool{false, true} {
		n, share, err := underVelos(r, apps)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("one app of %d instances", *children)
		if apps {
			what = fmt.Sprintf("%d apps", *children)
		}
		r.Add(rig.Figure{What: fmt.Sprintf("processor at idle over %v, %s: %% of one core", *window, what),
			Velos: fmt.Sprintf("%.3f %%", share), Target: "< 2 %", Met: share < 2})
		r.Add(rig.Figure{What: "the same: times it was woken, each second", Velos: fmt.Sprintf("%.1f", n)})
	}
	p := r.PM2()
	if p == nil {
		return nil
	}
	defer p.End()
	if err := p.Start("quiet", *pm2N, "/bin/sleep", nil, "infinity"); err != nil {
		return err
	}
	n, share, err := watch(p.PID())
	r.Add(rig.Figure{What: fmt.Sprintf("PM2 with %d children: %% of one core; woken each second", *pm2N),
		PM2: fmt.Sprintf("%.3f %%; %.1f", share, n)})
	return err
}

func underVelos(r *rig.Rig, apps bool) (wakes, share float64, err error) {
	d, err := r.Raise()
	if err != nil {
		return 0, 0, err
	}
	defer d.End()
	list := []velos.Spec{rig.Spec("quiet", *children, "/bin/sleep", "infinity")}
	if apps {
		list = list[:0]
		for i := range *children {
			list = append(list, rig.Spec("quiet-"+strconv.Itoa(i), 1, "/bin/sleep", "infinity"))
		}
	}
	if err := d.Launch(list...); err != nil {
		return 0, 0, err
	}
	return watch(d.PID)
}

func watch(pid int) (wakes, share float64, err error) {
	time.Sleep(*settle)
	cpu, err := rig.CPUOf(pid)
	if err != nil {
		return 0, 0, err
	}
	n, at := rig.WakesOf(pid), time.Now()
	time.Sleep(*window)
	after, err := rig.CPUOf(pid)
	took := time.Since(at).Seconds()
	return float64(rig.WakesOf(pid)-n) / took, (after - cpu).Seconds() / took * 100, err
}
