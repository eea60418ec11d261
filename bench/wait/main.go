//go:build linux

// Command wait measures how soon somebody who waits hears of what he waits
// for, and what many who wait cost the daemon while nothing happens.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

var (
	rounds  = flag.Int("rounds", 100, "how often each event happens")
	waiters = flag.Int("waiters", 1000, "how many wait at the same time")
	window  = flag.Duration("window", 20*time.Second, "how long to look at the idle daemon")
)

const within = 10 * time.Second

func main() {
	flag.Parse()
	rig.Run("wait", run)
}

func run(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	if err := wakes(r, d); err != nil {
		return err
	}
	d.End()
	return crowd(r)
}

// A program that writes one line for each SIGUSR1, and is ready at once.
const herald = `trap 'echo heard' USR1; while :; do sleep 1000 & wait $!; kill $! 2>/dev/null; done`

// wakes measures from the signal that makes something happen to the news of it.
func wakes(r *rig.Rig, d *rig.Daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s := rig.Spec("herald", 1, "/bin/sh", "-c", herald)
	if err := d.Launch(s); err != nil {
		return err
	}
	list, err := d.List(ctx)
	if err != nil {
		return err
	}
	id, pid := list.Apps[0].ID, list.Apps[0].Instances[0].PID
	line, err := lines(ctx, d, id, pid)
	if err != nil {
		return err
	}
	exit, err := exits(ctx, d)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		what string
		took []time.Duration
	}{{"a line: from the signal that makes a program write to whoever follows its log", line}, {"an exit: from kill -9 to whoever follows the events", exit}} {
		p99 := rig.Percentile(f.took, 99)
		r.Add(rig.Figure{What: fmt.Sprintf("%s, %d times: p99", f.what, len(f.took)), Velos: rig.Time(p99), Target: "≤ 5 ms", Met: p99 <= 5*time.Millisecond})
		r.Add(rig.Figure{What: "the same, median", Velos: rig.Time(rig.Median(f.took))})
	}
	return nil
}

func lines(ctx context.Context, d *rig.Daemon, id uint32, pid int) (took []time.Duration, err error) {
	heard := make(chan time.Time, 16)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for e, err := range d.Logs(ctx, id, velos.Query{Inst: -1, Follow: true}) {
			if err != nil {
				return
			}
			if strings.Contains(string(e.Msg), "heard") {
				heard <- time.Now()
			}
		}
	}()
	time.Sleep(500 * time.Millisecond) // until the shell has its trap and the stream stands
	for range *rounds {
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
			return nil, err
		}
		select {
		case t := <-heard:
			took = append(took, t.Sub(at))
		case <-time.After(within):
			return nil, errors.New("a line was not heard of")
		}
		time.Sleep(10 * time.Millisecond) // the shell waits again
	}
	return took, nil
}

func exits(ctx context.Context, d *rig.Daemon) (took []time.Duration, err error) {
	type news struct {
		at  time.Time
		pid int
	}
	ends, starts := make(chan news, 64), make(chan int, 64)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for e, err := range d.Events(ctx, wire.EventsQuery{Follow: true}) {
			switch {
			case err != nil:
				return
			case e.Kind == velos.KindExit:
				ends <- news{time.Now(), e.PID}
			case e.Kind == velos.KindState && e.To == velos.Online:
				starts <- e.PID
			}
		}
	}()
	list, err := d.List(ctx)
	if err != nil {
		return nil, err
	}
	pid := list.Apps[0].Instances[0].PID
	for range *rounds {
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return nil, err
		}
		for got := false; !got; {
			select {
			case n := <-ends:
				if got = n.pid == pid; got {
					took = append(took, n.at.Sub(at))
				}
			case <-time.After(within):
				return nil, errors.New("an exit was not heard of")
			}
		}
		if pid, err = next(ctx, d, pid); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// next is the process that has come after pid.
func next(ctx context.Context, d *rig.Daemon, pid int) (now int, err error) {
	err = rig.Await(within, "see the next run", func() bool {
		list, err := d.List(ctx)
		if err != nil {
			return false
		}
		now = list.Apps[0].Instances[0].PID
		return now != 0 && now != pid
	})
	return now, err
}

// crowd has many clients wait, each over a connection of its own, as as many
// commands would.
func crowd(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	defer d.End()
	if err := d.Launch(rig.Spec("quiet", 1, "/bin/sleep", "infinity")); err != nil {
		return err
	}
	idle, err := rig.ShareOf(d.PID, *window)
	if err != nil {
		return err
	}
	before, err := rig.MemoryOf(d.PID)
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range *waiters {
		c, err := client.Dial(d.Home.Socket())
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench/wait: %d of %d waiters: %v\n", i, *waiters, err)
			return err
		}
		defer c.Close()
		go func() {
			for range c.Events(ctx, wire.EventsQuery{Follow: true, After: 1 << 60}) {
			}
		}()
	}
	with, err := rig.ShareOf(d.PID, *window)
	if err != nil {
		return err
	}
	after, err := rig.MemoryOf(d.PID)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: fmt.Sprintf("processor while %d wait and nothing happens, over %v: %% of one core; nobody waiting: %.3f %%", *waiters, *window, idle),
		Velos: fmt.Sprintf("%.3f %%", with), Target: "≤ 0.5 %", Met: with <= 0.5})
	r.Add(rig.Figure{What: "each of them: anonymous memory", Velos: rig.KiB((after.Anon - before.Anon) / int64(*waiters))})
	return nil
}
