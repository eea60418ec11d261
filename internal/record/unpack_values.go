package record

import (
	"encoding/binary"
	"math"
)

// count reads the head of a map or a list, whose short form lies in lo..hi and
// whose 16 bit form is wide, followed by the 32 bit form. When ok is false,
// next is at.
func (u *unpacker) count(at int, lo, hi, wide byte) (n, next int, ok bool) {
	if at >= len(u.b) {
		return 0, at, false
	}
	c, rest := u.b[at], u.b[at+1:]
	switch {
	case c >= lo && c <= hi:
		return int(c - lo), at + 1, true
	case c == wide && len(rest) >= 2:
		return int(binary.BigEndian.Uint16(rest)), at + 3, true
	case c == wide+1 && len(rest) >= 4:
		n := binary.BigEndian.Uint32(rest)
		// Each element takes a byte at least, so a count that cannot be
		// true is known before anything is read. It also fits an int.
		if uint64(n) > uint64(len(rest)) {
			return 0, at, false
		}
		return int(n), at + 5, true
	}
	return 0, at, false
}

func (u *unpacker) str(at int) (s []byte, next int, ok bool) {
	if at >= len(u.b) {
		return nil, at, false
	}
	c, rest := u.b[at], u.b[at+1:]
	switch {
	case c >= 0xa0 && c <= 0xbf:
		return cut(u.b, at+1, uint64(c&0x1f))
	case c == 0xd9 && len(rest) >= 1:
		return cut(u.b, at+2, uint64(rest[0]))
	case c == 0xda && len(rest) >= 2:
		return cut(u.b, at+3, uint64(binary.BigEndian.Uint16(rest)))
	case c == 0xdb && len(rest) >= 4:
		return cut(u.b, at+5, uint64(binary.BigEndian.Uint32(rest)))
	}
	return nil, at, false
}

// UnpackBytes reads the MessagePack bin at at. The result is a part of b.
func UnpackBytes(b []byte, at int) (v []byte, next int, ok bool) {
	if at >= len(b) {
		return nil, at, false
	}
	c, rest := b[at], b[at+1:]
	switch {
	case c == 0xc4 && len(rest) >= 1:
		return cut(b, at+2, uint64(rest[0]))
	case c == 0xc5 && len(rest) >= 2:
		return cut(b, at+3, uint64(binary.BigEndian.Uint16(rest)))
	case c == 0xc6 && len(rest) >= 4:
		return cut(b, at+5, uint64(binary.BigEndian.Uint32(rest)))
	}
	return nil, at, false
}

// cut takes n bytes from at on, if there are so many.
func cut(b []byte, at int, n uint64) ([]byte, int, bool) {
	if n > uint64(len(b)-at) {
		return nil, at, false
	}
	end := at + int(n)
	return b[at:end:end], end, true
}

func (u *unpacker) integer(at int) (v int64, next int, ok bool) {
	if at >= len(u.b) {
		return 0, at, false
	}
	c, rest := u.b[at], u.b[at+1:]
	if c < 0x80 || c >= 0xe0 {
		return int64(int8(c)), at + 1, true
	}
	if c < 0xcc || c > 0xd3 {
		return 0, at, false
	}
	size := 1 << ((c - 0xcc) & 3)
	if len(rest) < size {
		return 0, at, false
	}
	switch c {
	case 0xcc:
		v = int64(rest[0])
	case 0xcd:
		v = int64(binary.BigEndian.Uint16(rest))
	case 0xce:
		v = int64(binary.BigEndian.Uint32(rest))
	case 0xcf:
		n := binary.BigEndian.Uint64(rest)
		if n > math.MaxInt64 {
			return 0, at, false
		}
		v = int64(n)
	case 0xd0:
		v = int64(int8(rest[0]))
	case 0xd1:
		v = int64(int16(binary.BigEndian.Uint16(rest)))
	case 0xd2:
		v = int64(int32(binary.BigEndian.Uint32(rest)))
	case 0xd3:
		v = int64(binary.BigEndian.Uint64(rest))
	}
	return v, at + 1 + size, true
}

