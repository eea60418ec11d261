//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/bench/rig"
	"github.com/velospm/velos/internal/wire"
)

// underCat is PROGRAM | cat > FILE.
func underCat(r *rig.Rig, g *gush, mode string) (t took, err error) {
	name := filepath.Join(r.Dir, "cat.out")
	defer os.Remove(name)
	out, err := os.Create(name)
	if err != nil {
		return t, err
	}
	defer out.Close()
	pr, pw, err := os.Pipe()
	if err != nil {
		return t, err
	}
	defer pr.Close()
	defer pw.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return t, err
	}
	defer null.Close()
	catPath := "/bin/cat"
	cat, err := syscall.ForkExec(catPath, []string{catPath}, &syscall.ProcAttr{Files: []uintptr{pr.Fd(), out.Fd(), 2}})
	if err != nil {
		return t, err
	}
	child, err := syscall.ForkExec(g.path, append([]string{g.path}, g.args(mode)...), &syscall.ProcAttr{Files: []uintptr{null.Fd(), pw.Fd(), 2}})
	pw.Close()
	if err == nil {
		_, err = syscall.Wait4(child, nil, 0, nil)
	}
	var use syscall.Rusage
	if _, e := syscall.Wait4(cat, nil, 0, &use); err != nil || e != nil {
		return t, err
	}
	kept := rig.Now()
	began, ended, err := g.done()
	if err != nil {
		return t, err
	}
	t = took{child: ended - began, kept: kept - began, cpu: time.Duration(use.Utime.Nano() + use.Stime.Nano())}
	t.count, err = check(name)
	return t, err
}

func underVelos(r *rig.Rig, g *gush, mode string) (t took, err error) {
	d, err := r.Raise()
	if err != nil {
		return t, err
	}
	defer d.End()
	s := rig.Spec("gush", 1, g.path, g.args(mode)...)
	s.Autorestart = velos.Never
	s.MaxLogSize, s.MaxLogTotal = 8<<30, 16<<30 // no rotation, so that every line can be counted
	before, err := rig.CPUOf(d.PID)
	if err != nil {
		return t, err
	}
	started, err := d.Start(context.Background(), wire.Start{Spec: &s, Inst: -1})
	if err != nil {
		return t, err
	}
	app, err := d.Info(context.Background(), wire.Target{ID: started.ID, Inst: -1})
	if err != nil {
		return t, err
	}
	t, err = listen(g, app.Log.Out, func() (time.Duration, error) {
		after, err := rig.CPUOf(d.PID)
		return after - before, err
	})
	return t, err
}

// listen waits for the program and for its last line in a file.
func listen(g *gush, name string, used func() (time.Duration, error)) (t took, err error) {
	began, ended, err := g.done()
	if err != nil {
		return t, err
	}
	kept := full(name)
	t = took{child: ended - began, kept: kept - began}
	if t.cpu, err = used(); err != nil {
		return t, err
	}
	t.count, err = check(name)
	return t, err
}

func underPM2(r *rig.Rig, g *gush, mode string) (t took, err error) {
	p := r.PM2()
	if p == nil {
		return t, nil
	}
	defer p.End()
	out := filepath.Join(p.Home, "gush.log")
	before, err := rig.CPUOf(p.PID())
	if err != nil {
		return t, err
	}
	options := []string{`"autorestart":false`, `"merge_logs":true`, `"out_file":` + strconv.Quote(out)}
	if err := p.Start("gush", 1, g.path, options, g.args(mode)...); err != nil {
		return t, err
	}
	return listen(g, out, func() (time.Duration, error) {
		after, err := rig.CPUOf(p.PID())
		return after - before, err
	})
}
