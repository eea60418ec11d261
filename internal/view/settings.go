package view

import (
	"io"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Setting is a key and its value, as TOML, and where a variable is from.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"`
}

// Settings shows keys and values, one a line, for people and for files alike.
func Settings(w io.Writer, list []Setting, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		array(&b, list)
	case AI:
		m := map[string]string{}
		for _, s := range list {
			m[s.Key] = s.Value
		}
		b.b = Value(m)
	default:
		for _, s := range list {
			b.str(Text(s.Key), " = ", Text(s.Value), "\n")
		}
	}
	return b.to(w)
}

// Variables shows each variable and where it is from.
func Variables(w io.Writer, list []Setting, o Options) error {
	if o.Format != Human {
		return Settings(w, list, o)
	}
	var b buffer
	widest := 0
	for _, s := range list {
		widest = max(widest, min(len(Text(s.Key)+Text(s.Value))+1, 60))
	}
	for _, s := range list {
		line := Text(s.Key) + "=" + Text(s.Value)
		b.str(line, strings.Repeat(" ", max(2, widest-len(line)+2)), o.paint(dim, Text(s.From)), "\n")
	}
	return b.to(w)
}

// A Generation is one of the Specs that an app had.
type Generation struct {
	Number  int         `json:"generation"`
	Current bool        `json:"current"`
	Since   velos.Time  `json:"since"`
	By      velos.Actor `json:"by"` // who brought it
	Cause   string      `json:"cause,omitempty"`
	Changes []Change    `json:"changes"` // from the one before, where that is known
}

// Generations shows them, the newest last.
func Generations(w io.Writer, list []Generation, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		array(&b, list)
	case AI:
		b.b = Value(list)
	default:
		for _, g := range list {
			mark := " "
			if g.Current {
				mark = "*"
			}
			b.str(mark, " ", o.paint(bold, strconv.Itoa(g.Number)), "  ", o.clock(g.Since), " (", ago(g.Since, o.Now), ")")
			if g.Cause != "" {
				b.str("  ", Text(g.Cause))
			}
			if who := by(g.By); who != "" {
				b.str(" by ", Text(who))
			}
			b.str("\n")
			o.Changes(&b, g.Changes, "      ")
		}
	}
	return b.to(w)
}
