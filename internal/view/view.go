// Package view is how facts look: tables and sheets for people, --json for
// programs, --ai for agents, and the one sanitiser that stands before all of
// them. Nouns come in, text goes out; it asks nobody, reads no clock and
// touches nothing but the writer it is given.
package view

import (
	"io"
	"time"

	"github.com/velospm/velos"
)

// A Format is for whom an answer is written.
type Format uint8

// The formats.
const (
	Human Format = iota
	JSON         // complete, stable, documented in docs/OUTPUT.md
	AI           // the same facts in as few tokens as possible
)

// Options say how to write. The zero value is a person reading through a
// pipe: no colour, no limit to the width.
type Options struct {
	Format Format
	Rows   bool           // AI only: the answer passes through Rows, which leaves text as it is
	Color  bool           // colour may be used (Human only)
	TTY    bool           // a terminal shows it
	Width  int            // columns of the terminal; 0 is no limit
	All    bool           // every instance in a row of its own
	Now    velos.Time     // the present moment, for ages and uptimes
	Loc    *time.Location // where clock times are shown; nil is UTC
}

func (o Options) loc() *time.Location {
	if o.Loc == nil {
		return time.UTC
	}
	return o.Loc
}

// A buffer collects text so that one answer is one write.
type buffer struct{ b []byte }

func (b *buffer) str(parts ...string) {
	for _, p := range parts {
		b.b = append(b.b, p...)
	}
}

func (b *buffer) to(w io.Writer) error {
	_, err := w.Write(b.b)
	return err
}
