//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestMain makes the test binary the children that velosd runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == childArg {
		child(os.Args[2:])
	}
	os.Exit(m.Run())
}

// built are both programs, velosd with its fault points.
func built(t *testing.T) programs {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := programs{dir: dir, velosd: filepath.Join(dir, "bin", "velosd"), self: self}
	if err := buildFaulty("../..", p.velosd); err != nil {
		t.Fatal(err)
	}
	return p
}

// enough is when no further fault is begun: a package has ten minutes, also on
// a busy machine. Another run comes to other points.
const enough = 3 * time.Minute

// TestNothingIsLostWhenTheDaemonIsKilled is the short form of this program.
// Every part of it runs beside the others.
func TestNothingIsLostWhenTheDaemonIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes about twenty seconds")
	}
	p := built(t)
	t.Run("lines", func(t *testing.T) {
		t.Parallel()
		k := crash{kills: 5, children: 3, rate: 2000}
		if err := k.run(p); err != nil {
			t.Fatal(err)
		}
		if k.bad() {
			t.Errorf("%v: %q", k.tally, k.Faults)
		}
	})
	t.Run("ends", func(t *testing.T) {
		t.Parallel()
		e := ends{rounds: 4, children: 8}
		if err := e.run(p); err != nil {
			t.Fatal(err)
		}
		if e.wrong+e.unknown > 0 {
			t.Errorf("of %d ends %d are wrong on record, %d unknown: %q", e.codes, e.wrong, e.unknown, e.Faults)
		}
	})
	t.Run("orders", func(t *testing.T) {
		t.Parallel()
		o := orders{kills: 4, clients: 4}
		if err := o.run(p); err != nil {
			t.Fatal(err)
		}
		if len(o.Faults) > 0 {
			t.Errorf("%q", o.Faults)
		}
	})
	t.Run("upgrades", func(t *testing.T) {
		t.Parallel()
		n := renewal{crash: crash{children: 3, rate: 2000}, upgrades: 5}
		if err := n.run(p); err != nil {
			t.Fatal(err)
		}
		if n.bad() || n.wrong > 0 {
			t.Errorf("%v, %d of %d codes wrong: %q", n.tally, n.wrong, n.ends, n.Faults)
		}
	})
	t.Run("adoption", func(t *testing.T) {
		t.Parallel()
		a := adoption{children: 30, rounds: 1}
		if err := a.run(p); err != nil {
			t.Fatal(err)
		}
		t.Logf("adoption took %v", a.started[0]) // on a busy machine; the figure is the program's to measure
	})
	t.Run("clock", func(t *testing.T) {
		t.Parallel()
		p := p
		p.velosd = filepath.Join(p.dir, "settable")
		if err := buildSettable("../..", p.velosd); err != nil {
			t.Fatal(err)
		}
		k := setting{}
		if err := k.run(p); err != nil {
			t.Fatal(err)
		}
		if len(k.Faults) > 0 || k.Lost+k.Doubled+k.Torn > 0 {
			t.Errorf("%v: %q", k.tally, k.Faults)
		}
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		list, over := slices.Clone(points), make(chan time.Time)
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		defer time.AfterFunc(enough, func() { close(over) }).Stop()
		_, found, missed, err := survey(p, list, []int{2}, 4, over)
		for range 3 { // what is reached at the second pass depends on how busy the machine is
			if err != nil {
				t.Fatal(err)
			}
			if len(missed) == 0 {
				break
			}
			var more []string
			_, more, missed, err = survey(p, missed, []int{1}, 2, over)
			found = append(found, more...)
		}
		for _, f := range found {
			t.Error(f)
		}
		if len(missed) > 0 {
			t.Errorf("never reached: %q", missed)
		}
	})
}
