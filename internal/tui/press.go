package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
)

const (
	farAway   = 1 << 20
	asideStep = 8
)

// press takes a key in.
func (m *model) press(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	switch name {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		m.suspend()
		return nil
	}
	switch m.mode {
	case modeFilter, modeSearch:
		return m.typing(k)
	case modePalette:
		return m.choosing(k)
	case modeConfirm:
		return m.deciding(name)
	case modeHelp:
		m.reading(name)
		return nil
	}
	b := m.key(name)
	if b == nil {
		return nil
	}
	m.status = status{}
	if b.need {
		m.openPalette(b.word + " ")
		return nil
	}
	return tea.Batch(b.do(m, ""), m.selected())
}

// deciding takes the answer to an order's question: only y is a yes.
func (m *model) deciding(name string) tea.Cmd {
	m.mode = modeNormal
	if name != "y" && name != "Y" {
		m.say("nothing was changed")
		return nil
	}
	o := m.confirm
	m.say("waiting for the outcome")
	m.status.command = o.command
	m.status.until = m.clock.Add(farAway * statusFor / 1000)
	return m.carry(o)
}

func (m *model) reading(name string) {
	switch name {
	case "up", "k":
		m.help--
	case "down", "j":
		m.help++
	case "pgup":
		m.help -= m.height / 2
	case "pgdown", "space":
		m.help += m.height / 2
	case "home", "g":
		m.help = 0
	case "end", "G":
		m.help = farAway
	default:
		m.mode = modeNormal
	}
	m.help = max(0, m.help)
}

// page is how many rows a page has.
func (m *model) page() int {
	if m.lower {
		return max(1, m.below-1)
	}
	return max(1, m.table.tall-1)
}

// move moves in the pane that has the keys.
func (m *model) move(by int) {
	if !m.lower {
		m.table.choose(m.table.index + by)
		return
	}
	switch m.pane {
	case paneLogs:
		m.tape.scroll(by)
	case paneEvents:
		m.events.top = max(0, m.events.top-by)
	default:
		m.sheet.top = max(0, m.sheet.top+by)
	}
}

func (m *model) aside(by int) {
	if m.lower && m.pane == paneLogs {
		m.tape.left = max(0, m.tape.left+by*asideStep)
		return
	}
	r := m.table.chosen()
	if m.lower || r == nil || by > 0 && r.in != nil {
		return
	}
	r.app.open = by > 0
	m.table.at.inst = -1
	m.table.refresh(m)
}

// enter goes into what is chosen: the instances of an app, the lines of one
// that has no more to unfold. In the lower pane it is a line further, as in a
// pager.
func (m *model) enter() {
	switch r := m.table.chosen(); {
	case m.lower:
		m.move(1)
	case r == nil:
	case r.in != nil || len(r.app.Instances)+len(r.app.Leaving) < 2:
		m.lower = true
	default:
		m.fold()
	}
}

func (m *model) fold() {
	if r := m.table.chosen(); r != nil {
		r.app.open = !r.app.open
		m.table.refresh(m)
	}
}

func (m *model) foldAll() {
	open := !slices.ContainsFunc(m.apps, func(a *app) bool { return a.open && len(a.Instances) > 1 })
	for _, a := range m.apps {
		a.open = open
	}
	m.table.refresh(m)
}

// escape goes one step back.
func (m *model) escape() tea.Cmd {
	switch {
	case m.lower && (m.tape.re != nil || m.tape.mark != nil):
		_ = m.tape.find("")
		m.tape.hide = false
		m.tape.follow()
	case !m.lower && m.table.re != nil:
		m.table.filter, m.table.re = "", nil
		m.table.refresh(m)
	case m.zoom:
		m.zoom = false
		return m.resized()
	default:
		m.lower = false
	}
	return nil
}

// turn shows another pane below; the same one again gets the keys.
func (m *model) turn(p pane) tea.Cmd {
	m.lower = m.pane == p && !m.lower || m.lower && m.pane != p
	m.pane = p
	return m.ask()
}

// resized is to be called when the panes may have another size.
func (m *model) resized() tea.Cmd {
	clear(m.widest)
	m.table.reveal()
	return m.ask()
}

