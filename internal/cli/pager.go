package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/velospm/velos/internal/policy"
)

// A pager holds an answer back until it is longer than the terminal is high,
// and then hands it to the program that people read long texts with. A short
// answer is written as it is, when the command has ended.
type pager struct {
	out    io.Writer
	height int
	start  func() (io.WriteCloser, func(), error) // the program's stdin, and waiting for its end

	held  bytes.Buffer
	lines int
	into  io.WriteCloser // nil: nothing was started
	wait  func()
	plain bool // it could not be started
}

func (p *pager) Write(b []byte) (int, error) {
	if p.into == nil && !p.plain {
		p.held.Write(b)
		p.lines += bytes.Count(b, []byte{'\n'})
		if p.lines < p.height {
			return len(b), nil
		}
		return len(b), p.begin()
	}
	if p.plain {
		return p.out.Write(b)
	}
	// Whoever leaves the pager has read enough: that is no failure.
	p.into.Write(b)
	return len(b), nil
}

func (p *pager) begin() (err error) {
	if p.into, p.wait, err = p.start(); err != nil {
		p.into, p.plain = nil, true
		_, err = p.out.Write(p.held.Bytes())
		return err
	}
	p.into.Write(p.held.Bytes())
	return nil
}

// end shows what is held, or waits until the reader has read.
func (p *pager) end() {
	if p.into == nil {
		if !p.plain {
			p.out.Write(p.held.Bytes())
		}
		return
	}
	p.into.Close()
	p.wait()
}

// paged puts a pager before the answer of a command, where a person sits at a
// terminal and has one. What it returns is called when the command has ended.
func (s *session) paged() func() {
	program := s.pager()
	if program == "" {
		return func() {}
	}
	direct := s.Out
	p := &pager{out: direct, height: s.Height, start: func() (io.WriteCloser, func(), error) { return runPager(program, direct, s.Err, s.Vars) }}
	s.Out = p
	return func() { p.end(); s.Out = direct }
}

// pager is the command line of the pager: VELOS_PAGER, PAGER, less. Empty is
// none: nobody is there to turn the pages, or cat was asked for.
func (s *session) pager() string {
	if !s.OutTTY || !s.InTTY || s.Height <= 0 || !s.human() || s.silent || s.Vars["TERM"] == "dumb" || s.Vars["CI"] != "" {
		return ""
	}
	if _, agent := policy.Agent(s.Vars); agent {
		return "" // some give what they run a terminal, and none turns pages
	}
	for _, name := range []string{"VELOS_PAGER", "PAGER"} {
		if program, set := s.Vars[name]; set {
			if program == "cat" || !turner(program) {
				return ""
			}
			return program
		}
	}
	if _, err := exec.LookPath("less"); err != nil {
		return ""
	}
	return "less"
}

// turner reports whether the first word of a line for a shell is a program
// that is there: an answer must not be lost with a pager that is not. Who
// begins it otherwise knows what he does.
func turner(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 || strings.ContainsAny(words[0], "=$`'\"\\~(;|&<>") {
		return len(words) > 0
	}
	_, err := exec.LookPath(words[0])
	return err == nil
}

// runPager runs what people have in PAGER, which is a line for a shell. Our
// lines have been cleaned, and colours are all that less has to let through.
func runPager(program string, out, errs io.Writer, vars map[string]string) (io.WriteCloser, func(), error) {
	cmd := exec.Command("/bin/sh", "-c", program)
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Env = os.Environ()
	switch less := vars["LESS"]; {
	case less == "":
		cmd.Env = append(cmd.Env, "LESS=FRX")
	case !strings.ContainsAny(less, "rR"): // colours would be shown as what they are made of
		cmd.Env = append(cmd.Env, "LESS="+less+" -R")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return in, func() { cmd.Wait() }, nil
}
