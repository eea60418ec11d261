package digest

import (
	"bytes"
	"slices"
)

// String is the template of a cluster as people see it: the first line of its
// most frequent pattern, with placeholders.
func (c *cluster) String() string { return string(c.best().render(c.cells)) }

// render writes the text of a node, variable where the cells are.
func (n *node) render(shown []cell) []byte {
	own := appendCells(nil, n.text, n.tokens)
	if len(shown) != len(own) {
		shown = own
	}
	var b []byte
	from, at := 0, 0
	for i, t := range n.tokens {
		if inside := i > 0 && shown[at].key == 0 && own[at].key != 0 && (at+1 == len(own) || int(own[at+1].token) > i); inside {
			from = int(t.to) // of a value that is shown as one
			continue
		}
		b = append(b, n.text[from:t.from]...)
		from = int(t.to)
		for at+1 < len(own) && int(own[at+1].token) <= i {
			at++
		}
		word := n.text[t.from:t.to]
		switch {
		case t.kind == address:
			b = append(b, "<IP>"...)
			if bytes.IndexByte(word, ':') > 0 {
				b = append(b, ":<PORT>"...)
			} else if k := bytes.IndexByte(word, '/'); k > 0 {
				b = append(b, "/<NUM>"...)
			}
		case t.kind == number:
			b = append(append(b, "<NUM>"...), oneUnit(word)...)
		case t.kind != constant:
			b = append(b, placeholders[t.kind]...)
		case shown[at].key == 0:
			b = append(b, "<*>"...)
		case t.masked && !t.fixed:
			b = appendMasked(b, word)
		default:
			b = append(b, word...)
		}
	}
	return slices.Concat(b, n.text[from:])
}

func appendMasked(b, word []byte) []byte {
	for i := 0; i < len(word); {
		if n := digitRun(word, i); n > i {
			b = append(b, "<*>"...)
			i = n
			continue
		}
		b = append(b, word[i])
		i++
	}
	return b
}

// oneUnit is the unit behind a number, "" for durations of several units.
func oneUnit(word []byte) []byte {
	n := len(word)
	for n > 0 && class[word[n-1]]&digit == 0 {
		n--
	}
	for _, c := range word[:n] {
		if class[c]&letters != 0 {
			return nil
		}
	}
	return word[n:]
}