func (m *model) sortBy(arg string) tea.Cmd {
	if arg == "" {
		m.table.key = (m.table.key + 1) % sortKeys
	} else if i := slices.Index(sortNames[:], arg); i >= 0 {
		m.table.key = sortKey(i)
	} else {
		m.complain("sort: the columns are " + strings.Join(sortNames[:], ", "))
		return nil
	}
	m.table.desc = false
	m.table.refresh(m)
	m.say("sorted by " + sortNames[m.table.key])
	return nil
}

func (m *model) filterBy(arg string) tea.Cmd {
	if arg == "" {
		m.mode = modeFilter
		m.input.set(m.table.filter)
		return nil
	}
	m.input.set(arg)
	m.filtered()
	return nil
}

func (m *model) searchFor(arg string) tea.Cmd {
	m.pane = paneLogs
	if arg == "" {
		m.mode = modeSearch
		m.input.set(m.tape.search)
		return nil
	}
	m.input.set(arg)
	m.searched()
	m.lower = true
	return nil
}

// typing takes a key of an expression in. It acts while it is written.
func (m *model) typing(k tea.KeyPressMsg) tea.Cmd {
	search := m.mode == modeSearch
	switch k.String() {
	case "enter":
		m.mode = modeNormal
		if search && m.tape.re != nil {
			m.lower = true
			m.jump(1, "line that matches", func(l *line) bool { return l.hit })
		}
		return m.selected()
	case "esc":
		m.mode = modeNormal
		m.input.set("")
	default:
		if !m.input.press(k) {
			return nil
		}
	}
	if search {
		m.searched()
	} else {
		m.filtered()
	}
	return m.selected()
}

func (m *model) filtered() {
	re, err := expression(m.input.String())
	if err != nil {
		m.input.bad = "not an expression yet"
		return
	}
	m.input.bad = ""
	m.table.filter, m.table.re = m.input.String(), re
	m.table.refresh(m)
}

func (m *model) searched() {
	m.input.bad = ""
	if err := m.tape.find(m.input.String()); err != nil {
		m.input.bad = "not an expression yet"
	}
}

func (m *model) paste(text string) tea.Cmd {
	switch m.mode {
	case modeFilter, modeSearch, modePalette:
		m.input.insert(text)
	}
	switch m.mode {
	case modeFilter:
		m.filtered()
	case modeSearch:
		m.searched()
	}
	return nil
}

func (m *model) jump(by int, what string, meant func(*line) bool) {
	m.pane = paneLogs
	switch found, around := m.tape.jump(by, meant); {
	case !found:
		m.say("no " + what)
	case around && by > 0:
		m.say("from the beginning again")
	case around:
		m.say("from the end again")
	}
}

func (m *model) hide() {
	if m.tape.re == nil {
		m.say("nothing is searched for: / begins")
		return
	}
	m.tape.hide = !m.tape.hide
}

// levelFrom shows another level and above. The daemon is asked for it, so that
// there are as many lines of it as of all.
func (m *model) levelFrom(arg string) tea.Cmd {
	turn := []velos.Level{velos.LevelNone, velos.Info, velos.Warn, velos.Err}
	switch l, ok := velos.ParseLevel(arg); {
	case arg == "":
		m.tape.level = turn[(slices.Index(turn, m.tape.level)+1)%len(turn)]
	case arg == "all":
		m.tape.level = velos.LevelNone
	case ok:
		m.tape.level = l
	default:
		m.complain("level: all, debug, info, warn, error or fatal")
		return nil
	}
	m.pane = paneLogs
	m.follow()
	return nil
}

func (m *model) putMark(arg string) tea.Cmd {
	if arg == "" {
		arg = "mark"
	}
	m.tape.note(m.clock, shown(arg))
	return nil
}

func (m *model) mouse() {
	m.noMouse = !m.noMouse
	if m.noMouse {
		m.say("the mouse is the terminal's: select text as usual; M takes it back")
	} else {
		m.say("the mouse chooses rows and scrolls; with Shift held, most terminals select text")
	}
}
