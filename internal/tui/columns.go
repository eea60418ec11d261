package tui

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A column of the table.
type column struct {
	title string
	key   sortKey // by which a click on its head sorts; -1 by none
	right bool
	wide  int
	most  int // as wide as it may grow
	drop  int // goes when the terminal is too narrow: the highest first, 0 never
	cell  func(f *face) (text, sgr string)
	spark func(f *face) *ring
	floor float32
}

const (
	nameLeast = 12
	nameMost  = 40
	sparkWide = 4 // at the least
	sparkMost = 24
)

// columns are those that fit into the screen beside the name, with their
// widths, and how wide the name is.
func (m *model) columns(faces []face, names []string) (list []column, name int) {
	list = []column{
		{title: "STATUS", key: byStatus, wide: len(velos.Starting), cell: func(f *face) (string, string) { return f.status, f.color }},
		{title: "CPU", key: byCPU, right: true, wide: 6, cell: func(f *face) (string, string) { return f.cpu, plain }},
		{key: byCPU, wide: sparkWide, most: sparkMost, drop: 5, floor: 10, spark: func(f *face) *ring { return ringOf(f, false) }},
		{title: "MEMORY", key: byMemory, right: true, wide: 7, cell: func(f *face) (string, string) { return f.mem, plain }},
		{key: byMemory, wide: sparkWide, most: sparkMost, drop: 6, floor: 1, spark: func(f *face) *ring { return ringOf(f, true) }},
		{title: "RESTARTS", key: byRestarts, right: true, drop: 3, cell: func(f *face) (string, string) {
			if f.restarts == "0" {
				return f.restarts, dim
			}
			return f.restarts, plain
		}},
		{title: "UPTIME", key: byUptime, right: true, wide: 7, drop: 1, cell: func(f *face) (string, string) { return f.uptime, plain }},
		{title: "PID", key: -1, right: true, drop: 8, cell: func(f *face) (string, string) { return f.pid, dim }},
		{title: "HEALTH", key: -1, drop: 9, cell: func(f *face) (string, string) {
			if f.health == "unhealthy" {
				return f.health, red
			}
			return f.health, plain
		}},
		{title: "URL", key: -1, drop: 10, cell: func(f *face) (string, string) { return f.url, dim }},
	}
	list = m.measure(list, faces)
	name = max(nameLeast, m.widest["NAME"])
	for _, n := range names {
		name = max(name, width(n))
	}
	name = min(name, nameMost)
	m.widest["NAME"] = name
	return m.squeeze(list, name)
}

func ringOf(f *face, mem bool) *ring {
	switch {
	case f.r == nil:
		return nil
	case mem:
		return &f.r.mem
	}
	return &f.r.cpu
}

// measure gives each column its width, and leaves out those with nothing in
// them.
func (m *model) measure(list []column, faces []face) []column {
	kept := list[:0]
	for _, c := range list {
		was := m.widest[c.title]
		some := c.spark != nil || c.drop < 8 || was > 0
		for i := range faces {
			if c.cell == nil {
				break
			}
			text, _ := c.cell(&faces[i])
			some = some || text != ""
			c.wide = max(c.wide, width(text))
		}
		c.wide = max(c.wide, len(c.title), was)
		if c.key >= 0 && c.title != "" {
			c.wide = max(c.wide, len(c.title)+1) // the arrow of the order
		}
		if some {
			if c.title != "" {
				m.widest[c.title] = c.wide
			}
			kept = append(kept, c)
		}
	}
	return kept
}

