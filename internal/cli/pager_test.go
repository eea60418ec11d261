package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

type closeBuffer struct {
	bytes.Buffer
	closed bool
}

func (c *closeBuffer) Close() error { c.closed = true; return nil }

func TestALongAnswerGoesToThePagerAndAShortOneDoesNot(t *testing.T) {
	for _, c := range []struct {
		lines int
		paged bool
	}{{0, false}, {9, false}, {10, true}, {500, true}} {
		var direct bytes.Buffer
		var pages closeBuffer
		waited := false
		p := &pager{out: &direct, height: 10, start: func() (io.WriteCloser, func(), error) { return &pages, func() { waited = true }, nil }}
		for range c.lines {
			io.WriteString(p, "line\n")
		}
		p.end()
		want := strings.Repeat("line\n", c.lines)
		if got := pages.String(); c.paged != (got == want && pages.closed && waited) || c.paged == (direct.String() == want) {
			t.Errorf("%d lines: pager got %d bytes (closed %v, awaited %v), terminal %d", c.lines, len(got), pages.closed, waited, direct.Len())
		}
	}
}

func TestWithoutAPagerNothingIsLost(t *testing.T) {
	var direct bytes.Buffer
	p := &pager{out: &direct, height: 3, start: func() (io.WriteCloser, func(), error) { return nil, nil, errors.New("no shell") }}
	for range 7 {
		io.WriteString(p, "line\n")
	}
	p.end()
	if got := strings.Count(direct.String(), "line\n"); got != 7 {
		t.Errorf("%d of 7 lines", got)
	}
}

func TestNobodyTurnsPagesWithoutATerminal(t *testing.T) {
	person := func() *session {
		return &session{World: World{OutTTY: true, InTTY: true, Height: 24, Vars: map[string]string{"PAGER": "more"}}}
	}
	if got := person().pager(); got != "more" {
		t.Fatalf("a person gets %q", got)
	}
	for name, change := range map[string]func(*session){
		"output in a file":  func(s *session) { s.OutTTY = false },
		"input from a pipe": func(s *session) { s.InTTY = false },
		"--json":            func(s *session) { s.json = true },
		"--silent":          func(s *session) { s.silent = true },
		"a dumb terminal":   func(s *session) { s.Vars["TERM"] = "dumb" },
		"an agent":          func(s *session) { s.Vars["CLAUDECODE"] = "1" },
		"CI":                func(s *session) { s.Vars["CI"] = "true" },
		"PAGER=cat":         func(s *session) { s.Vars["PAGER"] = "cat" },
		"VELOS_PAGER empty": func(s *session) { s.Vars["VELOS_PAGER"] = "" },
	} {
		s := person()
		change(s)
		if got := s.pager(); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestThePagerIsAShellsLine(t *testing.T) {
	var out, errs bytes.Buffer
	in, wait, err := runPager("tr a-z A-Z | sed 's/^/> /'", &out, &errs, nil)
	if err != nil {
		t.Skip(err)
	}
	io.WriteString(in, "one\ntwo\n")
	in.Close()
	wait()
	if out.String() != "> ONE\n> TWO\n" || errs.Len() > 0 {
		t.Errorf("%q %q", out.String(), errs.String())
	}
}

func TestAPagerThatIsNotThereTakesNoAnswerWithIt(t *testing.T) {
	for program, want := range map[string]string{"sh": "sh", "sh -c cat": "sh -c cat", "no-such-pager -R": "", "LESS=R less": "LESS=R less", " ": "", "cat": ""} {
		s := &session{World: World{OutTTY: true, InTTY: true, Height: 20, Vars: map[string]string{"PAGER": program}}}
		if got := s.pager(); got != want {
			t.Errorf("PAGER=%q begins %q", program, got)
		}
	}
}

func TestLessIsGivenColoursWhateverElseItIsTold(t *testing.T) {
	for less, want := range map[string]string{"": "FRX", "-N": "-N -R", "-iR": "-iR", "r": "r"} {
		t.Setenv("LESS", less)
		var out bytes.Buffer
		in, wait, err := runPager(`echo "$LESS"`, &out, &out, map[string]string{"LESS": less})
		if err != nil {
			t.Skip(err)
		}
		in.Close()
		wait()
		if out.String() != want+"\n" {
			t.Errorf("LESS=%s becomes %q", less, out.String())
		}
	}
}
