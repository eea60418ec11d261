package tui

import (
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// Where the names of the panes stand in the rule between the panes.
const (
	tabsBegin = 3
	tabGap    = 2
)

// silentFor is how late figures may be on a busy machine.
const silentFor = 4 * time.Second

func strip(s string) string { return ansi.Strip(s) }

// A layout is which row of the screen begins what. Rows is how many the table
// has below its head, lines how many the lower pane has below its rule; 0 is
// not there.
type layout struct {
	meters bool
	head   int
	rows   int
	rule   int
	lines  int
	foot   int
}

// layout divides the screen: the table gets what it needs up to half of it,
// but leaves the lower pane some lines.
func (m *model) layout() layout {
	l := layout{meters: m.height >= 16, foot: 1}
	if m.mode == modeConfirm {
		l.foot = 2
	}
	l.head = 1
	if l.meters {
		l.head = 2
	}
	room := m.height - l.head - l.foot
	switch {
	case room < 2:
		l.rows, l.rule = 0, l.head
	case m.zoom && !m.lower || room < 7 && !m.lower:
		l.rows, l.rule = room-1, m.height
	case m.zoom || room < 7:
		l.rule, l.lines = l.head, room-1
	default:
		want := max(m.table.whole, 3)
		if len(m.apps) == 0 { // there is a reason to be told
			want = 8
		}
		l.rows = min(want, max(3, (room-2)*11/20))
		l.rule = l.head + 1 + l.rows
		l.lines = m.height - l.foot - l.rule - 1
	}
	return l
}

// draw makes the frame.
func (m *model) draw() {
	if !m.clock.Before(m.status.until) {
		m.status = status{}
	}
	lay := m.layout()
	out := []string{m.title()}
	if lay.meters {
		out = append(out, m.meters())
	}
	if m.mode == modeHelp {
		out = append(out, m.ruled([]string{"keys"}, nil))
		out = append(out, m.drawHelp(max(0, m.height-len(out)-1))...)
		out = append(out, m.y.paint(dim, m.y.fit(" any other key goes back   "+m.arrows()+" scroll", m.width)))
	} else {
		if lay.rows > 0 {
			out = append(out, m.drawTable(lay.rows)...)
		}
		if lay.lines > 0 {
			out = append(out, m.drawLower(lay.lines)...)
		}
		out = append(out, m.foot()...)
	}
	if len(out) > m.height {
		out = out[len(out)-m.height:]
	}
	for i := range out {
		if width(out[i]) > m.width {
			out[i] = ansi.Truncate(out[i], m.width, "")
		}
		if m.o.ASCII {
			out[i] = onlyASCII(out[i])
		}
	}
	m.frame = tea.NewView(strings.Join(out, "\n"))
	m.frame.AltScreen = true
	m.frame.WindowTitle = "velos"
	m.frame.Cursor = m.cursor()
	if !m.noMouse {
		m.frame.MouseMode = tea.MouseModeCellMotion
	}
}

func (m *model) arrows() string {
	if m.o.ASCII {
		return "up/down"
	}
	return "↑↓"
}

// onlyASCII shows every other character as a question mark, as wide as it.
func onlyASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r == '…':
			b.WriteByte('~')
		case r == '×':
			b.WriteByte('x')
		case r == '↑':
			b.WriteByte('^')
		case r == '↓':
			b.WriteByte('v')
		case r == '→':
			b.WriteByte('>')
		case r == '←':
			b.WriteByte('<')
		default:
			b.WriteString(strings.Repeat("?", ansi.StringWidth(string(r))))
		}
	}
	return b.String()
}

// title is the first line: which daemon, how it is, and how many apps. What is
// least missed goes first where there is no room.
func (m *model) title() string {
	sep := m.y.paint(dim, " "+m.y.rest+" ")
	link := m.linkText() + " "
	if most := max(4, m.width-len(" velos ")-1); width(link) > most {
		link = m.y.fit(link, most)
	}
	left := ""
	for less := range 4 {
		left = " " + m.y.paint(heading, "velos")
		if m.link.version != "" && less < 3 {
			left += " " + shown(m.link.version)
		}
		if m.daemon.PID != 0 && m.link.up && less < 2 {
			left += sep + "up " + seconds(m.daemon.Uptime)
		}
		if m.daemon.PID != 0 && m.link.up && less < 1 {
			left += sep + view.Bytes(m.daemon.RSS)
		}
		if len(m.apps) > 0 {
			left += sep + plural(len(m.apps), "app") + ": " + m.census()
		}
		if width(left)+1+width(link) <= m.width {
			break
		}
	}
	if room := m.width - width(link) - 1; width(left) > room && m.link.why != "" {
		left = m.y.fit(left, room) // why it is down says more
	}
	return m.y.sides(left, link, m.width)
}

// seconds is a length of time without what is less than a second: that would
// flicker.
func seconds(t velos.Millis) string {
	if t < 1000 {
		return "0s"
	}
	return view.Span(t / 1000 * 1000)
}

