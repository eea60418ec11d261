// Package record turns a velos.Record into bytes and back: MessagePack for the
// wire, JSON for files. It is driven by the Record's own description and knows
// no Record by name; frames, files and meanings belong to others.
package record

import (
	"strconv"

	"github.com/velospm/velos"
)

const (
	// maxDepth bounds how deeply values may be nested, known or unknown.
	maxDepth = 32
	// maxKeys bounds the keys of one Record, known and unknown ones. A
	// decoder remembers where each of them is.
	maxKeys = 1024
	// maxItems bounds the elements of all lists and maps of one call. A byte
	// on the wire can announce an element that takes a kilobyte in memory,
	// so the size of the input alone is no bound.
	maxItems = 1 << 18
)

// An index remembers where the keys of the Records are that are being read: a
// stack of which the part from base on belongs to the innermost one.
type index struct {
	keys  []place
	base  int
	items int
	err   error
}

type place struct {
	key []byte
	at  int
}

// find says where the value of key begins. The last of several equal keys
// wins.
func (x *index) find(key string) (at int, ok bool) {
	if x.err != nil {
		return 0, false
	}
	for i := len(x.keys) - 1; i >= x.base; i-- {
		if string(x.keys[i].key) == key {
			return x.keys[i].at, true
		}
	}
	return 0, false
}

// remember adds a key to the innermost Record.
func (x *index) remember(key []byte, at int) bool {
	if len(x.keys)-x.base >= maxKeys {
		x.err = &velos.Error{Code: velos.TooLarge, Message: "a record has more than " + strconv.Itoa(maxKeys) + " keys"}
		return false
	}
	x.keys = append(x.keys, place{key, at})
	return true
}

// spend counts one more element of a list or a map.
func (x *index) spend() bool {
	x.items++
	if x.items > maxItems && x.err == nil {
		x.err = &velos.Error{Code: velos.TooLarge, Message: "more than " + strconv.Itoa(maxItems) + " list and map elements"}
	}
	return x.err == nil
}

// fail keeps the first error. The key is put before the message, so that
// nested Records read like config.instances.
func (x *index) fail(key, message string) {
	if x.err == nil {
		x.err = &fault{key: key, message: message}
	}
}

// under puts the key of the enclosing Record before the one that an error
// names.
func (x *index) under(key string, item int) {
	f, ok := x.err.(*fault)
	if !ok {
		return
	}
	if item >= 0 {
		key += "[" + strconv.Itoa(item) + "]"
	}
	if f.key != "" {
		key += "." + f.key
	}
	f.key = key
}

// A fault is a value that is not what its field needs.
type fault struct{ key, message string }

func (f *fault) Error() string {
	if f.key == "" {
		return f.message
	}
	return f.key + ": " + f.message
}

// result is the first error as callers see it.
func (x *index) result() error {
	if f, ok := x.err.(*fault); ok {
		return &velos.Error{Code: velos.Invalid, Message: f.Error()}
	}
	return x.err
}

// reset forgets everything but the room for keys.
func (x *index) reset() {
	clear(x.keys)
	*x = index{keys: x.keys[:0]}
}
