package view

import "io"

// Outcome shows what one order came to, as an object: the element of Done.
func Outcome(w io.Writer, r *Result, o Options) error {
	b := buffer{append(encode(o.resultJSON(r)), '\n')}
	return b.to(w)
}