// linkText says how the connection is.
func (m *model) linkText() string {
	switch silent := m.silence(); {
	case silent > 0:
		return m.y.paint(yellow, m.y.ring+" daemon silent for "+seconds(velos.MillisOf(silent)))
	case m.link.up && m.o.ReadOnly:
		return m.y.paint(green, m.y.dot) + " live, read-only"
	case m.link.up:
		return m.y.paint(green, m.y.dot) + " live"
	case m.link.why != "":
		return m.y.paint(red, m.y.ring+" "+shown(m.link.why))
	case m.link.none:
		return m.y.paint(yellow, m.y.ring+" no daemon, trying")
	}
	return m.y.paint(yellow, m.y.ring+" daemon gone for "+seconds(velos.MillisOf(m.clock.Sub(m.link.since)))+", trying again")
}

// silence is how long a daemon that is there has said nothing; 0 as long as it
// need not have.
func (m *model) silence() time.Duration {
	if !m.link.up {
		return 0
	}
	was := m.spoke
	if was.Before(m.link.since) {
		was = m.link.since
	}
	if d := m.clock.Sub(was); d > 3*m.interval()+silentFor {
		return d
	}
	return 0
}

// meters are what all apps take together, of what the machine has.
func (m *model) meters() string {
	var u velos.Usage
	for _, a := range m.apps {
		v := a.Usage()
		u.CPU += v.CPU
		u.Memory += v.Memory
	}
	wide := min(20, max(6, (m.width-44)/3))
	cores := max(1, m.o.Cores)
	full, empty := m.y.bar(u.CPU/float64(100*cores), wide)
	s := " cpu " + m.y.paint(cyan, full) + m.y.paint(dim, empty) + " " + percent(u.CPU) + m.y.paint(dim, " of "+plural(cores, "core"))
	if m.total <= 0 {
		return s + "   memory " + view.Bytes(u.Memory)
	}
	full, empty = m.y.bar(float64(u.Memory)/float64(m.total), wide)
	return s + "   memory " + m.y.paint(cyan, full) + m.y.paint(dim, empty) + " " + view.Bytes(u.Memory) + m.y.paint(dim, " of "+view.Bytes(m.total))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// drawLower draws the rule with the names of the panes, and the one that is
// shown.
func (m *model) drawLower(rows int) []string {
	if m.mode == modePalette {
		return append([]string{m.ruled([]string{"commands"}, nil)}, m.drawPalette(rows)...)
	}
	m.below = rows
	var about, body []string
	switch m.pane {
	case paneLogs:
		body = m.drawTape(rows)
		about = m.tapeTitle() // which counts what was drawn
	case paneEvents:
		body = m.drawEvents(rows)
		if about = []string{"all"}; !m.merged {
			about = m.aboutChosen()
		}
	case panePast:
		body = m.drawPast(rows)
		if about = m.aboutChosen(); about != nil {
			about = append(about, "last "+spanNames[m.chart.span])
			if m.chart.p.Step > 0 {
				about = append(about, "a bar is "+view.Span(m.chart.p.Step))
			}
		}
	default:
		body, about = m.drawSheet(rows), m.aboutChosen()
	}
	return append([]string{m.ruled(m.tabs(), about)}, body...)
}

func (m *model) aboutChosen() []string {
	a := m.byID[m.watched.id]
	switch {
	case a == nil:
		return nil
	case m.watched.inst >= 0 && m.pane != paneEvents:
		return []string{a.name + ":" + strconv.Itoa(m.watched.inst)}
	}
	return []string{a.name}
}

// tabs are the names of the panes, the one that is shown standing out.
func (m *model) tabs() []string {
	out := make([]string, len(paneNames))
	for p, name := range paneNames {
		switch {
		case pane(p) != m.pane:
			out[p] = m.y.paint(dim, name)
		case m.lower:
			out[p] = m.y.paint(reverse, name)
		default:
			out[p] = m.y.paint(heading, name)
		}
	}
	return out
}

// ruled is a rule with words at its beginning and, as many as fit, at its end.
func (m *model) ruled(left, about []string) string {
	l := m.y.paint(dim, m.y.rule+m.y.rule) + " " + strings.Join(left, strings.Repeat(" ", tabGap)) + " "
	room := m.width - width(l) - 2
	if room < 8 {
		return m.y.fit(l, m.width)
	}
	right := ""
	for n := len(about); n > 0; n-- {
		right = " " + strings.Join(about[:n], m.y.paint(dim, " "+m.y.rest+" ")) + " "
		if width(right) <= room {
			break
		}
	}
	if width(right) > room {
		right = m.y.fit(right, room)
	}
	return l + m.y.paint(dim, strings.Repeat(m.y.rule, room-width(right))) + right + m.y.paint(dim, m.y.rule+m.y.rule)
}
