//go:build linux

// Command start measures how long one request takes to bring up many
// instances, against a loop that forks and executes the same program as often,
// and against PM2.
package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/wire"
)

var (
	count  = flag.Int("children", 100, "instances to start")
	rounds = flag.Int("rounds", 31, "how often each side starts them")
)

const within = 60 * time.Second

func main() {
	flag.Parse()
	rig.Run("start", run)
}

func run(r *rig.Rig) error {
	marks, err := r.Marks()
	if err != nil {
		return err
	}
	d, err := r.Raise()
	if err != nil {
		return err
	}
	var velos, cpu, hand []time.Duration
	var times []float64 // of the two, round by round
	for range *rounds {
		h, err := byHand(marks)
		if err != nil {
			return err
		}
		hand = append(hand, h)
		v, c, err := underVelos(d, marks)
		if err != nil {
			return err
		}
		velos, cpu = append(velos, v), append(cpu, c)
		times = append(times, float64(v)/float64(h))
	}
	d.End()
	pm2, err := underPM2(r, marks)
	if err != nil {
		return err
	}
	v, h := rig.Median(velos), rig.Median(hand)
	r.Add(rig.Figure{What: fmt.Sprintf("start -i %d until all run: median of %d", *count, *rounds),
		Velos: rig.Time(v), Base: rig.Time(h), PM2: rig.Time(pm2), Ratio: rig.Ratio(float64(pm2), float64(v))})
	r.Add(rig.Figure{What: "the same, fastest", Velos: rig.Time(rig.Percentile(velos, 0)), Base: rig.Time(rig.Percentile(hand, 0))})
	slices.Sort(times)
	ratio := times[len(times)/2]
	r.Add(rig.Figure{What: "the same, times a loop of fork and exec: median of the rounds' ratios", Velos: fmt.Sprintf("%.2f", ratio),
		Target: "< 1.5", Met: ratio < 1.5})
	r.Add(rig.Figure{What: "processor time of velosd for it, median", Velos: rig.Time(rig.Median(cpu))})
	return nil
}

// underVelos starts the children in one request. The time runs from before
// the request to the first instructions of the last child.
func underVelos(d *rig.Daemon, marks *rig.Marks) (took, cpu time.Duration, err error) {
	ctx := context.Background()
	s := rig.Spec("many", *count, marks.Program, marks.Args...)
	before, err := rig.CPUOf(d.PID)
	if err != nil {
		return 0, 0, err
	}
	at := rig.Now()
	started, err := d.Start(ctx, wire.Start{Spec: &s, Inst: -1})
	if err != nil {
		return 0, 0, err
	}
	last, _, err := marks.Last(*count, within)
	if err != nil {
		return 0, 0, err
	}
	after, err := rig.CPUOf(d.PID)
	if err != nil {
		return 0, 0, err
	}
	_, err = d.Delete(ctx, wire.Target{ID: started.ID, Inst: -1})
	time.Sleep(200 * time.Millisecond) // what it writes to disk afterwards is not the next round's
	return last - at, after - before, err
}

// byHand is the bare loop.
func byHand(marks *rig.Marks) (time.Duration, error) {
	s := rig.Spec("many", *count, marks.Program, marks.Args...)
	var env []string
	for k, v := range s.Env {
		env = append(env, k+"="+v)
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: env, Sys: &syscall.SysProcAttr{Setsid: true}}
	argv := append([]string{marks.Program}, marks.Args...)
	var pids []int
	defer func() {
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			syscall.Wait4(pid, nil, 0, nil)
		}
	}()
	at := rig.Now()
	for range *count {
		pid, err := syscall.ForkExec(marks.Program, argv, attr)
		if err != nil {
			return 0, err
		}
		pids = append(pids, pid)
	}
	last, _, err := marks.Last(*count, within)
	return last - at, err
}

func underPM2(r *rig.Rig, marks *rig.Marks) (time.Duration, error) {
	p := r.PM2()
	if p == nil {
		return 0, nil
	}
	defer p.End()
	at := rig.Now()
	if err := p.Start("many", *count, marks.Program, nil, marks.Args...); err != nil {
		return 0, err
	}
	last, _, err := marks.Last(*count, within)
	return last - at, err
}
