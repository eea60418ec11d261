package cli

import (
	"regexp"
	"regexp/syntax"
)

// expression compiles what --grep was given and finds a literal that every
// match contains, for the daemon to look for. Whole reports by a nil
// expression that the literal is all there is to it.
func expression(text string) (re *regexp.Regexp, literal string, err error) {
	re, err = regexp.Compile(text)
	if err != nil {
		return nil, "", invalid("--grep: "+err.Error(), "the expression is RE2: no look-around, no back references; \\ makes a character plain")
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return re, "", nil
	}
	tree = tree.Simplify()
	if tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0 {
		return nil, string(tree.Rune), nil
	}
	return re, required(tree), nil
}

// required is the longest literal that is in every match, or "".
func required(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return string(t.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, sub := range t.Sub {
			if l := required(sub); len(l) > len(best) {
				best = l
			}
		}
		return best
	}
	return ""
}
