//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// underPM2 kills PM2's daemon once while the same children write, and says
// what became of them.
func underPM2(r *rig.Rig, p programs) error {
	pm2 := r.PM2()
	if pm2 == nil {
		return nil
	}
	defer pm2.End()
	for i := range *children {
		if err := pm2.Start("w"+strconv.Itoa(i), 1, p.self, nil, childArg, "write", strconv.Itoa(*rate)); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	kids := childrenOf(pm2.PID())
	if err := syscall.Kill(pm2.PID(), syscall.SIGKILL); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	alive := 0
	for _, pid := range kids {
		if _, state, _ := stat(pid); state != 0 && state != 'Z' {
			alive++
			defer syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	out, err := pm2.Do("jlist")
	known := strings.Count(out, `"pm_id"`)
	r.Add(rig.Figure{What: fmt.Sprintf("one kill -9 of the daemon: of %d apps run on", len(kids)), Velos: strconv.Itoa(len(kids)),
		PM2: strconv.Itoa(alive)})
	r.Add(rig.Figure{What: "the same: the next daemon knows", Velos: strconv.Itoa(len(kids)), PM2: strconv.Itoa(known)})
	return err
}
