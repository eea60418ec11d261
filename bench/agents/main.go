//go:build linux

// Command agents does twelve tasks of an agent with the command line of Velos
// and with that of PM2, on the same programs, and counts what they cost: calls,
// tokens (o200k, of what is typed and of what is answered) and seconds.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/velospm/velos/bench/rig"
)

// longestCall is when agents give a call up.
const longestCall = 60 * time.Second

func main() { rig.Run("agents", run) }

// A side is one of the two managers.
type side struct {
	dir   string
	env   []string
	codec tokenizer.Codec
}

// A bill is what a task has cost, and what was answered.
type bill struct {
	calls, tokens int
	took, longest time.Duration
	text          string
}

func (b *bill) String() string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("%d / %d / %.1f s", b.calls, b.tokens, b.took.Seconds())
}

// line runs one command line, as the shell tool of an agent does. An exit code
// is part of an answer and no error.
func (s *side) line(text string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longestCall)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", text)
	c.Dir, c.Env, c.WaitDelay = s.dir, s.env, time.Second
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	return string(out), err
}

func (s *side) do(lines []string) (*bill, error) {
	b := &bill{}
	for _, l := range lines {
		begin := time.Now()
		out, err := s.line(l)
		took := time.Since(begin)
		if err != nil {
			return b, fmt.Errorf("%s: %w\n%s", l, err, out)
		}
		n, err := s.codec.Count(l + "\n" + out)
		if err != nil {
			return b, err
		}
		b.calls, b.tokens, b.took, b.longest = b.calls+1, b.tokens+n, b.took+took, max(b.longest, took)
		b.text += "$ " + l + "\n" + out
	}
	return b, nil
}

func run(r *rig.Rig) error {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("the programs of the tasks need node: %w", err)
	}
	d, err := r.Raise()
	if err != nil {
		return err
	}
	defer d.End()
	ours, err := open(r, "velos", d.Env(), filepath.Dir(r.Bin("velos")), codec)
	if err != nil {
		return err
	}
	bills := map[int]*bill{}
	for i, t := range tasks {
		if bills[i], err = t.with(ours, t.velos, t.velosFirst); err != nil {
			return fmt.Errorf("task %d: %w", i+1, err)
		}
	}
	d.End() // its programs have the ports
	theirs := map[int]*bill{}
	if p := r.PM2(); p != nil {
		defer p.End()
		s, err := open(r, "pm2", p.Env(), filepath.Dir(p.Bin()), codec)
		if err != nil {
			return err
		}
		for i, t := range tasks {
			if theirs[i], err = t.with(s, t.pm2, t.pm2First); err != nil {
				r.Note("task %d with PM2: %v", i+1, err)
				theirs[i] = nil
			}
		}
	}
	report(r, bills, theirs)
	return nil
}

// open makes the folder in which one side works, with the programs in it.
func open(r *rig.Rig, name string, env []string, bin string, codec tokenizer.Codec) (*side, error) {
	s := &side{dir: filepath.Join(r.Dir, "work-"+name), codec: codec}
	s.env = append(s.env, env...)
	for i, e := range s.env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			s.env[i] = "PATH=" + bin + ":" + path
		}
	}
	for file, text := range programs {
		path := filepath.Join(s.dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func report(r *rig.Rig, ours, theirs map[int]*bill) {
	var calls, tokens, pm2Calls, pm2Tokens int
	for i, t := range tasks {
		b, p := ours[i], theirs[i]
		f := rig.Figure{What: fmt.Sprintf("%d %s", i+1, t.name), Velos: b.String(), PM2: p.String(), Target: t.target()}
		fault := t.judge(b)
		if f.Met = fault == ""; !f.Met {
			r.Note("task %d: %s\n%s", i+1, fault, b.text)
		}
		if p != nil {
			f.Ratio = rig.Ratio(float64(p.tokens), float64(b.tokens))
			if fault := t.answered(p.text); fault != "" {
				f.PM2 += ", " + fault
			}
			calls, tokens = calls+b.calls, tokens+b.tokens
			pm2Calls, pm2Tokens = pm2Calls+p.calls, pm2Tokens+p.tokens
		}
		r.Add(f)
		if os.Getenv("VELOS_BENCH_SHOW") != "" {
			fmt.Fprintf(os.Stderr, "%d %s\n%s\n", i+1, t.name, b.text)
		}
	}
	if pm2Tokens > 0 {
		r.Add(rig.Figure{What: "those that both did: calls / tokens", Velos: fmt.Sprintf("%d / %d", calls, tokens),
			PM2: fmt.Sprintf("%d / %d", pm2Calls, pm2Tokens), Ratio: rig.Ratio(float64(pm2Tokens), float64(tokens))})
	}
}
