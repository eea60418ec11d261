//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// Trouble is what comes between reloads.
type trouble int

const (
	none     trouble = iota
	upgrades         // the daemon is replaced in place
	kills            // the daemon is killed with SIGKILL
)

// An app is what is reloaded: the arguments of velos start, and its ports.
type app struct {
	name  string
	args  []string // behind velos start
	env   []string
	ports []int
}

// node is a script of ours with so many ports.
func (h *house) node(name, file string, instances, n int, more ...string) (app, error) {
	path, err := script(h.dir, file)
	if err != nil {
		return app{}, err
	}
	list, env, err := ports(n)
	args := append([]string{path, "--name", name, "-i", strconv.Itoa(instances)}, more...)
	return app{name, args, env, list}, err
}

// own is a script of somebody else's.
func (h *house) own(path string) (app, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return app{}, err
	}
	list, env, err := ports(1)
	return app{"own", []string{path, "--name", "own", "-i", "2"}, env, list}, err
}

// python and goServer listen on what they are given.
func (h *house) python(patient bool) (app, error) {
	path, err := script(h.dir, "plain.py")
	if err != nil {
		return app{}, err
	}
	return passed("py", patient, path)
}

func (h *house) goServer(patient bool) (app, error) {
	a, err := passed("go", patient, h.self)
	a.args = append(a.args, "--", serveArg)
	return a, err
}

func passed(name string, patient bool, path string) (app, error) {
	list, env, err := ports(1)
	if err != nil {
		return app{}, err
	}
	if patient {
		env = append(env, "PATIENT=yes")
	}
	return app{name, []string{path, "--name", name, "-i", "2", "--listen", "127.0.0.1:" + strconv.Itoa(list[0]), "--listen-reuseport"}, env, list}, nil
}

// up starts an app and waits until each of its ports answers.
func (h *house) up(a app) error {
	if err := h.must(a.env, append([]string{"start"}, a.args...)...); err != nil {
		return err
	}
	return answers(a.ports)
}

func answers(ports []int) error {
	for _, p := range ports {
		c := client{port: p}
		var err error
		if e := rig.Await(patience, "an answer", func() bool { _, err = c.ask(); c.hangUp(); return err == nil }); e != nil {
			return fmt.Errorf("%w: %w", e, err)
		}
	}
	return nil
}

// A trial is reloads of one app under load.
type trial struct {
	reloads int
	keep    bool
	trouble trouble

	tally
	times  []time.Duration // of each reload
	stirs  int             // upgrades or kills
	events string          // what the daemon has on record, if anything failed
}

// run reloads until it has done so often enough. With a daemon that is killed
// some reloads are begun and not answered; they do not count.
func (t *trial) run(h *house, a app) error {
	l := load{ports: a.ports, clients: *clients, keep: t.keep}
	var err error
	t.tally, err = l.during(func() error {
		for i := range t.reloads {
			if err := t.stir(h, a, i); err != nil {
				return err
			}
			began := time.Now()
			if err := h.must(nil, "reload", a.name); err != nil {
				return fmt.Errorf("reload %d: %w", i+1, err)
			}
			t.times = append(t.times, time.Since(began))
		}
		return h.whole(a.name, 2)
	})
	if t.failed > 0 {
		t.events, _, _ = h.do(nil, "events", a.name, "-n", "200")
	}
	return err
}

func (t *trial) stir(h *house, a app, i int) error {
	switch t.trouble {
	case upgrades:
		t.stirs++
		return h.must(nil, "daemon", "upgrade")
	case kills:
		t.stirs++
		if i%2 == 0 {
			return h.kill()
		}
		return t.midway(h, a)
	}
	return nil
}

// midway kills the daemon in the middle of a reload, and waits until the app
// is whole again.
func (t *trial) midway(h *house, a app) error {
	done := make(chan struct{})
	go func() {
		_, _, _ = h.do(nil, "reload", a.name)
		close(done)
	}()
	typical := 300 * time.Millisecond
	if len(t.times) > 0 {
		typical = t.times[len(t.times)-1]
	}
	time.Sleep(rand.N(typical))
	if err := h.kill(); err != nil {
		return err
	}
	<-done
	return h.whole(a.name, 2)
}

