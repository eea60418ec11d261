package mcp

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// again is a call that goes on where an answer ended, as a model can give it:
// the tool and its arguments, those without a value left out, those that are more
// than a word as in JSON. They are words of the caller and our own, never of a
// program.
func again(tool string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := pairs[i+1]; v != "" {
			if list := pairs[i] == "until"; !list && (v[0] == '[' || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r >= 0x7f })) {
				v = string(bytes.TrimSpace(view.Value(v)))
			}
			tool += " " + pairs[i] + "=" + v
		}
	}
	return tool
}

// when is an argument that is true or left out.
func when(yes bool) string {
	if yes {
		return "true"
	}
	return ""
}

// number is one that is left out when it is 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// at is a moment that means the same later, which an age does not.
func at(t velos.Time) string {
	if t == 0 {
		return ""
	}
	return strconv.FormatInt(int64(t), 10)
}

// cursorFor reads a cursor that has to be of an app. One of a former app of the
// same name is, though nothing of it is left.
func cursorFor(a *velos.App, arg, text string) (verb.Cursor, error) {
	cur, err := verb.ParseCursor(text)
	if err != nil {
		return cur, err
	}
	if cur.App != a.Spec.Name && cur.ID != a.ID {
		return cur, invalid(arg+": the cursor is of "+quoted(cur.App)+", not of "+a.Spec.Name, "hand back a cursor of an answer about "+view.Text(a.Spec.Name))
	}
	return cur, nil
}
