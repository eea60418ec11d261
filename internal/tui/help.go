package tui

import "strings"

// helpLines is the page of keys, in as many columns as fit.
func (m *model) helpLines() []string {
	var blocks [][]string
	for _, g := range groups {
		block := []string{m.y.paint(heading, g)}
		for i := range m.binds {
			b := &m.binds[i]
			if b.group != g || b.order && m.o.ReadOnly {
				continue
			}
			block = append(block, m.helpRow(b)...)
		}
		if len(block) > 1 {
			blocks = append(blocks, append(block, ""))
		}
	}
	if m.width < 110 {
		var out []string
		for _, b := range blocks {
			out = append(out, b...)
		}
		return out
	}
	return m.pair(blocks)
}

func (m *model) helpRow(b *bind) []string {
	wide := m.helpWidth()
	key, word := 9, 14
	if wide < 60 {
		word = 0
	}
	room := max(16, wide-key-word-2)
	show := b.show
	if show == "" {
		show = ":"
	}
	head := "  " + m.y.paint(bold, m.y.fit(show, key-1)) + " "
	if word > 0 {
		w := ""
		if b.word != "" {
			w = ":" + b.word
		}
		head += m.y.paint(dim, m.y.fit(w, word))
	}
	var out []string
	for i, part := range fold(b.help, room) {
		if i > 0 {
			head = strings.Repeat(" ", key+word+2)
		}
		out = append(out, head+part)
	}
	return out
}

func (m *model) helpWidth() int {
	if m.width < 110 {
		return m.width - 1
	}
	return m.width/2 - 1
}

// pair puts blocks into two columns of about the same height.
func (m *model) pair(blocks [][]string) []string {
	total := 0
	for _, b := range blocks {
		total += len(b)
	}
	var left, right []string
	for _, b := range blocks {
		if len(right) == 0 && len(left)+len(b)/2 <= total/2 {
			left = append(left, b...)
		} else {
			right = append(right, b...)
		}
	}
	half := m.width / 2
	out := make([]string, max(len(left), len(right)))
	for i := range out {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out[i] = m.y.fit(l, half) + r
	}
	return out
}

// fold breaks a sentence into lines at blanks.
func fold(s string, room int) []string {
	var out []string
	at := ""
	for _, w := range strings.Fields(s) {
		if at != "" && width(at)+1+width(w) > room {
			out = append(out, at)
			at = ""
		}
		if at != "" {
			at += " "
		}
		at += w
	}
	return append(out, at)
}

// drawHelp draws the part of the page that is scrolled to.
func (m *model) drawHelp(rows int) []string {
	list := m.helpLines()
	m.help = max(0, min(m.help, len(list)-rows))
	return m.filled(append([]string(nil), list[m.help:min(len(list), m.help+rows)]...), rows)
}
