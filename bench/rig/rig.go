//go:build linux

// Package rig is the ground that every benchmark stands on: it builds the
// programs, raises a daemon of its own in a fresh home, brings PM2 beside it,
// reads what the kernel knows about a process, and prints figures against
// their targets. It measures nothing by itself.
package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Rig is one run of one benchmark.
type Rig struct {
	Root string // of the module
	Dir  string // scratch, removed at the end

	name    string
	mu      sync.Mutex
	closers []func()
	report
}

// Run is the main function of a benchmark: it prepares a rig, hands it to f,
// prints the figures and ends everything that was started, also when the run
// is interrupted.
func Run(name string, f func(*Rig) error) {
	r, err := open(name)
	if err == nil {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- f(r) }()
		select {
		case err = <-done:
		case s := <-stop:
			err = fmt.Errorf("ended by %v", s)
		}
		r.close()
		r.print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/"+name+": "+err.Error())
		os.Exit(1)
	}
}

func open(name string) (*Rig, error) {
	r := &Rig{name: name}
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	r.Root = filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(r.Root, "cmd", "velosd")); err != nil {
		return nil, fmt.Errorf("run it inside the module: %w", err)
	}
	if os.Getenv(builtVar) == "" {
		if err := r.build(); err != nil {
			return nil, err
		}
	}
	if r.Dir, err = os.MkdirTemp("", "velos-bench-"); err != nil {
		return nil, err
	}
	r.later(func() { os.RemoveAll(r.Dir) })
	return r, nil
}

// builtVar tells a benchmark that whoever runs it has built both programs.
const builtVar = "VELOS_BENCH_BUILT"

func (r *Rig) build() error {
	c := exec.Command("make", "build")
	c.Dir = r.Root
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("make build: %w\n%s", err, out)
	}
	return nil
}

// Bin is the path of one of the two programs.
func (r *Rig) Bin(name string) string { return filepath.Join(r.Root, "bin", name) }

// Note prints a line about what is going on.
func (r *Rig) Note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench/%s: %s\n", r.name, fmt.Sprintf(format, args...))
}

// later puts f on the list of what is to be undone at the end.
func (r *Rig) later(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closers = append(r.closers, f)
}

func (r *Rig) close() {
	for {
		r.mu.Lock()
		n := len(r.closers)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		f := r.closers[n-1]
		r.closers = r.closers[:n-1]
		r.mu.Unlock()
		f()
	}
}

// Compile makes a static program of a C source and returns its path, or
// errors.ErrUnsupported when this machine has no C compiler.
func (r *Rig) Compile(name, source string, defines ...string) (string, error) {
	return r.compile(name, source, []string{"-O2", "-static"}, defines)
}

// Freestanding is Compile without the C library.
func (r *Rig) Freestanding(name, source string, defines ...string) (string, error) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return "", errors.ErrUnsupported
	}
	flags := []string{"-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie"}
	return r.compile(name, source, flags, defines)
}

func (r *Rig) compile(name, source string, flags, defines []string) (string, error) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		return "", errors.ErrUnsupported
	}
	src, out := filepath.Join(r.Dir, name+".c"), filepath.Join(r.Dir, name)
	if err := os.WriteFile(src, []byte(source), 0o600); err != nil {
		return "", err
	}
	for _, d := range defines {
		flags = append(flags, "-D"+d)
	}
	if text, err := exec.Command(cc, append(flags, "-o", out, src)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", name, err, bytes.TrimSpace(text))
	}
	return out, nil
}

// Await polls ok until it is true or the time is over.
func Await(within time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return nil
		}
	}
	return fmt.Errorf("%s: not within %v", what, within)
}
