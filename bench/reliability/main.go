//go:build linux

// Command reliability kills velosd with SIGKILL, at random moments and many
// times, and looks for what that has cost: lines lost, doubled or torn, exit
// codes, orders, processes that nobody knows. It finds nothing, or it fails.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/velospm/velos/bench/rig"
)

var (
	kills    = flag.Int("kills", 50, "how often the daemon is killed while children write")
	homes    = flag.Int("homes", 5, "over how many daemons these kills are spread: a keeper takes its time when deaths come fast")
	children = flag.Int("children", 5, "children that write")
	rate     = flag.Int("rate", 5000, "lines a second, of each child and stream")
	rounds   = flag.Int("ends", 40, "how often 20 children end together with the daemon")
	orderly  = flag.Int("orders", 50, "how often the daemon is killed among orders")
	adopted  = flag.Int("adopted", 100, "children whose adoption is timed")
	passes   = flag.Int("passes", 3, "at how many passes of each fault point the daemon is killed")
	point    = flag.String("point", "", "this fault point only")
	upgrades = flag.Int("upgrades", 20, "upgrades in place")
	only     = flag.String("only", "", "names of parts, separated by commas: lines, ends, orders, upgrades, adoption, faults, clock, pm2; empty: all")
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == childArg {
		child(os.Args[2:])
	}
	flag.Parse()
	rig.Run("reliability", run)
}

func run(r *rig.Rig) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := programs{dir: r.Dir, velosd: r.Bin("velosd"), self: self}
	var failed []error
	for _, part := range []struct {
		name string
		f    func(*rig.Rig, programs) error
	}{{"lines", lines}, {"ends", exits}, {"orders", ordered}, {"upgrades", upgraded}, {"adoption", adopt}, {"faults", atPoints}, {"clock", clock}, {"pm2", underPM2}} {
		if *only != "" && !strings.Contains(","+*only+",", ","+part.name+",") {
			continue
		}
		r.Note("%s", part.name)
		if err := part.f(r, p); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	return errors.Join(failed...)
}

// spread is n in parts of nearly the same size.
func spread(n, parts int) (list []int) {
	for parts = max(1, min(parts, n)); parts > 0; parts-- {
		list = append(list, n/parts)
		n -= n / parts
	}
	return list
}

func zero(r *rig.Rig, what string, found, of int, unit string) {
	r.Add(rig.Figure{What: what, Velos: fmt.Sprintf("%d of %d %s", found, of, unit), Target: "0", Met: found == 0})
}

func lines(r *rig.Rig, p programs) error {
	var sum tally
	var gaps []time.Duration
	early := 0
	for _, n := range spread(*kills, *homes) {
		k := crash{kills: n, children: *children, rate: *rate}
		if err := k.run(p); err != nil {
			return err
		}
		sum.add(k.tally)
		gaps = append(gaps, k.gaps...)
		early += k.early
		r.Note("%d kills: %v", n, k.tally)
	}
	r.Note("%d kills, and %d more of daemons that were taking over; %d files, %d of them compressed", *kills, early, sum.Files, sum.Compressed)
	what := fmt.Sprintf("%d kill -9 under load: lines ", *kills+early)
	zero(r, what+"lost", sum.Lost, sum.Lines, "lines")
	zero(r, what+"doubled", sum.Doubled, sum.Lines, "lines")
	zero(r, what+"torn", sum.Torn, sum.Lines, "lines")
	r.Add(rig.Figure{What: "kill to a list that is right: median", Velos: rig.Time(rig.Median(gaps))})
	r.Add(rig.Figure{What: "kill to a list that is right: fastest", Velos: rig.Time(rig.Percentile(gaps, 0))})
	return faults(sum.Faults, sum.Lost+sum.Doubled+sum.Torn)
}

func upgraded(r *rig.Rig, p programs) error {
	n := renewal{crash: crash{children: *children, rate: *rate}, upgrades: *upgrades}
	if err := n.run(p); err != nil {
		return err
	}
	what := fmt.Sprintf("%d upgrades in place under load: ", n.upgrades)
	zero(r, what+"lines lost", n.Lost, n.Lines, "lines")
	zero(r, what+"lines doubled", n.Doubled, n.Lines, "lines")
	zero(r, what+"lines torn", n.Torn, n.Lines, "lines")
	zero(r, what+"wrong codes of children that end meanwhile", n.wrong, n.ends, "ends")
	r.Add(rig.Figure{What: "upgrade until the new program answers: median", Velos: rig.Time(rig.Median(n.gaps))})
	return faults(n.Faults, n.Lost+n.Doubled+n.Torn)
}

