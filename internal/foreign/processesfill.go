package foreign

import "strings"

// templates fills in {{.NAME}} from vars of the file and of the process, where
// that is all there is to do.
func (p *process) templates() {
	if off, _ := p.node.get("is_template_disabled").orNull().truth(); off || !p.node.mentions("{{") {
		return
	}
	vars := map[string]string{}
	for _, v := range []*value{p.of.root.get("vars"), p.node.get("vars")} {
		for i := range v.orNull().keys {
			vars[v.keys[i]] = v.items[i].plain()
		}
	}
	vars["PC_REPLICA_NUM"] = itoa(p.replica)
	for i, key := range p.node.keys {
		if key == "vars" || key == "description" || strings.HasPrefix(key, "x-") {
			continue
		}
		if word := p.node.items[i].fill(vars); word != "" {
			why := "{{" + word + "}} is more than a name of vars: write the value"
			if name, plain := strings.CutPrefix(word, "."); plain && !strings.ContainsAny(name, " .|()") {
				why = "there is no " + shown(name) + " in vars"
			}
			p.lost(p.App.Name, key, why)
			if strings.HasSuffix(key, "_probe") {
				p.node.items[i] = &value{}
			}
		}
	}
}

// fill fills in all texts of a value, and returns what it cannot fill in.
func (v *value) fill(vars map[string]string) (left string) {
	if v.kind == text {
		v.text, left = filled(v.text, vars)
	}
	for _, c := range v.items {
		if l := c.fill(vars); l != "" {
			left = l
		}
	}
	return left
}

// filled is a text with its templates filled in, or as it is and what cannot
// be: names of vars and quoted texts can.
func filled(s string, vars map[string]string) (out, left string) {
	var b strings.Builder
	for rest := s; ; {
		before, after, ok := strings.Cut(rest, "{{")
		b.WriteString(before)
		if !ok {
			return b.String(), ""
		}
		word, value, n := strings.TrimLeft(after, " "), "", 0
		if strings.HasPrefix(word, `"`) || strings.HasPrefix(word, "`") {
			n = strings.Index(word[1:], word[:1]) + 2
			value = word[1:max(1, n-1)]
		} else if name, dotted := strings.CutPrefix(word, "."); dotted {
			n = 1
			for n < len(word) && isName(word[n], n == 1) {
				n++
			}
			value, ok = vars[name[:n-1]]
		}
		tail, closed := strings.CutPrefix(strings.TrimLeft(word[n:], " "), "}}")
		if n < 2 || !ok || !closed {
			expression, _, _ := strings.Cut(after, "}}")
			return s, strings.TrimSpace(expression)
		}
		b.WriteString(value)
		rest = tail
	}
}
