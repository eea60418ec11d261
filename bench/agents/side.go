//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/velospm/velos/bench/rig"
)

// longestCall is when agents give a call up.
const longestCall = 60 * time.Second

// A side is one of the two managers at one task, in a folder and with a home
// and ports of its own.
type side struct {
	dir, home string
	env       []string
	ports     *strings.Replacer // {web} and {shop} in what is typed
	codec     tokenizer.Codec
	ends      []func()
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

// newVelos is Velos with the programs of bin and a daemon that runs already.
// What is typed is typed by an agent, unless it says otherwise.
func newVelos(dir, bin string) (*side, error) {
	s, err := newSide(dir)
	if err != nil {
		return nil, err
	}
	s.home = filepath.Join(dir, "home")
	s.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8", "VELOS_HOME=" + s.home, "VELOS_AGENT=claude-code"}
	s.ends = append(s.ends, func() { _, _ = s.line("VELOS_AGENT=0 velos kill") })
	if err := s.must("velos list"); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// newPM2 is PM2, of which bin is the program.
func newPM2(dir, bin string) (*side, error) {
	s, err := newSide(dir)
	if err != nil {
		return nil, err
	}
	s.home = filepath.Join(dir, "home")
	s.env = append(rig.PM2Env(s.home), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"))
	s.ends = append(s.ends, func() { _, _ = s.line("pm2 kill") })
	if err := s.must("pm2 ping"); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func newSide(dir string) (*side, error) {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return nil, err
	}
	s := &side{dir: filepath.Join(dir, "work"), codec: codec}
	web, shop := freePort(), freePort()
	s.ports = strings.NewReplacer("{web}", web, "{shop}", shop)
	for file, text := range programs {
		if err := s.file(file, text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *side) file(name, text string) error {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o700)
}

// end stops all that the side runs. It may be called twice.
func (s *side) end() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
	s.ends = nil
}

var (
	given   = map[int]bool{}
	givenMu sync.Mutex
)

// freePort is a port that nobody listens on and that nobody was given before.
// It is below those that Velos chooses and those that systems hand out.
func freePort() string {
	givenMu.Lock()
	defer givenMu.Unlock()
	for {
		n := 12_000 + rand.IntN(8_000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(n))
		if err != nil {
			continue
		}
		l.Close()
		if !given[n] {
			given[n] = true
			return strconv.Itoa(n)
		}
	}
}

// line runs one command line, as the shell tool of an agent does. An exit code
// is part of an answer and no error.
func (s *side) line(text string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longestCall)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", s.ports.Replace(text))
	c.Dir, c.Env, c.WaitDelay = s.dir, s.env, time.Second
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", text, err, out)
	}
	return string(out), err
}

// must is a line that has to go well.
func (s *side) must(text string) error {
	out, err := s.line(text + " || echo failed")
	if err == nil && strings.HasSuffix(strings.TrimSpace(out), "failed") {
		err = fmt.Errorf("%s\n%s", text, out)
	}
	return err
}

// do types lines and keeps the bill.
func (s *side) do(lines []string) (*bill, error) {
	b := &bill{}
	for _, l := range lines {
		l = s.ports.Replace(l)
		begin := time.Now()
		out, err := s.line(l)
		took := time.Since(begin)
		if err != nil {
			return b, err
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
