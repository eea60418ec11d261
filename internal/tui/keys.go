package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// A bind is a row of the one table of what can be done: it is what keys do,
// what the palette offers, what the help shows and what docs/MONIT.md says.
type bind struct {
	keys  []string // as bubbletea names them
	show  string   // the keys as people read them
	word  string   // in the palette; "" is not there
	arg   string   // what is typed behind the word
	need  bool     // without it, nothing is done
	help  string
	group string
	order bool // changes something: not there when read-only
	do    func(m *model, arg string) tea.Cmd
}

var groups = []string{"Moving", "The table", "The lower pane", "Lines", "Orders", "The rest"}

// bindings is the table, in the order of the help.
func bindings() []bind {
	var list []bind
	in := func(group string, rows ...bind) {
		for _, b := range rows {
			b.group = group
			list = append(list, b)
		}
	}
	in("Moving", movingBinds()...)
	in("The table", tableBinds()...)
	in("The lower pane", paneBinds()...)
	in("Lines", lineBinds()...)
	in("Orders", orderBinds()...)
	in("The rest", restBinds()...)
	return list
}

// plainly is a deed that needs nothing typed and asks nobody.
func plainly(f func(m *model)) func(*model, string) tea.Cmd {
	return func(m *model, _ string) tea.Cmd { f(m); return nil }
}

func movingBinds() []bind {
	return []bind{
		{keys: []string{"up", "k"}, show: "↑ k", help: "one row up; in the lower pane, one line", do: plainly(func(m *model) { m.move(-1) })},
		{keys: []string{"down", "j"}, show: "↓ j", help: "one row down", do: plainly(func(m *model) { m.move(1) })},
		{keys: []string{"pgup", "ctrl+b", "ctrl+u"}, show: "PgUp", help: "a page up", do: plainly(func(m *model) { m.move(-m.page()) })},
		{keys: []string{"pgdown", "ctrl+f", "ctrl+d"}, show: "PgDn", help: "a page down", do: plainly(func(m *model) { m.move(m.page()) })},
		{keys: []string{"home", "g"}, show: "Home g", help: "to the beginning", do: plainly(func(m *model) { m.move(-farAway) })},
		{keys: []string{"end", "G"}, show: "End G", help: "to the end; lines follow again", do: plainly(func(m *model) { m.move(farAway) })},
		{keys: []string{"tab", "shift+tab"}, show: "Tab", help: "the other pane gets the keys", do: plainly(func(m *model) { m.lower = !m.lower })},
		{keys: []string{"z"}, show: "z", word: "zoom", help: "the pane with the keys takes the whole screen, or gives it back", do: func(m *model, _ string) tea.Cmd { m.zoom = !m.zoom; return m.resized() }},
		{keys: []string{"esc", "alt+esc"}, show: "Esc", help: "step by step: forget the expression, the filter, the whole screen; go back to the table", do: func(m *model, _ string) tea.Cmd { return m.escape() }},
	}
}

func tableBinds() []bind {
	return []bind{
		{keys: []string{"enter"}, show: "Enter", help: "unfold or fold an app; go to the lines of one instance; in the lower pane, a line down", do: plainly((*model).enter)},
		{word: "fold", help: "unfold or fold the instances of an app", do: plainly((*model).fold)},
		{keys: []string{"right"}, show: "→", help: "unfold; in the lower pane, scroll aside", do: plainly(func(m *model) { m.aside(1) })},
		{keys: []string{"left"}, show: "←", help: "fold; in the lower pane, scroll back", do: plainly(func(m *model) { m.aside(-1) })},
		{keys: []string{"*"}, show: "*", word: "fold-all", help: "unfold all apps, or fold all", do: plainly((*model).foldAll)},
		{keys: []string{"/"}, show: "/", word: "filter", arg: "EXPRESSION", help: "in the table: only apps whose name, namespace or status matches (RE2)", do: (*model).filterBy},
		{keys: []string{"o"}, show: "o", word: "sort", arg: "COLUMN", help: "sort by the next column: " + strings.Join(sortNames[:], ", "), do: (*model).sortBy},
		{keys: []string{"O"}, show: "O", word: "reverse", help: "sort the other way around", do: plainly(func(m *model) { m.table.desc = !m.table.desc; m.table.refresh(m) })},
	}
}

func paneBinds() []bind {
	show := func(p pane) func(*model, string) tea.Cmd {
		return func(m *model, _ string) tea.Cmd { return m.turn(p) }
	}
	return []bind{
		{keys: []string{"l", "1"}, show: "l 1", word: "logs", help: "lines of the chosen app", do: show(paneLogs)},
		{keys: []string{"v", "2"}, show: "v 2", word: "events", help: "what happened, and who asked for it", do: show(paneEvents)},
		{keys: []string{"i", "3"}, show: "i 3", word: "why", help: "why the chosen app is as it is, with its timeline", do: show(paneWhy)},
		{keys: []string{"c", "4"}, show: "c 4", word: "crash", help: "why its last run ended", do: show(paneCrash)},
		{keys: []string{"p", "5"}, show: "p 5", word: "past", help: "CPU and memory over time, as " + recorder + " has recorded them", do: show(panePast)},
		{keys: []string{"T"}, show: "T", word: "span", arg: strings.Join(spanNames[:], "|"), help: "how much of the past: " + strings.Join(spanNames[:], ", ") + " in turn", do: (*model).spanOf},
		{keys: []string{"a"}, show: "a", word: "all", help: "lines and events of all apps in one, or of the chosen one", do: func(m *model, _ string) tea.Cmd { m.merged = !m.merged; m.follow(); return nil }},
	}
}

