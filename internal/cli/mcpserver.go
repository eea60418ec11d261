package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/mcp"
)

const mcpLong = `Serves the Model Context Protocol: agents start, watch and explain processes with it. Without --port it speaks
over stdin and stdout, which is how agents start it themselves; velos agent init writes their configuration.

With --port it serves Streamable HTTP at http://127.0.0.1:PORT/mcp, for programs of this machine that bring the
bearer token of the file mcp.token in VELOS_HOME. --read-only offers only tools that change nothing. The tools are in docs/MCP.md.`

func setupMCP(s *session, f *pflag.FlagSet) handler {
	port := f.Int("port", -1, "serve Streamable HTTP on this port of loopback; 0 is any that is free")
	sets := f.StringSlice("toolsets", nil, "only these sets of tools: core, manage, ops")
	readOnly := f.Bool("read-only", false, "only tools that change nothing")
	return func(ctx context.Context, _ []string) error {
		env, err := s.environ()
		if err != nil {
			return err
		}
		env.Note = func(string) {}
		server, err := mcp.New(mcp.Options{Connect: s.fresh, Env: env, Toolsets: *sets, ReadOnly: *readOnly, Now: s.Now, Loc: s.Loc})
		if err != nil {
			return err
		}
		defer server.Close()
		if *port >= 0 {
			return s.serveMCP(ctx, server, *port)
		}
		out := os.Stdout
		os.Stdout = os.Stderr // whoever prints must not get between the answers
		err = server.Stdio(ctx, os.Stdin, out)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil // the client has gone
		}
		return err
	}
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

func (s *session) serveMCP(ctx context.Context, server *mcp.Server, port int) error {
	h, err := s.home()
	if err != nil {
		return err
	}
	if err := h.Prepare(); err != nil {
		return err
	}
	path := filepath.Join(h.Dir, "mcp.token")
	token, err := mcp.Token(path)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return &velos.Error{Code: velos.Conflict, Message: "mcp-server: " + err.Error(), Hint: "velos ports " + strconv.Itoa(port) + " shows who has it", Cause: err}
	}
	s.notice("serving http://", l.Addr().String(), mcp.Path, "; the token is in ", path)
	return server.HTTP(ctx, l, token)
}
