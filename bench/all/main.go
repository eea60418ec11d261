//go:build linux

// Command all runs every benchmark, one after the other, and prints one table
// of what was measured, what was promised and what PM2 makes of the same.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/velospm/velos/bench/rig"
)

// programs are the benchmarks and what they are given for -quick.
var programs = []struct{ name, quick string }{
	{"memory", "-children=10,100 -settle=5s"},
	{"restart", "-kills=100 -pm2-kills=50"},
	{"start", "-rounds=7"},
	{"ping", "-runs=50 -pm2-runs=5 -children=200"},
	{"output", "-lines=100000 -rounds=1"},
	{"idle", "-children=200 -pm2=10 -window=10s"},
	{"cluster", "-quick"},
	{"config", "-runs=7 -files=5000 -window=5s"},
	{"wait", "-rounds=20 -waiters=200 -window=5s"},
	{"agents", ""},
	{"stream", "-window=5s -subscribers=50 -idle=200"},
	{"metrics", "-rounds=2 -children=200"},
}

var (
	quick = flag.Bool("quick", false, "small sizes: to see that all of it works, not to quote")
	only  = flag.String("only", "", "names of benchmarks, separated by commas; empty: all")
)

func main() {
	flag.Parse()
	// The benchmark that runs hears the same signal and cleans up; this one
	// waits for it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/all: "+err.Error())
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "velos-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	figures := filepath.Join(dir, "figures")
	var broken []string
	for _, p := range programs {
		if *only != "" && !strings.Contains(","+*only+",", ","+p.name+",") {
			continue
		}
		bin := filepath.Join(dir, p.name)
		build := exec.Command("go", "build", "-o", bin, "github.com/velospm/velos/bench/"+p.name)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build bench/%s: %w", p.name, err)
		}
		c := exec.Command(bin)
		if *quick {
			c.Args = append(c.Args, strings.Fields(p.quick)...)
		}
		c.Env = append(os.Environ(), rig.FiguresVar+"="+figures)
		c.Stderr = os.Stderr
		fmt.Fprintf(os.Stderr, "bench/all: %s\n", p.name)
		if err := c.Run(); err != nil {
			broken = append(broken, p.name+": "+err.Error())
		}
	}
	if err := table(figures); err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("not everything was measured: %s", strings.Join(broken, "; "))
	}
	return nil
}

// table prints what all of them have measured, and on what.
func table(figures string) error {
	b, err := os.ReadFile(figures)
	if err != nil {
		return fmt.Errorf("nothing was measured: %w", err)
	}
	var rows [][]string
	missed := 0
	for line := range strings.Lines(string(b)) {
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(row) > 3 && row[3] == rig.Missed {
			missed++
		}
		rows = append(rows, row)
	}
	rig.Table(os.Stdout, rows)
	var u syscall.Utsname
	syscall.Uname(&u)
	release := ""
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		release += string(rune(c))
	}
	fmt.Printf("\n%s/%s, %d processors, Linux %s, %s; targets missed: %d\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), release, runtime.Version(), missed)
	return nil
}
