package record

import (
	"encoding/base64"
	"strconv"
	"sync"

	"github.com/velospm/velos"
)

// DecodeJSON reads one JSON object into r. Keys that r does not know are
// skipped, of equal keys the last one wins, null is the same as a missing key,
// and what b does not mention keeps its value. An error is a *velos.Error that
// says at which byte it is; r may then hold a part of what was read.
func DecodeJSON(b []byte, r velos.Record) error {
	p := parsers.Get().(*parser)
	p.b = b
	end := p.record(p.space(0), 1, r)
	if end = p.space(end); p.err == nil && end != len(b) {
		p.failAt("", end, "there is more after the object")
	}
	err := p.result()
	p.b = nil
	p.reset()
	if cap(p.keys) <= 4*maxKeys {
		parsers.Put(p)
	}
	return err
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

// A parser is the visitor that reads JSON.
type parser struct {
	index
	b     []byte
	depth int
}

func (p *parser) failAt(key string, at int, message string) {
	p.fail(key, message+" at byte "+strconv.Itoa(at))
}

// unexpected reports that the value at at is not what is wanted.
func (p *parser) unexpected(key string, at int, want string) {
	p.failAt(key, at, "expected "+want+", found "+p.name(at))
}

// record reads the object at at into r and says where it ends.
func (p *parser) record(at, depth int, r velos.Record) (end int) {
	if depth > maxDepth {
		p.failAt("", at, "nested too deeply")
		return at
	}
	outer, outerDepth := p.base, p.depth
	p.base, p.depth = len(p.keys), depth
	end = p.scan(at)
	if p.err == nil && r != nil {
		r.Fields(p)
	}
	p.keys = p.keys[:p.base]
	p.base, p.depth = outer, outerDepth
	return end
}

// scan remembers where the values of the object at at are.
func (p *parser) scan(at int) (end int) {
	for key := range p.pairs("", &at, p.depth) {
		raw, _ := p.raw(key)
		if !p.remember(raw, p.value(key)) {
			break
		}
	}
	return at
}

func (p *parser) found(key string) (at int, ok bool) {
	at, ok = p.find(key)
	return at, ok && p.b[at] != 'n'
}

func (p *parser) Decodes() bool { return true }

func (p *parser) Has(key string) bool {
	_, ok := p.found(key)
	return ok
}

func (p *parser) Misfit(key string) {
	at, _ := p.find(key)
	p.failAt(key, at, "the number does not fit")
}

func (p *parser) Bool(key string, v *bool) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	if c := p.b[at]; c == 't' || c == 'f' {
		*v = c == 't'
		return
	}
	p.unexpected(key, at, "true or false")
}

func (p *parser) Number(key string, v int64) int64 {
	at, ok := p.found(key)
	if !ok {
		return v
	}
	return p.integer(key, at)
}

func (p *parser) integer(key string, at int) int64 {
	if c := p.b[at]; c != '-' && (c < '0' || c > '9') {
		p.unexpected(key, at, "an integer")
		return 0
	}
	end, _ := p.skip(at, 0)
	n, err := strconv.ParseInt(string(p.b[at:end]), 10, 64)
	if err != nil {
		p.unexpected(key, at, "an integer of 64 bits")
		return 0
	}
	return n
}

func (p *parser) Int(key string, v *int64) {
	if n := p.Number(key, *v); n != *v {
		*v = n
	}
}

func (p *parser) Float(key string, v *float64) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	end, _ := p.skip(at, 0)
	n, err := strconv.ParseFloat(string(p.b[at:end]), 64)
	if c := p.b[at]; err != nil || c != '-' && (c < '0' || c > '9') {
		p.unexpected(key, at, "a number")
		return
	}
	*v = n
}

func (p *parser) Text(key, v string) string {
	at, ok := p.found(key)
	if !ok {
		return v
	}
	return p.text(key, at)
}

// content is the string at at, or the bytes that no JSON string can hold.
func (p *parser) content(key string, at int) []byte {
	switch p.b[at] {
	case '"':
		s, _ := p.raw(at)
		return s
	case '{':
		w := wrapped{}
		p.record(at, p.depth+1, &w)
		p.under(key, -1)
		b, err := base64.StdEncoding.DecodeString(w.text)
		if err != nil {
			p.failAt(key, at, "not base64")
		}
		return b
	}
	p.unexpected(key, at, "a string")
	return nil
}

func (p *parser) text(key string, at int) string { return string(p.content(key, at)) }

func (p *parser) String(key string, v *string) {
	if at, ok := p.found(key); ok {
		*v = p.text(key, at)
	}
}

func (p *parser) Bytes(key string, v *[]byte) {
	if at, ok := p.found(key); ok {
		*v = append([]byte(nil), p.content(key, at)...)
	}
}

// wrapped is how bytes are written that are not UTF-8.
type wrapped struct{ text string }

func (w *wrapped) Fields(f velos.Fields) { f.String("base64", &w.text) }

func (p *parser) Strings(key string, v *[]string) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	var out []string
	for _, at := range p.elements(key, at) {
		s := p.text(key, at)
		if p.err != nil {
			return
		}
		out = append(out, s)
	}
	if p.err == nil {
		*v = out
	}
}

func (p *parser) Ints(key string, v *[]int64) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	var out []int64
	for _, at := range p.elements(key, at) {
		n := p.integer(key, at)
		if p.err != nil {
			return
		}
		out = append(out, n)
	}
	if p.err == nil {
		*v = out
	}
}

func (p *parser) Map(key string, v *map[string]string) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	out := map[string]string{}
	for at := range p.pairs(key, &at, p.depth+1) {
		if !p.spend() {
			return
		}
		k, _ := p.raw(at)
		s := p.text(key+"."+string(k), p.value(at))
		if p.err != nil {
			return
		}
		out[string(k)] = s
	}
	if p.err == nil {
		*v = out
	}
}

func (p *parser) Nest(key string, present bool, r velos.Record) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	p.record(at, p.depth+1, r)
	p.under(key, -1)
}

func (p *parser) Each(key string, list velos.Items) {
	at, ok := p.found(key)
	if !ok {
		return
	}
	for i, at := range p.elements(key, at) {
		p.record(at, p.depth+1, list.Item(i))
		if p.err != nil {
			p.under(key, i)
			return
		}
	}
}
