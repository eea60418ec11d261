package verb

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// A Port is an address that somebody listens on.
type Port struct {
	Port    int    `json:"port"`    // 0 of a Unix socket
	Address string `json:"address"` // tcp://0.0.0.0:3000
	App     string `json:"app,omitempty"`
	Inst    int    `json:"instance"`
	PID     int    `json:"pid,omitempty"`
	Cwd     string `json:"cwd,omitempty"`
	Program string `json:"program,omitempty"` // of a process that is no app's
}

// mostLooks bounds how many apps are asked one by one.
const mostLooks = 200

// Look brings what apps listen on up to date: a list of all may be a minute
// old. Who is gone meanwhile stays as he was.
func Look(ctx context.Context, conn *client.Client, apps []velos.App) {
	left := mostLooks
	for i := range apps {
		if !up(&apps[i]) || left == 0 {
			continue
		}
		left--
		if now, err := conn.Info(ctx, wire.All(apps[i].ID)); err == nil {
			apps[i] = now
		}
	}
}

// Ports lists what apps listen on, by port. With a port it lists that one
// alone, and if no app has it, the process of the system that does.
func Ports(apps []velos.App, port int) []Port {
	var list []Port
	for i := range apps {
		a := &apps[i]
		for _, runs := range [][]velos.Instance{a.Instances, a.Leaving} {
			for k := range runs {
				for _, at := range runs[k].Ports.List() {
					list = append(list, Port{Port: portOf(at), Address: at, App: a.Spec.Name, Inst: runs[k].Inst, PID: runs[k].PID, Cwd: a.Spec.Cwd})
				}
			}
		}
	}
	if port > 0 {
		list = slices.DeleteFunc(list, func(p Port) bool { return p.Port != port })
		if len(list) == 0 {
			list = stranger(port)
		}
	}
	slices.SortStableFunc(list, func(a, b Port) int { return a.Port - b.Port })
	return list
}

// Deaf are the ports that an app was told, by PORT of its configuration, and
// that it does not listen on. What its shell happened to have says nothing, and
// who is about to start may still do it.
func Deaf(a *velos.App) []int {
	first, err := strconv.Atoi(a.Spec.Env[velos.PortVar])
	if !sees || err != nil || first < 1 || a.Spec.EnvFrom[velos.PortVar] == "" || a.Status == velos.Starting {
		return nil
	}
	row := 1
	if a.Spec.Counter() == velos.PortVar {
		row = max(a.Spec.Instances, 1)
	}
	var list []int
	for n := first; n < first+row; n++ {
		if !slices.ContainsFunc(Ports([]velos.App{*a}, 0), func(p Port) bool { return p.Port == n }) {
			list = append(list, n)
		}
	}
	return list
}

func portOf(address string) int {
	if strings.HasPrefix(address, "unix:") {
		return 0
	}
	n, _ := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	return n
}

// Holder says in words who has a port; "" is nobody that can be found.
func Holder(apps []velos.App, port int) string {
	list := Ports(apps, port)
	if len(list) == 0 {
		return ""
	}
	p := list[0]
	who := "pid " + strconv.Itoa(p.PID)
	switch {
	case p.App != "":
		return "velos app " + p.App + ", " + who + ", in " + p.Cwd
	case p.Program != "":
		return p.Program + ", " + who + ", no app of velos"
	}
	return who + ", no app of velos"
}
