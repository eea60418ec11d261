package cli

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
)

const mcpLong = `Serves the Model Context Protocol: agents start, watch and explain processes with it. Without --port it speaks
over stdin and stdout, which is how agents start it themselves; velos agent init writes their configuration.

With --port it serves Streamable HTTP at http://127.0.0.1:PORT/mcp, for programs of this machine that bring the
bearer token of the file mcp.token in VELOS_HOME. --read-only offers only tools that change nothing. The tools are in
docs/MCP.md. What serves is the program velos-mcp, beside velos.`

// ServeAgents serves the Model Context Protocol. Only velos-mcp sets it: what
// it links would cost every command its start. In velos mcp-server becomes
// velos-mcp.
var ServeAgents func(context.Context, Door) error

// A Door is what a server for programs gets to know of the command that
// started it.
type Door struct {
	Connect  func(context.Context) (*client.Client, error)
	Await    func(context.Context) (*client.Client, error) // the next daemon, which is started by others
	Env      config.Environ
	Home     home.Home
	Toolsets []string
	ReadOnly bool
	Port     int // -1: stdin and stdout
	Now      func() time.Time
	Loc      *time.Location
	Notice   func(text string)
	Bounded  func() bool // rules for agents name projects, or cannot be read
}

func setupMCP(s *session, f *pflag.FlagSet) handler {
	port := f.Int("port", -1, "serve Streamable HTTP on this port of loopback; 0 is any that is free")
	sets := f.StringSlice("toolsets", nil, "only these sets of tools: core, manage, ops")
	readOnly := f.Bool("read-only", false, "only tools that change nothing")
	return func(ctx context.Context, _ []string) error {
		if *port > 65535 {
			return invalid("--port: a port is a number up to 65535", "0 is any that is free")
		}
		if ServeAgents == nil {
			return s.handOver("velos-mcp", "mcp-server")
		}
		env, err := s.environ()
		if err != nil {
			return err
		}
		env.Note = func(string) {}
		h, err := s.home()
		if err != nil {
			return err
		}
		return ServeAgents(ctx, Door{Connect: s.fresh, Await: s.next, Env: env, Home: h, Toolsets: *sets, ReadOnly: *readOnly, Port: *port, Now: s.Now, Loc: s.Loc,
			Notice: func(text string) { s.notice(text) }, Bounded: func() bool { return bounded(h, env) }})
	}
}

func bounded(h home.Home, env config.Environ) bool {
	g, err := config.LoadGlobal(h.ConfigFile(), config.Environ{Dir: h.Dir, Vars: env.Vars})
	return err != nil || len(g.Agents.Projects) > 0
}

// fresh is a new connection to the daemon, which is started where there is
// none.
func (s *session) fresh(ctx context.Context) (*client.Client, error) {
	c := session{World: s.World, silent: s.silent}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c.conn, nil
}

// next is a connection to the daemon that follows one that was lost.
func (s *session) next(ctx context.Context) (*client.Client, error) {
	c := session{World: s.World, silent: s.silent}
	if err := c.redial(ctx); err != nil {
		return nil, err
	}
	return c.conn, nil
}
