//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/daemon"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// TestMain makes the test binary all the programs, and an agent besides: one
// that starts its server as agents do and hands its own stdin and stdout to it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"velos":     func() { os.Exit(cli.Main(os.Args[1:])) },
		"velosd":    func() { os.Exit(daemon.Main()) },
		"velos-mcp": main,
		"agent":     agent,
		"noisy":     noisy,
	})
}

func agent() {
	c := exec.Command("velos-mcp", "mcp-server")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		os.Exit(1)
	}
}

// patience bounds every wait.
const patience = 60 * time.Second

// A house is a VELOS_HOME of its own with whatever runs there.
type house struct {
	*testing.T
	dir  string // where programs are written
	home home.Home
	env  []string

	options *sdk.ClientOptions // of clients
}

func newHouse(t *testing.T) *house {
	t.Parallel()                                   // each waits for programs most of the time
	dir, err := os.MkdirTemp("/tmp", "velos-mcp-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, dir: dir, home: home.Home{Dir: filepath.Join(dir, "home")}}
	for _, v := range os.Environ() {
		if k, _, _ := strings.Cut(v, "="); !strings.HasPrefix(k, "VELOS") && k != "CLAUDECODE" && k != "AI_AGENT" && k != "AGENT" {
			h.env = append(h.env, v)
		}
	}
	// With the race detector every program would sleep a second at its end.
	h.env = append(h.env, "VELOS_HOME="+h.home.Dir, "TZ=UTC", "GORACE=atexit_sleep_ms=0")
	t.Cleanup(func() {
		h.end()
		os.RemoveAll(dir)
	})
	return h
}

// end stops the daemon and its apps, the hard way if need be.
func (h *house) end() {
	b, _ := os.ReadFile(h.home.PIDFile())
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if c, err := client.Dial(h.home.Socket()); err == nil {
		_, _ = c.Shutdown(ctx, wire.Shutdown{})
		c.Close()
	}
	for end := time.Now().Add(patience); pid > 1 && syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}

func (h *house) write(name, text string) string {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		h.Fatal(err)
	}
	return path
}

func (h *house) until(what string, done func() bool) {
	h.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// velos is what a person does in a terminal.
func (h *house) velos(args ...string) string {
	h.Helper()
	c := exec.Command("velos", args...)
	c.Dir, c.Env = h.dir, append(h.env, "VELOS_AGENT=0")
	out, err := c.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		h.Fatal(err)
	}
	return string(out)
}

// A session is a client of a server that is a process of its own.
type session struct {
	*house
	*sdk.ClientSession
	process *exec.Cmd
	tools   map[string]*sdk.Tool
}

// agent is a session of an agent that is a process of its own, between this
// test and the server.
func (h *house) agent(name string) *session {
	h.Helper()
	return h.open(name, "agent")
}

// open starts a program that serves over stdio, as an agent of that name.
func (h *house) open(name string, program ...string) *session {
	h.Helper()
	c := exec.Command(program[0], program[1:]...)
	c.Dir, c.Env, c.Stderr = h.dir, h.env, os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		h.Fatal(err)
	}
	if err := c.Start(); err != nil {
		h.Fatal(err)
	}
	s := &session{house: h, process: c, tools: map[string]*sdk.Tool{}}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	s.ClientSession, err = sdk.NewClient(&sdk.Implementation{Name: name, Version: "1.0"}, h.options).Connect(ctx, &sdk.IOTransport{Reader: io.NopCloser(out), Writer: in}, nil)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		in.Close()
		ended := make(chan struct{})
		go func() { c.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(patience):
			h.Errorf("%s does not end when its stdin does", program[0])
			_ = c.Process.Kill()
		}
	})
	list, err := s.ListTools(ctx, nil)
	if err != nil {
		h.Fatal(err)
	}
	for _, t := range list.Tools {
		s.tools[t.Name] = t
	}
	return s
}

// args are arguments of a call: an object, or its text.
type args = map[string]any

// A reply is what a tool has answered.
type reply struct {
	tool   string
	text   string
	more   string // behind an error
	failed bool
	code   string // of the error
	hint   string
	data   map[string]any
}

// ask calls a tool. The arguments may be anything that JSON can be.
func (s *session) ask(tool string, arguments any) reply {
	s.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	r, err := s.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		s.Fatalf("%s %v: an error of the protocol: %v", tool, arguments, err)
	}
	a := reply{tool: tool, failed: r.IsError}
	if text, ok := r.Content[0].(*sdk.TextContent); ok {
		a.text = text.Text
	}
	if r.IsError {
		var e struct {
			Error struct {
				Code, Message string
				Hints         []string
			}
		}
		if json.Unmarshal([]byte(a.text), &e) != nil || e.Error.Code == "" || e.Error.Message == "" {
			s.Fatalf("%s %v: no error as it should be: %s", tool, arguments, a.text)
		}
		if len(r.Content) > 1 {
			a.more = r.Content[1].(*sdk.TextContent).Text
		}
		a.code, a.hint = e.Error.Code, strings.Join(e.Error.Hints, "; ")
		return a
	}
	b, _ := json.Marshal(r.StructuredContent)
	_ = json.Unmarshal(b, &a.data)
	return a
}

// must calls a tool that has to do what it is asked for.
func (s *session) must(tool string, arguments args) reply {
	s.Helper()
	a := s.ask(tool, arguments)
	if a.failed {
		s.Fatalf("%s %v: %s", tool, arguments, a.text)
	}
	return a
}

func (r reply) str(key string) string { s, _ := r.data[key].(string); return s }

// next gives the call that an answer names, read as a model reads it.
func (s *session) next(r reply) (reply, bool) {
	s.Helper()
	call := r.str("next")
	if call == "" {
		return r, false
	}
	tool, rest, _ := strings.Cut(call, " ")
	if s.tools[tool] == nil {
		s.Fatalf("%q: there is no such tool", call)
	}
	schema, _ := json.Marshal(s.tools[tool].InputSchema)
	var in struct {
		Properties map[string]struct{ Type string }
	}
	_ = json.Unmarshal(schema, &in)
	arguments := args{}
	for rest != "" {
		key, behind, ok := strings.Cut(rest, "=")
		if !ok {
			s.Fatalf("%q: %q is no argument", call, rest)
		}
		value, quoted := behind, behind != "" && (behind[0] == '"' || behind[0] == '[')
		if quoted {
			var v json.RawMessage
			d := json.NewDecoder(strings.NewReader(behind))
			if err := d.Decode(&v); err != nil {
				s.Fatalf("%q: %v", call, err)
			}
			value, rest = string(v), strings.TrimPrefix(behind[d.InputOffset():], " ")
		} else {
			value, rest, _ = strings.Cut(behind, " ")
		}
		kind := in.Properties[key].Type
		if kind == "" {
			s.Fatalf("%q: %s has no argument %s", call, tool, key)
		}
		if quoted || kind != "string" {
			arguments[key] = json.RawMessage(value)
		} else {
			arguments[key] = value
		}
	}
	return s.must(tool, arguments), true
}
