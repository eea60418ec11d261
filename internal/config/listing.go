package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Setting is a field of a Spec as a file would have it written.
type Setting struct {
	Key   string // dotted: env.PORT, ready.http
	Value string // as TOML
	From  string // of a variable: see velos.Spec.EnvFrom
}

// Settings are what a Spec says, in the order of its fields. Values of env
// files are among them, with keys of their own: env_file:NAME. Zero values
// are left out where zero means nothing.
func Settings(s *velos.Spec) []Setting {
	l := &listing{}
	s.Fields(l)
	for i := range l.list {
		if name, ok := strings.CutPrefix(l.list[i].Key, "env."); ok {
			l.list[i].From = s.EnvFrom[name]
		}
	}
	return withPort(l.list, s)
}

// A listing visits a Spec and writes its fields down.
type listing struct {
	prefix string
	list   []Setting
}

func (l *listing) add(key, value string) {
	l.list = append(l.list, Setting{Key: l.prefix + key, Value: value})
}

func (l *listing) Bool(key string, p *bool) {
	if *p || l.preset(key) == "true" {
		l.add(key, strconv.FormatBool(*p))
	}
}

func (l *listing) Int(key string, p *int64) { l.Number(key, *p) }

func (l *listing) Number(key string, v int64) int64 {
	if preset := l.preset(key); v == 0 && key != "priority" && (preset == "" || preset == `"0s"` || key == "listen_timeout") {
		return v // nothing, or the default
	}
	switch takes := l.takes(key); {
	case takes == lengthOfTime:
		l.add(key, strconv.Quote(span(v)))
	case takes == aSize && v > 0:
		l.add(key, strconv.Quote(bytesOf(v)))
	default:
		l.add(key, strconv.FormatInt(v, 10))
	}
	return v
}

func (l *listing) Float(key string, p *float64) {
	if *p != 0 {
		l.add(key, strconv.FormatFloat(*p, 'g', -1, 64))
	}
}

func (l *listing) String(key string, p *string) { l.Text(key, *p) }

func (l *listing) Text(key, v string) string {
	if v != "" && key != "literal" { // said by the pattern of its rule
		l.add(key, quoted(v))
	}
	return v
}

func (l *listing) Bytes(string, *[]byte) {} // a Spec has none

func (l *listing) Strings(key string, p *[]string) {
	if len(*p) > 0 {
		list := make([]string, len(*p))
		for i, s := range *p {
			list[i] = quoted(s)
		}
		l.add(key, "["+strings.Join(list, ", ")+"]")
	}
}

func (l *listing) Ints(key string, p *[]int64) {
	if len(*p) > 0 && key != "program" { // said by the pattern of its rule
		list := make([]string, len(*p))
		for i, n := range *p {
			list[i] = strconv.FormatInt(n, 10)
		}
		l.add(key, "["+strings.Join(list, ", ")+"]")
	}
}

func (l *listing) Map(key string, p *map[string]string) {
	join := "."
	switch key {
	case "env_from":
		return // said with the variables
	case "file_env":
		key, join = "env_file", ":"
	}
	for _, k := range slices.Sorted(maps.Keys(*p)) {
		l.add(key+join+k, quoted((*p)[k]))
	}
}

func (l *listing) Misfit(string) {}

func (l *listing) Decodes() bool { return false }

func (l *listing) Has(string) bool { return false }

func (l *listing) Nest(key string, present bool, r velos.Record) {
	if present && key != "identity" { // said by user and group
		inner := &listing{prefix: l.prefix + key + "."}
		r.Fields(inner)
		l.list = append(l.list, inner.list...)
	}
}

func (l *listing) Each(key string, list velos.Items) {
	if list.Len() == 0 {
		return
	}
	var items []string
	for i := range list.Len() {
		inner := &listing{}
		list.Item(i).Fields(inner)
		var pairs []string
		for _, s := range inner.list {
			pairs = append(pairs, s.Key+" = "+s.Value)
		}
		items = append(items, "{ "+strings.Join(pairs, ", ")+" }")
	}
	l.add(key, "["+strings.Join(items, ", ")+"]")
}

// preset is the default of a key; those of probes have none.
func (l *listing) preset(key string) string {
	if k := keys()[key]; k != nil && l.prefix == "" {
		return k.preset
	}
	return ""
}

func (l *listing) takes(key string) string {
	if l.prefix == "" {
		if k := keys()[key]; k != nil {
			return k.takes
		}
		return ""
	}
	if isHook(strings.TrimSuffix(l.prefix, ".")) {
		for _, k := range hookKeys {
			if k.name == key {
				return k.form(nil).takes
			}
		}
	}
	for _, k := range probeKeys {
		if k.name == key {
			return k.form(nil).takes
		}
	}
	return ""
}

// span is a length of time as Duration reads it, exactly.
func span(ms int64) string {
	for _, u := range [...]struct {
		n    int64
		unit string
	}{{24 * 60 * 60 * 1000, "d"}, {60 * 60 * 1000, "h"}, {60 * 1000, "m"}, {1000, "s"}} {
		if ms != 0 && ms%u.n == 0 {
			return strconv.FormatInt(ms/u.n, 10) + u.unit
		}
	}
	if ms == 0 {
		return "0s"
	}
	return strconv.FormatInt(ms, 10) + "ms"
}

// bytesOf is a size as Size reads it, exactly.
func bytesOf(n int64) string {
	for i := len("KMGT") - 1; i >= 0; i-- {
		if unit := int64(1) << (10 * (i + 1)); n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + "KMGT"[i:i+1]
		}
	}
	return strconv.FormatInt(n, 10)
}

// quoted is text as a string of TOML.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !strconv.IsGraphic(r):
			const hex = "0123456789abcdef"
			sign, shift := `\u`, 12
			if r > 0xffff {
				sign, shift = `\U`, 28
			}
			b.WriteString(sign)
			for ; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
