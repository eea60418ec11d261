package tui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// mostCopy is how many bytes are copied at most: some terminals refuse more.
const mostCopy = 64 << 10

// copyOut puts into the clipboard what is meant, by the terminal (OSC 52).
func (m *model) copyOut(string) tea.Cmd {
	text, what := m.copied()
	if text == "" {
		m.say("there is nothing to copy")
		return nil
	}
	if len(text) > mostCopy {
		text = strings.ToValidUTF8(text[:mostCopy], "")
		what += ", the first 64 KB"
	}
	m.say("copied " + what)
	return tea.SetClipboard(text)
}

func (m *model) copied() (text, what string) {
	var list []string
	switch {
	case !m.lower && (m.pane != paneLogs || m.tape.mark == nil):
		if r := m.table.chosen(); r != nil {
			return r.name(), r.name()
		}
		return "", ""
	case m.pane == paneLogs && m.tape.mark != nil:
		return m.tape.mark.text, "the line"
	case m.pane == paneLogs:
		var was *line
		for _, l := range m.tape.shown {
			if l != nil && l != was && !l.note {
				list = append(list, l.text)
			}
			was = l
		}
	case m.pane == paneEvents:
		list = m.drawEvents(max(1, m.below))
	default:
		list = m.sheet.text
	}
	for i := range list {
		list[i] = strings.TrimRight(strip(list[i]), " ")
	}
	return strings.TrimSpace(strings.Join(list, "\n")), strconv.Itoa(len(list)) + " lines"
}
