//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain makes the test binary the Go server among the apps.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveArg {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	*clients = 8
	code := m.Run()
	if bin != "" {
		os.RemoveAll(bin)
	}
	os.Exit(code)
}

var bin string // where both programs are, once they are built

var build = sync.OnceValue(func() (err error) {
	if bin, err = os.MkdirTemp("", "velos-cluster-"); err != nil {
		return err
	}
	c := exec.Command("go", "build", "-o", bin+"/", "./cmd/velosd", "./cmd/velos")
	c.Dir = "../.."
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

func built(t *testing.T) programs {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return programs{dir: t.TempDir(), velos: filepath.Join(bin, "velos"), self: self}
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("there is no " + program + " here")
	}
}

// lossless runs a trial and wants that no client has seen anything of it.
func lossless(t *testing.T, p programs, l trial, make func(*house) (app, error)) {
	t.Helper()
	if err := onHouse(p, make, l.run); err != nil {
		t.Fatal(err)
	}
	if l.failed > 0 || l.requests == 0 {
		t.Errorf("%d of %d requests failed: %s\n%s", l.failed, l.requests, l.why(), l.events)
	}
}

// TestReloadsUnderLoadLoseNothing is the short form of this program. The
// trials stand beside each other: a busy machine is where they may fail.
func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some twenty seconds")
	}
	p := built(t)
	for _, c := range []struct {
		name, needs string
		trial       trial
		make        func(*house) (app, error)
	}{
		{"a connection for each request", "node", trial{reloads: 3}, func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1) }},
		{"keep-alive", "node", trial{reloads: 3, keep: true}, func(h *house) (app, error) { return h.node("web", "routes.js", 2, 1) }},
		{"while the daemon is upgraded", "node", trial{reloads: 2, trouble: upgrades, keep: true}, func(h *house) (app, error) { return h.node("web", "ports.js", 2, 2) }},
		{"while the daemon is killed", "node", trial{reloads: 2, trouble: kills}, func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1) }},
		{"workers that are busy", "node", trial{reloads: 2}, func(h *house) (app, error) { return h.node("web", "busy.js", 2, 1) }},
		{"Python", "python3", trial{reloads: 1}, func(h *house) (app, error) { return h.python(false) }},
		{"Go", "", trial{reloads: 1, keep: true}, func(h *house) (app, error) { return h.goServer(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.needs != "" {
				needs(t, c.needs)
			}
			lossless(t, p, c.trial, c.make)
		})
	}
}

func TestAVersionThatDoesNotComeUpChangesNothing(t *testing.T) {
	needs(t, "node")
	t.Parallel()
	err := onHouse(built(t), func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1, "--listen-timeout", "1s") }, func(h *house, a app) error {
		for _, b := range bad {
			f, err := refuse(h, a, b.name, b.text)
			if err != nil {
				return err
			}
			if !f.ok(b.reason) {
				t.Errorf("%+v", f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestShortConnectionsAreSpreadEvenly(t *testing.T) {
	needs(t, "node")
	t.Parallel()
	err := onHouse(built(t), func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1) }, func(_ *house, a app) error {
		c, err := short(a.ports[0], 4, 1000)
		// How even it is is the program's to measure: ports are the machine's.
		if shares, off := even(c.by, 2); off > 25 {
			t.Errorf("%s: %.1f %% from even", shares, off)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
