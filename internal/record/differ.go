package record

import (
	"slices"

	"github.com/velospm/velos"
)

// Differences are the keys of two Records of one kind whose values differ, by
// name.
func Differences(a, b velos.Record) []string {
	was, is := members(AppendJSON(nil, a)), members(AppendJSON(nil, b))
	var keys []string
	for k, v := range is {
		if was[k] != v {
			keys = append(keys, k)
		}
	}
	for k := range was {
		if _, ok := is[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// members are the keys of an object that AppendJSON has written, and their
// values as they stand there.
func members(b []byte) map[string]string {
	m := map[string]string{}
	depth, quoted, from, key := 0, false, 0, ""
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == ':' && depth == 1 && key == "":
			key, from = string(b[from+1:i-1]), i+1
		case c == '{' || c == '[':
			if depth++; depth == 1 {
				from = i + 1
			}
		case c == '}' || c == ']':
			depth--
		}
		if c := b[i]; !quoted && key != "" && (depth == 1 && c == ',' || depth == 0) {
			m[key] = string(b[from:i])
			key, from = "", i+1
		}
	}
	return m
}
