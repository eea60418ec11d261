package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/api"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/page"
)

const apiLong = `Answers HTTP until it is interrupted: what the commands show, the orders that they give, and a WebSocket that tells of
state, events, logs and figures as they come. It asks the daemon and never starts it. Every request needs a token; with
--socket none is needed, because only you can connect. Routes and messages: docs/API.md, and GET /v1/openapi.yaml.

At / is a page for browsers. On a terminal a link is printed that signs one in, once; --link says otherwise. docs/WEB.md.

    velos token create --scope control
    velos api --port 3100
    curl -H "Authorization: Bearer $TOKEN" localhost:3100/v1/apps
    velos api --socket ~/.velos/api.sock
    curl --unix-socket ~/.velos/api.sock localhost/v1/apps`

// mostAsked bounds the requests that are being answered, and with it the
// streams, waits and orders beside them: half as many.
const mostAsked = 128

// apiFlags are the flags of api.
type apiFlags struct {
	doorFlags
	origins []string
	rate    float64
	burst   int
	sockets int
	link    string
	history bool
	quiet   bool // whoever calls shows a link
}

func (o *apiFlags) flags(f *pflag.FlagSet) {
	o.doorFlags.flags(f, 3100)
	f.StringSliceVar(&o.origins, "allow-origin", nil, "origin of another site whose pages may ask, such as https://board.example")
	f.Float64Var(&o.rate, "rate", 100, "requests a second that one client may send; 0 is no limit")
	f.IntVar(&o.burst, "burst", 200, "requests that one client may send at once")
	f.IntVar(&o.sockets, "max-sockets", 2048, "WebSockets that may be open, half of them by one client")
	f.StringVar(&o.link, "link", "", "print a link that signs a browser in: control, read or none; unless given, control on a terminal")
	f.BoolVar(&o.history, "history", false, "record figures as velos metrics --history does, and answer with them")
}

func (o *apiFlags) check() error {
	for _, origin := range o.origins {
		if err := guard.CheckOrigin(origin); err != nil {
			return err
		}
	}
	switch {
	case !(o.rate >= 0):
		return invalid("--rate: must be 0 or more", "such as --rate 50")
	case o.link != "" && o.link != "none" && o.link != string(guard.Read) && o.link != string(guard.Control):
		return invalid("--link: "+o.link+" is unknown", "control, read or none")
	case o.burst < 1:
		return invalid("--burst: must be 1 or more", "such as --burst 100")
	case o.sockets < 0 || o.sockets > 100_000:
		return invalid("--max-sockets: must be from 0 to 100000", "such as --max-sockets 200")
	}
	return nil
}

func setupAPI(s *session, f *pflag.FlagSet) handler {
	var o apiFlags
	o.flags(f)
	return func(ctx context.Context, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		if o.history && AskFigures == nil {
			return s.handOver("velos-doors", "api --history")
		}
		return s.serve(ctx, &o)
	}
}

// serve answers until it is interrupted.
func (s *session) serve(ctx context.Context, o *apiFlags) error {
	dial, err := s.dialer()
	if err != nil {
		return err
	}
	tokens, err := s.tokens()
	if err != nil {
		return err
	}
	if list, err := tokens.List(); err == nil && len(list) == 0 && o.Socket == "" && !o.quiet {
		s.notice("there is no token yet, so nobody can ask: velos token create makes one")
	}
	ways := api.Ways{Dial: dial, Await: s.following, Signal: signalNumber, Now: s.Now, Origins: o.origins, Verbs: s.verbs(), Tickets: &guard.Tickets{Now: s.Now},
		Valid: tokens.Valid, Moment: func(text string) (velos.Time, error) { return moment(text, s.Now(), s.Loc) }}
	codes := &page.Codes{Dir: tokens.Home.LinkDir(), Now: s.Now}
	defer s.announced(o, tokens.Home)()
	signIn, end := s.links(o, tokens, codes)
	defer end()
	ways.Page, ways.SignIn = api.Page(page.Files()), signIn
	if o.history {
		ways.Verbs.Past = s.apiPast
		ctx, stop := context.WithCancel(ctx)
		wait, err := s.record(ctx, dial)
		if err != nil {
			stop()
			return err
		}
		defer wait()
		defer stop()
	}
	server := api.New(ways)
	defer server.Close()
	o.Place.Sockets = o.sockets
	return s.open(ctx, &o.doorFlags, "/v1", guard.Door{Next: server, Tokens: tokens, Tickets: ways.Tickets, Origins: o.origins, Reads: server.Reads,
		Open: server.Open, Slow: server.Slow, Fair: o.Socket == "", AtOnce: mostAsked, Rate: o.rate, Burst: o.burst, Sockets: o.sockets})
}
