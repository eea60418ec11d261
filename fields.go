package velos

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
	// Object visits one nested Record. An encoder leaves it out when
	// present is false.
	Object(key string, present bool, r func() Record)
	// List visits n records when encoding. A decoder ignores n and calls
	// item with 0, 1, 2, … once for each record it finds, in order, so that
	// the slice grows with what was really sent and not with what was
	// announced.
	List(key string, n int, item func(i int) Record)
}

// Int visits an integer of any kind.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](f Fields, key string, p *T) {
	v := int64(*p)
	f.Int(key, &v)
	*p = T(v)
}

// Str visits a string of any kind.
func Str[T ~string](f Fields, key string, p *T) {
	v := string(*p)
	f.String(key, &v)
	*p = T(v)
}

// List visits a slice of records.
func List[T any, P interface {
	*T
	Record
}](f Fields, key string, p *[]T) {
	f.List(key, len(*p), func(i int) Record {
		for len(*p) <= i {
			*p = append(*p, *new(T))
		}
		return P(&(*p)[i])
	})
}

// Object visits a pointer to a record, nil when there is none.
func Object[T any, P interface {
	*T
	Record
}](f Fields, key string, p **T) {
	f.Object(key, *p != nil, func() Record {
		if *p == nil {
			*p = new(T)
		}
		return P(*p)
	})
}
