package config

import "strings"

// notExpanded are keys whose $ means something else: probes replace the
// variables of each run.
func (d *draft) notExpanded(n *node) bool {
	switch n.key {
	case "ready", "health", "rules", "multiline":
		return true
	case "script", "args":
		return d.spec.Shell // the shell's own
	}
	c := n.child("shell") // of a hook
	return c != nil && c.text == "true" && isHook(n.key)
}

// expanded is a value with the caller's variables in the place of ${NAME} and
// ${NAME:-text}; n itself when there are none.
func expanded(n *node, vars map[string]string) (*node, *problem) {
	switch n.kind {
	case isString:
		if !strings.Contains(n.text, "${") {
			return n, nil
		}
		s, p := expand(n.text, vars)
		if p != nil {
			if n.width > 0 {
				p.at = n
			}
			return nil, p
		}
		c := *n
		c.text = s
		return &c, nil
	case isTable, isList:
		out := n
		for i, item := range n.items {
			c, p := expanded(item, vars)
			if p != nil {
				if n.kind == isTable {
					p.below = "." + bare(item.key) + p.below
				}
				return nil, p
			}
			if c == item {
				continue
			}
			if out == n { // what others read stays as it is
				t := *n
				t.items = append([]*node(nil), n.items...)
				out = &t
			}
			out.items[i] = c
		}
		return out, nil
	}
	return n, nil
}

const escapeHint = "for a ${ that is no variable write $${"

func expand(s string, vars map[string]string) (string, *problem) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		inside, rest, closed := strings.Cut(s[i+2:], "}")
		name, otherwise, has := strings.Cut(inside, ":-")
		switch {
		case !closed:
			return "", wrong("a ${ is not closed", escapeHint)
		case !variableName(name):
			return "", wrong("${"+inside+"} is no variable", "there are ${NAME} and ${NAME:-text}; "+escapeHint)
		}
		v, set := vars[name]
		switch {
		case has && v == "":
			v = otherwise
		case !set:
			return "", wrong(name+" is not set", "set it for this command, or write ${"+name+":-text}; "+escapeHint)
		}
		b.WriteString(v)
		s = rest
	}
}

func variableName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
