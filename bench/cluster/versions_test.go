//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// versions of Node whose clusters velosd is the primary of.
var versions = []string{"18", "20", "22", "24"}

// installing bounds one npm install.
const installing = 90 * time.Second

// nodeOf is a node program of that version, from npm, kept for later runs
// below the temporary directory.
func nodeOf(t *testing.T, version string) string {
	t.Helper()
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" {
		t.Skip("npm has no Node for " + runtime.GOARCH)
	}
	name := "node-linux-" + arch
	dir := filepath.Join(os.TempDir(), "velos-test-nodes-"+strconv.Itoa(os.Getuid()), version)
	path := filepath.Join(dir, "node_modules", name, "bin", "node")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock := lock(t, dir)
	defer unlock()
	if exec.Command(path, "--version").Run() != nil {
		ctx, cancel := context.WithTimeout(context.Background(), installing)
		defer cancel()
		c := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", name+"@"+version)
		c.Dir, c.WaitDelay = dir, time.Second
		if out, err := c.CombinedOutput(); err != nil {
			t.Skipf("npm does not give Node %s: %v: %s", version, err, out)
		}
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "v"+version+".") {
		t.Skipf("%s says %s, %v", path, out, err)
	}
	t.Logf("Node %s", out)
	return path
}

// lock keeps two test runs from installing into one folder.
func lock(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// TestEveryVersionOfNodeIsServed runs an unmodified worker on each version. It
// gets them from npm, where that is wanted.
func TestEveryVersionOfNodeIsServed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some ten seconds")
	}
	if os.Getenv("VELOS_TEST_NODES") != "npm" && os.Getenv("CI") != "true" {
		t.Skip("VELOS_TEST_NODES=npm has it get Node 18 to 24 from npm")
	}
	needs(t, "npm")
	t.Parallel()
	p := built(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			served(t, p, nodeOf(t, version))
		})
	}
}

func served(t *testing.T, p programs, node string) {
	h, err := p.raise()
	if err != nil {
		t.Fatal(err)
	}
	defer h.end()
	a, err := h.node("web", "listens.js", 2, 4, "--interpreter", node, "--wait-ready", "--listen-timeout", "30s")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.up(app{args: a.args, env: a.env, ports: []int{a.ports[0], a.ports[2]}}); err != nil {
		out, _, _ := h.do(nil, "logs", "web")
		t.Fatalf("%v\n%s", err, out)
	}
	ways := []struct{ network, address string }{
		{"tcp", at("127.0.0.1", a.ports[0])},
		{"tcp", at("::1", a.ports[1])},
		{"tcp", at("127.0.0.1", a.ports[2])},
		{"unix", filepath.Join(h.dir, "web.sock")},
		{"udp", at("127.0.0.1", a.ports[3])},
	}
	for _, w := range ways {
		seen := map[string]bool{}
		err := rig.Await(patience, "answers of both workers", func() bool {
			by, err := over(w.network, w.address, "/")
			seen[by] = seen[by] || err == nil
			return len(seen) == 2
		})
		if err != nil {
			t.Errorf("%s %s: %v; seen: %v", w.network, w.address, err, seen)
		}
	}
	for _, path := range []string{"/crash", "/disconnect"} {
		replaced(t, h, path, a.ports[0])
	}
	for _, keep := range []bool{false, true} {
		l := trial{reloads: 2, keep: keep}
		if err := l.run(h, app{name: a.name, ports: []int{a.ports[0], a.ports[2]}}); err != nil {
			t.Fatal(err)
		}
		if l.failed > 0 || l.requests == 0 {
			t.Errorf("keep-alive %v: %d of %d requests failed: %s\n%s", keep, l.failed, l.requests, l.why(), l.events)
		}
	}
}

// replaced has one worker end, and wants another one in its place.
func replaced(t *testing.T, h *house, path string, port int) {
	t.Helper()
	before, err := h.instances("web")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = over("tcp", at("127.0.0.1", port), path)
	var now []instance
	err = rig.Await(patience, "another worker in its place", func() bool {
		now, _ = h.instances("web")
		other, online := 0, 0
		for i, n := range now {
			if n.Status == "online" {
				online++
			}
			if n.PID != before[i].PID && n.Restarts == before[i].Restarts+1 {
				other++
			}
		}
		return online == 2 && other == 1
	})
	if err != nil {
		t.Errorf("%s: %v: %v became %v", path, err, before, now)
	}
}

func at(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// over asks once, on a connection of its own or in a datagram.
func over(network, address, path string) (by string, err error) {
	c, err := net.DialTimeout(network, address, hung)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(hung)); err != nil {
		return "", err
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", path)
	var body []byte
	if network == "udp" {
		body = make([]byte, 100)
		n, err := c.Read(body)
		if err != nil {
			return "", err
		}
		body = body[:n]
	} else if body, _, err = response(bufio.NewReader(c)); err != nil {
		return "", err
	}
	if i := slices.Index(body, ' '); i >= 0 {
		return string(body[i+1:]), nil
	}
	return "", fmt.Errorf("the answer is %.40q", body)
}
