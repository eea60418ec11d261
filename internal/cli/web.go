package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/page"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const webLong = `Opens the page in the browser of this desktop, and prints a link to it that signs one browser in, once and within
ten minutes. Where velos api serves the page of this home already, that one is opened; else this command serves it, on this machine only,
until it is interrupted, and records figures meanwhile. The daemon is started where there is none.

Without a terminal, --link says whether to print a link: who reads it can sign in. docs/WEB.md.

    velos web
    velos web --link read
    velos web --no-open`

// webPort is where the page is looked for first.
const webPort = 3100

func setupWeb(s *session, f *pflag.FlagSet) handler {
	port := f.Int("port", webPort, "port to serve it on; another one where that is taken, unless it is given")
	link := f.String("link", "", "what the link is good for: control or read; unless given, control on a terminal")
	stay := f.Bool("no-open", false, "print the link and open no browser")
	return func(ctx context.Context, _ []string) error {
		switch {
		case *link == "" && !s.OutTTY:
			return invalid("web: there is no terminal, and the link would be in the output: who reads that can sign in", "--link control or --link read, if that is meant")
		case *link == "":
			*link = string(guard.Control)
		case *link != string(guard.Read) && *link != string(guard.Control):
			return invalid("--link: "+quote(*link)+" is unknown", "control or read")
		}
		h, err := s.home()
		if err != nil {
			return err
		}
		w := &showing{session: s, codes: &page.Codes{Dir: h.LinkDir(), Now: s.Now}, scope: *link, open: !*stay && s.OutTTY && s.human()}
		if there, ok := standing(h); ok && !f.Changed("port") {
			if there.Scope == string(guard.Read) {
				w.scope = there.Scope
			}
			return w.show(ctx, there.Origin, false)
		}
		var o apiFlags
		o.flags(pflag.NewFlagSet("", pflag.ContinueOnError)) // for what is usual
		o.link, o.history, o.quiet = *link, true, true
		if AskFigures == nil {
			if _, err := s.beside("velos-doors", "web"); err == nil {
				return s.handOver("velos-doors", "web")
			}
			s.notice("no velos-doors beside velos: figures are not recorded")
			o.history = false
		}
		if err := s.connect(ctx); err != nil {
			return err
		}
		o.Host, o.Port = "127.0.0.1", *port
		if !f.Changed("port") && !verb.FreePort(*port) {
			o.Port = 0
		}
		o.listening = func(origin string) {
			if err := w.show(ctx, origin, true); err != nil {
				s.notice(err.Error())
			}
		}
		defer func() { w.codes.Drop(w.last) }() // it leads nowhere any more
		return s.serve(ctx, &o)
	}
}

// A showing is a page that is to be shown to somebody.
type showing struct {
	*session
	codes *page.Codes
	scope string
	open  bool   // in a browser
	last  string // the code of the link that was printed
}

type webAnswer struct {
	URL     string     `json:"url"`
	Scope   string     `json:"scope"`
	Expires velos.Time `json:"expires_at"`
	Serves  bool       `json:"serves"` // this command, until it is interrupted
}

// show prints a link, and opens the page by another one. It returns when the
// browser has signed in, or does not seem to; where we serve, it does not wait.
func (w *showing) show(ctx context.Context, origin string, serves bool) error {
	code, err := w.codes.New(w.scope, page.CodeLife)
	if err != nil {
		return err
	}
	w.last = code
	a := webAnswer{linkTo(origin, code), w.scope, velos.TimeOf(w.Now().Add(page.CodeLife)), serves}
	switch {
	case w.json:
		w.Out.Write(append(view.Value(a), '\n'))
	default:
		w.Out.Write([]byte(a.URL + "\n"))
	}
	if !w.open {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.browse(ctx, origin)
	}()
	if !serves {
		<-done
	}
	return nil
}

// A pageDoor is where the page of a home is served.
type pageDoor struct {
	Origin string `json:"origin"`
	PID    int    `json:"pid"`
	Scope  string `json:"scope,omitempty"` // read: no link is good for more
}

// pageLock is held by whoever serves the page of a home.
const pageLock = "page.json"

// announced has velos web find the page that is about to be served, and returns
// what ends that. Of several doors the first one is found; one that lets nobody
// in by a link, or listens elsewhere, is none.
func (s *session) announced(o *apiFlags, h home.Home) (end func()) {
	end = func() {}
	if o.Socket != "" || !o.Local() || o.link == "none" || h.Prepare() != nil {
		return end
	}
	lock, err := h.Own(pageLock)
	if err != nil {
		return end
	}
	_ = os.Remove(h.PageFile()) // of one that was killed
	listening := o.listening
	o.listening = func(origin string) {
		d := pageDoor{Origin: reachable(origin), PID: os.Getpid()}
		if o.link == string(guard.Read) {
			d.Scope = o.link
		}
		text, _ := json.Marshal(d)
		if err := os.WriteFile(h.PageFile(), text, 0o600); err != nil {
			s.notice("velos web will not find this page: ", err.Error())
		}
		if listening != nil {
			listening(origin)
		}
	}
	return func() {
		_ = os.Remove(h.PageFile())
		_ = lock.Close()
	}
}

// standing is the page that another process of this home serves. Only one that
// holds the lock counts, so that no stranger on its port gets a link.
func standing(h home.Home) (pageDoor, bool) {
	var d pageDoor
	if _, err := os.Stat(h.PageFile()); errors.Is(err, fs.ErrNotExist) {
		return d, false
	}
	lock, err := h.Own(pageLock)
	if err == nil {
		lock.Close()
		return d, false
	}
	if velos.CodeOf(err) != velos.Conflict {
		return d, false
	}
	text, err := os.ReadFile(h.PageFile())
	pid, _ := os.ReadFile(filepath.Join(h.Dir, pageLock+".lock"))
	if err != nil || json.Unmarshal(text, &d) != nil || strconv.Itoa(d.PID) != strings.TrimSpace(string(pid)) {
		return d, false
	}
	return d, strings.HasPrefix(d.Origin, "http://") || strings.HasPrefix(d.Origin, "https://")
}

// openWithin is how long a browser may take to come up and sign in.
const openWithin = 30 * time.Second
