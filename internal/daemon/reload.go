package daemon

import (
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/logs"
)

// reload is the answer to SIGHUP. Log files are opened anew, as velos
// reload-logs does; there is no configuration of the daemon's own to read.
func (d *Daemon) reload() {
	d.manager.tell("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(monotonic(), 10))
	cause := "SIGHUP: log files opened anew"
	if err := d.eachLog(velos.Policy, 0, "reopen", (*logs.Log).Reopen); err != nil {
		say("velosd: reload: " + err.Error())
		cause = "SIGHUP: " + err.Error()
	}
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: cause, Actor: velos.Policy})
	d.tellReady()
}

// eachLog does f to one app's log, or to all for id 0, and reports the first
// error after all had their turn.
func (d *Daemon) eachLog(who velos.Actor, id uint32, what string, f func(*logs.Log) error) error {
	var first error
	for _, a := range d.sup.List() {
		if id != 0 && a.ID != id {
			continue
		}
		l := d.machine.Log(a.ID)
		if l == nil {
			continue
		}
		if err := f(l); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		d.event(velos.Event{Kind: velos.KindLog, App: a.Spec.Name, ID: a.ID, Inst: -1, Cause: what, Actor: who})
	}
	return first
}
