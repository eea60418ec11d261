package digest

import (
	"bytes"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// Message is the part of a line that says what happened: the line without
// timestamp, level, process and thread at its head; of a JSON object or a
// logfmt line, the value of its message. It is a slice of the line.
func Message(line []byte) []byte {
	text := line
	if i := level.Prefix(line); i > 0 {
		text = line[i:]
	}
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		text = text[1:]
	}
	if len(text) > 1 && text[0] == '{' {
		if m := jsonMessage(text); len(m) > 0 {
			return m
		}
		return text
	}
	if m := logfmtMessage(text); len(m) > 0 {
		return m
	}
	if n := lettered(text); n > 0 {
		return text[n:]
	}
	h := head{line: text}
	for range 12 {
		next := h.item()
		if next == h.at {
			break
		}
		h.at = next
	}
	if h.at == len(text) || !h.timed && !h.leveled {
		return text
	}
	if h.syslog && !h.leveled {
		h.at += tag(text[h.at:])
	}
	m := bytes.TrimLeft(text[h.at:], " \t")
	for len(m) > 2 && (m[0] == '-' || m[0] == '|' || m[0] == ':') && (m[1] == ' ' || m[0] == '|') {
		m = bytes.TrimLeft(m[1:], " \t")
	}
	return m
}

// lettered is the length of the headers that begin with the level's letter:
// those of klog and of Ruby's logger.
func lettered(b []byte) int {
	if len(b) < 8 || class[b[0]]&upper == 0 {
		return 0
	}
	end := ""
	switch {
	case b[5] == ' ' && run(b, 1) == 4:
		end = "] "
	case b[1] == ',' && b[2] == ' ' && b[3] == '[':
		end = "-- : "
		if i := bytes.Index(b[:min(len(b), 120)], []byte("-- ")); i > 0 && i+3 < len(b) && b[i+3] != ':' {
			end = ": " // the program's name stands before the colon
			if n := bytes.Index(b[i:], []byte(end)); n > 0 {
				return i + n + 2
			}
			return 0
		}
	default:
		return 0
	}
	if i := bytes.Index(b[:min(len(b), 120)], []byte(end)); i > 0 {
		return i + len(end)
	}
	return 0
}

// tag is the length of what syslog writes behind the timestamp: a host, and a
// program with its pid and a colon.
func tag(b []byte) int {
	i := blanks(b, 0)
	for words := 0; words < 2 && i < len(b); words++ {
		n := i
		for n < len(b) && b[n] > ' ' && n-i < 64 {
			n++
		}
		if n > i+1 && b[n-1] == ':' && words == 1 {
			return n
		}
		if n == i || n < len(b) && b[n] > ' ' || class[b[n-1]]&alnum == 0 {
			return 0
		}
		i = blanks(b, n)
	}
	return 0
}

// A head walks over what stands before a message.
type head struct {
	line           []byte
	at             int
	timed, leveled bool
	syslog         bool // the timestamp is Jan  2 03:04:05
	context        bool // a bracket of several words was skipped
}

// item returns where the item at h.at ends, h.at when the message begins.
func (h *head) item() int {
	b, i := h.line, h.at
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || h.at > 0 && (b[i] == '-' || b[i] == '|' || b[i] == ':') && (i+1 >= len(b) || b[i+1] == ' ')) {
		i++
	}
	if i >= len(b) {
		return i
	}
	j := i
	for j < len(b) && class[b[j]]&gap == 0 {
		j++
	}
	if end := stamp(b, i, j); end > 0 {
		h.timed = true
		h.syslog = class[b[i]]&upper != 0
		return end
	}
	switch c := b[i]; {
	case c == '[' || c == '<' || c == '(':
		return h.bracket(i)
	case class[c]&digit != 0:
		if h.at == 0 {
			if n := figures(b); n > 0 {
				h.timed = true
				return n
			}
		}
		n := i + run(b, i)
		if h.timed && n < len(b) && b[n] == ' ' {
			return n
		}
	case class[c]&letters != 0:
		if n := h.level(i, j); n > h.at || !h.timed {
			return n
		}
		for j < len(b) && b[j] > ' ' {
			j++
		}
		if bytes.HasPrefix(b[j:], []byte(" - ")) || bytes.HasPrefix(b[j:], []byte(" | ")) {
			return j // the name of a logger or a program
		}
	}
	return h.at
}

// figures is the length of up to four numbers at the beginning of a line, with
// a level behind them: dates and process ids without marks.
func figures(b []byte) int {
	i := 0
	for range 4 {
		n := run(b, i)
		if n == 0 {
			break
		}
		i = blanks(b, i+n)
	}
	n := i
	for n < len(b) && class[b[n]]&upper != 0 {
		n++
	}
	if n-i >= 4 && n < len(b) && b[n] == ' ' && level.Word(b[i:n]) != velos.LevelNone {
		return i
	}
	return 0
}

