package level

import (
	"bytes"

	"github.com/velospm/velos"
)

// found is what a JSON object says beside its level.
type found struct {
	// from and to are where the message is. A slice kept here would send
	// the line to the heap.
	from, to int
	mongo    velos.Level
	failed   bool // it carries an error
	status   int
	c        bool
}

// ofJSON walks over the top keys of an object without decoding it, and over
// those of an object called log. ok is false when it is not JSON after all.
func ofJSON(b []byte) (l velos.Level, ok bool) {
	var f found
	inLog := false
	for i := blanks(b, 1); i < len(b); i = blanks(b, i) {
		if b[i] == ',' {
			i++
			continue
		}
		if b[i] == '}' && inLog {
			inLog = false
			i++
			continue
		}
		if b[i] != '"' {
			return f.verdict(b, b[i] == '}')
		}
		end := stringEnd(b, i)
		if end < 0 {
			break
		}
		key := b[i+1 : end]
		i = blanks(b, end+1)
		if i >= len(b) || b[i] != ':' {
			break
		}
		i = blanks(b, i+1)
		if !inLog && string(key) == "log" && i < len(b) && b[i] == '{' {
			inLog = true
			i++
			continue
		}
		next := valueEnd(b, i)
		if next <= i {
			break
		}
		if !inLog || string(key) == "level" {
			l, message := f.take(key, b[i:next])
			if l != velos.LevelNone {
				return l, true
			}
			if message {
				f.from, f.to = i, next
			}
		}
		i = next
	}
	return f.verdict(b, false)
}

func (f *found) verdict(b []byte, whole bool) (velos.Level, bool) {
	switch {
	case f.c && f.mongo != velos.LevelNone:
		return f.mongo, true
	case f.failed || f.status >= 500 && f.status < 600:
		return velos.Err, true
	case f.to > 0:
		if l := ofWords(bytes.Trim(b[f.from:f.to], `"`), true); l != velos.LevelNone {
			return l, true
		}
	}
	if f.status >= 400 && f.status < 500 {
		return velos.Warn, true
	}
	return velos.Info, whole
}

// take looks at one key and its raw value, and tells whether that is the
// message.
func (f *found) take(key, value []byte) (l velos.Level, message bool) {
	var low [16]byte
	if len(key) == 0 || len(key) > len(low) {
		return velos.LevelNone, false
	}
	for i, c := range key {
		low[i] = lower(c)
	}
	text := value
	isText := value[0] == '"'
	if isText {
		text = value[1 : len(value)-1]
	}
	switch k := string(low[:len(key)]); k {
	case "level", "lvl", "severity", "loglevel", "log_level", "log.level", "levelname", "level_name", "severitytext", "@l":
		if isText && !digits(text) {
			return ofWord(text), false
		}
		return ofNumber(k, number(text)), false
	case "severitynumber", "levelno", "priority":
		return ofNumber(k, number(text)), false
	case "s":
		if isText && len(text) > 0 {
			f.mongo = ofLetter(text[0])
		}
	case "c":
		f.c = true
	case "error", "err", "exception", "stack":
		f.failed = f.failed || !nothing(value)
	case "status", "statuscode", "status_code":
		f.status = number(text)
	case "msg", "message", "body":
		return velos.LevelNone, true
	}
	return velos.LevelNone, false
}

// ofNumber reads a level's number on the scale that its key and size tell.
func ofNumber(key string, n int) velos.Level {
	switch {
	case n < 0:
		return velos.LevelNone
	case key == "severitynumber":
		switch {
		case n == 0 || n > 24:
			return velos.LevelNone
		case n <= 8:
			return velos.Debug
		}
		return velos.Info + velos.Level((n-9)/4)
	case n <= 7:
		return ofSyslog(n)
	case n >= 100: // Monolog
		return ofHundreds(n)
	case key == "levelno":
		n += 10
	}
	switch {
	case n < 30:
		return velos.Debug
	case n < 40:
		return velos.Info
	case n < 50:
		return velos.Warn
	case n < 60:
		return velos.Err
	}
	return velos.Fatal
}

// ofHundreds is the level of a number as PHP's Monolog has them.
func ofHundreds(n int) velos.Level {
	switch {
	case n < 200:
		return velos.Debug
	case n < 300:
		return velos.Info
	case n < 400:
		return velos.Warn
	case n < 500:
		return velos.Err
	}
	return velos.Fatal
}

// nothing reports a value that says "no error".
func nothing(v []byte) bool {
	switch string(v) {
	case `""`, "null", "false", "0", "{}", "[]", `"<nil>"`, `"nil"`, `"none"`, `"null"`:
		return true
	}
	return false
}

func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// stringEnd finds the closing quote of the string that begins at i, or -1.
func stringEnd(b []byte, i int) int {
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '\\':
			j++
		case '"':
			return j
		}
	}
	return -1
}

// valueEnd finds the end of the value that begins at i; -1 when it is cut off.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := stringEnd(b, i)
			if end < 0 {
				return -1
			}
			i = end
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
