package verb

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// A Condition is something that can become true of an app.
type Condition struct {
	Text    string // as it was written
	kind    string // the word before =
	re      *regexp.Regexp
	literal string // in every line that re matches
	port    string
	quiet   time.Duration
}

// ConditionsHelp names the conditions that there are.
const ConditionsHelp = "ready, exit, crash, healthy, port, port=3000, quiet=5s or log=/re/"

// ParseCondition reads ready, exit, crash, healthy, port, port=3000, quiet=5s,
// log=/expression/ and log=text.
func ParseCondition(s string) (Condition, error) {
	kind, value, has := strings.Cut(s, "=")
	c := Condition{Text: s, kind: kind}
	bad := func(why string) (Condition, error) {
		return c, &velos.Error{Code: velos.Invalid, Message: strconv.Quote(s) + " is no condition: " + why, Hint: "one of " + ConditionsHelp}
	}
	switch kind {
	case "ready", "exit", "crash", "healthy":
		if has {
			return bad(kind + " takes no value")
		}
	case "port":
		if n, err := strconv.ParseUint(value, 10, 16); has && (err != nil || n == 0) {
			return bad("a port is a number from 1 to 65535")
		}
		c.port = value
	case "quiet":
		m, err := config.Duration(value)
		if err != nil || m <= 0 {
			return bad("it needs a length of time")
		}
		c.quiet = m.Std()
	case "log":
		if value == "" {
			return bad("it needs an expression")
		}
		if len(value) > 2 && value[0] == '/' && value[len(value)-1] == '/' {
			value = value[1 : len(value)-1]
		} else {
			value = regexp.QuoteMeta(value)
		}
		var err error
		if c.re, c.literal, err = Expression(value); err != nil {
			return c, err
		}
	default:
		return bad("there is no such word")
	}
	return c, nil
}

// Expression compiles an expression and finds a text that is in whatever it
// matches, for the daemon to look for.
func Expression(text string) (re *regexp.Regexp, literal string, err error) {
	re, err = regexp.Compile(text)
	if err != nil {
		return nil, "", &velos.Error{Code: velos.Invalid, Message: strconv.Quote(text) + " is no expression: " + err.Error(),
			Hint: "the expression is RE2: no look-around, no back references; \\ makes a character plain"}
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return re, "", nil
	}
	return re, required(tree.Simplify()), nil
}

// required is the longest text that is in every match, or "".
func required(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return string(t.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, sub := range t.Sub {
			if l := required(sub); len(l) > len(best) {
				best = l
			}
		}
		return best
	}
	return ""
}
