package tui

import tea "charm.land/bubbletea/v2"

// wheelStep is how many rows one notch of the wheel is.
const wheelStep = 3

// wheel scrolls what the pointer is over.
func (m *model) wheel(w tea.MouseWheelMsg) {
	by := wheelStep
	switch w.Button {
	case tea.MouseWheelUp:
		by = -by
	case tea.MouseWheelDown:
	default:
		return
	}
	if m.mode == modeHelp {
		m.help = max(0, m.help+by)
		return
	}
	if m.mode != modeNormal {
		return
	}
	lay := m.layout()
	switch {
	case w.Y < lay.rule && lay.rows > 0:
		t := &m.table
		t.choose(t.index + by/wheelStep)
	default:
		was := m.lower
		m.lower = true
		m.move(by)
		m.lower = was
	}
}

// click chooses a row, a column to sort by, a pane or a line.
func (m *model) click(c tea.MouseClickMsg) tea.Cmd {
	if c.Button != tea.MouseLeft {
		return nil
	}
	if m.mode == modeHelp {
		m.mode = modeNormal
		return nil
	}
	if m.mode != modeNormal {
		return nil
	}
	lay := m.layout()
	switch {
	case lay.rows > 0 && c.Y == lay.head:
		m.clickHead(c.X)
	case lay.rows > 0 && c.Y > lay.head && c.Y <= lay.head+lay.rows:
		m.lower = false
		i := m.table.top + c.Y - lay.head - 1
		if i < len(m.table.rows) {
			if i == m.table.index && c.X < 4 {
				m.fold()
			}
			m.table.choose(i)
		}
	case lay.lines > 0 && c.Y == lay.rule:
		return m.clickTab(c.X)
	case lay.lines > 0 && c.Y > lay.rule && c.Y <= lay.rule+lay.lines:
		m.lower = true
		if i := c.Y - lay.rule - 1; m.pane == paneLogs && i < len(m.tape.shown) && m.tape.shown[i] != nil {
			l := m.tape.shown[i]
			if m.tape.end == nil {
				m.tape.pause()
			}
			m.tape.mark = l
		}
	}
	return m.selected()
}

// clickHead sorts by the column that was clicked, or the other way around.
func (m *model) clickHead(x int) {
	t := &m.table
	seen := t.rows[min(t.top, len(t.rows)):min(t.top+t.tall, len(t.rows))]
	faces, names := make([]face, len(seen)), make([]string, len(seen))
	for i := range seen {
		faces[i], names[i] = m.face(&seen[i]), m.label(&seen[i])
	}
	cols, name := m.columns(faces, names)
	at, key := 1+name, byName
	for i := range cols {
		if x < at {
			break
		}
		at += gap(&cols[i]) + cols[i].wide
		key = cols[i].key
	}
	switch {
	case key < 0:
	case key == t.key:
		t.desc = !t.desc
	default:
		t.key, t.desc = key, false
	}
	t.refresh(m)
}

// clickTab shows the pane whose name was clicked.
func (m *model) clickTab(x int) tea.Cmd {
	at := tabsBegin
	for p, name := range paneNames {
		if x >= at && x < at+len(name) {
			m.pane = pane(p)
			m.lower = true
			return m.ask()
		}
		at += len(name) + tabGap
	}
	return nil
}
