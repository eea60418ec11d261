//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// TestMain lets more tasks run beside each other than there are processors:
// they wait most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// built is a folder with the programs of this tree.
func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command("go", "build", "-o", dir+"/", "./cmd/velosd", "./cmd/velos", "./cmd/velos-mcp")
	c.Dir = "../.."
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// scratch is a folder with a short name: what is answered has paths in it, and
// they are counted.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "velos-agents-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// pm2 is PM2's program, from npm.
var pm2 = sync.OnceValues(func() (string, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "", err
	}
	return rig.PM2Program(func(string, ...any) {})
})

// enough is when no further task is begun with PM2.
const enough = 30 * time.Second

// TestTwelveTasksOfAnAgent does each task of the program with a daemon of its
// own. PM2 does them as well and cannot fail: its figures stand beside those of
// Velos. Seconds are those of a busy machine; go run ./bench/agents has others.
func TestTwelveTasksOfAnAgent(t *testing.T) {
	for _, p := range []string{"node", "python3", "git", "setsid"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip("there is no " + p + " here")
		}
	}
	if len(tasks) != 12 {
		t.Errorf("%d tasks", len(tasks))
	}
	bin, dir := built(t), scratch(t)
	ours, theirs := make([]*bill, len(tasks)), make([]*bill, len(tasks))
	var mu sync.Mutex
	began := time.Now()
	t.Run("tasks", func(t *testing.T) {
		for i := range tasks {
			t.Run(tasks[i].name, func(t *testing.T) {
				t.Parallel()
				b, fault, err := doVelos(&tasks[i], filepath.Join(dir, fmt.Sprint("v", i+1)), bin)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d calls, %d tokens, %.1f s", b.calls, b.tokens, b.took.Seconds())
				if fault != "" {
					t.Errorf("%s\n%s", fault, b.text)
				}
				mu.Lock()
				ours[i] = b
				mu.Unlock()
			})
		}
		for i := range tasks {
			if testing.Short() {
				break
			}
			t.Run("PM2/"+tasks[i].name, func(t *testing.T) {
				t.Parallel()
				bin, err := pm2()
				if err != nil {
					t.Skip("without PM2: ", err)
				}
				if time.Since(began) > enough {
					t.Skip("left out: it takes too long here")
				}
				b, _, err := doPM2(&tasks[i], filepath.Join(dir, fmt.Sprint("p", i+1)), bin)
				if err != nil {
					t.Skip(err)
				}
				mu.Lock()
				theirs[i] = b
				mu.Unlock()
			})
		}
	})
	var table strings.Builder
	for i := range tasks {
		fmt.Fprintf(&table, "%2d %-40s %-22s %s\n", i+1, tasks[i].name, ours[i].String(), theirs[i].String())
	}
	t.Logf("calls / tokens / seconds of Velos, and of PM2:\n%s", table.String())
}
