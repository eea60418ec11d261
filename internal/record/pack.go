package record

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"github.com/velospm/velos"
)

// AppendMsgpack appends r to b as one MessagePack map with string keys. Fields
// with a zero value are left out, integers take their shortest form and the
// keys of maps are sorted, so equal Records have equal bytes. A nil Record is
// an empty map. Nothing is allocated but what b needs to grow.
func AppendMsgpack(b []byte, r velos.Record) []byte {
	p := packers.Get().(*packer)
	p.b = b
	p.record(r)
	b = p.b
	p.b = nil
	packers.Put(p)
	return b
}

var packers = sync.Pool{New: func() any { return new(packer) }}

// A packer is the visitor that writes MessagePack.
type packer struct {
	b    []byte
	n    int // keys written into the innermost map
	sort []string
}

func (p *packer) record(r velos.Record) {
	outer, at := p.n, len(p.b)
	p.n = 0
	p.b = append(p.b, 0x80)
	if r != nil {
		r.Fields(p)
	}
	p.head(at)
	p.n = outer
}

// head writes the number of keys into the map header at at, which has the
// one byte that nearly all maps need.
func (p *packer) head(at int) {
	n := p.n
	switch {
	case n < 16:
		p.b[at] = 0x80 | byte(n)
	default:
		p.b = slices.Insert(p.b, at+1, byte(n>>8), byte(n))
		p.b[at] = 0xde
	}
}

func (p *packer) key(key string) {
	p.n++
	p.b = packString(p.b, key)
}

func (p *packer) Decodes() bool   { return false }
func (p *packer) Has(string) bool { return false }
func (p *packer) Misfit(string)   {}

func (p *packer) Bool(key string, v *bool) {
	if *v {
		p.key(key)
		p.b = append(p.b, 0xc3)
	}
}

func (p *packer) Number(key string, v int64) int64 {
	if v != 0 {
		p.key(key)
		p.b = PackInt(p.b, v)
	}
	return v
}

func (p *packer) Int(key string, v *int64) { p.Number(key, *v) }

func (p *packer) Float(key string, v *float64) {
	if *v != 0 {
		p.key(key)
		p.b = append(p.b, 0xcb)
		p.b = binary.BigEndian.AppendUint64(p.b, math.Float64bits(*v))
	}
}

func (p *packer) Text(key, v string) string {
	if v != "" {
		p.key(key)
		p.b = packString(p.b, v)
	}
	return v
}

func (p *packer) String(key string, v *string) { p.Text(key, *v) }

func (p *packer) Bytes(key string, v *[]byte) {
	if len(*v) > 0 {
		p.key(key)
		p.b = PackBytes(p.b, *v)
	}
}

func (p *packer) Strings(key string, v *[]string) {
	if len(*v) > 0 {
		p.key(key)
		p.b = packList(p.b, len(*v))
		for _, s := range *v {
			p.b = packString(p.b, s)
		}
	}
}

func (p *packer) Ints(key string, v *[]int64) {
	if len(*v) > 0 {
		p.key(key)
		p.b = packList(p.b, len(*v))
		for _, n := range *v {
			p.b = PackInt(p.b, n)
		}
	}
}

func (p *packer) Map(key string, v *map[string]string) {
	if len(*v) == 0 {
		return
	}
	p.key(key)
	p.b = packMap(p.b, len(*v))
	p.sort = sortedKeys(p.sort[:0], *v)
	for _, k := range p.sort {
		p.b = packString(p.b, k)
		p.b = packString(p.b, (*v)[k])
	}
	clear(p.sort)
}

// sortedKeys appends the keys of m to room, sorted.
func sortedKeys(room []string, m map[string]string) []string {
	for k := range m {
		room = append(room, k)
	}
	slices.Sort(room)
	return room
}

func (p *packer) Nest(key string, present bool, r velos.Record) {
	if present {
		p.key(key)
		p.record(r)
	}
}

func (p *packer) Each(key string, list velos.Items) {
	n := list.Len()
	if n == 0 {
		return
	}
	p.key(key)
	p.b = packList(p.b, n)
	for i := range n {
		p.record(list.Item(i))
	}
}

// PackBytes appends v as MessagePack bin.
func PackBytes(b, v []byte) []byte {
	return append(PackBytesHead(b, len(v)), v...)
}

// PackBytesHead appends the head of a MessagePack bin of n bytes, in its
// shortest form.
func PackBytesHead(b []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, 0xc4, byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xc5, byte(n>>8), byte(n))
	}
	return append(b, 0xc6, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// PackInt appends v in its shortest form.
func PackInt(b []byte, v int64) []byte {
	if v < 0 {
		return packNegative(b, v)
	}
	switch {
	case v < 128:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return append(b, 0xcd, byte(v>>8), byte(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), uint64(v))
}

func packNegative(b []byte, v int64) []byte {
	switch {
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, 0xd0, byte(v))
	case v >= math.MinInt16:
		return append(b, 0xd1, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(v))
}

func packString(b []byte, s string) []byte {
	n := len(s)
	switch {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		b = append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		b = append(b, 0xda, byte(n>>8), byte(n))
	default:
		b = append(b, 0xdb, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, s...)
}

func packList(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x90|byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xdc, byte(n>>8), byte(n))
	}
	return append(b, 0xdd, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func packMap(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x80|byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xde, byte(n>>8), byte(n))
	}
	return append(b, 0xdf, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
