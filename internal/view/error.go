package view

import (
	"errors"
	"io"
	"strings"

	"github.com/velospm/velos"
)

// ErrorJSON is an error in --json and --ai; agents and scripts see one shape
// behind every door.
type ErrorJSON struct {
	Code      string   `json:"code"`
	Message   string   `json:"message"`
	Retryable bool     `json:"retryable"`
	Hints     []string `json:"hints"`
	Approval  string   `json:"approval,omitempty"` // id that a person can approve
}

// ErrorOf is err in that shape.
func ErrorOf(err error) ErrorJSON {
	code := velos.CodeOf(err)
	j := ErrorJSON{Code: code.String(), Message: Lines(err.Error()), Retryable: code.Retryable(), Hints: []string{}}
	var own *velos.Error
	if errors.As(err, &own) {
		j.Approval = Text(own.Approval)
	}
	if h := velos.HintOf(err); h != "" {
		for _, line := range strings.Split(h, "\n") {
			j.Hints = append(j.Hints, Text(line))
		}
	}
	return j
}

// Error shows what went wrong: a sentence and a hint for people, an object
// for all others.
func Error(w io.Writer, err error, o Options) error {
	var b buffer
	if o.Format != Human {
		b.b = append(encode(map[string]ErrorJSON{"error": ErrorOf(err)}), '\n')
		return b.to(w)
	}
	for i, e := range Split(err) {
		j := ErrorOf(e)
		if i > 0 && j.Message == "" {
			continue
		}
		b.str(o.paint(red, "velos:"), " ", j.Message, "\n")
		for _, h := range j.Hints {
			b.str("  hint: ", h, "\n")
		}
	}
	return b.to(w)
}

// Split takes joined errors apart.
func Split(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var list []error
		for _, e := range joined.Unwrap() {
			list = append(list, Split(e)...)
		}
		return list
	}
	return []error{err}
}
