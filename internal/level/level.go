// Package level tells how serious a log line is from the line alone. It is
// pure: no state, no allocation, no regular expressions; daemon and readers
// share it. It does not know that a line continues the one before it.
package level

import (
	"bytes"

	"github.com/velospm/velos"
)

// most is how much of a line is looked at.
const most = 2048

// Classify returns the level of one line, without its newline; velos.Info
// when nothing speaks for another. The evidence is asked in this order: a
// level key of a JSON object, level= of logfmt, a level at the head of the
// line, the status of an access log, the head of a stack trace, words of the
// message. Being on stderr is no evidence: many programs log there.
func Classify(line []byte, _ velos.Stream) velos.Level {
	if len(line) > most {
		line = line[:most]
	}
	if bytes.IndexByte(line, 0x1b) >= 0 {
		var plain [most]byte
		line = Strip(plain[:], line)
	}
	line = line[Prefix(line):]
	if i := blanks(line, 0); i+1 < len(line) && line[i] == '{' {
		if l, ok := ofJSON(line[i:]); ok {
			return l
		}
	}
	l := stated(line)
	if l == velos.LevelNone {
		l = ofWords(line, false)
	}
	if l == velos.LevelNone {
		l = velos.Info
	}
	return l
}

// Stated is the level that a line states by its form: by a key, at its head,
// by a status, as a stack trace; velos.LevelNone when only its words may tell.
func Stated(line []byte) velos.Level {
	if len(line) > most {
		line = line[:most]
	}
	if bytes.IndexByte(line, 0x1b) >= 0 {
		var plain [most]byte
		line = Strip(plain[:], line)
	}
	line = line[Prefix(line):]
	if i := blanks(line, 0); i+1 < len(line) && line[i] == '{' {
		if l, ok := ofJSON(line[i:]); ok {
			return l
		}
	}
	return stated(line)
}

// stated calls directly, and not over a list of functions: the buffer of
// Classify would move to the heap.
func stated(line []byte) velos.Level {
	l := ofPair(line)
	if l == velos.LevelNone {
		l = ofHead(line)
	}
	if l == velos.LevelNone {
		l = ofStatus(line)
	}
	if l == velos.LevelNone {
		l = ofTrace(line)
	}
	return l
}

// Strip copies a line without terminal sequences to a buffer, as far as it
// goes, and returns what it copied.
func Strip(to, line []byte) []byte {
	n := 0
	for i := 0; i < len(line) && n < len(to); i++ {
		if line[i] != 0x1b {
			to[n] = line[i]
			n++
			continue
		}
		if i+1 < len(line) && line[i+1] == '[' {
			for i += 2; i < len(line) && (line[i] < '@' || line[i] > '~'); i++ {
			}
		}
	}
	return to[:n]
}

// Prefix is the length of what docker compose puts before a line:
// "api-1  | ".
func Prefix(line []byte) int {
	if len(line) == 0 || line[0] < 'a' || line[0] > 'z' {
		return 0
	}
	i := bytes.IndexByte(line[:min(len(line), 41)], '|')
	if i < 3 || i+1 >= len(line) || line[i+1] != ' ' {
		return 0
	}
	name := bytes.TrimRight(line[:i], " ")
	if len(name) == i || bytes.IndexByte(name, ' ') >= 0 {
		return 0
	}
	if dash := bytes.LastIndexByte(name, '-'); dash < 1 || !digits(name[dash+1:]) {
		return 0
	}
	return i + 2
}

// longest is the length over which no word is a level.
const longest = 16

// Word is the level that a word means where a level is expected: ERROR, warn,
// crit; velos.LevelNone for any other word.
func Word(w []byte) velos.Level { return ofWord(w) }

// ofWord is the level that a word means where a level is expected, in any
// case; LevelNone for any other word. INFO+2 and error-4 are levels too.
func ofWord(w []byte) velos.Level {
	var low [longest]byte
	if len(w) < 3 || len(w) > len(low) {
		return velos.LevelNone
	}
	n := 0
	for n < len(w) && w[n] != '+' && w[n] != '-' {
		low[n] = lower(w[n])
		n++
	}
	switch string(low[:n]) {
	case "trace", "trc", "trac", "trce", "verbose", "vrb", "debug", "dbg", "debu", "dbug", "fine", "finer", "finest", "silly":
		return velos.Debug
	case "info", "inf", "information", "informational", "notice", "success", "http", "log":
		return velos.Info
	case "warn", "wrn", "warning":
		return velos.Warn
	case "error", "err", "erro", "eror", "severe", "fail":
		return velos.Err
	case "fatal", "ftl", "fata", "critical", "crit", "alert", "emerg", "emergency", "panic", "pani", "pnc", "dpanic":
		return velos.Fatal
	}
	return velos.LevelNone
}

// ofLetter is the level that one letter means.
func ofLetter(c byte) velos.Level {
	switch c {
	case 'V', 'D', 'T':
		return velos.Debug
	case 'I', 'N':
		return velos.Info
	case 'W':
		return velos.Warn
	case 'E':
		return velos.Err
	case 'F', 'C', 'A':
		return velos.Fatal
	}
	return velos.LevelNone
}

// ofSyslog is the level of a severity of syslog, 0 to 7.
func ofSyslog(n int) velos.Level {
	switch {
	case n <= 2:
		return velos.Fatal
	case n == 3:
		return velos.Err
	case n == 4:
		return velos.Warn
	case n <= 6:
		return velos.Info
	}
	return velos.Debug
}

// ofPair finds level=… of logfmt, outside quotes. Most lines have no = and
// cost one look.
func ofPair(line []byte) velos.Level {
	quoted := false
	for i := bytes.IndexByte(line, '='); i >= 0 && i < len(line); i++ {
		c := line[i]
		if c != '=' && c != '"' {
			continue
		}
		if c == '"' {
			quoted = quoted != (line[i-1] != '\\')
			continue
		}
		start := i
		for start > 0 && (letter(line[start-1]) || line[start-1] == '_') {
			start--
		}
		if quoted || start > 0 && line[start-1] != ' ' && line[start-1] != '\t' {
			continue
		}
		switch string(line[start:i]) {
		case "level", "lvl", "severity", "loglevel", "log_level", "at":
			value := bytes.TrimLeft(line[i+1:], `"`)
			n := 0
			for n < len(value) && letter(value[n]) {
				n++
			}
			if l := ofWord(value[:n]); l != velos.LevelNone {
				return l
			}
		}
	}
	return velos.LevelNone
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func letter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func digits(b []byte) bool {
	for _, c := range b {
		if !digit(c) {
			return false
		}
	}
	return len(b) > 0
}

func capitals(b []byte) bool {
	for _, c := range b {
		if !upper(c) {
			return false
		}
	}
	return len(b) > 0
}

func number(b []byte) int {
	n := 0
	for _, c := range b {
		if !digit(c) || n > 1<<20 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
