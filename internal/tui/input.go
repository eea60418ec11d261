package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// longest bounds what can be typed.
const longest = 200

// An input is one line that is being typed.
type input struct {
	text []rune
	at   int
	bad  string // why it is not understood yet
}

func (i *input) String() string { return string(i.text) }

func (i *input) set(s string) { i.text, i.at, i.bad = []rune(s), len([]rune(s)), "" }

// insert puts text in; what moves the cursor elsewhere is left out.
func (i *input) insert(s string) {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || len(i.text) >= longest {
			continue
		}
		i.text = append(i.text[:i.at], append([]rune{r}, i.text[i.at:]...)...)
		i.at++
	}
}

// press takes a key in. It reports whether the key was one of editing.
func (i *input) press(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		i.at = max(0, i.at-1)
	case "right", "ctrl+f":
		i.at = min(len(i.text), i.at+1)
	case "home", "ctrl+a":
		i.at = 0
	case "end", "ctrl+e":
		i.at = len(i.text)
	case "backspace", "ctrl+h":
		if i.at > 0 {
			i.cut(i.at-1, i.at)
		}
	case "delete":
		if i.at < len(i.text) {
			i.cut(i.at, i.at+1)
		}
	case "ctrl+u":
		i.cut(0, i.at)
	case "ctrl+k":
		i.cut(i.at, len(i.text))
	case "ctrl+w":
		head := strings.TrimRight(string(i.text[:i.at]), " ")
		i.cut(len([]rune(head[:strings.LastIndexByte(head, ' ')+1])), i.at)
	default:
		if k.Text == "" {
			return false
		}
		i.insert(k.Text)
	}
	return true
}

func (i *input) cut(from, to int) {
	i.text = append(i.text[:from], i.text[to:]...)
	i.at = from
}
