// Command velos-mcp is velos with what serves agents linked in. It is a
// program of its own because everything that is linked costs every command its
// start; "velos mcp-server" becomes this one.
package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/mcp"
)

func main() {
	cli.ServeAgents = serve
	os.Exit(cli.Main(os.Args[1:]))
}

// serve serves one client over stdin and stdout, or any number over HTTP.
func serve(ctx context.Context, d cli.Door) error {
	server, err := mcp.New(mcp.Options{Connect: d.Connect, Await: d.Await, Env: d.Env, Toolsets: d.Toolsets, ReadOnly: d.ReadOnly, AuditFile: d.Home.AuditFile(), Bounded: d.Bounded, Now: d.Now, Loc: d.Loc})
	if err != nil {
		return err
	}
	defer server.Close()
	if d.Port >= 0 {
		return web(ctx, server, d)
	}
	out := os.Stdout
	os.Stdout = os.Stderr // whoever prints must not get between the answers
	err = server.Stdio(ctx, os.Stdin, out)
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil // the client has gone
	}
	return err
}

func web(ctx context.Context, server *mcp.Server, d cli.Door) error {
	if err := d.Home.Prepare(); err != nil {
		return err
	}
	path := filepath.Join(d.Home.Dir, "mcp.token")
	token, err := mcp.Token(path)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(d.Port))
	if err != nil {
		return &velos.Error{Code: velos.Conflict, Message: "mcp-server: " + err.Error(), Hint: "velos ports " + strconv.Itoa(d.Port) + " shows who has it", Cause: err}
	}
	d.Notice("serving http://" + l.Addr().String() + mcp.Path + "; the token is in " + path)
	return server.HTTP(ctx, l, token)
}
