//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// points are the fault points of velosd, as internal/fault and the hook of
// internal/home name them. Those that belong to taking over are passed by a
// second daemon only.
var points = []string{
	"start.piped", "start.parked", "start.forked", "start.recorded", "start.begun",
	"stop.signalled", "stop.parked", "stop.exited", "stop.gone", "stop.drained", "stop.published", "stop.saved", "stop.struck",
	"rename.taken", "rename.moved", "delete.ended", "delete.forgotten",
	"save.created", "save.almost", "save.written", "save.linked", "save.kept", "save.renamed",
	"output.moved", "output.written", "output.checkpointed",
	"rotate.shifted", "rotate.renamed", "rotate.opened", "rotate.checkpointed",
	"journal.written", "journal.renamed",
	"adopt.listed", "adopt.half", "adopt.restored",
	"upgrade.checked", "upgrade.kept", "upgrade.parted",
	"reload.begun", "ready.parked", "reload.ready", "hold.parked", "reload.taken", "reload.served",
	"scale.grown", "scale.fewer", "scale.served",
}

// A fault is one daemon killed by itself at a point, among writing children
// and orders.
type fault struct {
	point string
	pass  int // the number of the pass that is the last

	velosd  string // what to upgrade to, for points of the upgrade
	reached bool
	Faults  []string
}

func (f *fault) run(p programs) error {
	switch room, _, _ := strings.Cut(f.point, "."); room {
	case "adopt":
		f.pass = 1 // each daemon adopts once
	case "upgrade":
		f.pass, f.velosd = 1, p.velosd // each upgrade begins to count anew
	}
	setting := "VELOS_FAULT=" + f.point + ":" + strconv.Itoa(f.pass)
	dir, err := os.MkdirTemp(p.dir, "h")
	if err != nil {
		return err
	}
	if f.point == "journal.renamed" { // the journal is nearly full
		if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), fullJournal(), 0o600); err != nil {
			return err
		}
	}
	h, err := p.raiseIn(dir, setting)
	if err != nil && f.passed(dir) {
		h, err = p.raiseIn(dir, setting) // as velos would: the first daemon died before it had ever served
	}
	if err != nil {
		return err
	}
	defer h.end()
	if err := f.work(h); err != nil {
		return err
	}
	f.reached = f.passed(dir)
	return nil
}

func (f *fault) passed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "fault-reached"))
	return err == nil
}

// work lets a child write, gives orders until the point was reached, kills
// the daemon twice besides, and looks at what is left.
func (f *fault) work(h *house) error {
	name := ""
	for i := 0; name == "" && i < 3; i++ {
		s := h.spec("w"+strconv.Itoa(i), "write", "400")
		s.MaxLogSize, s.MaxLogFiles = 32<<10, 10_000
		if h.start(s) == nil {
			name = s.Name
		}
	}
	before, err := h.list()
	if err != nil {
		return err
	}
	before = map[string]velos.App{name: before[name]}
	o := orders{clients: 2}
	rolls, err := f.roller(h)
	if err != nil {
		return err
	}
	for round := range 3 {
		if f.velosd != "" {
			if err := f.upgrade(h); err != nil {
				return err
			}
		}
		if err := rolls.round(h); err != nil {
			return err
		}
		if err := f.give(h, &o); err != nil {
			return err
		}
		if round < 2 {
			pid, _, err := h.kill()
			if err == nil {
				err = h.serving(pid)
			}
			if err != nil {
				return err
			}
		}
	}
	now, err := h.list()
	if err != nil {
		return err
	}
	k := crash{}
	k.same(map[string]velos.App{name: now[name]}, before)
	if err := k.check(h, before); err != nil {
		return err
	}
	f.Faults = append(append(append(f.Faults, o.Faults...), rolls.Faults...), k.Faults...)
	if k.bad() {
		if b, err := os.ReadFile(h.home.EventsFile()); err == nil {
			var mine []string
			for l := range strings.Lines(string(b)) {
				if strings.Contains(l, `"`+name+`"`) {
					mine = append(mine, "    "+l)
				}
			}
			f.Faults = append(f.Faults, "\n"+strings.Join(mine[:min(12, len(mine))], ""))
		}
		f.Faults = append(f.Faults, k.tally.String())
	}
	return nil
}

// upgrade asks for one; the daemon may die of it.
func (f *fault) upgrade(h *house) error {
	asked := time.Now()
	_ = h.ask(func(ctx context.Context, c *client.Client) error {
		_, err := c.Upgrade(ctx, wire.Upgrade{Path: f.velosd})
		return err
	})
	return await("a daemon after an upgrade", func() bool {
		young := false
		err := h.ask(func(ctx context.Context, c *client.Client) error {
			pong, err := c.Ping(ctx)
			young = err == nil && pong.Uptime.Std() <= time.Since(asked)
			return err
		})
		return err == nil && young
	})
}

// give has clients give orders for a moment, and checks what was answered.
func (f *fault) give(h *house, o *orders) error {
	stop := make(chan struct{})
	var all sync.WaitGroup
	givers := make([]*giver, o.clients)
	for i := range givers {
		g := &giver{o: o, h: h, tag: fmt.Sprintf("g%d-%d-", i, time.Now().UnixNano()%1e9), steady: true}
		givers[i] = g
		all.Add(1)
		go func() {
			defer all.Done()
			g.work(stop)
		}()
	}
	time.Sleep(350 * time.Millisecond)
	close(stop)
	all.Wait()
	for _, g := range givers {
		g.check()
	}
	return o.inventory(h)
}

// fullJournal is a journal so long that the next few events begin a new one.
func fullJournal() (b []byte) {
	for n := 1; len(b) < 1<<20-2000; n++ {
		b = fmt.Appendf(b, `{"seq":%d,"ts":1,"kind":"daemon","instance":-1,"cause":"%0900d"}`+"\n", n, n)
	}
	return b
}

// survey kills a daemon at each of these points, at each of these passes, and returns
// what was found and which points were never reached. Where a time is over no
// further kill is begun, and a point whose turn has not come is not missed.
func survey(p programs, points []string, passes []int, side int, over <-chan time.Time) (kills int, found, missed []string, err error) {
	jobs := make(chan fault)
	var mu sync.Mutex
	var all sync.WaitGroup
	tried, reached := map[string]bool{}, map[string]bool{}
	for range side {
		all.Add(1)
		go func() {
			defer all.Done()
			for f := range jobs {
				e := f.run(p)
				mu.Lock()
				if e != nil {
					found = append(found, fmt.Sprintf("%s:%d: %v", f.point, f.pass, e))
				}
				for _, x := range f.Faults {
					found = append(found, fmt.Sprintf("%s:%d: %s", f.point, f.pass, x))
				}
				if f.reached {
					kills++
					reached[f.point] = true
				}
				mu.Unlock()
			}
		}()
	}
give:
	for _, n := range passes {
		for _, point := range points {
			select {
			case jobs <- fault{point: point, pass: n}:
				tried[point] = true
			case <-over:
				break give
			}
		}
	}
	close(jobs)
	all.Wait()
	for _, point := range points {
		if tried[point] && !reached[point] {
			missed = append(missed, point)
		}
	}
	return kills, found, missed, nil
}
