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
	return appendEnd(b, e, valid)
}

func appendEnd(b []byte, e *velos.Entry, valid bool) []byte {
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

// A stamper encodes the lines of one batch, which differ in little: what they
// share is made once.
type stamper struct {
	heads [velos.Fatal + 1][]byte
	mid   []byte // between msg and seq
	end   []byte // after seq
	digit [20]byte
	at    int // first digit of seq
}

// begin prepares for lines of e's time, pid, instance and stream whose first
// sequence number is e.Seq+1.
func (s *stamper) begin(e *velos.Entry) {
	for i := range s.heads {
		s.heads[i] = s.heads[i][:0]
	}
	s.mid = append(append(append(s.mid[:0], `","src":"`...), e.Src.String()...), `","seq":`...)
	s.end = strconv.AppendInt(append(s.end[:0], `,"inst":`...), int64(e.Inst), 10)
	text := strconv.AppendUint(s.digit[:0:0], e.Seq, 10)
	s.at = len(s.digit) - len(text)
	copy(s.digit[s.at:], text)
}

// line appends the next line; the result is that of appendEntry.
func (s *stamper) line(b []byte, e *velos.Entry) []byte {
	head := s.heads[e.Level]
	if len(head) == 0 {
		head = appendHead(head, e.Time, e.Level, e.PID)
		s.heads[e.Level] = head
	}
	b = append(b, head...)
	b, valid := appendText(b, e.Msg)
	b = append(b, s.mid...)
	b = append(b, s.digit[s.at:]...)
	b = append(b, s.end...)
	return appendEnd(b, e, valid)
}

// count is seq++ on its decimal digits.
func (s *stamper) count() {
	for i := len(s.digit) - 1; ; i-- {
		if i < s.at {
			s.at = i
			s.digit[i] = '1'
			return
		}
		if s.digit[i] != '9' {
			s.digit[i]++
			return
		}
		s.digit[i] = '0'
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
	for len(p)-n >= 32 {
		q := p[n : n+32 : n+32]
		if (odd(binary.LittleEndian.Uint64(q))|odd(binary.LittleEndian.Uint64(q[8:]))|
			odd(binary.LittleEndian.Uint64(q[16:]))|odd(binary.LittleEndian.Uint64(q[24:])))&highs != 0 {
			break
		}
		n += 32
	}
	for len(p)-n >= 8 && odd(binary.LittleEndian.Uint64(p[n:]))&highs == 0 {
		n += 8
	}
	for n < len(p) && p[n] >= 0x20 && p[n] != '"' && p[n] != '\\' && p[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// odd has a high bit set if a byte of w is not plain. A borrow may set bits of
// the bytes above that one too, never of those below.
func odd(w uint64) uint64 {
	return w | (w - ones*0x20) | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones)
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
