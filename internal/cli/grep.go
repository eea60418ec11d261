package cli

import (
	"regexp"
	"regexp/syntax"

	"github.com/velospm/velos/internal/verb"
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
	return re, verb.Required(tree), nil
}
