package velos

import (
	"slices"
	"unsafe"
)

// A Record names its fields, in order, to a visitor. One description serves
// every encoding, so that a field cannot be present in one and missing in
// another.
type Record interface {
	Fields(f Fields)
}

// Fields is a visitor of a Record: an encoder reads through the pointers, a
// decoder writes through them. An encoder leaves zero values out; a decoder
// ignores keys that no field claims. Errors are the visitor's to keep: a
// Record has nothing to say about them.
type Fields interface {
	Bool(key string, p *bool)
	Int(key string, p *int64)
	Float(key string, p *float64)
	String(key string, p *string)
	Bytes(key string, p *[]byte)
	Strings(key string, p *[]string)
	Ints(key string, p *[]int64)
	Map(key string, p *map[string]string)
	// Number and Text visit by value: they return what the field is to hold
	// from now on, which is v unless a decoder found something else. That
	// way a field of any kind costs no allocation, and a Record that others
	// read at the same time is not written to by an encoder.
	Number(key string, v int64) int64
	Text(key, v string) string
	// Misfit tells a decoder that the number it returned for key is outside
	// of what the field can hold. Encoders ignore it.
	Misfit(key string)

	// Decodes reports whether the visitor is a decoder.
	Decodes() bool
	// Has reports whether a decoder found key; an encoder always says false.
	Has(key string) bool
	// Nest visits one nested Record. An encoder leaves it out when present
	// is false; a decoder leaves r alone when the key is missing.
	Nest(key string, present bool, r Record)
	// Each visits a list of nested Records. What a decoder finds decides how
	// many there are, never what was announced: that only tells for how many
	// there may be room.
	Each(key string, list Items)
}

// Items is a list of Records. A decoder calls Item with 0, 1, 2, … for what it
// finds, and the list grows with it. Room says that n are announced, in at most
// so many bytes.
type Items interface {
	Len() int
	Item(i int) Record
	Room(n, bytes int)
}

// Int visits an integer of any kind.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](f Fields, key string, p *T) {
	n := f.Number(key, int64(*p))
	v := T(n)
	if int64(v) != n || (v < 0) != (n < 0) {
		f.Misfit(key)
		return
	}
	if v != *p {
		*p = v
	}
}

// Str visits a string of any kind.
func Str[T ~string](f Fields, key string, p *T) {
	if v := T(f.Text(key, string(*p))); v != *p {
		*p = v
	}
}

// List visits a slice of records.
func List[T any, P interface {
	*T
	Record
}](f Fields, key string, p *[]T) {
	f.Each(key, (*items[T, P])(p))
}

type items[T any, P interface {
	*T
	Record
}] []T

func (l *items[T, P]) Len() int { return len(*l) }

// Room takes no more memory ahead than four times what came, whoever announces
// what. An App is twice what it is on the wire.
func (l *items[T, P]) Room(n, bytes int) {
	*l = slices.Grow(*l, min(n, 4*bytes/max(int(unsafe.Sizeof(*new(T))), 1)))
}

func (l *items[T, P]) Item(i int) Record {
	for len(*l) <= i {
		*l = append(*l, *new(T))
	}
	return P(&(*l)[i])
}

// Object visits a pointer to a record, nil when there is none.
func Object[T any, P interface {
	*T
	Record
}](f Fields, key string, p **T) {
	if *p == nil {
		if !f.Has(key) {
			return
		}
		*p = new(T)
	}
	f.Nest(key, true, P(*p))
}
