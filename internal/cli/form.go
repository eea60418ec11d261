package cli

import (
	"errors"

	"github.com/velospm/velos/internal/view"
)

// A form is the flag --ai: json, which it means alone, or table.
type form struct{ s *session }

func (f *form) String() string { return "" }
func (f *form) Type() string   { return "form" }

func (f *form) Set(v string) error {
	switch v {
	case "json", "true":
		f.s.ai, f.s.rows = true, false
	case "table":
		f.s.ai, f.s.rows = true, true
	case "false":
		f.s.ai, f.s.rows = false, false
	default:
		return errors.New("it is json or table")
	}
	return nil
}

// asRows has the answers of --ai=table pass through what makes rows of them.
func (s *session) asRows(stream bool) {
	if s.rows {
		s.Out = view.NewRows(s.Out, stream)
	}
}
