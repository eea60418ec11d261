package logs

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// appendEntry appends e as a line of a log file:
//
//	{"ts":1732…,"lvl":"info","pid":123,"msg":"…","src":"stdout","seq":1842,"inst":0}
//
// with "more":true when the next line of the instance and stream continues
// this one, and "raw":"<base64>" when the bytes are not UTF-8: msg then holds
// U+FFFD where they are not.
func appendEntry(b []byte, e *velos.Entry) []byte {
	b = appendHead(b, e.Time, e.Level, e.PID)
	b, valid := appendText(b, e.Msg)
	return appendTail(b, e, valid)
}

func appendHead(b []byte, ts velos.Time, lvl velos.Level, pid int) []byte {
	b = append(b, `{"ts":`...)
	b = strconv.AppendInt(b, int64(ts), 10)
	b = append(b, `,"lvl":"`...)
	b = append(b, lvl.String()...)
	b = append(b, `","pid":`...)
	b = strconv.AppendInt(b, int64(pid), 10)
	return append(b, `,"msg":"`...)
}

func appendTail(b []byte, e *velos.Entry, valid bool) []byte {
	b = append(b, `","src":"`...)
	b = append(b, e.Src.String()...)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"inst":`...)
	b = strconv.AppendInt(b, int64(e.Inst), 10)
	if e.More {
		b = append(b, `,"more":true`...)
	}
	if !valid {
		b = append(b, `,"raw":"`...)
		b = base64.StdEncoding.AppendEncode(b, e.Msg)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}

// appendText appends the inside of a JSON string; valid is false when p is
// not UTF-8.
func appendText(b, p []byte) (_ []byte, valid bool) {
	valid = true
	for {
		n := plain(p)
		b = append(b, p[:n]...)
		p = p[n:]
		if len(p) == 0 {
			return b, valid
		}
		if c := p[0]; c < utf8.RuneSelf {
			b = appendEscape(b, c)
			p = p[1:]
			continue
		}
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && size == 1 {
			valid = false
			b = append(b, "\ufffd"...)
		} else {
			b = append(b, p[:size]...)
		}
		p = p[size:]
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain counts the bytes at the start of p that stand for themselves in a
// JSON string: ASCII without control characters, quote and backslash. It
// looks at eight at a time.
func plain(p []byte) int {
	n := 0
	for len(p)-n >= 8 {
		w := binary.LittleEndian.Uint64(p[n:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		odd := w | (w - ones*0x20) | (quote - ones) | (slash - ones)
		if odd&highs != 0 {
			break
		}
		n += 8
	}
	for n < len(p) && p[n] >= 0x20 && p[n] != '"' && p[n] != '\\' && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
