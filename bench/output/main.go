//go:build linux

// Command output measures what it costs a child to be listened to: a program
// writes many numbered lines as fast as it can, into cat > file, under velosd
// and under PM2. Then it counts the lines in the log files: none may be
// missing, doubled or out of order.
package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/velospm/velos/bench/rig"
)

var (
	lines  = flag.Int("lines", 1_000_000, "lines to write")
	length = flag.Int("length", 120, "bytes of a line, with its newline")
	rounds = flag.Int("rounds", 3, "how often each side listens")
)

const within = 120 * time.Second

func main() {
	flag.Parse()
	rig.Run("output", run)
}

// A side is somebody who listens to the program.
type side func(r *rig.Rig, g *gush, mode string) (took, error)

// took is how long the child wrote, and how long until all of it was in the
// file, both from the child's first instructions. What is left over is CPU.
type took struct {
	child, kept time.Duration
	cpu         time.Duration // of who listens
	count       count
}

func run(r *rig.Rig) error {
	g, err := newGush(r)
	if err != nil {
		return err
	}
	for _, mode := range []string{"bulk", "line"} {
		if err := compare(r, g, mode); err != nil {
			return err
		}
	}
	return nil
}

func compare(r *rig.Rig, g *gush, mode string) error {
	var cat, velos, pm2 []took
	for range *rounds {
		for _, s := range []struct {
			of   *[]took
			side side
		}{{&cat, underCat}, {&velos, underVelos}} {
			t, err := s.side(r, g, mode)
			if err != nil {
				return err
			}
			*s.of = append(*s.of, t)
		}
	}
	t, err := underPM2(r, g, mode)
	if err != nil {
		return err
	}
	pm2 = append(pm2, t)

	what := fmt.Sprintf("%d lines of %d bytes, buffered by the program", *lines, *length)
	if mode == "line" {
		what = fmt.Sprintf("%d lines of %d bytes, one write each", *lines, *length)
	}
	child := func(t took) time.Duration { return t.child }
	kept := func(t took) time.Duration { return t.kept }
	v, c, p := median(velos, child), median(cat, child), median(pm2, child)
	f := rig.Figure{What: what + ": until the child had written all", Velos: rig.Time(v), Base: rig.Time(c), PM2: rig.Time(p), Ratio: rig.Ratio(float64(p), float64(v))}
	r.Add(f)
	r.Add(rig.Figure{What: "the same, times cat > file", Velos: rig.Ratio(float64(v), float64(c)), PM2: rig.Ratio(float64(p), float64(c)),
		Target: "≤ 2", Met: v <= 2*c})
	v, c, p = median(velos, kept), median(cat, kept), median(pm2, kept)
	r.Add(rig.Figure{What: "until all was in the log file", Velos: rig.Time(v), Base: rig.Time(c), PM2: rig.Time(p), Ratio: rig.Ratio(float64(p), float64(v))})
	r.Add(rig.Figure{What: "the same, times cat > file", Velos: rig.Ratio(float64(v), float64(c)), PM2: rig.Ratio(float64(p), float64(c))})
	r.Add(rig.Figure{What: "processor time of who listens", Velos: rig.Time(median(velos, cpu)), Base: rig.Time(median(cat, cpu)), PM2: rig.Time(median(pm2, cpu))})
	all := count{}
	for _, t := range velos {
		all.add(t.count)
	}
	r.Add(rig.Figure{What: fmt.Sprintf("lines kept of %d; missing, doubled, spoilt", *rounds**lines), Velos: all.String(), PM2: pm2[0].count.String(),
		Target: "none lost", Met: all == count{kept: *rounds * *lines}})
	return nil
}

func cpu(t took) time.Duration { return t.cpu }

func median(list []took, of func(took) time.Duration) time.Duration {
	var d []time.Duration
	for _, t := range list {
		d = append(d, of(t))
	}
	return rig.Median(d)
}
