package foreign

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxExtended bounds a chain of files that extend each other.
const maxExtended = 16

// laid is the file over those that it extends, and under the override that
// process-compose finds beside it.
func (f *File) laid(root *value) (*value, error) {
	root, err := f.extended(root, f.Abs, []string{f.Abs})
	if err != nil {
		return nil, err
	}
	base := filepath.Base(f.Abs)
	if ext := filepath.Ext(base); ext != ".yaml" && ext != ".yml" || strings.TrimSuffix(base, ext) != "process-compose" && strings.TrimSuffix(base, ext) != "compose" {
		return root, nil
	}
	for _, name := range []string{"compose.override.yml", "compose.override.yaml", "process-compose.override.yml", "process-compose.override.yaml"} {
		path := filepath.Join(f.dir(), name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		over, err := f.another(path)
		switch {
		case err != nil:
			return nil, err
		case over.get("services") != nil && over.get("processes") == nil:
			continue // it is docker's
		}
		if over, err = f.extended(over, path, []string{path}); err != nil {
			return nil, err
		}
		over.displace()
		f.idle("", name, "is laid over this file, as process-compose up does")
		return laidOver(root, over, ""), nil
	}
	return root, nil
}

// another reads a further file.
func (f *File) another(path string) (*value, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, readError(shown(f.Path)+": read "+shown(path), err)
	}
	f.reads(path, data)
	root, bad := parseYAML(data)
	if bad != nil {
		return nil, f.at(entry{file: path, line: bad.line}, bad.what, "mend the line")
	}
	return root, nil
}

// extended is a file over the one that it extends. What runs there runs in the
// directory of that file.
func (f *File) extended(root *value, path string, chain []string) (*value, error) {
	v := root.get("extends")
	if v == nil || v.kind == null {
		return root, nil
	}
	at := entry{line: v.line}
	if path != f.Abs {
		at.file = path
	}
	if v.kind != text {
		return nil, f.at(at, "extends must be a path, not "+v.what(), "such as extends: base.yaml")
	}
	parent := v.text
	if !filepath.IsAbs(parent) {
		parent = filepath.Join(filepath.Dir(path), parent)
	}
	if slices.Contains(chain, parent) || len(chain) == maxExtended {
		return nil, f.at(at, "extends goes round in a circle: "+strings.Join(append(chain, parent), " → "), "leave one of these out")
	}
	base, err := f.another(parent)
	if err != nil {
		return nil, err
	}
	if base, err = f.extended(base, parent, append(chain, parent)); err != nil {
		return nil, err
	}
	if dir := filepath.Dir(parent); dir != f.dir() {
		if list := base.get("processes"); list != nil {
			for _, p := range list.items {
				if p.kind == object {
					p.put("working_dir", &value{kind: text, text: under(dir, p.get("working_dir").plain())})
				}
			}
		}
	}
	base.displace()
	return laidOver(base, root, ""), nil
}

func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// displace forgets lines, which are of another file.
func (v *value) displace() {
	v.line = 0
	for _, c := range v.items {
		c.displace()
	}
}

// clone is a value that can be changed by itself.
func (v *value) clone() *value {
	c := *v
	c.keys, c.items = slices.Clone(v.keys), make([]*value, len(v.items))
	for i := range v.items {
		c.items[i] = v.items[i].clone()
	}
	return &c
}

// laidOver is base with what over says, as process-compose merges files: maps
// key by key, variables by their names, other lists one behind the other, and
// what is false, 0 or empty changes nothing.
func laidOver(base, over *value, key string) *value {
	if key == "environment" {
		base, over = byName(base), byName(over)
	}
	switch {
	case over == nil || over.kind == null:
		return base
	case base == nil || base.kind == null || base.kind != over.kind:
		return over
	case over.kind == object:
		merged := base.clone()
		for i, k := range over.keys {
			merged.put(k, laidOver(base.get(k), over.items[i], k))
		}
		merged.line = max(base.line, over.line)
		return merged
	case over.kind == list && key != "entrypoint" && key != "namespace" && key != "paths":
		merged := base.clone()
		merged.items = append(merged.items, over.items...)
		return merged
	case slices.Contains([]string{"", "0", "false"}, over.text) && over.kind != list:
		return base
	}
	return over
}

// byName is a list of NAME=value as a map.
func byName(v *value) *value {
	if v == nil || v.kind != list {
		return v
	}
	m := &value{kind: object, line: v.line}
	for _, c := range v.items {
		name, after, ok := strings.Cut(c.text, "=")
		if !ok {
			return v // which is told later
		}
		m.put(name, &value{kind: text, text: after, line: c.line})
	}
	return m
}
