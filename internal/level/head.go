package level

import (
	"bytes"

	"github.com/velospm/velos"
)

// ofHead walks over the head of a line: timestamp, host, logger and the
// like, until it meets a level or the message.
func ofHead(line []byte) velos.Level {
	if l := ofForm(line); l != velos.LevelNone {
		return l
	}
	w := walk{redis: redis(line)}
	for rest := line; w.tokens < 14 && w.plain < 5; w.tokens++ {
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			break
		}
		end, marks := 0, uint8(0)
		for end < len(rest) && class[rest[end]]&blank == 0 {
			marks |= class[rest[end]]
			end++
		}
		if l := w.token(rest[:end], marks); l != velos.LevelNone && !(rest[end-1] == ':' && harmless("", rest[end-1:])) {
			return l
		}
		rest = rest[end:]
	}
	return velos.LevelNone
}

// ofForm knows the formats that show in the first bytes.
func ofForm(line []byte) velos.Level {
	if len(line) < 4 {
		return velos.LevelNone
	}
	switch c := line[0]; {
	case c == '<':
		if i := bytes.IndexByte(line[:min(6, len(line))], '>'); i > 1 && digits(line[1:i]) {
			return ofSyslog(number(line[1:i]) & 7)
		}
	case c == 'f' && bytes.HasPrefix(line, []byte("fatal error: ")):
		return velos.Fatal
	case c == '=':
		if i := bytes.IndexByte(line, ' '); i > 1 && bytes.HasPrefix(line[i:], []byte(" REPORT=")) {
			return ofWord(line[1:i])
		}
	case upper(c) && len(line) > 6 && (digits(line[1:5]) && line[5] == ' ' || bytes.HasPrefix(line[1:], []byte(", ["))):
		return ofLetter(c) // klog; Ruby's logger
	case upper(c) && line[1] == '/' && len(line) > 6:
		if i := bytes.IndexByte(line[:min(len(line), 40)], '('); i > 2 && letter(line[2]) && bytes.IndexByte(line[i:min(len(line), i+10)], ')') > 0 {
			return ofLetter(c) // Android: E/Tag( 123): text
		}
	case c == '[' && bytes.HasPrefix(line, []byte("[GIN-debug] [")):
		if i := bytes.IndexByte(line[13:], ']'); i > 0 {
			return ofWord(line[13 : 13+i])
		}
	case c == 'P' && bytes.HasPrefix(line, []byte("PHP ")):
		switch word := line[4:]; {
		case bytes.HasPrefix(word, []byte("Warning:")), bytes.HasPrefix(word, []byte("Deprecated:")):
			return velos.Warn
		case bytes.HasPrefix(word, []byte("Notice:")):
			return velos.Info
		case bytes.HasPrefix(word, []byte("Fatal")), bytes.HasPrefix(word, []byte("Parse")):
			return velos.Err
		}
	}
	return velos.LevelNone
}

// redis reports a line that begins with a pid and a role: 1:M.
func redis(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	return i > 0 && i < 9 && i+2 < len(line) && line[i+2] == ' ' && upper(line[i+1]) && digits(line[:i])
}

// A walk remembers where in the head it is.
type walk struct {
	tokens, plain int
	timed         bool // the token before was part of a timestamp or a number
	clock         bool // some token before held more than a number
	open          bool // inside a bracket that holds several tokens
	redis         bool
}

