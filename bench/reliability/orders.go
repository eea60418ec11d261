//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// Orders is the daemon killed while clients start, stop, restart, rename and
// delete. What was answered must hold, and nobody must be left behind.
type orders struct {
	kills, clients int

	mu                          sync.Mutex
	given, answered, unanswered int
	Faults                      []string
}

func (o *orders) fault(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Faults = append(o.Faults, fmt.Sprintf(format, args...))
}

// An outcome is what an answered order promises. Nothing is known of an app
// whose last order was not answered.
type outcome struct {
	known   bool
	name    string // empty: deleted, or never there
	former  string // a name that it has no longer
	up      bool
	order   string
	started bool // the app was there once
}

// A client gives orders about one app of its own at a time.
type giver struct {
	o    *orders
	h    *house
	tag  string
	n    int
	app  velos.App
	last outcome

	steady bool // every order in turn, not at random
	turn   int
}

func (o *orders) run(p programs) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	for range o.kills {
		if err := o.round(h); err != nil {
			return err
		}
	}
	return nil
}

// round lets clients give orders for a moment, kills the daemon among them,
// and looks at what the next one makes of it.
func (o *orders) round(h *house) error {
	stop := make(chan struct{})
	var all sync.WaitGroup
	givers := make([]*giver, o.clients)
	for i := range givers {
		givers[i] = &giver{o: o, h: h, tag: "g" + strconv.Itoa(i) + "-" + strconv.Itoa(rand.IntN(1e6)) + "-"}
		all.Add(1)
		go func() {
			defer all.Done()
			givers[i].work(stop)
		}()
	}
	time.Sleep(20*time.Millisecond + rand.N(400*time.Millisecond))
	pid, _, err := h.kill()
	close(stop)
	all.Wait()
	if err != nil {
		return err
	}
	if err := h.serving(pid); err != nil {
		return err
	}
	for _, g := range givers {
		g.check()
	}
	return o.inventory(h)
}

// work gives orders until one gets no answer, or stop.
func (g *giver) work(stop chan struct{}) {
	c, err := g.h.dial()
	if err != nil {
		return
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		select {
		case <-stop:
			return
		default:
		}
		want := g.last
		want.known, want.former = true, ""
		err := g.order(ctx, c, &want)
		g.o.mu.Lock()
		g.o.given++
		if err == nil {
			g.o.answered++
		} else {
			g.o.unanswered++
		}
		g.o.mu.Unlock()
		if err == nil {
			g.last = want
			continue
		}
		g.last.known = false
		if !errors.Is(err, velos.ErrUnreachable) {
			g.o.fault("%s: %v", want.order, err)
		}
		return
	}
}

// order gives one order and says what its answer promises.
func (g *giver) order(ctx context.Context, c *client.Client, want *outcome) error {
	if want.name == "" {
		want.former = "" // it was gone before
		g.n++
		want.name, want.up, want.order, want.started = g.tag+strconv.Itoa(g.n), true, "start anew", true
		s := g.h.spec(want.name, "wait")
		if rand.IntN(2) == 0 {
			s.Script, s.Args = "/bin/sleep", []string{"1000"}
		}
		s.MinUptime = 0
		got, err := c.Start(ctx, wire.Start{Spec: s, Wait: true, Inst: -1})
		g.app = got.App
		return err
	}
	id, next := g.app.ID, rand.IntN(6)
	if g.steady {
		next = []int{1, 0, 2, 3, 5, 4}[g.turn%6]
		g.turn++
	}
	switch next {
	case 0:
		want.up, want.order = true, "start"
		_, err := c.Start(ctx, wire.Start{ID: id, Wait: true, Inst: -1})
		return err
	case 1:
		want.up, want.order = false, "stop"
		_, err := c.Stop(ctx, wire.Stop{Target: wire.All(id), Wait: true})
		return err
	case 2:
		want.up, want.order = true, "restart"
		_, err := c.Restart(ctx, wire.Restart{Target: wire.All(id), Wait: true})
		return err
	case 3:
		g.n++
		want.former, want.name, want.order = want.name, g.tag+strconv.Itoa(g.n), "rename"
		_, err := c.Rename(ctx, wire.Rename{ID: id, Name: want.name})
		return err
	case 4:
		want.former, want.name, want.up, want.order = want.name, "", false, "delete"
		_, err := c.Delete(ctx, wire.All(id))
		return err
	}
	want.up, want.order = false, "stop at once"
	_, err := c.Stop(ctx, wire.Stop{Target: wire.All(id), Signal: 9, Wait: true})
	return err
}

