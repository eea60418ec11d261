package record

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/velospm/velos"
)

// DecodeMsgpack reads one MessagePack map into r. Keys that r does not know
// are skipped, of equal keys the last one wins, nil is the same as a missing
// key, and what b does not mention keeps its value. An error is a
// *velos.Error that names the key; r may then hold a part of what was read.
// Memory grows with what b holds, never with what it announces.
func DecodeMsgpack(b []byte, r velos.Record) error { return decode(b, r, false) }

// ViewMsgpack is DecodeMsgpack, but what it finds for a field of bytes is a
// part of b and no copy.
func ViewMsgpack(b []byte, r velos.Record) error { return decode(b, r, true) }

func decode(b []byte, r velos.Record, share bool) error {
	u := unpackers.Get().(*unpacker)
	u.b, u.share = b, share
	end := u.record(0, 1, r)
	if u.err == nil && end != len(b) {
		u.fail("", "there are bytes after the record")
	}
	err := u.result()
	u.b = nil
	u.reset()
	if cap(u.keys) <= 4*maxKeys {
		unpackers.Put(u)
	}
	return err
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// An unpacker is the visitor that reads MessagePack.
type unpacker struct {
	index
	b     []byte
	depth int
	share bool // bytes are parts of b
}

const truncated = "the record ends too early"

// record reads the map at at into r and says where it ends.
func (u *unpacker) record(at, depth int, r velos.Record) (end int) {
	if depth > maxDepth {
		u.fail("", "nested too deeply")
		return at
	}
	outer, outerDepth := u.base, u.depth
	u.base, u.depth = len(u.keys), depth
	end = u.scan(at)
	if u.err == nil && r != nil {
		r.Fields(u)
	}
	u.keys = u.keys[:u.base]
	u.base, u.depth = outer, outerDepth
	return end
}

// scan remembers where the values of the map at at are.
func (u *unpacker) scan(at int) (end int) {
	n, at, ok := u.count(at, 0x80, 0x8f, 0xde)
	if !ok {
		u.unexpected("", at, "a map")
		return at
	}
	for range n {
		key, next, ok := u.str(at)
		if !ok {
			u.unexpected("", at, "a string as key")
			return at
		}
		end, fault := u.skip(next, u.depth)
		if fault != "" {
			u.fail(string(key), fault)
			return at
		}
		if !u.remember(key, next) {
			return at
		}
		at = end
	}
	return at
}

// unexpected reports that the value at at is not what is wanted, or not there.
func (u *unpacker) unexpected(key string, at int, want string) {
	if _, fault := u.skip(at, 0); fault != "" {
		u.fail(key, fault)
		return
	}
	u.fail(key, "expected "+want+", found "+u.name(at))
}

// value is where the value of key begins; ok is false when there is none.
func (u *unpacker) value(key string) (at int, ok bool) {
	at, ok = u.find(key)
	return at, ok && u.b[at] != 0xc0
}

func (u *unpacker) Decodes() bool { return true }

func (u *unpacker) Has(key string) bool {
	_, ok := u.value(key)
	return ok
}

func (u *unpacker) Misfit(key string) { u.fail(key, "the number does not fit") }

func (u *unpacker) Bool(key string, p *bool) {
	at, ok := u.value(key)
	if !ok {
		return
	}
	if c := u.b[at]; c == 0xc2 || c == 0xc3 {
		*p = c == 0xc3
		return
	}
	u.unexpected(key, at, "true or false")
}

func (u *unpacker) Number(key string, v int64) int64 {
	at, ok := u.value(key)
	if !ok {
		return v
	}
	n, _, ok := u.integer(at)
	if !ok {
		u.unexpected(key, at, "an integer")
		return v
	}
	return n
}

func (u *unpacker) Int(key string, p *int64) {
	if n := u.Number(key, *p); n != *p {
		*p = n
	}
}

func (u *unpacker) Float(key string, p *float64) {
	at, ok := u.value(key)
	if !ok {
		return
	}
	switch u.b[at] {
	case 0xca:
		*p = float64(math.Float32frombits(binary.BigEndian.Uint32(u.b[at+1:])))
	case 0xcb:
		*p = math.Float64frombits(binary.BigEndian.Uint64(u.b[at+1:]))
	default:
		n, _, ok := u.integer(at)
		if !ok {
			u.unexpected(key, at, "a number")
			return
		}
		*p = float64(n)
	}
}

func (u *unpacker) Text(key, v string) string {
	at, ok := u.value(key)
	if !ok {
		return v
	}
	s, _, ok := u.str(at)
	if !ok {
		u.unexpected(key, at, "a string")
		return v
	}
	return string(s)
}

func (u *unpacker) String(key string, p *string) {
	if u.Has(key) {
		*p = u.Text(key, *p)
	}
}

func (u *unpacker) Bytes(key string, p *[]byte) {
	at, ok := u.value(key)
	if !ok {
		return
	}
	v, _, ok := UnpackBytes(u.b, at)
	if !ok {
		v, _, ok = u.str(at)
	}
	if !ok {
		u.unexpected(key, at, "bytes")
		return
	}
	if !u.share {
		v = append([]byte(nil), v...)
	}
	*p = v
}

func (u *unpacker) Strings(key string, p *[]string) {
	at, n, ok := u.list(key)
	if !ok {
		return
	}
	var out []string
	for range n {
		s, next, ok := u.str(at)
		if !ok {
			u.unexpected(key, at, "strings only")
			return
		}
		if !u.spend() {
			return
		}
		out = append(out, string(s))
		at = next
	}
	*p = out
}

func (u *unpacker) Ints(key string, p *[]int64) {
	at, n, ok := u.list(key)
	if !ok {
		return
	}
	var out []int64
	for range n {
		v, next, ok := u.integer(at)
		if !ok {
			u.unexpected(key, at, "integers only")
			return
		}
		if !u.spend() {
			return
		}
		out = append(out, v)
		at = next
	}
	*p = out
}

func (u *unpacker) Map(key string, p *map[string]string) {
	at, ok := u.value(key)
	if !ok {
		return
	}
	n, next, ok := u.count(at, 0x80, 0x8f, 0xde)
	if !ok {
		u.unexpected(key, at, "a map")
		return
	}
	out := map[string]string{}
	for at = next; n > 0; n-- {
		k, next, ok := u.str(at)
		if !ok {
			u.unexpected(key, at, "strings as keys")
			return
		}
		v, end, ok := u.str(next)
		if !ok {
			u.unexpected(key+"."+string(k), next, "a string")
			return
		}
		if !u.spend() {
			return
		}
		out[string(k)] = string(v)
		at = end
	}
	*p = out
}

func (u *unpacker) Nest(key string, present bool, r velos.Record) {
	at, ok := u.value(key)
	if !ok {
		return
	}
	u.record(at, u.depth+1, r)
	u.under(key, -1)
}

func (u *unpacker) Each(key string, list velos.Items) {
	at, n, ok := u.list(key)
	if !ok {
		return
	}
	list.Room(n, len(u.b)-at)
	for i := range n {
		if !u.spend() {
			return
		}
		at = u.record(at, u.depth+1, list.Item(i))
		if u.err != nil {
			u.under(key, i)
			return
		}
	}
}

// list finds the list that belongs to key: its first element and how many
// there are said to be.
func (u *unpacker) list(key string) (at, n int, ok bool) {
	at, ok = u.value(key)
	if !ok {
		return 0, 0, false
	}
	n, next, ok := u.count(at, 0x90, 0x9f, 0xdc)
	if !ok {
		u.unexpected(key, at, "a list")
	}
	return next, n, ok
}
