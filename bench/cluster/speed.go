//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// A side serves plain.js with two workers.
type side struct {
	name string
	port int
	end  func()
	pids []int // of all that serves

	cpu   map[bool][]time.Duration // for an answer
	rates map[bool][]float64       // by keep-alive: answers a second in each round
	took  map[bool][]time.Duration
}

// speed is the part of throughput: all sides stand side by side, and take
// turns under the same load.
func speed(r *rig.Rig, p programs) error {
	sides, err := stand(r, p)
	defer func() {
		for _, s := range sides {
			s.end()
		}
	}()
	if err != nil {
		return err
	}
	for round := range *rounds {
		for _, keep := range []bool{false, true} {
			for i := range sides { // another one is the first each time
				if err := sides[(i+round)%len(sides)].measure(keep); err != nil {
					return err
				}
			}
		}
	}
	for _, keep := range []bool{false, true} {
		rated(r, sides, keep)
	}
	return nil
}

func stand(r *rig.Rig, p programs) (sides []*side, err error) {
	add := func(name string, port int, end func()) *side {
		s := &side{name: name, port: port, end: end, rates: map[bool][]float64{}, took: map[bool][]time.Duration{}, cpu: map[bool][]time.Duration{}}
		sides = append(sides, s)
		return s
	}
	h, err := p.raise()
	if err != nil {
		return nil, err
	}
	a, err := h.node("web", "plain.js", 2, 1)
	if err != nil {
		return nil, err
	}
	ours := add("velos", a.ports[0], h.end)
	if err := h.up(a); err != nil {
		return sides, err
	}
	daemon, err := h.daemon()
	if err != nil {
		return sides, err
	}
	ours.pids = family(daemon)
	node, err := exec.LookPath("node")
	if err != nil {
		return sides, err
	}
	for name, policy := range map[string]string{"round robin": "rr", "left to the system": "none"} {
		primary, err := script(p.dir, "cluster.js")
		if err != nil {
			return sides, err
		}
		list, env, err := ports(1)
		if err != nil {
			return sides, err
		}
		c, err := begin(append(env, "NODE_CLUSTER_SCHED_POLICY="+policy), node, primary, a.args[0])
		if err != nil {
			return sides, err
		}
		s := add(name, list[0], c.end)
		if err := answers(list); err != nil {
			return sides, err
		}
		s.pids = family(c.cmd.Process.Pid)
	}
	if pm2 := r.PM2(); pm2 != nil {
		port, err := clusterOf(pm2, p, 2)
		s := add("pm2", port, pm2.End)
		if err != nil {
			return sides, err
		}
		s.pids = family(pm2.PID())
	}
	return sides, nil
}