// check compares an app with the last order that was answered.
func (g *giver) check() {
	l := g.last
	if !l.known {
		return
	}
	var err error
	ok := func() bool {
		var apps map[string]velos.App
		if apps, err = g.h.list(); err != nil {
			return false
		}
		if _, there := apps[l.former]; there && l.former != "" {
			err = fmt.Errorf("%s is still there", l.former)
			return false
		}
		if l.name == "" {
			return true
		}
		a, there := apps[l.name]
		if !there || a.ID != g.app.ID {
			err = fmt.Errorf("%s is not in the list", l.name)
			return false
		}
		i := a.Instances[0]
		if i.Wanted != l.up || (i.Status == velos.Online) != l.up {
			err = fmt.Errorf("%s is %s, wanted %v", l.name, i.Status, i.Wanted)
			return false
		}
		return true
	}
	if await("the outcome of an order", ok) != nil {
		g.o.fault("%s was answered, and then: %v", l.order, err)
	}
}

func (o *orders) inventory(h *house) error {
	faults, err := inventory(h)
	for _, f := range faults {
		o.fault("%s", f)
	}
	return err
}

// inventory compares what runs with what the list says: every process that
// this house's apps have started belongs to the instance of its mark, every
// instance has the process that it says, and there is one of each. It waits
// until what the last daemon left behind has been dealt with.
func inventory(h *house) (faults []string, err error) {
	var text string
	settled := func() bool {
		before := h.marked()
		apps, e := h.list()
		if err = e; e != nil {
			return true
		}
		text = strings.Join(differences(before, h.marked(), apps), "; ")
		return text == ""
	}
	if await("the list to be right", settled) != nil {
		faults = append(faults, text)
	}
	if err != nil {
		return nil, err
	}
	e := await("the state to be readable", func() bool {
		s, notes, e := home.Read(h.home.StateFile())
		if e == nil && s == nil { // no order has been answered yet, or a newer state is about to come
			apps, _ := h.list()
			return len(apps) == 0
		}
		err = e
		return e == nil && len(notes) == 0
	})
	return faults, errors.Join(e, err)
}

// differences looks at processes that were there before and after the list
// was made.
func differences(before, after map[int]string, apps map[string]velos.App) (list []string) {
	known := map[int]string{}
	for name, a := range apps {
		if n := len(a.Leaving); n > 0 {
			list = append(list, fmt.Sprintf("%s has %d runs aside", name, n))
		}
		for _, i := range a.Instances {
			switch i.Status {
			case velos.Starting, velos.Stopping, velos.WaitingRestart:
				list = append(list, name+" is "+string(i.Status))
			}
			if i.Wanted && i.PID == 0 && i.Status != velos.Errored {
				list = append(list, name+" has no process")
			}
			if i.PID != 0 {
				known[i.PID] = strconv.Itoa(int(a.ID)) + ":" + strconv.Itoa(i.Inst) + ":"
				if _, alive := after[i.PID]; !alive {
					list = append(list, fmt.Sprintf("%s: its process %d is not there", name, i.PID))
				}
			}
		}
	}
	for pid, mark := range after {
		if _, old := before[pid]; !old {
			continue
		}
		root := pid
		for n := 0; n < 20 && root > 1 && known[root] == ""; n++ {
			_, _, root = stat(root)
		}
		if prefix := known[root]; prefix == "" {
			list = append(list, fmt.Sprintf("process %d (%s) is in no list", pid, mark))
		} else if !strings.HasPrefix(mark, prefix) {
			list = append(list, fmt.Sprintf("process %d (%s) is listed as %s", pid, mark, prefix))
		}
	}
	return list
}
