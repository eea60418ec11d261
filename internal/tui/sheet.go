package tui

import (
	"bytes"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// A sheet is text about one app, from a question to the daemon.
type sheet struct {
	about target
	pane  pane
	text  []string
	top   int
	asked target // the answer is awaited of
	busy  bool   // an answer is on its way
	more  bool   // and will be out of date
}

// unrest is how long an app that changes all the time is left alone between
// two questions.
const unrest = time.Second

// An askAgain: the app has changed while it was asked about.
type askAgain struct{}

// ask asks what the sheet should show now.
func (m *model) ask() tea.Cmd {
	if m.pane == panePast {
		return m.askPast()
	}
	a := m.byID[m.watched.id]
	if a == nil || m.pane != paneWhy && m.pane != paneCrash {
		return nil
	}
	s := &m.sheet
	if s.about != m.watched || s.pane != m.pane {
		s.text, s.top = nil, 0
	}
	s.about, s.pane, s.asked = m.watched, m.pane, m.watched
	if !m.link.up {
		return nil
	}
	if s.busy {
		s.more = true
		return nil
	}
	s.busy = true
	return m.look(question{pane: m.pane, app: a.App, inst: m.watched.inst, o: m.options()})
}

// told takes an answer in, and asks for what has changed meanwhile: another
// row at once.
func (m *model) told(a looked) tea.Cmd {
	s := &m.sheet
	s.answer(a)
	more := s.more
	s.busy, s.more = false, false
	switch {
	case a.about != s.asked || a.pane != s.pane:
		return m.ask()
	case more:
		return tea.Tick(unrest, func(time.Time) tea.Msg { return askAgain{} })
	}
	return nil
}

// again asks once more when time passes: ages grow, and runs end.
func (m *model) again() tea.Cmd {
	if m.clock.Second()%5 == 0 {
		return m.ask()
	}
	return nil
}

// answer takes an answer in, if it is still wanted.
func (s *sheet) answer(a looked) {
	if a.about != s.asked || a.pane != s.pane {
		return
	}
	s.text = a.text
	if a.err != nil {
		s.text = []string{shown(a.err.Error())}
	}
}

func (m *model) drawSheet(rows int) []string {
	s := &m.sheet
	if len(s.text) == 0 {
		return m.filled([]string{"", "  " + m.y.paint(dim, "asking"+m.y.more)}, rows)
	}
	s.top = max(0, min(s.top, len(s.text)-rows))
	out := make([]string, 0, rows)
	for _, l := range s.text[s.top:min(len(s.text), s.top+rows)] {
		out = append(out, " "+l)
	}
	return m.filled(out, rows)
}

// filled cuts lines to the screen, and fills up to so many.
func (m *model) filled(list []string, rows int) []string {
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "\t", "    ")
		if width(list[i]) > m.width {
			list[i] = m.y.fit(list[i], m.width)
		}
	}
	for len(list) < rows {
		list = append(list, "")
	}
	return list[:rows]
}

// An eventList is what happened, as view writes it.
type eventList struct {
	list []velos.Event
	top  int // lines up from the newest
}

func (l *eventList) add(list []velos.Event, m *model) {
	for i := range list {
		// The daemon's own words hold what programs wrote.
		if v := m.veils[list[i].ID]; v != nil {
			list[i] = v.Mask().Event(list[i])
		}
		l.list = append(l.list, list[i])
	}
	if over := len(l.list) - mostEvents; over > mostEvents/10 {
		l.list = append(l.list[:0:0], l.list[over:]...)
	}
	if l.top > 0 { // what is seen stays where it is
		for i := range list {
			if m.concerns(&list[i]) {
				l.top++
			}
		}
	}
}

// drawEvents draws the newest events that fit, those of the apps in view.
func (m *model) drawEvents(rows int) []string {
	l := &m.events
	seen := m.watchedEvents()
	l.top = max(0, min(l.top, len(seen)-rows))
	seen = seen[:len(seen)-l.top]
	seen = seen[max(0, len(seen)-rows):]
	var b bytes.Buffer
	apps := make([]velos.App, 0, len(seen))
	for i := range seen {
		if a := m.byID[seen[i].ID]; a != nil {
			apps = append(apps, velos.App{ID: a.ID, Spec: velos.Spec{Name: a.Spec.Name}, Instances: a.Instances})
		}
	}
	v := view.NewEvents(&b, apps, true, m.options())
	for _, e := range seen {
		_ = v.Add(e) // to memory
	}
	if b.Len() == 0 {
		return m.filled([]string{"", "  " + m.y.paint(dim, "nothing has happened yet")}, rows)
	}
	out := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range out {
		out[i] = " " + out[i]
	}
	return m.filled(out, rows)
}

// watchedEvents are those of the chosen app, or of all that are watched where
// lines of all are shown.
func (m *model) watchedEvents() []velos.Event {
	if m.merged && m.o.Meant == nil {
		return m.events.list
	}
	var list []velos.Event
	for i := range m.events.list {
		if m.concerns(&m.events.list[i]) {
			list = append(list, m.events.list[i])
		}
	}
	return list
}

// concerns reports whether an event is among those that are shown.
func (m *model) concerns(e *velos.Event) bool {
	return m.merged && (m.o.Meant == nil || m.byID[e.ID] != nil) || e.ID == m.watched.id
}
