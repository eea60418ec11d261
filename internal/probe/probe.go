// Package probe asks once whether a program does its work: over HTTP, by a
// connection, or with a command. It decides nothing: when to ask, and what
// follows from an answer, is the business of its callers; Watch counts the
// answers for them. It resolves no names, speaks no TLS and starts no process.
//
// Whom it asks is not trusted. A server that never answers, answers one byte
// at a time, or talks without an end costs half a kilobyte until the deadline.
package probe

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A Lookup finds a variable of the environment of the run that is asked about.
type Lookup func(name string) (value string, ok bool)

// A Run runs a command to its end, but not longer than ctx lives. Text is what
// it has written, or the end of that; err says how it ended, such as "exit code
// 2", and is nil for code 0.
type Run func(ctx context.Context, argv []string) (text string, err error)

// Check asks once. Nil means that the program is well; the error says in a
// sentence what was found instead. It should be given a ctx with a deadline,
// and returns as soon as that is over.
//
// Three codes say nothing about the program: velos.Busy (this system lacks
// descriptors or memory), velos.Cancelled, and velos.Unsupported. What can never
// become well, such as a URL with an unknown variable, is velos.Invalid.
func Check(ctx context.Context, p *velos.Probe, lookup Lookup, run Run) error {
	switch {
	case p.HTTP != "":
		return checkHTTP(ctx, p.HTTP, lookup)
	case p.TCP != "":
		return checkTCP(ctx, p.TCP, lookup)
	case len(p.Exec) > 0:
		return checkExec(ctx, p.Exec, lookup, run)
	}
	return &velos.Error{Code: velos.Invalid, Message: "probe: nothing that can be asked"}
}

func checkHTTP(ctx context.Context, text string, lookup Lookup) error {
	url, err := Expand(text, lookup)
	if err != nil {
		return err
	}
	t, err := parseURL(url)
	if err != nil {
		return err
	}
	return t.get(ctx)
}

func checkTCP(ctx context.Context, text string, lookup Lookup) error {
	address, err := Expand(text, lookup)
	if err != nil {
		return err
	}
	t, err := parseAddress(address)
	if err != nil {
		return err
	}
	return t.reach(ctx)
}

func checkExec(ctx context.Context, argv []string, lookup Lookup, run Run) error {
	list := make([]string, len(argv))
	for i, arg := range argv {
		var err error
		if list[i], err = Expand(arg, lookup); err != nil {
			return err
		}
	}
	text, err := run(ctx, list)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return late(ctx, list[0])
	}
	e := &velos.Error{Code: velos.CodeOf(err), Message: err.Error(), Hint: velos.HintOf(err), Cause: err}
	if line := lastLine(text); line != "" {
		e.Message += ": " + line
	}
	return e
}

// saidMax bounds what of a command's output stands in an error.
const saidMax = 200

// lastLine is the last line of text that is not blank.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	text = strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if len(text) <= saidMax {
		return text
	}
	n := saidMax
	for n > saidMax-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// late is the error of a question that took until the end of ctx.
func late(ctx context.Context, what string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &velos.Error{Code: velos.Cancelled, Message: what + ": cancelled", Cause: ctx.Err()}
	}
	return &velos.Error{Code: velos.Timeout, Message: what + ": no answer in time", Cause: context.DeadlineExceeded}
}

func unwell(text string, cause error) error {
	return &velos.Error{Code: velos.Failed, Message: text, Cause: cause}
}

// Expand replaces $NAME and ${NAME} by the variables' values, and $$ by $. Any
// other $ stays. An unknown variable is an error of code velos.Invalid.
func Expand(text string, lookup Lookup) (string, error) {
	at := strings.IndexByte(text, '$')
	if at < 0 {
		return text, nil
	}
	out := make([]byte, 0, len(text)+16)
	rest := text
	for ; at >= 0; at = strings.IndexByte(rest, '$') {
		out = append(out, rest[:at]...)
		name, used := variable(rest[at:])
		switch {
		case name != "":
			value, ok := lookup(name)
			if !ok {
				return "", &velos.Error{Code: velos.Invalid, Message: text + ": the program has no variable " + name,
					Hint: "set it in env, or write the value itself"}
			}
			out = append(out, value...)
		default:
			out = append(out, '$')
		}
		rest = rest[at+used:]
	}
	return string(append(out, rest...)), nil
}

// variable reads what begins with a $: the name, if one follows, and how many
// bytes it took.
func variable(s string) (name string, used int) {
	from := 1
	if strings.HasPrefix(s, "$$") {
		return "", 2
	}
	if strings.HasPrefix(s, "${") {
		from = 2
	}
	to := from
	for to < len(s) && (s[to] == '_' || s[to]|0x20 >= 'a' && s[to]|0x20 <= 'z' || to > from && s[to] >= '0' && s[to] <= '9') {
		to++
	}
	switch {
	case to == from:
		return "", 1
	case from == 1:
		return s[from:to], to
	case to < len(s) && s[to] == '}':
		return s[from:to], to + 1
	}
	return "", 1
}
