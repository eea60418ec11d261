//go:build linux

// Command stream measures how velos api spreads a busy log over many
// WebSockets: whether those that keep up get every line, whether those that do
// not are told how many they missed, and what many idle ones cost the daemon.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/wire"
)

var (
	lines       = flag.Int("rate", 10_000, "lines a second that the app writes")
	length      = flag.Int("length", 80, "characters of a line")
	subscribers = flag.Int("subscribers", 100, "WebSockets that follow it and keep up")
	slow        = flag.Int("slow", 3, "WebSockets that do not keep up")
	idle        = flag.Int("idle", 1000, "WebSockets that follow an app that writes nothing")
	window      = flag.Duration("window", 15*time.Second, "how long it is measured")
	write       = flag.Bool("write", false, "be the app that writes")
)

func main() {
	flag.Parse()
	if *write {
		gush()
		return
	}
	rig.Run("stream", run)
}

// gush writes lines at a rate, for ever.
func gush() {
	text := strings.Repeat("x", max(0, *length-12))
	began := time.Now()
	for n := 0; ; {
		for due := int(time.Since(began).Seconds() * float64(*lines)); n < due; n++ {
			if _, err := os.Stdout.WriteString(fmt.Sprintf("%011d %s\n", n, text)); err != nil {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func run(r *rig.Rig) error {
	d, err := r.Raise()
	if err != nil {
		return err
	}
	quiet := rig.Spec("quiet", 1, "/bin/sleep", "100000")
	if err := d.Launch(quiet); err != nil {
		return err
	}
	door := filepath.Join(d.Home.Dir, "api.sock")
	api := exec.Command(r.Bin("velos"), "api", "--socket", door, "--max-sockets", "4096")
	api.Env = d.Env()
	if err := api.Start(); err != nil {
		return err
	}
	defer func() {
		_ = api.Process.Signal(os.Interrupt)
		_ = api.Wait()
	}()
	if err := rig.Await(20*time.Second, "velos api listens", func() bool { _, err := os.Stat(door); return err == nil }); err != nil {
		return err
	}
	if err := many(r, d, door, api.Process.Pid); err != nil {
		return err
	}
	return busy(r, d, door, api.Process.Pid)
}

// many measures what idle subscribers cost.
func many(r *rig.Rig, d *rig.Daemon, door string, api int) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	clients := func() (int, error) {
		m, err := d.Metrics(ctx, wire.MetricsQuery{})
		return m.Daemon.Clients, err
	}
	var before rig.Memory
	counts := [2]int{}
	for i, n := range []int{1, *idle} {
		var all []*reader
		for range n {
			c, err := dial(ctx, door, "quiet")
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		for _, c := range all {
			if err := c.subscribed(ctx); err != nil {
				return err
			}
		}
		time.Sleep(2 * time.Second)
		memory, err := rig.MemoryOf(d.PID)
		if err != nil {
			return err
		}
		if counts[i], err = clients(); err != nil {
			return err
		}
		if i == 0 {
			before = memory
		} else {
			own, err := rig.MemoryOf(api)
			if err != nil {
				return err
			}
			r.Add(rig.Figure{What: fmt.Sprintf("connections of the daemon with 1 and with %d WebSockets that follow a log", n), Velos: fmt.Sprintf("%d, %d", counts[0], counts[1]),
				Target: "the same", Met: counts[0] == counts[1]})
			r.Add(rig.Figure{What: "anonymous memory of the daemon, the same", Velos: rig.KiB(before.Anon) + ", " + rig.KiB(memory.Anon)})
			r.Add(rig.Figure{What: "anonymous memory of velos api with all of them", Velos: rig.KiB(own.Anon)})
		}
		for _, c := range all {
			c.close()
		}
	}
	return nil
}

// busy measures a log that is followed by many while it grows fast.
func busy(r *rig.Rig, d *rig.Daemon, door string, api int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	loud := rig.Spec("loud", 1, self, "-write", "-rate", strconv.Itoa(*lines), "-length", strconv.Itoa(*length))
	if err := d.Launch(loud); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), *window)
	defer stop()
	var group sync.WaitGroup
	fast, late := make([]*reader, *subscribers), make([]*reader, *slow)
	for i, list := range [][]*reader{fast, late} {
		for j := range list {
			if list[j], err = dial(ctx, door, "loud"); err != nil {
				return err
			}
			if i == 1 {
				list[j].pause = 2 * time.Second
			}
		}
	}
	used, err := rig.CPUOf(api)
	if err != nil {
		return err
	}
	daemon, err := rig.CPUOf(d.PID)
	if err != nil {
		return err
	}
	began := time.Now()
	var behind sync.WaitGroup
	for _, c := range fast {
		group.Go(func() { c.read(ctx) })
	}
	for _, c := range late {
		behind.Go(func() { c.read(ctx) })
	}
	group.Wait()
	took := time.Since(began)
	for _, p := range []struct {
		was *time.Duration
		pid int
	}{{&used, api}, {&daemon, d.PID}} {
		now, err := rig.CPUOf(p.pid)
		if err != nil {
			return err
		}
		*p.was = now - *p.was
	}
	behind.Wait()
	report(r, fast, late, took, used, daemon)
	return nil
}

func report(r *rig.Rig, fast, late []*reader, took, used, daemon time.Duration) {
	var got, missed, wrong uint64
	least := ^uint64(0)
	for _, c := range fast {
		got, missed, wrong, least = got+c.got, missed+c.missed, wrong+c.wrong, min(least, c.got)
	}
	rate := float64(got) / took.Seconds()
	n := len(fast)
	r.Add(rig.Figure{What: fmt.Sprintf("lines a second to each of %d WebSockets, of %d written", n, *lines), Velos: fmt.Sprintf("%.0f", rate/float64(max(1, n)))})
	r.Add(rig.Figure{What: "lines that those who kept up have missed, were told twice or out of order", Velos: fmt.Sprintf("%d, %d", missed, wrong), Target: "0", Met: missed+wrong == 0 && least > 0})
	r.Add(rig.Figure{What: "processor time of velos api, and of the daemon, a second", Velos: rig.Time(used/time.Duration(took.Seconds())) + ", " + rig.Time(daemon/time.Duration(took.Seconds()))})
	got, missed, wrong = 0, 0, 0
	for _, c := range late {
		got, missed, wrong = got+c.got, missed+c.missed, wrong+c.wrong
	}
	r.Add(rig.Figure{What: fmt.Sprintf("%d WebSockets that read 256 KiB every 2 s, and then fast: lines had, lines they were told they missed, gaps they were not told of", len(late)),
		Velos: fmt.Sprintf("%d, %d, %d", got, missed, wrong), Target: "all accounted for", Met: wrong == 0 && missed > 0})
}