func exits(r *rig.Rig, p programs) error {
	var all ends
	for _, n := range spread(*rounds, *rounds/5) {
		e := ends{rounds: n, children: 20}
		if err := e.run(p); err != nil {
			return err
		}
		all.codes += e.codes
		all.wrong += e.wrong
		all.unknown += e.unknown
		all.Faults = append(all.Faults, e.Faults...)
	}
	zero(r, "ends while there is no daemon: wrong codes", all.wrong, all.codes, "ends")
	zero(r, "ends while there is no daemon: unknown codes", all.unknown, all.codes, "ends")
	return faults(all.Faults, all.wrong+all.unknown)
}

func ordered(r *rig.Rig, p programs) error {
	var list []string
	given, unanswered := 0, 0
	for _, n := range spread(*orderly, *orderly/5) {
		o := orders{kills: n, clients: 8}
		if err := o.run(p); err != nil {
			return err
		}
		given += o.given
		unanswered += o.unanswered
		list = append(list, o.Faults...)
	}
	r.Note("%d orders, %d of them interrupted", given, unanswered)
	zero(r, fmt.Sprintf("%d kill -9 among orders: orders broken, orphans, doubles", *orderly), len(list), given, "orders")
	return faults(list, len(list))
}

func adopt(r *rig.Rig, p programs) error {
	var started, killed []time.Duration
	for range 4 {
		a := adoption{children: *adopted, rounds: 5}
		if err := a.run(p); err != nil {
			return err
		}
		started = append(started, a.started...)
		killed = append(killed, a.killed[0]) // the keeper waits before the later ones
	}
	worst := rig.Percentile(started, 100)
	r.Add(rig.Figure{What: fmt.Sprintf("adoption of %d children, from the daemon's fork: slowest of %d", *adopted, len(started)),
		Velos: rig.Time(worst), Target: "≤ 200 ms", Met: worst <= 200*time.Millisecond})
	r.Add(rig.Figure{What: "the same: median", Velos: rig.Time(rig.Median(started))})
	r.Add(rig.Figure{What: "from kill -9 to a list that shows them all: median", Velos: rig.Time(rig.Median(killed))})
	if worst > 200*time.Millisecond {
		return fmt.Errorf("adoption took %v", worst)
	}
	return nil
}

func atPoints(r *rig.Rig, p programs) error {
	p.velosd = filepath.Join(r.Dir, "faulty", "velosd")
	if err := buildFaulty(r.Root, p.velosd); err != nil {
		return err
	}
	if *point != "" {
		points = strings.Split(*point, ",")
	}
	var numbers []int
	for n := 1; len(numbers) < *passes; n += 1 + n/2 {
		numbers = append(numbers, n)
	}
	n, found, missed, err := survey(p, points, numbers, 3, nil)
	if err != nil {
		return err
	}
	r.Add(rig.Figure{What: "fault points reached", Velos: fmt.Sprint(len(points) - len(missed)), Target: fmt.Sprint(len(points)), Met: len(missed) == 0})
	zero(r, "kill -9 at fault points: what was found wrong", len(found), n, "kills")
	if len(missed) > 0 {
		found = append(found, "never reached: "+strings.Join(missed, " "))
	}
	return faults(found, len(found))
}

func clock(r *rig.Rig, p programs) error {
	p.velosd = filepath.Join(r.Dir, "settable")
	if err := buildSettable(r.Root, p.velosd); err != nil {
		return err
	}
	k := setting{}
	if err := k.run(p); err != nil {
		return err
	}
	bad := len(k.Faults) + k.Lost + k.Doubled + k.Torn
	zero(r, "the clock set six times, by an hour and more: what was found wrong", bad, k.Lines, "lines")
	return faults(k.Faults, bad)
}

// buildFaulty builds both programs, velosd with its fault points.
func buildFaulty(root, velosd string) error {
	for _, args := range [][]string{{"-tags", "faults", "-o", velosd, "./cmd/velosd"}, {"-o", filepath.Dir(velosd) + "/", "./cmd/velos"}} {
		c := exec.Command("go", append([]string{"build"}, args...)...)
		c.Dir = root
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return nil
}

func faults(list []string, n int) error {
	if n == 0 && len(list) == 0 {
		return nil
	}
	return fmt.Errorf("%d faults, such as:\n  %s", max(n, len(list)), strings.Join(list[:min(len(list), 25)], "\n  "))
}