func lineBinds() []bind {
	hit := func(l *line) bool { return l.hit }
	bad := func(l *line) bool { return !l.note && l.level >= 4 }
	return []bind{
		{keys: []string{"space", "f"}, show: "Space f", word: "hold", help: "hold the lines, or follow them again", do: plainly(func(m *model) { m.tape.pause() })},
		{keys: []string{"/"}, show: "/", word: "search", arg: "EXPRESSION", help: "in the lower pane: search the lines (RE2; without capitals, case does not matter)", do: (*model).searchFor},
		{keys: []string{"n"}, show: "n", word: "next", help: "the next line that matches", do: plainly(func(m *model) { m.jump(1, "line that matches", hit) })},
		{keys: []string{"N"}, show: "N", word: "previous", help: "the one before", do: plainly(func(m *model) { m.jump(-1, "line that matches", hit) })},
		{keys: []string{"h"}, show: "h", word: "only", help: "show only lines that match, or all with the matches marked", do: plainly((*model).hide)},
		{keys: []string{"e"}, show: "e", word: "error", help: "the next line of level error or fatal", do: plainly(func(m *model) { m.jump(1, "error", bad) })},
		{keys: []string{"E"}, show: "E", help: "the error before", do: plainly(func(m *model) { m.jump(-1, "error", bad) })},
		{keys: []string{"L"}, show: "L", word: "level", arg: "LEVEL", help: "only this level and above: all, info, warn, error in turn", do: (*model).levelFrom},
		{keys: []string{"w"}, show: "w", word: "wrap", help: "wrap long lines, or cut them", do: plainly(func(m *model) { m.tape.wrap = !m.tape.wrap; m.tape.left = 0 })},
		{keys: []string{"t"}, show: "t", word: "time", help: "time of each line: clock, with milliseconds, none", do: plainly(func(m *model) { m.tape.stamp = (m.tape.stamp + 1) % stamps })},
		{keys: []string{"m"}, show: "m", word: "mark", arg: "TEXT", help: "put a mark with the time among the lines", do: (*model).putMark},
		{keys: []string{"y"}, show: "y", word: "copy", help: "copy the line that was jumped to, else what the pane shows; in the table, the name", do: (*model).copyOut},
	}
}

func orderBinds() []bind {
	verb := func(v string) func(*model, string) tea.Cmd {
		return func(m *model, arg string) tea.Cmd { return m.order(v, arg) }
	}
	return []bind{
		{keys: []string{"r"}, show: "r", word: "restart", order: true, help: "stop and start again", do: verb("restart")},
		{keys: []string{"R"}, show: "R", word: "reload", order: true, help: "replace without a gap", do: verb("reload")},
		{keys: []string{"s"}, show: "s", word: "stop", order: true, help: "stop; the app stays known", do: verb("stop")},
		{keys: []string{"S"}, show: "S", word: "start", order: true, help: "start again what is stopped", do: verb("start")},
		{keys: []string{"d"}, show: "d", word: "delete", order: true, help: "stop and forget", do: verb("delete")},
		{keys: []string{"x"}, show: "x", word: "scale", arg: "N|+N|-N", need: true, order: true, help: "change the number of instances", do: verb("scale")},
		{keys: []string{"K"}, show: "K", word: "signal", arg: "SIGNAL", need: true, order: true, help: "send a signal", do: verb("signal")},
		{word: "reset", order: true, help: "count restarts from 0", do: verb("reset")},
	}
}

func restBinds() []bind {
	return []bind{
		{keys: []string{":"}, show: ":", help: "the palette: every command by its word", do: plainly(func(m *model) { m.openPalette("") })},
		{keys: []string{"?", "f1"}, show: "?", word: "help", help: "this page", do: plainly(func(m *model) { m.mode, m.help = modeHelp, 0 })},
		{keys: []string{"M"}, show: "M", word: "mouse", help: "leave the mouse to the terminal, or take it back; with Shift held, most terminals select text all the same", do: plainly((*model).mouse)},
		{keys: []string{"ctrl+z"}, show: "Ctrl+Z", help: "stop this job, as in every shell; fg goes on", do: plainly(func(m *model) { m.suspend() })},
		{keys: []string{"q", "ctrl+c"}, show: "q", word: "quit", help: "leave; nothing is stopped", do: func(*model, string) tea.Cmd { return tea.Quit }},
	}
}

// key finds what a key does. "/" means the pane that has the keys.
func (m *model) key(name string) *bind {
	var found *bind
	for i := range m.binds {
		for _, k := range m.binds[i].keys {
			if k == name && (found == nil || m.lower && m.pane == paneLogs) {
				found = &m.binds[i]
			}
		}
	}
	return found
}

// Page is the table as a part of docs/MONIT.md.
func Page() string {
	var b strings.Builder
	for _, g := range groups {
		b.WriteString("\n### " + g + "\n\n| key | `:` command | what it does |\n|---|---|---|\n")
		list := bindings()
		for i := range list {
			if list[i].group != g {
				continue
			}
			word := ""
			if list[i].word != "" {
				word = "`" + strings.TrimSpace(list[i].word+" "+strings.ReplaceAll(list[i].arg, "|", `\|`)) + "`"
			}
			b.WriteString("| " + list[i].show + " | " + word + " | " + list[i].help + " |\n")
		}
	}
	return b.String()
}
