package cli

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// doorFlags say where a door listens and whom it lets in.
type doorFlags struct {
	guard.Place
	hosts []string
	token bool
	// listening is told where, before anybody is answered. Nil: nobody is.
	listening func(origin string)
}

func (o *doorFlags) flags(f *pflag.FlagSet, port int) {
	f.IntVar(&o.Port, "port", port, "port to listen on")
	f.StringVar(&o.Host, "host", "127.0.0.1", "address to listen on; beyond this machine only with tokens, and with TLS or --plain-http")
	f.StringVar(&o.Socket, "socket", "", "listen on a Unix socket at this path instead; only you can connect to it")
	f.StringSliceVar(&o.hosts, "allow-host", nil, "name by which clients reach it, besides localhost")
	f.StringVar(&o.Cert, "tls-cert", "", "file of a certificate, for TLS")
	f.StringVar(&o.Key, "tls-key", "", "file of its key")
	f.BoolVar(&o.Plain, "plain-http", false, "listen beyond this machine without TLS, because something in front of it encrypts")
}

// open serves what is behind a door until the command is interrupted. Without
// tokens none is needed.
func (s *session) open(ctx context.Context, o *doorFlags, path string, d guard.Door) error {
	if o.Socket != "" {
		d.Tokens, d.Rate = nil, 0 // whoever can connect could use the daemon's socket as well
	}
	l, err := o.Listen(d.Tokens)
	if err != nil {
		return err
	}
	if o.Socket != "" {
		s.notice("listening on unix:", o.Socket)
	} else {
		origin := "http://" + l.Addr().String()
		if o.Cert != "" {
			origin = "https://" + l.Addr().String()
		}
		s.notice("listening on ", origin, path)
		if o.listening != nil {
			o.listening(origin)
		}
	}
	if !o.Local() {
		s.notice("other machines can reach this door; every request needs a token")
	}
	d.Hosts, d.Anywhere = o.hosts, !o.Local()
	return guard.Serve(ctx, l, d.Handler())
}

// dialer connects to the daemon, as often as a door needs it. It starts none.
func (s *session) dialer() (func() (*client.Client, error), error) {
	h, err := s.home()
	return func() (*client.Client, error) {
		c, err := client.Dial(h.Socket())
		if err == nil {
			c.Announce(doorman)
		}
		return c, err
	}, err
}

// following is a connection to the daemon that follows one that was lost under a
// request.
func (s *session) following(ctx context.Context) (*client.Client, error) {
	c, err := s.next(ctx)
	if err == nil {
		c.Announce(doorman)
	}
	return c, err
}

// doorman is who asks for those who come through a door.
var doorman = wire.Caller{Channel: "api"}

func (s *session) tokens() (*guard.Tokens, error) {
	h, err := s.home()
	return &guard.Tokens{Home: h, Now: s.Now}, err
}

// show is an answer whose text holds words from elsewhere.
func show(parts ...string) string { return view.Text(strings.Join(parts, "")) + "\n" }