// token judges t, whose bytes are of the classes marks.
func (w *walk) token(t []byte, marks uint8) velos.Level {
	opened := t[0] == '[' || t[0] == '<' || t[0] == '('
	bracket := opened || w.open
	w.open = bracket && marks&closing == 0
	core := unwrapped(t)
	colon := len(core) > 0 && (core[len(core)-1] == ':' || core[len(core)-1] == '!')
	if colon {
		core = unwrapped(core[:len(core)-1])
	}
	after := w.timed
	w.timed = false
	switch {
	case len(core) == 0:
		w.timed = after
		return velos.LevelNone
	case len(core) == 1 && !digit(core[0]):
		w.timed = after && !upper(core[0])
		return w.single(core[0], after, opened)
	case timely(core):
		w.timed = true
		w.clock = w.clock || !digits(core)
		return velos.LevelNone
	}
	if l := w.word(core, after, bracket, colon); l != velos.LevelNone {
		return l
	}
	// A host follows a timestamp, a logger has dots, a process a colon, and
	// components are all capitals: the message has not begun.
	if !bracket && !colon && (marks&inner == 0 || !has(core, inner)) && !(after && !w.redis && w.plain == 0) && !capitals(core) {
		w.plain++
	}
	return velos.LevelNone
}

// class says what a byte is in a head: brackets and what else stands around a
// word, brackets that close, marks that no ordinary word has inside, and what
// stands between words.
var class = [256]uint8{
	'[': wrap | inner, ']': wrap | closing, '(': wrap, ')': wrap | closing, '<': wrap, '>': wrap | closing,
	'|': wrap, ',': wrap, '.': inner, '=': inner, '/': inner, ' ': blank, '\t': blank,
}

const (
	wrap = 1 << iota
	closing
	inner
	blank
)

func has(b []byte, mask uint8) bool {
	for _, c := range b {
		if class[c]&mask != 0 {
			return true
		}
	}
	return false
}

func unwrapped(t []byte) []byte {
	for len(t) > 0 && class[t[0]]&wrap != 0 {
		t = t[1:]
	}
	for len(t) > 0 && class[t[len(t)-1]]&wrap != 0 {
		t = t[:len(t)-1]
	}
	return t
}

// single judges a token of one byte: a letter after a timestamp or first in
// a bracket, or a mark of redis.
func (w *walk) single(c byte, after, opened bool) velos.Level {
	if w.redis && after {
		switch c {
		case '.':
			return velos.Debug
		case '*', '-':
			return velos.Info
		case '#':
			return velos.Warn
		}
	}
	if (after || opened) && w.plain == 0 && upper(c) {
		return ofLetter(c)
	}
	if letter(c) {
		w.plain++
	}
	return velos.LevelNone
}

func (w *walk) word(core []byte, after, bracket, colon bool) velos.Level {
	n := 0
	for n < len(core) && letter(core[n]) {
		if n++; n > longest {
			return w.qualified(core, bracket, colon)
		}
	}
	caps := capitals(core[:n])
	rest := core[n:]
	l := ofWord(core[:n])
	switch {
	case colon && caps && n == len(core) && l == velos.LevelNone && w.plain == 0 && n > 3:
		return w.label(core)
	case l == velos.LevelNone && n < len(core):
		return w.qualified(core, bracket, colon)
	case l == velos.LevelNone:
	case len(rest) == 0 && n == 3 && string(core) == "LOG" && !colon:
	case n == 4 && len(rest) == 0 && w.tokens > 0 && string(core) == "http":
		// A level of winston at the head; elsewhere a package of Go.
	case len(rest) == 0 && caps && (w.plain == 0 || colon),
		len(rest) == 0 && bracket && w.plain == 0,
		len(rest) == 0 && colon && (w.plain < 3 || l < velos.Warn) && w.plain < 4,
		len(rest) == 0 && after && w.clock && w.plain == 0 && string(core) != "log":
		return l
	case len(rest) == 1 && caps && colon && w.plain == 0 && rest[0] >= '1' && rest[0] <= '5':
		return l // DEBUG1: of PostgreSQL
	case len(rest) > 0 && caps && w.plain == 0 && string(core[:n]) != "HTTP" && bytes.IndexByte([]byte("[:/+"), rest[0]) >= 0:
		return l // ERRO[0012], WARNING:logger:text, INFO/Main, ERROR+4
	}
	return velos.LevelNone
}