// family is a process and its children.
func family(pid int) []int {
	list := []int{pid}
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, w := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(w); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// measure is one round of a side.
func (s *side) measure(keep bool) error {
	l := load{ports: []int{s.port}, clients: *clients, keep: keep}
	before, err := rig.CPUOf(s.pids...)
	if err != nil {
		return err
	}
	began := time.Now()
	t, err := l.during(func() error { time.Sleep(*window); return nil })
	if err != nil {
		return err
	}
	after, err := rig.CPUOf(s.pids...)
	if err != nil {
		return err
	}
	if t.failed > 0 {
		return fmt.Errorf("%s: %d of %d requests failed: %s", s.name, t.failed, t.requests, t.why())
	}
	s.cpu[keep] = append(s.cpu[keep], (after-before)/time.Duration(max(1, t.requests)))
	s.rates[keep] = append(s.rates[keep], float64(t.requests)/time.Since(began).Seconds())
	s.took[keep] = append(s.took[keep], t.took...)
	return nil
}

// rated compares the sides. Ratios are medians of those of neighbouring
// rounds, so that the machine's mood cancels out.
func rated(r *rig.Rig, sides []*side, keep bool) {
	what, target := "new connections a second, -i 2", 3.0
	if keep {
		what, target = "requests a second with keep-alive, -i 2", 0.95
	}
	of := map[string]*side{}
	for _, s := range sides {
		of[s.name] = s
	}
	velos, own, free, pm2 := of["velos"], of["round robin"], of["left to the system"], of["pm2"]
	rate := func(s *side) string {
		if s == nil {
			return ""
		}
		return strconv.Itoa(int(middle(s.rates[keep])))
	}
	times := func(a, b *side) float64 {
		if b == nil {
			return 0
		}
		var list []float64
		for i := range a.rates[keep] {
			list = append(list, a.rates[keep][i]/b.rates[keep][i])
		}
		return middle(list)
	}
	r.Add(rig.Figure{What: what + "; by hand: Node's cluster", Velos: rate(velos), Base: rate(own), PM2: rate(pm2)})
	r.Add(rig.Figure{What: "the same with connections left to the system", Base: rate(free)})
	f := rig.Figure{What: "the same, times PM2", Velos: rig.Ratio(times(velos, pm2), 1)}
	if pm2 != nil {
		f.Target, f.Met = fmt.Sprintf("≥ %g", target), times(velos, pm2) >= target
		if keep {
			f.Target = "≥ 1, within 5 %"
		}
	}
	r.Add(f)
	r.Add(rig.Figure{What: "the same, times Node's cluster; left to the system", Velos: rig.Ratio(times(velos, own), 1) + "; " + rig.Ratio(times(velos, free), 1)})
	cost := func(s *side) time.Duration {
		if s == nil {
			return 0
		}
		return rig.Median(s.cpu[keep])
	}
	r.Add(rig.Figure{What: "the same: processor time for each, of all that serves", Velos: rig.Time(cost(velos)), Base: rig.Time(cost(own)), PM2: rig.Time(cost(pm2)),
		Ratio: rig.Ratio(float64(cost(pm2)), float64(cost(velos)))})
	r.Add(rig.Figure{What: "the same with connections left to the system", Base: rig.Time(cost(free))})
	for _, p := range []int{50, 99} {
		f := rig.Figure{What: fmt.Sprintf("the same: p%d of an answer", p), Velos: rig.Time(rig.Percentile(velos.took[keep], p)), Base: rig.Time(rig.Percentile(own.took[keep], p))}
		if pm2 != nil {
			theirs := rig.Percentile(pm2.took[keep], p)
			f.PM2 = rig.Time(theirs)
			f.Ratio = rig.Ratio(float64(theirs), float64(rig.Percentile(velos.took[keep], p)))
			if p == 99 {
				f.Target, f.Met = "no worse than PM2", rig.Percentile(velos.took[keep], p) <= theirs
			}
		}
		r.Add(f)
	}
}

// middle is the median.
func middle(list []float64) float64 {
	var d []time.Duration
	for _, v := range list {
		d = append(d, time.Duration(v*1e6))
	}
	return float64(rig.Median(d)) / 1e6
}

// spread is the part of evenness: a thousand short connections, one after the
// other and from clients side by side.
func spread(r *rig.Rig, p programs) error {
	for _, workers := range []int{2, 4} {
		err := onHouse(p, func(h *house) (app, error) { return h.node("web", "plain.js", workers, 1) }, func(_ *house, a app) error {
			for _, clients := range []int{1, *clients} {
				t, err := short(a.ports[0], clients, 1000)
				if err != nil {
					return err
				}
				shares, off := even(t.by, workers)
				r.Add(rig.Figure{What: fmt.Sprintf("1000 short connections of %d clients to %d workers: furthest from even", clients, workers),
					Velos: fmt.Sprintf("%.1f %% (%s)", off, shares), Target: "≤ 10 %", Met: off <= 10})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// short makes n connections, each for one request.
func short(port, clients, n int) (sum tally, err error) {
	parts := make(chan tally, clients)
	for i := range clients {
		go func() {
			c := client{port: port}
			var t tally
			for range n/clients + min(1, max(0, n%clients-i)) {
				c.turn(&t)
			}
			parts <- t
		}()
	}
	for range clients {
		sum.add(<-parts)
	}
	if sum.failed > 0 {
		err = fmt.Errorf("%d of %d connections failed: %s", sum.failed, sum.requests, sum.why())
	}
	return sum, err
}
