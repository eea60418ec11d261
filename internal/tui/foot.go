package tui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// foot is the last line, or two: what is typed, what is asked, what was done,
// or else which keys there are.
func (m *model) foot() []string {
	switch m.mode {
	case modeConfirm:
		command := m.y.paint(dim, " $ ") + m.confirm.command
		answers := m.y.paint(bold, "y") + " yes   " + m.y.paint(bold, "n") + " no "
		return []string{m.y.sides(" "+m.y.paint(yellow, m.confirm.ask), answers, m.width), m.y.fit(command, m.width)}
	case modeFilter:
		return []string{m.typed("filter ", m.counted(len(m.apps)-m.table.hidden, "app"))}
	case modeSearch:
		return []string{m.typed("search ", m.counted(m.tape.hits(), "line"))}
	case modePalette:
		return []string{m.typed(":", "")}
	}
	if m.status.text == "" {
		return []string{m.hints()}
	}
	text := " " + m.status.text
	if m.status.bad {
		text = " " + m.y.paint(red, m.status.text)
	}
	command := ""
	if m.status.command != "" {
		command = m.y.paint(dim, "$ "+m.status.command) + " "
	}
	if width(text)+width(command) >= m.width { // what it came to says more
		command = ""
	}
	return []string{m.y.sides(text, command, m.width)}
}

func (m *model) counted(n int, noun string) string {
	if m.input.bad != "" {
		return m.y.paint(yellow, m.input.bad) + " "
	}
	if len(m.input.text) == 0 {
		return m.y.paint(dim, "RE2; Enter keeps it, Esc forgets it") + " "
	}
	return m.y.paint(dim, plural(n, noun)) + " "
}

func (m *model) typed(label, right string) string {
	return m.y.sides(" "+m.y.paint(heading, label)+m.input.String(), right, m.width)
}

// cursor is where the terminal's cursor stands: only where something is typed.
func (m *model) cursor() *tea.Cursor {
	label := map[mode]string{modeFilter: "filter ", modeSearch: "search ", modePalette: ":"}[m.mode]
	if label == "" {
		return nil
	}
	return tea.NewCursor(min(m.width-1, 1+len(label)+width(string(m.input.text[:m.input.at]))), m.height-1)
}

// hints are the keys that somebody needs first, as many as fit.
func (m *model) hints() string {
	list := [][2]string{{"?", "help"}, {"q", "quit"}, {"/", "filter"}, {"l", "logs"}, {"i", "why"}}
	if m.lower && m.pane == paneLogs {
		list = [][2]string{{"?", "help"}, {"Tab", "table"}, {"/", "search"}, {"Space", "hold"}, {"e", "error"}, {"L", "level"}, {"w", "wrap"}, {"y", "copy"}, {"a", "all"}, {"z", "zoom"}}
	} else if !m.o.ReadOnly {
		list = append(list, [2]string{"r", "restart"}, [2]string{"s", "stop"}, [2]string{"d", "delete"})
	}
	if m.pane == panePast {
		list = append([][2]string{{"?", "help"}, {"q", "quit"}, {"T", "span"}}, list[2:]...)
	}
	if !m.lower {
		list = append(list, [2]string{"o", "sort"}, [2]string{":", "more"}, [2]string{"Tab", "pane"}, [2]string{"c", "crash"}, [2]string{"v", "events"})
	}
	right := ""
	if m.table.filter != "" {
		right = m.y.paint(yellow, "/"+m.table.filter+"/") + " " + m.y.paint(dim, strconv.Itoa(m.table.hidden)+" left out") + " "
	}
	var b strings.Builder
	n := width(right)
	for _, h := range list {
		part := " " + m.y.paint(bold, h[0]) + " " + m.y.paint(dim, h[1]) + " "
		if n+width(part) > m.width {
			break
		}
		n += width(part)
		b.WriteString(part)
	}
	return m.y.sides(b.String(), right, m.width)
}
