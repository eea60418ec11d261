//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// clusterOf starts plain.js in PM2's cluster mode and returns its port.
func clusterOf(pm2 *rig.PM2, p programs, instances int) (port int, err error) {
	path, err := script(p.dir, "plain.js")
	if err != nil {
		return 0, err
	}
	if port, err = freePort(); err != nil {
		return 0, err
	}
	file := filepath.Join(pm2.Home, "web.config.json")
	text := fmt.Sprintf(`{"apps":[{"name":"web","script":%q,"instances":%d,"exec_mode":"cluster","env":{"PORT":"%d"}}]}`, path, instances, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 0, err
	}
	if out, err := pm2.Do("start", file); err != nil {
		return 0, fmt.Errorf("pm2 start: %w: %s", err, out)
	}
	return port, answers([]int{port})
}

// underPM2 is reloads of the same app by PM2; nil without it.
func underPM2(r *rig.Rig, p programs, keep bool) (*trial, error) {
	pm2 := r.PM2()
	if pm2 == nil {
		return nil, nil
	}
	defer pm2.End()
	port, err := clusterOf(pm2, p, 2)
	if err != nil {
		return nil, err
	}
	t := &trial{reloads: max(1, *reloads/4), keep: keep}
	l := load{ports: []int{port}, clients: *clients, keep: keep}
	t.tally, err = l.during(func() error {
		for range t.reloads {
			began := time.Now()
			if out, err := pm2.Do("reload", "web"); err != nil {
				return fmt.Errorf("pm2 reload: %w: %s", err, out)
			}
			t.times = append(t.times, time.Since(began))
		}
		return nil
	})
	r.Note("PM2, %s: %d of %d failed, %d hung: %s", map[bool]string{true: "keep-alive", false: "a connection for each request"}[keep],
		t.failed, t.requests, t.hung, t.why())
	return t, err
}

// even says how answers are spread: each worker's number, and how far the
// furthest is from its fair share, in hundredths of that.
func even(by map[string]int, n int) (shares string, off float64) {
	total := 0
	for _, k := range by {
		total += k
	}
	fair := float64(total) / float64(n)
	for _, k := range by {
		if shares != "" {
			shares += "/"
		}
		shares += strconv.Itoa(k)
		off = max(off, 100*max(float64(k)-fair, fair-float64(k))/fair)
	}
	if len(by) != n {
		off = 100
	}
	return shares, off
}
