package tui

import (
	"slices"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// opened is how many instances an app may have and still begin unfolded.
const opened = 8

// mostGone is how many apps that were deleted still have their secrets hidden
// in events.
const mostGone = 1000

// hear takes in what the feed has heard.
func (m *model) hear(n news) tea.Cmd {
	if n.link != nil {
		m.linked(*n.link)
	}
	if n.listed {
		m.listed(n.apps)
	}
	for i := range n.figures {
		m.measured(&n.figures[i])
	}
	for i := range n.fresh {
		m.renewed(&n.fresh[i])
	}
	m.events.add(n.events, m)
	if n.epoch == m.wished.epoch {
		m.tape.hear(m, n.lines, n.dropped)
	}
	m.table.refresh(m)
	cmd := m.selected()
	if m.watched.id == 0 && (cmd != nil || n.listed) { // the first row, or the next after a deletion
		cmd = m.rested()
	}
	if m.merged {
		m.follow()
	}
	if n.listed {
		cmd = tea.Batch(cmd, m.recall())
	}
	if m.stirred(n.events) {
		cmd = tea.Batch(cmd, m.ask())
	}
	return cmd
}

// linked takes in how the connection is. The time since when the daemon is
// away is that of the first failure.
func (m *model) linked(l link) {
	was := m.link
	switch {
	case l.up && !was.none:
		away := "a moment" // that was too short to be told
		if !was.up {
			away = view.Span(velos.MillisOf(l.since.Sub(was.since)))
		}
		m.say("velosd was away for " + away + "; going on with pid " + strconv.Itoa(l.pid))
		m.tape.note(m.clock, "velosd was away; pid "+strconv.Itoa(l.pid)+" now")
	case !l.up && !was.up:
		l.since = was.since
	}
	if !l.up {
		l.version = was.version
	}
	m.link = l
}

// listed takes in all apps. What was kept of an app stays with it.
func (m *model) listed(all []velos.App) {
	if m.o.Meant != nil {
		all = m.o.Meant(all)
	}
	byID := make(map[uint32]*app, len(all))
	m.apps = m.apps[:0]
	for i := range all {
		a := m.byID[all[i].ID]
		if a == nil {
			a = &app{insts: map[int]*rings{}, open: len(all[i].Instances) <= opened}
		}
		m.take(a, &all[i])
		byID[a.ID] = a
		m.apps = append(m.apps, a)
	}
	m.byID = byID
	for id := range m.veils { // what was deleted is told of for a while
		if len(m.veils) <= len(byID)+mostGone {
			break
		}
		if byID[id] == nil {
			delete(m.veils, id)
		}
	}
	if m.byID[m.watched.id] == nil {
		m.watched = target{}
	}
}

// renewed takes in how one app is now.
func (m *model) renewed(now *velos.App) {
	if a := m.byID[now.ID]; a != nil {
		m.take(a, now)
	}
}

func (m *model) take(a *app, now *velos.App) {
	a.App = *now
	a.name = shown(a.Spec.Name)
	if v := m.veils[a.ID]; v != nil {
		v.Learn(now)
	} else {
		m.veils[a.ID] = view.NewVeil(now)
	}
}

// measured takes in figures of the daemon or of an app.
func (m *model) measured(f *wire.Metrics) {
	if f.ID == 0 {
		m.daemon, m.spoke = f.Daemon, m.clock
		return
	}
	a := m.byID[f.ID]
	if a == nil {
		return
	}
	a.Instances, a.Status = f.Instances, velos.Overall(f.Instances)
	missed := m.missed(a)
	a.rings.add(a.Usage(), missed)
	for i := range a.Instances {
		a.instance(a.Instances[i].Inst).add(a.Instances[i].Usage, missed)
	}
	for inst := range a.insts {
		if !slices.ContainsFunc(a.Instances, func(in velos.Instance) bool { return in.Inst == inst }) {
			delete(a.insts, inst)
		}
	}
}

// missed is how many rounds have passed since the last figures of an app: the
// daemon was away, or this machine slept.
func (m *model) missed(a *app) int {
	was := a.heard
	a.heard = m.clock
	if was.IsZero() {
		a.began = m.clock
		return 0
	}
	away := m.clock.Sub(was)
	if away < 3*m.interval()+time.Second { // late, no more
		return 0
	}
	return int(min(away/m.interval(), past))
}

func (r *rings) add(u velos.Usage, missed int) {
	if r.cpu.n > 0 {
		r.cpu.skip(missed)
		r.mem.skip(missed)
	}
	r.cpu.add(u.CPU)
	r.mem.add(float64(u.Memory))
}

// stirred reports whether something happened to the app that the sheet is
// about.
func (m *model) stirred(list []velos.Event) bool {
	return (m.pane == paneWhy || m.pane == paneCrash) && slices.ContainsFunc(list, func(e velos.Event) bool { return e.ID == m.watched.id })
}

// census counts apps by status: "4 online, 1 errored".
func (m *model) census() string {
	s := ""
	for _, st := range []velos.Status{velos.Online, velos.Starting, velos.Stopping, velos.WaitingRestart, velos.Errored, velos.Stopped} {
		n := 0
		for _, a := range m.apps {
			if a.Status == st {
				n++
			}
		}
		if n > 0 {
			if s != "" {
				s += ", "
			}
			s += m.y.paint(view.StatusColor(st), strconv.Itoa(n)+" "+string(st))
		}
	}
	return s
}
