package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// jsonEntry edits files that have servers by their names below one key. It
// edits text: comments, blanks and commas at the end, which several clients
// allow, stay as somebody has written them. typed names the transport; local is
// how opencode writes a command.
func jsonEntry(key string, typed, local bool) func(old []byte, command string, remove bool) ([]byte, error) {
	return func(old []byte, command string, remove bool) ([]byte, error) {
		text, indent := slices.Clone(old), indentOf(old)
		if len(bytes.TrimSpace(old)) == 0 {
			text, indent = []byte("{}\n"), "\t" // by which we know it again
		}
		file, err := hujson.Parse(text)
		if err != nil {
			return nil, errors.New("it is no JSON: " + strings.TrimPrefix(err.Error(), "hujson: "))
		}
		top, ok := file.Value.(*hujson.Object)
		if !ok {
			return nil, errors.New("it is no JSON object")
		}
		at := memberAt(top, key)
		if at < 0 && remove {
			return old, nil
		}
		if at < 0 {
			at = addMember(top, key, &hujson.Object{}, indent, 0)
		}
		servers, ok := top.Members[at].Value.Value.(*hujson.Object)
		if !ok {
			return nil, errors.New(key + ": it is no JSON object")
		}
		entry := serverEntry(command, typed, local, indent)
		switch i := memberAt(servers, entryName); {
		case remove && i < 0:
			return old, nil
		case remove:
			dropMember(servers, i)
			if len(servers.Members) == 0 && len(servers.AfterExtra) == 0 {
				dropMember(top, at)
			}
		case i < 0:
			addMember(servers, entryName, entry.Value, indent, 1)
		case sameJSON(servers.Members[i].Value, entry):
			return old, nil
		default:
			servers.Members[i].Value.Value = entry.Value
		}
		return file.Pack(), nil
	}
}

// serverEntry is what stands below our name.
func serverEntry(command string, typed, local bool, indent string) hujson.Value {
	list := []member{{"command", encoded(command)}, {"args", encoded([]string{"mcp-server"})}}
	switch {
	case local:
		list = []member{{"type", encoded("local")}, {"command", encoded([]string{command, "mcp-server"})}, {"enabled", encoded(true)}}
	case typed:
		list = append([]member{{"type", encoded("stdio")}}, list...)
	}
	var b bytes.Buffer
	_ = json.Indent(&b, object(list), indent+indent, indent)
	v, _ := hujson.Parse(b.Bytes()) // we have written it
	return v
}

// memberAt finds a key; of two the last counts, as for those who read the file.
func memberAt(o *hujson.Object, key string) int {
	for i := len(o.Members) - 1; i >= 0; i-- {
		if name, ok := o.Members[i].Name.Value.(hujson.Literal); ok && name.String() == key {
			return i
		}
	}
	return -1
}

// addMember adds a key at the end of an object that is so deep in the file. A
// comment behind the last value stays there. An object ends with a comma when
// its last value has an AfterExtra, be it empty.
func addMember(o *hujson.Object, key string, value hujson.ValueTrimmed, indent string, depth int) int {
	line := "\n" + strings.Repeat(indent, depth)
	m := hujson.ObjectMember{Name: hujson.Value{BeforeExtra: slices.Concat(unblank(o.AfterExtra), hujson.Extra(line+indent)), Value: hujson.String(key)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: value}}
	if n := len(o.Members); n > 0 && o.Members[n-1].Value.AfterExtra != nil {
		m.Value.AfterExtra = hujson.Extra{}
	}
	o.AfterExtra = hujson.Extra(line)
	o.Members = append(o.Members, m)
	return len(o.Members) - 1
}

// dropMember takes a key out. Comments around it stay.
func dropMember(o *hujson.Object, i int) {
	m := o.Members[i]
	o.Members = slices.Delete(o.Members, i, i+1)
	kept := slices.Concat(unblank(m.Name.BeforeExtra), unblank(m.Value.AfterExtra))
	n := len(o.Members)
	if i < n {
		next := &o.Members[i].Name
		next.BeforeExtra = slices.Concat(kept, next.BeforeExtra)
		return
	}
	if n > 0 {
		last := &o.Members[n-1].Value
		switch comma := m.Value.AfterExtra != nil; {
		case comma && last.AfterExtra == nil:
			last.AfterExtra = hujson.Extra{}
		case !comma:
			kept = slices.Concat(unblank(last.AfterExtra), kept)
			last.AfterExtra = nil
		}
	}
	if o.AfterExtra = slices.Concat(kept, o.AfterExtra); n == 0 && len(unblank(o.AfterExtra)) == 0 {
		o.AfterExtra = nil
	}
}

// unblank is what stands between values without the blanks at its end.
func unblank(e hujson.Extra) hujson.Extra { return bytes.TrimRight(e, " \t\r\n") }

// sameJSON compares what values say.
func sameJSON(a, b hujson.Value) bool {
	a.BeforeExtra, a.AfterExtra = nil, nil
	x, err := hujson.Minimize(a.Pack())
	y, failed := hujson.Minimize(b.Pack())
	return err == nil && failed == nil && bytes.Equal(x, y)
}
