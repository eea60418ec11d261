package record

import (
	"encoding/base64"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// AppendJSON appends r to b as one compact JSON object. Fields with a zero
// value are left out and the keys of maps are sorted. The result is valid
// UTF-8: what is not becomes U+FFFD in a string, and for a field of bytes the
// object {"base64":"…"}. Control characters are escaped, those of terminals
// beyond ASCII too. A number that JSON cannot say is null. A nil Record is an
// empty object. Nothing is allocated but what b needs to grow.
func AppendJSON(b []byte, r velos.Record) []byte {
	p := printers.Get().(*printer)
	p.b = b
	p.record(r)
	b = p.b
	p.b = nil
	printers.Put(p)
	return b
}

var printers = sync.Pool{New: func() any { return new(printer) }}

// A printer is the visitor that writes JSON.
type printer struct {
	b    []byte
	some bool // the innermost object has a key already
	sort []string
}

func (p *printer) record(r velos.Record) {
	outer := p.some
	p.some = false
	p.b = append(p.b, '{')
	if r != nil {
		r.Fields(p)
	}
	p.b = append(p.b, '}')
	p.some = outer
}

func (p *printer) key(key string) {
	if p.some {
		p.b = append(p.b, ',')
	}
	p.some = true
	p.b = quote(p.b, key)
	p.b = append(p.b, ':')
}

func (p *printer) Decodes() bool   { return false }
func (p *printer) Has(string) bool { return false }
func (p *printer) Misfit(string)   {}

func (p *printer) Bool(key string, v *bool) {
	if *v {
		p.key(key)
		p.b = append(p.b, "true"...)
	}
}

func (p *printer) Number(key string, v int64) int64 {
	if v != 0 {
		p.key(key)
		p.b = strconv.AppendInt(p.b, v, 10)
	}
	return v
}

func (p *printer) Int(key string, v *int64) { p.Number(key, *v) }

func (p *printer) Float(key string, v *float64) {
	if *v == 0 {
		return
	}
	p.key(key)
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		p.b = append(p.b, "null"...)
		return
	}
	p.b = strconv.AppendFloat(p.b, *v, 'g', -1, 64)
}

func (p *printer) Text(key, v string) string {
	if v != "" {
		p.key(key)
		p.text(v)
	}
	return v
}

func (p *printer) String(key string, v *string) { p.Text(key, *v) }

func (p *printer) Bytes(key string, v *[]byte) {
	if len(*v) == 0 {
		return
	}
	p.key(key)
	if utf8.Valid(*v) {
		p.b = quote(p.b, *v)
		return
	}
	p.wrap(*v)
}

func (p *printer) text(s string) {
	if utf8.ValidString(s) {
		p.b = quote(p.b, s)
		return
	}
	p.wrap([]byte(s))
}

// wrap writes bytes that no JSON string can hold.
func (p *printer) wrap(v []byte) {
	p.b = append(p.b, `{"base64":"`...)
	p.b = base64.StdEncoding.AppendEncode(p.b, v)
	p.b = append(p.b, `"}`...)
}

func (p *printer) Strings(key string, v *[]string) {
	if len(*v) == 0 {
		return
	}
	p.key(key)
	p.b = append(p.b, '[')
	for i, s := range *v {
		p.comma(i)
		p.text(s)
	}
	p.b = append(p.b, ']')
}

func (p *printer) Ints(key string, v *[]int64) {
	if len(*v) == 0 {
		return
	}
	p.key(key)
	p.b = append(p.b, '[')
	for i, n := range *v {
		p.comma(i)
		p.b = strconv.AppendInt(p.b, n, 10)
	}
	p.b = append(p.b, ']')
}

func (p *printer) comma(i int) {
	if i > 0 {
		p.b = append(p.b, ',')
	}
}

func (p *printer) Map(key string, v *map[string]string) {
	if len(*v) == 0 {
		return
	}
	p.key(key)
	p.b = append(p.b, '{')
	p.sort = sortedKeys(p.sort[:0], *v)
	for i, k := range p.sort {
		p.comma(i)
		p.b = quote(p.b, k)
		p.b = append(p.b, ':')
		p.text((*v)[k])
	}
	clear(p.sort)
	p.b = append(p.b, '}')
}

func (p *printer) Nest(key string, present bool, r velos.Record) {
	if present {
		p.key(key)
		p.record(r)
	}
}

func (p *printer) Each(key string, list velos.Items) {
	n := list.Len()
	if n == 0 {
		return
	}
	p.key(key)
	p.b = append(p.b, '[')
	for i := range n {
		p.comma(i)
		p.record(list.Item(i))
	}
	p.b = append(p.b, ']')
}

const hex = "0123456789abcdef"

// quote appends s as a JSON string.
func quote[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[done:i]...)
			b = escape(b, c)
			i++
			done = i
			continue
		}
		r, size := decodeRune(s[i:])
		if r == utf8.RuneError && size == 1 || r < 0xa0 || r == 0x2028 || r == 0x2029 {
			b = append(b, s[done:i]...)
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			done = i + size
		}
		i += size
	}
	b = append(b, s[done:]...)
	return append(b, '"')
}

// decodeRune looks at the four bytes that a rune may have at most, so that the
// conversion to a string copies nothing to the heap.
func decodeRune[T string | []byte](s T) (rune, int) {
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}

func escape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