// label judges what is no level and stands where one would: the lines with
// which PostgreSQL explains the one before, and a level of java.util.logging.
func (w *walk) label(core []byte) velos.Level {
	switch string(core) {
	case "STATEMENT", "DETAIL", "HINT", "CONTEXT", "QUERY":
		if w.clock {
			return velos.Info
		}
	case "CONFIG":
		if w.tokens == 0 {
			return velos.Debug
		}
	}
	return velos.LevelNone
}

// qualified judges channel.ERROR: and [core:error].
func (w *walk) qualified(core []byte, bracket, colon bool) velos.Level {
	if w.plain > 0 || !colon && !bracket {
		return velos.LevelNone
	}
	i := bytes.LastIndexAny(core, ".:-")
	if i < 1 {
		return velos.LevelNone
	}
	last := core[i+1:]
	if colon && core[i] == '.' && capitals(last) || bracket && core[i] != '.' && w.tokens < 8 {
		return ofWord(last)
	}
	return velos.LevelNone
}

// timely reports what timestamps are made of: numbers with their marks, and
// the names of months, days and zones.
func timely(t []byte) bool {
	if digit(t[0]) || t[0] == '+' && len(t) > 1 && digit(t[1]) || t[0] == '#' && digits(t[1:]) {
		for _, c := range t {
			if letter(c) && c != 'T' && c != 'Z' && c != 'A' && c != 'P' && c != 'M' && (len(t) < 9 || t[2] != '/') {
				return false
			}
		}
		return true
	}
	if len(t) > 4 {
		return false
	}
	switch string(t) {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
		"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "AM", "PM", "UTC", "GMT", "CET", "CEST", "---":
		return true
	}
	return false
}

// ofTrace knows how stack traces and last words begin.
func ofTrace(line []byte) velos.Level {
	text := line[blanks(line, 0):]
	indented := len(text) < len(line)
	if len(text) < 3 {
		return velos.LevelNone
	}
	if !indented && exception(text) {
		return velos.Err
	}
	begins := func(s string) bool { return bytes.HasPrefix(text, []byte(s)) }
	switch text[0] {
	case '*':
		if begins("** (") { // Elixir
			return velos.Err
		}
	case 'a':
		if indented && begins("at ") {
			return velos.Err
		}
	case '.':
		if indented && begins("... ") && bytes.HasSuffix(text, []byte(" more")) {
			return velos.Err
		}
	case 'r':
		if indented && begins("raise ") {
			return velos.Err
		}
	case 'F', 'N', 'B':
		if indented && begins(`File "`) {
			return velos.Err
		}
		if begins("Not Found: /") || begins("Forbidden: /") || begins("Bad Request: /") || begins("Forbidden (") { // Django
			return velos.Warn
		}
	case 'T', 'C', 'S', 'E', 'U', 'K':
		if begins("Traceback (most recent") || begins("Caused by: ") || begins("Suppressed: ") || begins("Exception in thread ") ||
			begins("Uncaught ") || begins("Unhandled ") || string(text) == "Killed" || begins("Segmentation fault") {
			return velos.Err
		}
	case 'p', 'f', 'g', 't':
		if begins("panic: ") || begins("goroutine ") && bytes.HasSuffix(text, []byte("]:")) ||
			begins("thread '") && bytes.Contains(text, []byte("' panicked at")) {
			return velos.Fatal
		}
	}
	return velos.LevelNone
}

// exception reports that a line begins with the name of an exception:
// org.acme.AppException: text, NoMethodError (text).
func exception(line []byte) bool {
	n := 0
	for n < len(line) && (letter(line[n]) || digit(line[n]) || line[n] == '.' || line[n] == '_' || line[n] == '$' || line[n] == '\\' ||
		line[n] == ':' && n > 0 && n+1 < len(line) && (line[n+1] == ':' || line[n-1] == ':')) {
		n++
	}
	if n < 6 || n < len(line) && line[n] != ':' && !bytes.HasPrefix(line[n:], []byte(" (")) {
		return false
	}
	return bytes.HasSuffix(line[:n], []byte("Error")) || bytes.HasSuffix(line[:n], []byte("Exception"))
}
