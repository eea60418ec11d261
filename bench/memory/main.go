//go:build linux

// Command memory measures what velosd holds while its children are quiet: as
// one app with many instances and as many apps, with PM2 beside it.
package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
)

const mib = 1 << 20

var (
	counts = flag.String("children", "10,1000", "numbers of quiet children")
	settle = flag.Duration("settle", 18*time.Second, "pause before a measurement; velosd looks at its children every 15 seconds")
	lists  = flag.Int("lists", 100, "how often everything is listed before the second measurement")
	pm2N   = flag.Int("pm2", 10, "number of children for PM2")
)

func main() {
	flag.Parse()
	rig.Run("memory", run)
}

func run(r *rig.Rig) error {
	var list []int
	for s := range strings.SplitSeq(*counts, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return fmt.Errorf("-children: %q is no number of children", s)
		}
		list = append(list, n)
	}
	empty, err := measure(r, 0, false)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: "no app: anonymous / resident / PSS", Velos: show(empty.quiet)})
	var pm2 rig.Memory
	if p := r.PM2(); p != nil {
		if err := p.Start("quiet", *pm2N, "/bin/sleep", nil, "infinity"); err != nil {
			return err
		}
		time.Sleep(*settle)
		if pm2, err = rig.MemoryOf(p.PID()); err != nil {
			return err
		}
		p.End()
	}
	for _, apps := range []bool{false, true} {
		var first sizes
		for i, n := range list {
			m, err := measure(r, n, apps)
			if err != nil {
				return err
			}
			if i == 0 {
				first = m
			}
			report(r, n, apps, m, pm2)
			if i > 0 {
				perChild(r, n-list[0], apps, first.quiet, m.quiet)
			}
		}
	}
	return nil
}

// sizes is what velosd held in one run.
type sizes struct {
	quiet  rig.Memory // some time after the start
	used   rig.Memory // some time after many requests
	keeper rig.Memory // of the process that watches over the daemon, at the end
}

// measure raises a daemon with n quiet children and waits until it has given
// back what the start took. Then it asks much, and measures again.
func measure(r *rig.Rig, n int, apps bool) (m sizes, err error) {
	d, err := r.Raise()
	if err != nil {
		return m, err
	}
	defer d.End()
	var specs []velos.Spec
	switch {
	case apps:
		for i := range n {
			specs = append(specs, rig.Spec("quiet-"+strconv.Itoa(i), 1, "/bin/sleep", "infinity"))
		}
	case n > 0:
		specs = append(specs, rig.Spec("quiet", n, "/bin/sleep", "infinity"))
	}
	if err := d.Launch(specs...); err != nil {
		return m, err
	}
	time.Sleep(*settle)
	if m.quiet, err = rig.MemoryOf(d.PID); err != nil {
		return m, err
	}
	r.Note("%s: %s", title(n, apps), show(m.quiet))
	for range *lists {
		if _, err := d.List(context.Background()); err != nil {
			return m, err
		}
	}
	time.Sleep(*settle)
	if m.used, err = rig.MemoryOf(d.PID); err == nil && d.Keeper != 0 {
		m.keeper, err = rig.MemoryOf(d.Keeper)
	}
	return m, err
}

func title(n int, apps bool) string {
	if apps {
		return strconv.Itoa(n) + " apps"
	}
	return "one app, " + strconv.Itoa(n) + " instances"
}

func show(m rig.Memory) string {
	return fmt.Sprintf("%s / %s / %s, %d threads, %d descriptors", rig.KiB(m.Anon), rig.KiB(m.RSS), rig.KiB(m.PSS), m.Threads, m.Descriptors)
}

func report(r *rig.Rig, n int, apps bool, s sizes, pm2 rig.Memory) {
	m := s.quiet
	anon := rig.Figure{What: title(n, apps) + ": anonymous", Velos: rig.KiB(m.Anon)}
	rss := rig.Figure{What: title(n, apps) + ": resident", Velos: rig.KiB(m.RSS)}
	if n == 10 {
		anon.Target, anon.Met = "≤ 1024 KiB", m.Anon <= mib
		rss.Target, rss.Met = "≤ 3072 KiB", m.RSS <= 3*mib
	}
	if n == *pm2N && pm2.RSS > 0 {
		anon.PM2, anon.Ratio = rig.KiB(pm2.Anon), rig.Ratio(float64(pm2.Anon), float64(m.Anon))
		rss.PM2, rss.Ratio = rig.KiB(pm2.RSS), rig.Ratio(float64(pm2.RSS), float64(m.RSS))
	}
	r.Add(anon)
	r.Add(rss)
	r.Add(rig.Figure{What: title(n, apps) + ": PSS, threads, descriptors",
		Velos: fmt.Sprintf("%s, %d, %d", rig.KiB(m.PSS), m.Threads, m.Descriptors)})
	r.Add(rig.Figure{What: fmt.Sprintf("the same, some seconds after %d lists: anonymous / resident", *lists),
		Velos: rig.KiB(s.used.Anon) + " / " + rig.KiB(s.used.RSS)})
	if s.keeper.RSS > 0 {
		r.Add(rig.Figure{What: title(n, apps) + ": the keeper beside it, anonymous", Velos: rig.KiB(s.keeper.Anon),
			Target: "≤ 819 KiB", Met: s.keeper.Anon <= 819<<10})
		r.Add(rig.Figure{What: "the same: resident, PSS, threads, descriptors",
			Velos: fmt.Sprintf("%s, %s, %d, %d", rig.KiB(s.keeper.RSS), rig.KiB(s.keeper.PSS), s.keeper.Threads, s.keeper.Descriptors)})
	}
}

// perChild is what one more quiet child costs.
func perChild(r *rig.Rig, more int, apps bool, few, many rig.Memory) {
	anon, rss := float64(many.Anon-few.Anon)/float64(more), float64(many.RSS-few.RSS)/float64(more)
	r.Add(rig.Figure{
		What:   fmt.Sprintf("each of %d more children (%s): anonymous / resident", more, map[bool]string{true: "apps", false: "instances"}[apps]),
		Velos:  fmt.Sprintf("%.2f / %.2f KiB", anon/1024, rss/1024),
		Target: "≤ 4 KiB", Met: anon <= 4096 && rss <= 4096,
	})
}
