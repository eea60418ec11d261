//go:build linux

package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// A Daemon is a velosd in a home of its own, with a connection to it.
type Daemon struct {
	*client.Client
	Home home.Home
	PID  int
	// Keeper is the process that was started and has started the daemon; 0
	// where it is the daemon itself.
	Keeper int

	rig   *Rig
	cmd   *exec.Cmd
	ended chan struct{}
}

// Raise starts a velosd from bin/ as velos would, in a fresh home.
func (r *Rig) Raise() (*Daemon, error) {
	dir, err := os.MkdirTemp(r.Dir, "home")
	if err != nil {
		return nil, err
	}
	d := &Daemon{Home: home.Home{Dir: dir}, rig: r, ended: make(chan struct{})}
	d.cmd = exec.Command(r.Bin("velosd"))
	d.cmd.Dir = "/"
	d.cmd.Env = append(d.Env(), "GOMAXPROCS=1")
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	log, err := os.Create(filepath.Join(r.Dir, "velosd.log"))
	if err != nil {
		return nil, err
	}
	d.cmd.Stderr = log
	err = d.cmd.Start()
	log.Close()
	if err != nil {
		return nil, err
	}
	go func() {
		d.cmd.Wait()
		close(d.ended)
	}()
	r.later(d.End)
	err = Await(5*time.Second, "connect to velosd", func() bool {
		d.Client, err = client.Dial(d.Home.Socket())
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	pong, err := d.Ping(context.Background())
	d.PID = pong.PID
	if d.cmd.Process.Pid != pong.PID {
		d.Keeper = d.cmd.Process.Pid
	}
	return d, err
}

// Env is the environment in which velos speaks to this daemon.
func (d *Daemon) Env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "VELOS_HOME=" + d.Home.Dir}
}

// End stops all apps and the daemon. It may be called twice.
func (d *Daemon) End() {
	select {
	case <-d.ended:
		return
	default:
	}
	if d.Client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		d.Shutdown(ctx, wire.Shutdown{})
		cancel()
		d.Close()
	}
	for _, sig := range []syscall.Signal{0, syscall.SIGTERM, syscall.SIGKILL} {
		if sig != 0 {
			d.rig.Note("velosd does not end: %v", sig)
			d.cmd.Process.Signal(sig)
		}
		select {
		case <-d.ended:
			return
		case <-time.After(15 * time.Second):
		}
	}
}

// Spec is an app that runs path with args, n times, and is restarted for ever.
func Spec(name string, n int, path string, args ...string) velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Script, s.Args, s.Instances = name, path, args, n
	s.Cwd = "/"
	s.MaxRestarts = -1
	s.Env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "LANG": "C.UTF-8"}
	return s
}

// Launch starts apps without waiting for their min_uptime, and looks from time
// to time whether all their instances are online. It asks seldom, because what
// it asks leaves traces in the memory of the daemon.
func (d *Daemon) Launch(apps ...velos.Spec) error {
	ctx := context.Background()
	want := 0
	for i := range apps {
		want += apps[i].Instances
		if _, err := d.Start(ctx, wire.Start{Spec: &apps[i], Inst: -1}); err != nil {
			return fmt.Errorf("start %s: %w", apps[i].Name, err)
		}
	}
	if want == 0 {
		return nil
	}
	for range 30 {
		time.Sleep(1500 * time.Millisecond)
		list, err := d.List(ctx)
		if err != nil {
			return err
		}
		n := 0
		for _, a := range list.Apps {
			for _, in := range a.Instances {
				if in.Status == velos.Online {
					n++
				}
			}
		}
		if n >= want {
			return nil
		}
	}
	return fmt.Errorf("not all of %d instances are online", want)
}