// skip says where the value at at ends, whatever it is. The fault is empty
// when it is whole.
func (u *unpacker) skip(at, depth int) (end int, fault string) {
	if at >= len(u.b) {
		return at, truncated
	}
	if c := u.b[at]; c < 0x80 || c >= 0xe0 { // nearly half of all values
		return at + 1, ""
	}
	if depth > maxDepth {
		return at, "nested too deeply"
	}
	size, parts, ok := extent(u.b[at:])
	if !ok || size > uint64(len(u.b)-at) {
		if u.b[at] == 0xc1 {
			return at, "a byte that MessagePack does not use"
		}
		return at, truncated
	}
	at += int(size)
	for ; parts > 0; parts-- {
		if at, fault = u.skip(at, depth+1); fault != "" {
			return at, fault
		}
	}
	return at, ""
}

// extent says how many bytes the value at the beginning of b takes without
// its elements, and how many elements follow.
func extent(b []byte) (size, parts uint64, ok bool) {
	c := b[0]
	switch {
	case c < 0x80 || c >= 0xe0:
		return 1, 0, true
	case c < 0x90:
		return 1, 2 * uint64(c&0x0f), true
	case c < 0xa0:
		return 1, uint64(c & 0x0f), true
	case c < 0xc0:
		return 1 + uint64(c&0x1f), 0, true
	}
	f := forms[c-0xc0]
	if f.size == 0 || len(b) < 1+int(f.length) {
		return 0, 0, false
	}
	size = uint64(f.size)
	var n uint64
	for _, v := range b[1 : 1+f.length] {
		n = n<<8 | uint64(v)
	}
	if f.parts > 0 {
		return size, uint64(f.parts) * n, true
	}
	return size + n, 0, true
}

// forms describes the bytes 0xc0 to 0xdf: the bytes that are always there, how
// many of them are a length, and how many values each element has. A length
// without elements counts bytes.
var forms = [32]struct{ size, length, parts uint8 }{
	0x00: {1, 0, 0}, 0x02: {1, 0, 0}, 0x03: {1, 0, 0}, // nil, false, true
	0x04: {2, 1, 0}, 0x05: {3, 2, 0}, 0x06: {5, 4, 0}, // bin
	0x07: {3, 1, 0}, 0x08: {4, 2, 0}, 0x09: {6, 4, 0}, // ext
	0x0a: {5, 0, 0}, 0x0b: {9, 0, 0}, // float
	0x0c: {2, 0, 0}, 0x0d: {3, 0, 0}, 0x0e: {5, 0, 0}, 0x0f: {9, 0, 0}, // uint
	0x10: {2, 0, 0}, 0x11: {3, 0, 0}, 0x12: {5, 0, 0}, 0x13: {9, 0, 0}, // int
	0x14: {3, 0, 0}, 0x15: {4, 0, 0}, 0x16: {6, 0, 0}, 0x17: {10, 0, 0}, 0x18: {18, 0, 0}, // fixext
	0x19: {2, 1, 0}, 0x1a: {3, 2, 0}, 0x1b: {5, 4, 0}, // str
	0x1c: {3, 2, 1}, 0x1d: {5, 4, 1}, // list
	0x1e: {3, 2, 2}, 0x1f: {5, 4, 2}, // map
}

// name is what an error calls the value at at.
func (u *unpacker) name(at int) string {
	c := u.b[at]
	switch {
	case c < 0x80, c >= 0xe0, c >= 0xcc && c <= 0xce, c >= 0xd0 && c <= 0xd3:
		return "an integer"
	case c < 0x90, c == 0xde, c == 0xdf:
		return "a map"
	case c < 0xa0, c == 0xdc, c == 0xdd:
		return "a list"
	case c < 0xc0, c >= 0xd9 && c <= 0xdb:
		return "a string"
	case c == 0xc0:
		return "nil"
	case c == 0xc2, c == 0xc3:
		return "true or false"
	case c >= 0xc4 && c <= 0xc6:
		return "bytes"
	case c == 0xca, c == 0xcb:
		return "a fraction"
	case c == 0xcf:
		return "an integer out of range"
	}
	return "an extension"
}
