package channel

import (
	"strconv"
)

// maxFields is how many fields of a message are known. Node's own have a
// dozen.
const maxFields = 24

// A Message is one line. It is looked at only as far as somebody asks: what
// is nested is passed over, whatever is in it.
type Message struct {
	value  []byte // the whole, without white space around it
	fields [maxFields]field
	n      int
}

type field struct{ key, value []byte }

// parse takes a line apart. False: it is not a value of JSON as far as one
// can see from its outermost level.
func (m *Message) parse(line []byte) bool {
	m.n, m.value = 0, nil
	at := space(line, 0)
	if at < len(line) && line[at] == 2 { // Bun's mark of its own messages
		at = space(line, at+1)
	}
	start := at
	var end int
	if at < len(line) && line[at] == '{' {
		end = m.object(line, at)
	} else {
		end = skip(line, at)
	}
	if end < 0 || space(line, end) != len(line) {
		m.n = 0
		return false
	}
	m.value = line[start:end]
	return true
}

// object remembers the fields of the object at at and says where it ends; -1:
// it does not.
func (m *Message) object(b []byte, at int) int {
	if at = space(b, at+1); at < len(b) && b[at] == '}' {
		return at + 1
	}
	for {
		key := at
		if at >= len(b) || b[at] != '"' {
			return -1
		}
		if at = skip(b, at); at < 0 {
			return -1
		}
		name := b[key+1 : at-1]
		if at = space(b, at); at >= len(b) || b[at] != ':' {
			return -1
		}
		value := space(b, at+1)
		if at = skip(b, value); at < 0 {
			return -1
		}
		if m.n < maxFields {
			m.fields[m.n] = field{key: name, value: b[value:at]}
			m.n++
		}
		if at = space(b, at); at >= len(b) || b[at] != ',' && b[at] != '}' {
			return -1
		}
		if b[at] == '}' {
			return at + 1
		}
		at = space(b, at+1)
	}
}

// Raw is the value of key as it was written; nil when there is none. Of equal
// keys the last one counts.
func (m *Message) Raw(key string) []byte {
	for i := m.n - 1; i >= 0; i-- {
		if string(m.fields[i].key) == key {
			return m.fields[i].value
		}
	}
	return nil
}

// Text is the string that key has; empty when it is no string.
func (m *Message) Text(key string) string { return text(m.Raw(key)) }

// Int is the whole number that key has.
func (m *Message) Int(key string) (n int64, ok bool) {
	v := m.Raw(key)
	if len(v) == 0 || len(v) > 20 || v[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	return n, err == nil
}

// Bare is the message itself, when it is a string: process.send('ready').
func (m *Message) Bare() string { return text(m.value) }

// Flat is the value of key if it is an object of strings, numbers and words
// that can be repeated to others as it is; nil otherwise.
func (m *Message) Flat(key string) []byte {
	const most = 4 << 10
	v := m.Raw(key)
	if len(v) == 0 || v[0] != '{' || len(v) > most {
		return nil
	}
	for i, c := range v {
		if c < ' ' || c > '~' || i > 0 && c == '{' || c == '[' || c == '\\' {
			return nil
		}
	}
	var inner Message
	if !inner.parse(v) || inner.n == maxFields {
		return nil
	}
	return v
}

func text(v []byte) string {
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	s, err := strconv.Unquote(string(v))
	if err != nil {
		return ""
	}
	return s
}

func space(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\r' || b[at] == '\n') {
		at++
	}
	return at
}

// skip says where the value at at ends, or -1. It does not recurse: what is
// nested only has to close as often as it opens.
func skip(b []byte, at int) int {
	for depth := 0; at < len(b); {
		switch c := b[at]; c {
		case '"':
			if at = skipString(b, at); at < 0 {
				return -1
			}
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return -1
			}
			at++
			continue // the value is not over
		default:
			if at = skipWord(b, at); at < 0 {
				return -1
			}
		}
		if depth <= 0 {
			if depth < 0 {
				return -1
			}
			return at
		}
	}
	return -1
}

func skipString(b []byte, at int) int {
	for at++; at < len(b); at++ {
		switch c := b[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			at++
		case c < ' ':
			return -1
		}
	}
	return -1
}

// skipWord passes over a number, true, false or null.
func skipWord(b []byte, at int) int {
	start := at
	for at < len(b) && (b[at] >= 'a' && b[at] <= 'z' || b[at] >= '0' && b[at] <= '9' || b[at] == '-' || b[at] == '+' || b[at] == '.' || b[at] == 'E') {
		at++
	}
	switch word := b[start:at]; string(word) {
	case "":
		return -1
	case "true", "false", "null":
	default:
		if word[0] != '-' && (word[0] < '0' || word[0] > '9') || word[len(word)-1] < '0' || word[len(word)-1] > '9' {
			return -1
		}
	}
	return at
}
