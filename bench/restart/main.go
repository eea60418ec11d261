//go:build linux

// Command restart measures how long a killed program is away: from kill -9 to
// the first instructions of its replacement, under velosd, under PM2, and
// under a loop that waits, forks and does nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"syscall"
	"time"

	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/wire"
)

var (
	kills = flag.Int("kills", 300, "how often the child is killed")
	pm2N  = flag.Int("pm2-kills", 200, "how often it is killed under PM2")
	pause = flag.Duration("pause", 15*time.Millisecond, "between one replacement and the next kill")
	other = flag.Int("others", 0, "quiet children beside the one that is killed")
)

func main() {
	flag.Parse()
	rig.Run("restart", run)
}

func run(r *rig.Rig) error {
	marks, err := r.Marks()
	if err != nil {
		return err
	}
	// In turns, so that all sides see the machine in the same mood.
	var velos, hand []time.Duration
	for range 2 {
		one, err := underVelos(r, marks, *kills/2)
		if err != nil {
			return err
		}
		velos = append(velos, one...)
		if one, err = byHand(marks, *kills/2); err != nil {
			return err
		}
		hand = append(hand, one...)
	}
	pm2, err := underPM2(r, marks)
	if err != nil {
		return err
	}
	for _, p := range []int{50, 0, 90, 99} {
		v, h, o := rig.Percentile(velos, p), rig.Percentile(hand, p), rig.Percentile(pm2, p)
		f := rig.Figure{What: fmt.Sprintf("kill -9 to replacement, %d times: p%d", len(velos), p),
			Velos: rig.Time(v), Base: rig.Time(h), PM2: rig.Time(o), Ratio: rig.Ratio(float64(o), float64(v))}
		switch p {
		case 0:
			f.What = "kill -9 to replacement: fastest"
		case 50:
			f.What = fmt.Sprintf("kill -9 to replacement, %d times: median", len(velos))
			f.Target, f.Met = "< 2 ms", v < 2*time.Millisecond
		}
		r.Add(f)
	}
	return nil
}

// rounds kills what marks itself, n times.
func rounds(marks *rig.Marks, n int) ([]time.Duration, error) {
	m, err := marks.Next(20 * time.Second)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for range n {
		time.Sleep(*pause)
		at := rig.Now()
		if err := syscall.Kill(m.PID, syscall.SIGKILL); err != nil {
			return nil, fmt.Errorf("kill %d: %w", m.PID, err)
		}
		if m, err = marks.Next(20 * time.Second); err != nil {
			return nil, err
		}
		took = append(took, m.At-at)
	}
	return took, nil
}

func underVelos(r *rig.Rig, marks *rig.Marks, n int) ([]time.Duration, error) {
	d, err := r.Raise()
	if err != nil {
		return nil, err
	}
	defer d.End()
	if *other > 0 {
		if err := d.Launch(rig.Spec("quiet", *other, "/bin/sleep", "infinity")); err != nil {
			return nil, err
		}
	}
	s := rig.Spec("mark", 1, marks.Program, marks.Args...)
	s.MinUptime = 0
	if _, err := d.Start(context.Background(), wire.Start{Spec: &s, Inst: -1}); err != nil {
		return nil, err
	}
	return rounds(marks, n)
}

func underPM2(r *rig.Rig, marks *rig.Marks) ([]time.Duration, error) {
	p := r.PM2()
	if p == nil {
		return nil, nil
	}
	defer p.End()
	if err := p.Start("mark", 1, marks.Program, []string{`"max_restarts":1000000`, `"min_uptime":100`}, marks.Args...); err != nil {
		return nil, err
	}
	return rounds(marks, *pm2N)
}

// byHand is a supervisor that can do this one thing.
func byHand(marks *rig.Marks, n int) ([]time.Duration, error) {
	ended := make(chan error, 1)
	last := make(chan int, 1)
	go func() {
		for i := range n + 1 {
			pid, err := syscall.ForkExec(marks.Program, append([]string{marks.Program}, marks.Args...),
				&syscall.ProcAttr{Dir: "/", Env: []string{"PATH=/bin"}, Sys: &syscall.SysProcAttr{Setsid: true}})
			if err != nil {
				ended <- err
				return
			}
			if i == n {
				last <- pid
			}
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	took, err := rounds(marks, n)
	if err != nil {
		return nil, err
	}
	syscall.Kill(<-last, syscall.SIGKILL)
	return took, <-ended
}
