package tui

import (
	"io"
	"os"

	"github.com/velospm/velos"
)

var errGone = &velos.Error{Code: velos.Failed, Message: "monit: the terminal is gone"}

// An ear is the input of a terminal. Who reads keys takes the end of it for
// silence; a view that nobody can see or leave must end.
type ear struct {
	*os.File
	gone func()
}

// Read implements io.Reader.
func (e *ear) Read(b []byte) (int, error) {
	n, err := e.File.Read(b)
	if err != nil {
		e.gone()
	}
	return n, err
}

// listen is in with its end noticed.
func listen(in io.Reader, gone func()) io.Reader {
	if f, ok := in.(*os.File); ok {
		return &ear{f, gone}
	}
	return in
}
