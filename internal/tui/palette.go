package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

func (m *model) openPalette(text string) {
	m.mode, m.choice = modePalette, 0
	m.input.set(text)
}

// offers are the commands that what is typed may mean, those that begin with
// it first.
func (m *model) offers() []*bind {
	word, _, _ := strings.Cut(strings.TrimLeft(m.input.String(), " "), " ")
	var begin, hold []*bind
	for i := range m.binds {
		switch b := &m.binds[i]; {
		case b.word == "" || b.order && m.o.ReadOnly && b.word != word: // one that is typed in full is told why not
		case strings.HasPrefix(b.word, word):
			begin = append(begin, b)
		case strings.Contains(b.word, word) || strings.Contains(b.help, word):
			hold = append(hold, b)
		}
	}
	// What is typed in full is meant, whatever else begins with it.
	if i := slices.IndexFunc(begin, func(b *bind) bool { return b.word == word }); i > 0 {
		whole := begin[i]
		begin = append([]*bind{whole}, append(begin[:i:i], begin[i+1:]...)...)
	}
	return append(begin, hold...)
}

// choosing takes a key of the palette in.
func (m *model) choosing(k tea.KeyPressMsg) tea.Cmd {
	list := m.offers()
	switch k.String() {
	case "esc":
		m.mode = modeNormal
	case "up", "ctrl+p":
		m.choice = max(0, m.choice-1)
	case "down", "ctrl+n":
		m.choice = max(0, min(len(list)-1, m.choice+1))
	case "tab":
		if len(list) > 0 {
			m.input.set(list[min(m.choice, len(list)-1)].word + " ")
			m.choice = 0
		}
	case "enter":
		return m.chosen(list)
	case "backspace":
		if len(m.input.text) == 0 {
			m.mode = modeNormal
			return nil
		}
		m.input.press(k)
		m.choice = 0
	default:
		if m.input.press(k) {
			m.choice = 0
		}
	}
	return nil
}

// chosen does what was chosen in the palette.
func (m *model) chosen(list []*bind) tea.Cmd {
	if len(list) == 0 {
		m.mode = modeNormal
		m.complain("no such command: " + m.input.String())
		return nil
	}
	b := list[min(m.choice, len(list)-1)]
	word, arg, _ := strings.Cut(strings.TrimSpace(m.input.String()), " ")
	arg = strings.TrimSpace(arg)
	if word != b.word && arg == "" && b.need || b.need && arg == "" {
		m.input.set(b.word + " ")
		m.choice = 0
		return nil
	}
	if m.choice == 0 && !strings.Contains(b.word, word) {
		m.input.set(b.word + " ") // found by its help alone: shown before it is done
		return nil
	}
	m.mode = modeNormal
	m.status = status{}
	return tea.Batch(b.do(m, arg), m.selected())
}

// drawPalette draws what the palette offers.
func (m *model) drawPalette(rows int) []string {
	list := m.offers()
	top := max(0, min(m.choice-rows+1, len(list)-rows))
	out := make([]string, 0, rows)
	for i := top; i < len(list) && len(out) < rows; i++ {
		b := list[i]
		mark := "  "
		if i == m.choice {
			mark = m.y.mark + " "
		}
		head := m.y.fit(mark+strings.TrimSpace(b.word+" "+b.arg), min(24, m.width/2))
		s := head + " " + m.y.fit(b.show, 8) + b.help
		if i == m.choice {
			s = m.y.paint(reverse, m.y.fit(s, m.width))
		} else {
			s = m.y.paint(bold, head) + " " + m.y.paint(dim, m.y.fit(b.show, 8)) + b.help
		}
		out = append(out, s)
	}
	if len(list) == 0 {
		out = append(out, "  "+m.y.paint(dim, "no such command"))
	}
	return m.filled(out, rows)
}
