package tui

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

var levelWords = [...]string{"", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

// drawTape draws the newest lines that fit into so many rows, or those before
// the place where it was held.
func (m *model) drawTape(rows int) []string {
	t := &m.tape
	t.tall = rows
	list := t.visible()
	at := t.past(list)
	t.unseen = len(list) - at
	names := m.nameWidth(list[max(0, at-rows):at])
	out, of := make([]string, rows), make([]*line, rows)
	row := rows
	for i := at - 1; i >= 0 && row > 0; i-- {
		parts := m.logLine(list[i], names)
		if len(parts) > row {
			parts = parts[len(parts)-row:]
			if row == rows {
				parts = m.logLine(list[i], names)[:rows]
			}
		}
		row -= len(parts)
		copy(out[row:], parts)
		for n := range parts {
			of[row+n] = list[i]
		}
	}
	if row > 0 { // few lines begin at the top
		out, of = append(out[row:], make([]string, row)...), append(of[row:], make([]*line, row)...)
	}
	if len(list) == 0 {
		copy(out, m.noLines())
	}
	t.shown = of
	return out
}

// nameWidth is how wide names are, where lines of several apps or instances
// are mixed.
func (m *model) nameWidth(list []*line) int {
	most, mixed := 0, false
	for _, l := range list {
		most = max(most, width(l.name))
		mixed = mixed || !l.note && strings.Contains(l.name, ":")
	}
	if !m.merged && !mixed {
		return 0
	}
	return min(most, max(6, m.width/5))
}

// logLine is the rows of one line.
func (m *model) logLine(l *line, names int) []string {
	if l.note {
		s := strings.Repeat(m.y.rule, 2) + " " + l.time.Std().In(m.o.Loc).Format("15:04:05") + " " + l.text + " "
		return []string{m.y.paint(dim, m.y.fit(s+strings.Repeat(m.y.rule, max(0, m.width-width(s))), m.width))}
	}
	head, wide := m.gutter(l, names)
	room := max(8, m.width-wide)
	text := l.text
	var parts []string
	if m.tape.wrap {
		parts = strings.Split(ansi.Hardwrap(text, room, true), "\n")
	} else {
		if m.tape.left > 0 {
			text = ansi.Cut(text, m.tape.left, m.tape.left+room+1)
		}
		parts = []string{ansi.Truncate(text, room, m.y.more)}
	}
	out := make([]string, len(parts))
	for i, p := range parts {
		if i == 0 {
			out[i] = head
		} else {
			out[i] = strings.Repeat(" ", wide)
		}
		if l == m.tape.mark {
			out[i] += m.y.paint(reverse, m.y.fit(p, room))
		} else {
			out[i] += m.highlight(l, p)
		}
	}
	return out
}

// gutter is what stands before a line, and how wide that is.
func (m *model) gutter(l *line, names int) (string, int) {
	var b strings.Builder
	wide := 1
	if l == m.tape.mark {
		b.WriteString(m.y.paint(heading, m.y.mark))
	} else {
		b.WriteString(" ")
	}
	add := func(sgr, s string) {
		b.WriteString(m.y.paint(sgr, s) + " ")
		wide += width(s) + 1
	}
	layout := map[stamp]string{stampClock: "15:04:05", stampMillis: "15:04:05.000"}[m.tape.stamp]
	if layout != "" && m.width >= 50 {
		add(dim, l.time.Std().In(m.o.Loc).Format(layout))
	}
	if names > 0 {
		add(view.NameColor(strings.SplitN(l.name, ":", 2)[0]), m.y.fit(l.name, names))
	}
	word := levelWords[min(int(l.level), len(levelWords)-1)]
	if m.width < 60 {
		word = (word + " ")[:1]
		add(view.LevelColor(l.level), word)
	} else {
		sgr := view.LevelColor(l.level)
		if l.level == velos.Info {
			sgr = dim
		}
		add(sgr, m.y.fit(word, 5))
	}
	return b.String(), wide
}

// highlight colours a part of a line by its level, and what matches in it.
func (m *model) highlight(l *line, s string) string {
	sgr := view.LevelColor(l.level)
	if m.tape.re == nil || !l.hit {
		return m.y.paint(sgr, s)
	}
	var b strings.Builder
	from := 0
	for _, at := range m.tape.re.FindAllStringIndex(s, 20) {
		if at[0] == at[1] {
			continue
		}
		b.WriteString(m.y.paint(sgr, s[from:at[0]]))
		b.WriteString(m.y.paint("1;7", s[at[0]:at[1]]))
		from = at[1]
	}
	b.WriteString(m.y.paint(sgr, s[from:]))
	return b.String()
}

// noLines says why there are none.
func (m *model) noLines() []string {
	t := &m.tape
	s := "no lines yet"
	if m.watched.inst >= 0 {
		s = "no lines of this instance among the last ones"
	}
	switch {
	case !m.merged && m.byID[m.watched.id] == nil:
		return nil
	case t.hide && t.re != nil && len(t.lines) > 0:
		s = "no line matches " + t.search + "; h shows the others, too"
	case t.level > 0:
		s = "no lines of level " + t.level.String() + " and above; L shows others"
	case !m.link.up:
		s = "the lines come when the daemon is there"
	}
	return []string{"", "  " + m.y.paint(dim, s)}
}

// tapeTitle is what the rule above the lines says: whose they are, and what is
// left out.
func (m *model) tapeTitle() []string {
	t := &m.tape
	var parts []string
	switch a := m.byID[m.watched.id]; {
	case m.merged:
		parts = append(parts, "all apps")
	case a != nil && m.watched.inst >= 0:
		parts = append(parts, a.name+":"+strconv.Itoa(m.watched.inst))
	case a != nil:
		parts = append(parts, a.name)
	}
	switch {
	case parts == nil:
		return nil
	case t.end == nil:
		parts = append(parts, "follows")
	default:
		s := "held"
		if t.unseen > 0 {
			s += ", " + strconv.Itoa(t.unseen) + " more"
		}
		parts = append(parts, m.y.paint(yellow, s))
	}
	if t.level > 0 {
		parts = append(parts, t.level.String()+" and above")
	}
	if t.re != nil {
		s := "/" + t.search + "/ " + strconv.Itoa(t.hits())
		if t.hide {
			s += " only"
		}
		parts = append(parts, s)
	}
	if t.wrap {
		parts = append(parts, "wrapped")
	}
	return parts
}