// stamp is the end of a timestamp at i.
func stamp(b []byte, i, j int) int {
	end := date(b, i)
	if end == 0 && class[b[i]]&upper != 0 {
		end = namedDate(b, i, j)
	}
	if end == 0 && class[b[i]]&digit != 0 {
		end = clock(b, i)
	}
	if end == 0 || end < len(b) && (b[end] == '.' || b[end] == ',') {
		if end == 0 {
			return 0
		}
		if n := run(b, end+1); n > 0 {
			end = zone(b, end+1+n)
		}
	}
	return end
}

// level skips a level at i, and what klog and Ruby write around it.
func (h *head) level(i, j int) int {
	b := h.line
	n := i
	for n < j && class[b[n]]&letters != 0 {
		n++
	}
	one := n-i == 1 && h.timed && n < len(b) && b[n] == ' '
	if !one && (h.leveled || level.Word(b[i:n]) == velos.LevelNone) {
		return h.at
	}
	switch followed := n < len(b) && b[n] == ':'; {
	case class[b[i]]&lower != 0 && !followed && (!h.timed || n < len(b) && b[n] != ' '),
		followed && !h.timed && class[b[i]]&upper != 0 && class[b[i+1]]&lower != 0:
		return h.at // error handler; Error: text is the message of a stack
	}
	if n < len(b) && b[n] != ' ' && b[n] != '\t' && b[n] != ':' && b[n] != ']' && b[n] != '|' {
		return h.at
	}
	h.leveled = true
	if n < len(b) && b[n] == ':' {
		n++
	}
	return n
}

// bracket skips [main], [12], [info], [2026-01-02 03:04:05 +0000]: brackets
// of one word, and those that begin with a timestamp.
func (h *head) bracket(i int) int {
	b := h.line
	closing := byte(']')
	switch b[i] {
	case '<':
		closing = '>'
	case '(':
		closing = ')'
	}
	n := closed(b[i:], b[i], closing)
	if n < 2 || n > 300 {
		return h.at
	}
	in := bytes.TrimSpace(b[i+1 : i+n])
	if len(in) == 0 {
		return h.at
	}
	after := i + n + 1
	word := bytes.IndexByte(in, ' ') < 0
	if b[i] == '<' && h.at == 0 && run(in, 0) == len(in) {
		return after // of syslog
	}
	if stamp(in, 0, len(in)) > 0 {
		h.timed = true
		return after
	}
	if level.Word(in) != velos.LevelNone {
		h.leveled = true
		return after
	}
	if b[i] != '[' || !h.timed || bytes.HasPrefix(in, []byte("client ")) {
		return h.at
	}
	if word && len(in) < 48 || h.leveled && !h.context {
		h.context = h.context || !word
		return after
	}
	return h.at
}

// closed is the distance to the bracket that closes the one at b[0].
func closed(b []byte, opening, closing byte) int {
	depth := 0
	for n, c := range b {
		switch c {
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				return n
			}
		}
		if n > 300 {
			break
		}
	}
	return -1
}

// jsonMessage is the message of a JSON object, as it stands there, without
// its quotes.
func jsonMessage(b []byte) []byte {
	for _, key := range [...]string{`"msg"`, `"message"`, `"event"`, `"body"`, `"Body"`, `"@m"`, `"@mt"`, `"error"`, `"err"`} {
		from := 0
		for {
			i := bytes.Index(b[from:], []byte(key))
			if i < 0 {
				break
			}
			i += from + len(key)
			from = i
			i = blanks(b, i)
			if i >= len(b) || b[i] != ':' {
				continue
			}
			i = blanks(b, i+1)
			if i >= len(b) || b[i] != '"' {
				continue
			}
			if end := quoteEnd(b, i); end > i+1 {
				return b[i+1 : end]
			}
		}
	}
	return nil
}

// quoteEnd is the closing quote of the string that opens at i, or -1.
func quoteEnd(b []byte, i int) int {
	for n := i + 1; n < len(b); n++ {
		switch b[n] {
		case '\\':
			n++
		case '"':
			return n
		}
	}
	return -1
}

// logfmtMessage is the value of msg= in a line of pairs.
func logfmtMessage(b []byte) []byte {
	n := 0
	for n < len(b) && n < 24 && (class[b[n]]&alnum != 0 || b[n] == '_' || b[n] == '.') {
		n++
	}
	if n == 0 || n >= len(b) || b[n] != '=' {
		return nil
	}
	for _, key := range [...]string{" msg=", " message=", " event=", "msg="} {
		i := bytes.Index(b, []byte(key))
		if i < 0 || key[0] != ' ' && i > 0 {
			continue
		}
		v := b[i+len(key):]
		if len(v) > 0 && v[0] == '"' {
			if end := quoteEnd(v, 0); end > 1 {
				return v[1:end]
			}
			return v[1:]
		}
		if end := bytes.IndexByte(v, ' '); end > 0 {
			v = v[:end]
		}
		return v
	}
	return nil
}