// squeeze leaves columns out until the rest fits, and gives what is left to
// the sparklines.
func (m *model) squeeze(list []column, name int) ([]column, int) {
	room := m.width - 2 // the mark and the edge
	taken := func(name int) int {
		n := name
		for i := range list {
			n += list[i].wide + gap(&list[i])
		}
		return n
	}
	for taken(min(name, 18)) > room {
		worst := -1
		for i := range list {
			if list[i].drop > 0 && (worst < 0 || list[i].drop > list[worst].drop) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		list = append(list[:worst:worst], list[worst+1:]...)
	}
	if over := taken(name) - room; over > 0 {
		name = max(nameLeast/2, name-over)
	}
	for {
		grown := false
		for i := range list {
			if list[i].wide < list[i].most && taken(name) < room {
				list[i].wide++
				grown = true
			}
		}
		if !grown {
			break
		}
	}
	if n := room - taken(name); n > 0 {
		name = min(name+n, nameMost)
	}
	return list, name
}

// gap is how many blanks stand before a column.
func gap(c *column) int {
	if c.spark != nil {
		return 1
	}
	return 2
}

// label is a row's name with its place in the tree.
func (m *model) label(r *row) string {
	if r.in != nil {
		twig := m.y.branch
		if r.last {
			twig = m.y.corner
		}
		return " " + twig + " " + r.app.name + ":" + strconv.Itoa(r.in.Inst)
	}
	fold, n := "  ", ""
	if len(r.app.Instances) > 1 || len(r.app.Leaving) > 0 {
		fold = m.y.closed + " "
		if r.app.open {
			fold = m.y.open + " "
		}
	}
	if i := len(r.app.Instances); i > 1 {
		n = " " + m.y.times + strconv.Itoa(i)
	}
	return fold + r.app.name + n
}

// drawTable draws the head and so many rows.
func (m *model) drawTable(rows int) []string {
	t := &m.table
	t.tall = rows
	t.reveal()
	seen := t.rows[min(t.top, len(t.rows)):min(t.top+rows, len(t.rows))]
	faces, names := make([]face, len(seen)), make([]string, len(seen))
	for i := range seen {
		faces[i], names[i] = m.face(&seen[i]), m.label(&seen[i])
	}
	cols, name := m.columns(faces, names)
	out := []string{m.head(cols, name)}
	for i := range seen {
		out = append(out, m.line(&seen[i], &faces[i], cols, name, names[i], t.top+i == t.index))
	}
	if len(t.rows) == 0 {
		out = append(out, m.nothing()...)
	}
	for len(out) < rows+1 {
		out = append(out, "")
	}
	return out[:rows+1]
}

// head is the line of titles; the one that sorts has an arrow.
func (m *model) head(cols []column, name int) string {
	var b strings.Builder
	title := func(s string, key sortKey) string {
		if key != m.table.key || s == "" {
			return s
		}
		if m.table.desc == (key == byName || key == byID) {
			return s + m.y.down
		}
		return s + m.y.up
	}
	b.WriteString("   " + m.y.fit(title("NAME", byName), max(0, name-1)))
	for i := range cols {
		c := &cols[i]
		b.WriteString(strings.Repeat(" ", gap(c)))
		if s := title(c.title, c.key); c.right {
			b.WriteString(m.y.right(s, c.wide))
		} else {
			b.WriteString(m.y.fit(s, c.wide))
		}
	}
	return m.y.paint(dim, m.y.fit(b.String(), m.width))
}

// line is one row. The chosen one stands out, more so when it has the keys.
func (m *model) line(r *row, f *face, cols []column, name int, label string, chosen bool) string {
	mark, sgr := " ", plain
	if chosen {
		mark, sgr = m.y.mark, bold
	}
	var b strings.Builder
	b.WriteString(m.y.paint(heading, mark))
	if r.in == nil {
		b.WriteString(m.y.paint(sgr, m.y.fit(label, name)))
	} else {
		b.WriteString(m.y.paint(cmp.Or(sgr, dim), m.y.fit(label, name)))
	}
	for i := range cols {
		c := &cols[i]
		b.WriteString(strings.Repeat(" ", gap(c)))
		if c.spark != nil {
			s := strings.Repeat(" ", c.wide)
			if ring := c.spark(f); ring != nil && f.cpu != "" {
				s = m.y.spark(ring, c.wide, c.floor)
			}
			b.WriteString(m.y.paint(cyan, s))
			continue
		}
		text, color := c.cell(f)
		if c.right {
			text = m.y.right(text, c.wide)
		} else {
			text = m.y.fit(text, c.wide)
		}
		b.WriteString(m.y.paint(color, text))
	}
	if chosen && !m.lower {
		return m.y.paint(reverse, strip(m.y.fit(b.String(), m.width)))
	}
	return b.String()
}

// nothing says why the table is empty.
func (m *model) nothing() []string {
	switch {
	case m.table.filter != "" && len(m.apps) > 0:
		return []string{"", "  no app matches " + m.table.filter + "; esc shows all"}
	case m.link.why != "" && !m.link.up && len(m.apps) == 0:
		out := []string{""}
		for _, text := range []string{m.link.why, m.link.hint} {
			for _, l := range fold(shown(text), max(8, m.width-4)) {
				out = append(out, "  "+l)
			}
		}
		return out
	case m.link.none && !m.link.up:
		return []string{"", "  no daemon answers yet; this view starts none", "  velos start FILE starts one, and this view goes on by itself"}
	case len(m.apps) == 0 && !m.link.up:
		return nil
	}
	return []string{"", "  no apps; velos start FILE adds one, and it appears here"}
}
