//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

func churn(d *rig.Daemon, from, n int) error {
	for i := range n {
		if err := once(d.Client, quiet(fmt.Sprintf("churn-%d", from+i))); err != nil {
			return err
		}
	}
	return nil
}

// once starts an app, waits for it and deletes it.
func once(c *client.Client, s *velos.Spec) error {
	ctx, cancel := awhile()
	defer cancel()
	a, err := c.Start(ctx, wire.Start{Spec: s, Wait: true, Inst: -1})
	if err == nil {
		_, err = c.Delete(ctx, wire.All(a.ID))
	}
	return err
}

// crashes has two apps crash until they have been started anew n times.
func crashes(d *rig.Daemon, _, n int) error {
	for i := range 2 {
		s := rig.Spec(fmt.Sprintf("crasher-%d", i), 2, "/bin/false")
		ctx, cancel := awhile()
		_, err := d.Start(ctx, wire.Start{Spec: &s, Inst: -1})
		cancel()
		if err != nil {
			return err
		}
	}
	err := until(d, func(list []velos.App) bool {
		sum := 0
		for _, a := range list {
			for _, in := range a.Instances {
				sum += in.Restarts
			}
		}
		return sum >= n
	})
	return deleteAll(d, err)
}

func hooks(d *rig.Daemon, _, n int) error {
	s := rig.Spec("hooked", 2, "/bin/false")
	s.Hooks = &velos.Hooks{PreStart: &velos.Hook{Command: []string{"/bin/true"}}, OnCrash: &velos.Hook{Command: []string{"/bin/false"}}}
	ctx, cancel := awhile()
	defer cancel()
	if _, err := d.Start(ctx, wire.Start{Spec: &s, Inst: -1}); err != nil {
		return err
	}
	err := until(d, func(list []velos.App) bool {
		return list[0].Instances[0].Restarts+list[0].Instances[1].Restarts >= n
	})
	return deleteAll(d, err)
}

func until(d *rig.Daemon, ok func([]velos.App) bool) error {
	for end := time.Now().Add(20 * time.Minute); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		ctx, cancel := awhile()
		list, err := d.List(ctx)
		cancel()
		if err != nil {
			return err
		}
		if ok(list.Apps) {
			return nil
		}
	}
	return context.DeadlineExceeded
}

func deleteAll(d *rig.Daemon, err error) error {
	ctx, cancel := awhile()
	defer cancel()
	list, e := d.List(ctx)
	for _, a := range list.Apps {
		if e == nil {
			_, e = d.Delete(ctx, wire.All(a.ID))
		}
	}
	if err == nil {
		err = e
	}
	return err
}

func clients(d *rig.Daemon, _, n int) error {
	ctx, cancel := awhile()
	a, err := d.Start(ctx, wire.Start{Spec: quiet("listened"), Wait: true, Inst: -1})
	cancel()
	if err != nil {
		return err
	}
	for i := range n {
		if err := visit(d, a.ID, i); err != nil {
			return err
		}
	}
	return deleteAll(d, nil)
}

func visit(d *rig.Daemon, app uint32, i int) error {
	if i%4 == 3 { // no client of ours
		c, err := net.Dial("unix", d.Home.Socket())
		if err != nil {
			return err
		}
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		return c.Close()
	}
	c, err := client.Dial(d.Home.Socket())
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := awhile()
	defer cancel()
	switch i % 4 {
	case 0:
		_, err = c.Ping(ctx)
		return err
	case 1:
		go func() {
			for range c.Logs(ctx, app, velos.Query{Follow: true}) {
			}
		}()
	default:
		go func() {
			for range c.Events(ctx, wire.EventsQuery{Follow: true}) {
			}
		}()
	}
	_, err = c.Ping(ctx)
	return err
}

// agentRules let agents do most things, and have the rest waited for.
const agentRules = "[agents]\nmode = \"confirm\"\nmax_processes = 4\nlease_grace = \"1s\"\n"

func agents(d *rig.Daemon, from, n int) error {
	if err := os.WriteFile(d.Home.ConfigFile(), []byte(agentRules), 0o600); err != nil {
		return err
	}
	c, err := client.Dial(d.Home.Socket())
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range n {
		c.Announce(wire.Caller{Channel: "mcp", Agent: fmt.Sprintf("agent-%d", i%50), Remote: true})
		ctx, cancel := awhile()
		a, err := c.Start(ctx, wire.Start{Spec: quiet(fmt.Sprintf("agents-%d", from+i)), Wait: true, Inst: -1})
		if err == nil { // it has to ask, and never hears of it again
			if _, err = c.Delete(ctx, wire.All(a.ID)); velos.CodeOf(err) == velos.NeedsApproval || velos.CodeOf(err) == velos.Busy {
				_, err = d.Delete(ctx, wire.All(a.ID))
			}
		}
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func changes(d *rig.Daemon, from, n int) error {
	ctx, cancel := awhile()
	s := quiet("changed")
	a, err := d.Start(ctx, wire.Start{Spec: s, Wait: true, Inst: -1})
	cancel()
	for i := 0; i < n && err == nil; i++ {
		ctx, cancel := awhile()
		s.Env["N"] = fmt.Sprintf("%d-%0300d", from+i, i)
		s.KillTimeout = velos.Millis(1000 + (from+i)%1000)
		if i%10 == 0 {
			_, err = d.Rename(ctx, wire.Rename{ID: a.ID, Name: fmt.Sprintf("changed-%d", from+i)})
			s.Name = fmt.Sprintf("changed-%d", from+i)
		}
		if err == nil {
			_, err = d.Restart(ctx, wire.Restart{Target: wire.All(a.ID), Spec: s, Wait: true})
		}
		cancel()
	}
	return deleteAll(d, err)
}

func sockets(d *rig.Daemon, from, n int) error {
	for i := range n {
		s := quiet(fmt.Sprintf("sockets-%d", from+i))
		s.Script, s.Args = "/bin/sh", []string{"-c", "exec sleep infinity"}
		s.Listen = []string{"unix:" + d.Home.Dir + "/listened.sock"}
		s.Health = &velos.Probe{Exec: []string{"/bin/true"}, Interval: 10, Retries: 3}
		s.Instances = 2
		if err := once(d.Client, s); err != nil {
			return err
		}
	}
	return nil
}

// deaths has the keeper start daemon after daemon over five quiet apps.
func deaths(d *rig.Daemon, from, n int) error {
	for i := range 5 {
		ctx, cancel := awhile()
		_, err := d.Start(ctx, wire.Start{Spec: quiet(fmt.Sprintf("survivor-%d", i)), Inst: -1})
		cancel()
		if err != nil && from == 0 {
			return err
		}
	}
	for range n {
		time.Sleep(600 * time.Millisecond) // a daemon that dies sooner is one that cannot live, and the keeper pauses
		if err := kill(d, syscall.SIGKILL); err != nil {
			return err
		}
	}
	return nil
}

// kill has the keeper start another daemon.
func kill(d *rig.Daemon, sig syscall.Signal) error {
	if err := syscall.Kill(d.PID, sig); err != nil {
		return err
	}
	<-d.Done()
	_ = d.Close()
	return rig.Await(10*time.Second, "connect to the next velosd", func() (ok bool) {
		c, err := client.Dial(d.Home.Socket())
		if err == nil {
			var pong wire.Pong
			if pong, err = c.Ping(context.Background()); err == nil {
				d.Client, d.PID = c, pong.PID
			}
		}
		return err == nil
	})
}
