package digest

import (
	"bytes"
	"regexp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// Limits of an event.
const (
	longestEvent = 500             // lines
	widestEvent  = 64 << 10        // bytes
	pause        = velos.Time(200) // without output
	unexplained  = 100             // lines in a row that only learning has joined
)

// A Grouper says which lines of one stream begin an event and which continue
// it: stack traces, dumps, statements over several lines. The zero value is
// ready.
type Grouper struct {
	Begins       *regexp.Regexp // a user's own: lines that match begin an event, all others continue it
	lines, bytes int            // of the event so far
	last         velos.Time
	state        state
	depth        int  // of braces that are open
	quoted       bool // a quote of logfmt is open
	head         head // of the event's first line
	sort         sort // of this line
	prev         sort // of the line before
	behind       sort // of the last line that was not blank
	frames       bool // the event has frames of a stack
	bare         int  // lines in a row that nothing but learning joins
	starts       int  // of the stream
	stamped      int  // starts with a timestamp
}

// A state is what the lines so far make of the next.
type state uint8

const (
	plain   state = iota
	python        // in a traceback: up to the first line that is not indented
	goDump        // behind panic: or goroutine
	rust          // behind "panicked at …:" the message has a line of its own
	snippet       // Node shows the source, then the error
	sql           // in a statement
	jul           // java.util.logging: the level begins the second line
)

// Start reports whether a line, that was written at some time, begins an
// event; 0 is no time.
func (g *Grouper) Start(line []byte, at velos.Time) bool {
	if len(line) > longestLine {
		line = line[:longestLine]
	}
	line = line[level.Prefix(line):]
	s, h := sortOf(line)
	h.line = nil // it is the caller's
	begins := g.lines == 0 || g.lines >= longestEvent || g.bytes+len(line) > widestEvent
	if g.Begins != nil {
		begins = begins || g.Begins.Match(line)
	} else {
		begins = begins || at != 0 && g.last != 0 && at-g.last > pause || g.begins(line, s, h)
	}
	if begins {
		*g = Grouper{Begins: g.Begins, head: h, starts: g.starts + 1, stamped: g.stamped}
		if h.timed {
			g.stamped++
		}
		if g.starts >= 200 { // what was long ago says less
			g.starts, g.stamped = g.starts/2, g.stamped/2
		}
	}
	g.sort = s
	g.last = max(at, g.last)
	g.lines++
	g.bytes += len(line) + 1
	g.follow(line, s, h)
	return begins
}

// begins decides for a line that no limit has decided about.
func (g *Grouper) begins(line []byte, s sort, h head) bool {
	switch {
	case s == blank:
		return false
	case g.state == jul && h.leveled && !h.timed:
		return false
	case h.timed, s == object, s == pairs:
		return true
	case g.quoted:
		return false
	case g.depth > 0 && (s == indented || s == closer || line[0] == '"'):
		return false
	case h.leveled && (class[line[0]]&lower == 0 || !g.learned()):
		return true // debug: false, behind a timestamp, is a setting
	case s == indented, s == closer, s == frame:
		return false
	}
	return g.decide(line, s)
}

// decide is about lines that are not indented and have no header.
func (g *Grouper) decide(line []byte, s sort) bool {
	failed := (g.head.timed || g.head.leveled) && !g.frames
	switch s {
	case starter:
		return true
	case traceback:
		return !(failed && g.behind != traceback) && g.behind != bridge
	case exception:
		switch {
		case g.state == python, g.state == snippet, g.behind == bridge:
			return false
		}
		return !failed && !g.learned()
	case rubyFrame:
		return !g.head.timed && !g.head.leveled && g.behind != rubyFrame
	case bridge:
		return false
	case clause:
		return g.state != sql
	case statement:
		return !g.learned() && g.behind != colon
	case item:
		return g.behind != frame && g.behind != colon && g.behind != item && !g.learned()
	case art:
		return g.prev != blank && g.prev != indented && g.prev != art && !g.learned()
	}
	switch g.state {
	case python:
		return false
	case rust:
		return false
	case goDump:
		if call(line) || bytes.HasPrefix(line, []byte("exit status ")) {
			return false
		}
	case snippet:
		return false
	}
	return !g.learned()
}

// learned reports that nearly all events of the stream begin with a timestamp,
// so that a line without one continues.
func (g *Grouper) learned() bool {
	return g.stamped > 0 && g.stamped*10 >= g.starts*7 && g.bare < unexplained
}

// follow notes what a line, now part of the event, means for the next.
func (g *Grouper) follow(line []byte, s sort, h head) {
	g.frames = g.frames || s == frame || s == rubyFrame || s == indented && framed(line)
	if s == indented || s == frame || s == closer || s == blank || g.lines == 1 {
		g.bare = 0
	} else {
		g.bare++
	}
	g.brace(line, s)
	if g.quoted || g.lines == 1 && s == pairs || g.lines == 1 && bytes.IndexByte(line, '=') > 0 {
		g.quoted = g.quoted != (quotes(line)%2 == 1)
	}
	g.state = g.next(line, s, h)
	if s == text || s == statement {
		if end := trimmed(line); len(end) > 0 && end[len(end)-1] == ':' {
			s = colon
		}
	}
	g.prev = s
	if s != blank {
		g.behind = s
	}
}

// next is the state after a line.
func (g *Grouper) next(line []byte, s sort, h head) state {
	begins := func(p string) bool { return bytes.HasPrefix(line, []byte(p)) }
	switch {
	case s == traceback, s == indented && g.state == plain && bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("File \"")):
		return python
	case s == starter && (begins("panic: ") || begins("fatal error: ")), begins("goroutine "):
		return goDump
	case s == starter && begins("thread '"):
		return rust
	case s == starter && place(line):
		return snippet
	case s == statement, s == clause:
		return sql
	case g.lines == 1 && h.timed && !h.leveled && (bytes.Contains(line, []byte(" AM ")) || bytes.Contains(line, []byte(" PM "))):
		return jul
	}
	switch g.state {
	case python:
		if s == indented || s == blank || s == frame {
			return python
		}
	case goDump:
		return goDump
	case rust:
		if s == blank {
			return rust
		}
	case snippet:
		if !g.frames {
			return snippet
		}
	case sql:
		if s == indented {
			return sql
		}
	}
	return plain
}

// brace follows braces that a line leaves open at its end.
func (g *Grouper) brace(line []byte, s sort) {
	end := trimmed(line)
	if len(end) == 0 {
		return
	}
	last := end[len(end)-1]
	if g.depth == 0 && last != '{' && last != '[' && last != '(' {
		return
	}
	if g.depth > 0 && (s == text || s == statement) && line[0] != '"' {
		g.depth = 0
		if last != '{' && last != '[' && last != '(' {
			return
		}
	}
	open := 0
	quote := byte(0)
	for i := 0; i < len(end); i++ {
		switch c := end[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"':
			quote = c
		case c == '{' || c == '[' || c == '(':
			open++
		case c == '}' || c == ']' || c == ')':
			open--
		}
	}
	if g.depth == 0 {
		open = max(1, open)
	}
	g.depth = max(0, g.depth+open)
}

// trimmed is a line without blanks at its end.
func trimmed(line []byte) []byte {
	n := len(line)
	for n > 0 && (line[n-1] == ' ' || line[n-1] == '\t' || line[n-1] == '\r') {
		n--
	}
	return line[:n]
}

// quotes counts quotes that are not escaped.
func quotes(line []byte) int {
	n := 0
	for i, c := range line {
		if c == '"' && (i == 0 || line[i-1] != '\\') {
			n++
		}
	}
	return n
}
