package child

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// groups is a directory that looks like control groups: what the kernel would
// make of a write is the test's to say.
func groups(t *testing.T, controllers, inParent string, procs ...string) (c *cgroups, p *Process) {
	t.Helper()
	parent := t.TempDir()
	c = &cgroups{dir: filepath.Join(parent, cgroupPrefix+"1"), runs: map[int]*Process{}, keeper: 7}
	p = &Process{cgroup: &cgroup{n: 0, fd: -1, dir: filepath.Join(c.dir, "0")}}
	leaf := filepath.Join(parent, ownLeaf)
	for _, dir := range []string{p.cgroup.dir, leaf} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{
		filepath.Join(parent, "cgroup.controllers"): controllers, filepath.Join(parent, "cgroup.subtree_control"): inParent,
		filepath.Join(parent, "cgroup.procs"): strings.Join(procs, "\n"), filepath.Join(leaf, "cgroup.procs"): "",
		filepath.Join(c.dir, "cgroup.subtree_control"): "",
		filepath.Join(p.cgroup.dir, "memory.max"):      "max", filepath.Join(p.cgroup.dir, "memory.oom.group"): "0",
		filepath.Join(p.cgroup.dir, "cpu.max"): "max 100000", filepath.Join(p.cgroup.dir, "pids.max"): "max",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c, p
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var someBounds = []Bound{{"memory.max", "536870912"}, {"pids.max", "64"}}

func TestBoundsAreWrittenIntoTheRunsGroup(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	c, p := groups(t, "cpu memory pids", "", self, "7")
	if err := c.bound(p, someBounds); err != nil {
		t.Fatal(err)
	}
	parent := filepath.Dir(c.dir)
	for _, w := range []struct{ got, want string }{
		{read(t, p.cgroup.dir, "memory.max"), "536870912"}, {read(t, p.cgroup.dir, "pids.max"), "64"},
		{read(t, p.cgroup.dir, "memory.oom.group")[:1], "1"}, {read(t, p.cgroup.dir, "cpu.max"), "max 100000"},
		{read(t, parent, ownLeaf, "cgroup.procs"), "7"}, // the last that was written; the kernel adds
	} {
		if !strings.HasPrefix(w.got, w.want) {
			t.Errorf("%q, want %q", w.got, w.want)
		}
	}
	if got := read(t, parent, "cgroup.subtree_control") + read(t, c.dir, "cgroup.subtree_control"); strings.Count(got, "+") != 2 {
		t.Errorf("turned on: %q", got)
	}
}

func TestBoundsThatCannotBeHadAreRefused(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for name, f := range map[string]func() error{
		"no groups": func() error { return (*cgroups)(nil).bound(&Process{}, someBounds) },
		"no controller": func() error {
			c, p := groups(t, "cpu pids", "", self)
			return c.bound(p, someBounds)
		},
		"a stranger in the group": func() error {
			c, p := groups(t, "memory pids", "", self, "4711")
			return c.bound(p, someBounds)
		},
	} {
		err := f()
		var e *velos.Error
		if !errors.As(err, &e) || e.Code != velos.Unsupported || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, p := groups(t, "", "", self, "4711")
	if err := c.bound(p, nil); err != nil {
		t.Errorf("without bounds nothing is asked for: %v", err)
	}
}

func TestControllersThatAreOnNeedNoMove(t *testing.T) {
	c, p := groups(t, "memory pids", "memory pids", "4711")
	if err := c.bound(p, someBounds); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Dir(c.dir), ownLeaf, "cgroup.procs"); got != "" {
		t.Errorf("moved %q", got)
	}
}

func TestTheKernelSaysThatAGroupWasOutOfMemory(t *testing.T) {
	c, p := groups(t, "memory", "memory")
	for text, want := range map[string]bool{"": false, "low 0\nmax 3\noom 0\noom_kill 0\n": false, "max 9\noom 1\noom_kill 1\noom_group_kill 1\n": true} {
		os.WriteFile(filepath.Join(p.cgroup.dir, "memory.events"), []byte(text), 0o600)
		if got := c.outOfMemory(p); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if (*cgroups)(nil).outOfMemory(p) {
		t.Error("without groups nobody knows")
	}
}