// reloaded is the part of reloads: a Node app with two workers.
func reloaded(r *rig.Rig, p programs) error {
	for _, keep := range []bool{false, true} {
		pm2, err := underPM2(r, p, keep)
		if err != nil {
			return err
		}
		for _, what := range []trouble{none, upgrades, kills} {
			t := trial{reloads: *reloads, keep: keep, trouble: what}
			if what != none {
				t.reloads = max(1, *reloads/4)
			}
			if err := onHouse(p, func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1) }, t.run); err != nil {
				return err
			}
			figures(r, t.title("a Node app with 2 workers"), t, pm2)
			pm2 = nil
		}
	}
	return nil
}

// onHouse raises a house with one app in it.
func onHouse(p programs, make func(*house) (app, error), f func(*house, app) error) error {
	h, err := p.raise()
	if err != nil {
		return err
	}
	defer h.end()
	a, err := make(h)
	if err != nil {
		return err
	}
	if err := h.up(a); err != nil {
		return err
	}
	return f(h, a)
}

func (t *trial) title(who string) string {
	s := fmt.Sprintf("%d reloads of %s under load, ", t.reloads, who)
	switch {
	case t.keep:
		s += "keep-alive"
	default:
		s += "a connection for each request"
	}
	switch t.trouble {
	case upgrades:
		s += fmt.Sprintf(", %d upgrades of the daemon", t.stirs)
	case kills:
		s += fmt.Sprintf(", %d kill -9 of the daemon, half of them in the midst of another reload", t.stirs)
	}
	return s
}

// figures are the lines of a trial, and what PM2 made of the same.
func figures(r *rig.Rig, title string, t trial, pm2 *trial) {
	r.Note("%s: %d of %d failed %s", title, t.failed, t.requests, t.why())
	failed := rig.Figure{What: title + ": failed requests", Velos: fmt.Sprintf("%d of %d", t.failed, t.requests), Target: "0", Met: t.failed == 0 && t.requests > 0}
	refused := rig.Figure{What: "the same: refused connections", Velos: strconv.Itoa(t.refused), Target: "0", Met: t.refused == 0}
	took := rig.Figure{What: "the same: one reload, median", Velos: rig.Time(rig.Median(t.times))}
	if pm2 != nil {
		failed.PM2 = fmt.Sprintf("%d of %d in %d, %d hung", pm2.failed, pm2.requests, pm2.reloads, pm2.hung)
		refused.PM2 = strconv.Itoa(pm2.refused)
		took.PM2 = rig.Time(rig.Median(pm2.times))
		took.Ratio = rig.Ratio(float64(rig.Median(pm2.times)), float64(rig.Median(t.times)))
	}
	r.Add(failed)
	r.Add(refused)
	r.Add(took)
}

// several is the part of apps in other ways and languages.
func several(r *rig.Rig, p programs) error {
	list := kinds
	if *own != "" {
		list = append(list[:0:0], kind{*own, func(h *house, _ bool) (app, error) { return h.own(*own) }})
	}
	for _, k := range list {
		for _, keep := range []bool{false, true} {
			t := trial{reloads: max(1, *reloads/10), keep: keep}
			if err := onHouse(p, func(h *house) (app, error) { return k.make(h, keep) }, t.run); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			figures(r, t.title(k.name), t, nil)
		}
	}
	return nil
}

type kind struct {
	name string
	make func(h *house, keep bool) (app, error)
}

// kinds of apps. Those that get keep-alive clients and are no workers of a
// cluster must be patient with them.
var kinds = []kind{
	{"a Node app with routes", func(h *house, _ bool) (app, error) { return h.node("routes", "routes.js", 2, 1) }},
	{"a Node app with 2 ports", func(h *house, _ bool) (app, error) { return h.node("ports", "ports.js", 2, 2) }},
	{"a Python server", func(h *house, keep bool) (app, error) { return h.python(keep) }},
	{"a Go server", func(h *house, keep bool) (app, error) { return h.goServer(keep) }},
}
