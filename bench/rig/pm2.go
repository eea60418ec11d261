//go:build linux

package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pm2Version is the version that everything is compared with.
const pm2Version = "7"

// A PM2 is an installed PM2 with a home of its own and its daemon running.
type PM2 struct {
	Home string
	bin  string
	rig  *Rig
	pid  int
}

// PM2 installs PM2 from npm into a scratch folder, which is used again by
// later runs, and starts its daemon. When that cannot be done it says why and
// returns nil: the figures of PM2 stay empty then.
func (r *Rig) PM2() *PM2 {
	p, err := r.pm2()
	if err != nil {
		r.Note("without PM2: %v", err)
		return nil
	}
	return p
}

// installing bounds what npm may take.
const installing = 2 * time.Minute

// PM2Program is the path of a PM2 that npm has installed into a scratch folder,
// which later runs use again.
func PM2Program(note func(format string, args ...any)) (string, error) {
	if os.Getenv("VELOS_BENCH_PM2") == "no" {
		return "", errors.New("VELOS_BENCH_PM2=no")
	}
	dir := filepath.Join(os.TempDir(), "velos-bench-pm2-"+strconv.Itoa(os.Getuid()))
	bin := filepath.Join(dir, "node_modules", ".bin", "pm2")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and so unlocked
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil // another run has installed it meanwhile
	}
	note("installing PM2 %s from npm into %s", pm2Version, dir)
	ctx, cancel := context.WithTimeout(context.Background(), installing)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "pm2@"+pm2Version)
	c.Dir, c.WaitDelay = dir, time.Second
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install pm2: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return bin, nil
}

func (r *Rig) pm2() (*PM2, error) {
	bin, err := PM2Program(r.Note)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(r.Dir, "pm2")
	if err != nil {
		return nil, err
	}
	p := &PM2{Home: home, bin: bin, rig: r}
	r.later(p.End)
	if out, err := p.Do("ping"); err != nil {
		return nil, fmt.Errorf("pm2 ping: %w: %s", err, out)
	}
	err = Await(10*time.Second, "read the pid of PM2", func() bool {
		b, err := os.ReadFile(filepath.Join(home, "pm2.pid"))
		p.pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil && p.pid > 0
	})
	return p, err
}

// Bin is the path of the pm2 program.
func (p *PM2) Bin() string { return p.bin }

// PID is the process of PM2's daemon.
func (p *PM2) PID() int { return p.pid }

// Env is the environment in which pm2 speaks to this daemon.
func (p *PM2) Env() []string { return PM2Env(p.Home) }

// PM2Env is the environment of a pm2 whose daemon has that home.
func PM2Env(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "PM2_HOME=" + home, "PM2_DISCRETE_MODE=true", "LANG=C.UTF-8"}
}

// Do runs pm2 with args and returns what it wrote.
func (p *PM2) Do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, p.bin, args...)
	c.Env, c.Dir = p.Env(), p.Home
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Start starts a program that is no script, n times. Options are further
// members of its JSON description.
func (p *PM2) Start(name string, n int, path string, options []string, args ...string) error {
	// A file, because -i on the command line means cluster mode, which a
	// binary cannot have.
	file := filepath.Join(p.Home, name+".config.json")
	quoted := ""
	for i, a := range args {
		if i > 0 {
			quoted += ","
		}
		quoted += strconv.Quote(a)
	}
	text := fmt.Sprintf(`{"apps":[{"name":%q,"script":%q,"args":[%s],"instances":%d,"exec_mode":"fork","interpreter":"none","cwd":"/"%s}]}`,
		name, path, quoted, n, strings.Join(append([]string{""}, options...), ","))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	if out, err := p.Do("start", file); err != nil {
		return fmt.Errorf("pm2 start: %w: %s", err, out)
	}
	return nil
}

// End stops PM2 and what it runs.
func (p *PM2) End() {
	if _, err := p.Do("kill"); err != nil && p.pid > 0 {
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
