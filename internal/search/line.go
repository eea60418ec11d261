package search

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// A parser reads lines of log files. An entry's Msg is valid until its next
// line.
type parser struct {
	text, exact []byte
}

var (
	headTime  = []byte(`{"ts":`)
	headLevel = []byte(`,"lvl":"`)
	headPID   = []byte(`,"pid":`)
	headMsg   = []byte(`,"msg":"`)
	tailSrc   = []byte(`","src":"`)
	tailSeq   = []byte(`","seq":`)
	tailInst  = []byte(`,"inst":`)
	tailMore  = []byte(`,"more":true`)
	tailRaw   = []byte(`,"raw":"`)
)

// after is what stands behind a prefix.
func after(b, prefix []byte) ([]byte, bool) { return bytes.CutPrefix(b, prefix) }

// number reads digits, and a sign before them.
func number(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		i++
	}
	from := i
	for i < len(b) && b[i]-'0' <= 9 && i-from < 18 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if neg {
		n = -n
	}
	return n, b[i:], i > from && (i == len(b) || b[i]-'0' > 9)
}

// head reads what stands before the message of a line of the daemon's form,
// and returns where the message begins.
func head(line []byte, e *velos.Entry) (msg int, ok bool) {
	b, ok := after(line, headTime)
	if !ok {
		return 0, false
	}
	ts, b, ok := number(b)
	if !ok {
		return 0, false
	}
	if b, ok = after(b, headLevel); !ok {
		return 0, false
	}
	i := bytes.IndexByte(b[:min(len(b), 8)], '"')
	if i < 0 {
		return 0, false
	}
	lvl, known := velos.ParseLevel(string(b[:i]))
	if !known && i > 0 {
		return 0, false
	}
	if b, ok = after(b[i+1:], headPID); !ok {
		return 0, false
	}
	pid, b, ok := number(b)
	if !ok {
		return 0, false
	}
	if b, ok = after(b, headMsg); !ok {
		return 0, false
	}
	e.Time, e.Level, e.PID = velos.Time(ts), lvl, int(pid)
	return len(line) - len(b), true
}

// tail reads what stands behind the message, from the quote that ends it.
func (p *parser) tail(b []byte, e *velos.Entry) bool {
	b, ok := after(b, tailSrc)
	if !ok || len(b) < 6 {
		return false
	}
	switch string(b[:6]) {
	case "stdout":
		e.Src = velos.Stdout
	case "stderr":
		e.Src = velos.Stderr
	default:
		return false
	}
	if b, ok = after(b[6:], tailSeq); !ok {
		return false
	}
	seq, b, ok := number(b)
	if !ok {
		return false
	}
	if b, ok = after(b, tailInst); !ok {
		return false
	}
	inst, b, ok := number(b)
	if !ok {
		return false
	}
	e.Seq, e.Inst, e.More = uint64(seq), int(inst), false
	if b, ok = after(b, tailMore); ok {
		e.More = true
	}
	if rest, ok := after(b, tailRaw); ok {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			return false
		}
		exact, err := base64.StdEncoding.AppendDecode(p.exact[:0], rest[:i])
		if err != nil {
			return false
		}
		p.exact, e.Msg, b = exact[:0], exact, rest[i+1:]
	}
	return string(b) == "}"
}

// ours reads a line of the daemon's form.
func (p *parser) ours(line []byte, e *velos.Entry) bool {
	*e = velos.Entry{}
	at, ok := head(line, e)
	if !ok {
		return false
	}
	end, escaped := endOfString(line, at)
	if end < 0 {
		return false
	}
	e.Msg = line[at:end:end]
	if escaped {
		if p.text, ok = unescape(p.text[:0], e.Msg); !ok {
			return false
		}
		e.Msg = p.text
	}
	return p.tail(line[end:], e)
}

// parse reads any line of a log file: other writers' keys, order and blanks
// are no obstacle, only slower.
func (p *parser) parse(line []byte, e *velos.Entry) bool {
	if p.ours(line, e) {
		return e.Seq > 0
	}
	return p.theirs(line, e)
}

func (p *parser) theirs(line []byte, e *velos.Entry) bool {
	var v struct {
		Time  *int64  `json:"ts"`
		Level string  `json:"lvl"`
		PID   int     `json:"pid"`
		Msg   *string `json:"msg"`
		Src   string  `json:"src"`
		Seq   uint64  `json:"seq"`
		Inst  int     `json:"inst"`
		More  bool    `json:"more"`
		Raw   *[]byte `json:"raw"`
	}
	if trimmed := bytes.TrimLeft(line, " \t"); len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(line, &v) != nil ||
		v.Time == nil || v.Msg == nil || v.Seq == 0 {
		return false
	}
	*e = velos.Entry{Time: velos.Time(*v.Time), PID: v.PID, Msg: []byte(*v.Msg), Seq: v.Seq, Inst: v.Inst, More: v.More}
	e.Level, _ = velos.ParseLevel(v.Level)
	switch v.Src {
	case "stdout":
		e.Src = velos.Stdout
	case "stderr":
		e.Src = velos.Stderr
	}
	if v.Raw != nil {
		e.Msg = *v.Raw
	}
	return true
}

// endOfString finds the quote that ends a JSON string which has begun before
// at; -1 when there is none.
func endOfString(line []byte, at int) (end int, escaped bool) {
	for i := at; ; {
		n := bytes.IndexByte(line[i:], '"')
		if n < 0 {
			return -1, escaped
		}
		i += n
		slashes := 0
		for i-1-slashes >= at && line[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i, escaped || bytes.IndexByte(line[at:i], '\\') >= 0
		}
		escaped = true
		i++
	}
}

// unescape appends the text of the inside of a JSON string.
func unescape(to, s []byte) ([]byte, bool) {
	for len(s) > 0 {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(to, s...), true
		}
		to, s = append(to, s[:i]...), s[i+1:]
		if len(s) == 0 {
			return to, false
		}
		c := s[0]
		s = s[1:]
		switch c {
		case '"', '\\', '/':
			to = append(to, c)
		case 'n':
			to = append(to, '\n')
		case 'r':
			to = append(to, '\r')
		case 't':
			to = append(to, '\t')
		case 'b':
			to = append(to, '\b')
		case 'f':
			to = append(to, '\f')
		case 'u':
			r, ok := hex4(s)
			if !ok {
				return to, false
			}
			s = s[4:]
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					low, ok = hex4(s[2:])
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					s = s[6:]
				}
			}
			to = utf8.AppendRune(to, r)
		default:
			return to, false
		}
	}
	return to, true
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendEscaped appends text as the daemon writes it inside of a JSON string.
func appendEscaped(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
