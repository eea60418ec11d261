package mcp

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const listURI = "velos://processes"

func appURI(name string) string { return "velos://process/" + url.PathEscape(name) }

// A template is a kind of resource that every app has.
type template struct {
	suffix, title, about, mime string
	watched                    bool // somebody can subscribe to it
	tool                       func(c *call, name string) (answer, error)
}

var templates = []template{
	{"", "Process", "What it is and how it does; subscribe for changes of its state.", "text/plain", true,
		func(c *call, name string) (answer, error) { return processInfo(c, &infoIn{Target: Target{name}}) }},
	{"/log", "Log", "The newest lines, repeats grouped.", "text/plain", false,
		func(c *call, name string) (answer, error) {
			return logRead(c, &readIn{Target: Target{name}, Lines: 500, Budget: 8000})
		}},
	{"/crash", "Crash report", "Why it ended; subscribe to hear of crashes.", "text/plain", true,
		func(c *call, name string) (answer, error) { return crashReport(c, &crashIn{Target: Target{name}}) }},
	{"/config", "Configuration", "As TOML; secrets are masked.", "application/toml", false,
		func(c *call, name string) (answer, error) { return configGet(c, &infoIn{Target: Target{name}}) }},
}

func (s *Server) addResources() {
	s.sdk.AddResource(&sdk.Resource{URI: listURI, Name: "processes", Title: "Processes", Description: "All processes; subscribe for changes of their states.", MIMEType: "text/plain"},
		func(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
			return s.read(ctx, req.Params.URI, "text/plain", func(c *call) (answer, error) { return processList(c, &listIn{}) })
		})
	for i := range templates {
		t := &templates[i]
		s.sdk.AddResourceTemplate(&sdk.ResourceTemplate{URITemplate: "velos://process/{name}" + t.suffix, Name: strings.TrimPrefix("process"+strings.ReplaceAll(t.suffix, "/", "_"), "_"),
			Title: t.title, Description: t.about, MIMEType: t.mime},
			func(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
				name, suffix, ok := cutURI(req.Params.URI)
				if !ok || suffix != t.suffix {
					return nil, sdk.ResourceNotFoundError(req.Params.URI)
				}
				return s.read(ctx, req.Params.URI, t.mime, func(c *call) (answer, error) { return t.tool(c, name) })
			})
	}
}

// cutURI takes the URI of an app's resource apart.
func cutURI(uri string) (name, suffix string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "velos://process/")
	if !ok {
		return "", "", false
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, suffix = rest[:i], rest[i:]
	}
	name, err := url.PathUnescape(rest)
	return name, suffix, err == nil && name != "" && slices.ContainsFunc(templates, func(t template) bool { return t.suffix == suffix })
}

func (s *Server) read(ctx context.Context, uri, mime string, f func(c *call) (answer, error)) (*sdk.ReadResourceResult, error) {
	ctx, stop := context.WithTimeout(ctx, longest)
	defer stop()
	conn, err := s.daemon(ctx)
	if err != nil {
		return nil, err
	}
	a, err := f(&call{Context: ctx, s: s, conn: conn})
	if velos.CodeOf(err) == velos.NotFound && err != nil {
		return nil, sdk.ResourceNotFoundError(uri)
	}
	if err != nil {
		return nil, err
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: uri, MIMEType: mime, Text: a.text}}}, nil
}

// complete offers names of apps and levels.
func (s *Server) complete(ctx context.Context, req *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
	res := &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: []string{}}}
	arg := req.Params.Argument
	var words []string
	switch arg.Name {
	case "level":
		words = []string{"debug", "info", "warn", "error", "fatal"}
	case "name", "name_or_id":
		conn, err := s.daemon(ctx)
		if err != nil {
			return res, nil
		}
		list, err := conn.List(ctx)
		if err != nil {
			return res, nil
		}
		for i := range list.Apps {
			words = append(words, view.Text(list.Apps[i].Spec.Name))
		}
	}
	for _, w := range words {
		if strings.HasPrefix(strings.ToLower(w), strings.ToLower(arg.Value)) && len(res.Completion.Values) < 100 {
			res.Completion.Values = append(res.Completion.Values, w)
		}
	}
	res.Completion.Total = len(res.Completion.Values)
	return res, nil
}

// news tells clients that a resource has changed, while somebody has
// subscribed to one.
type news struct {
	mu    sync.Mutex
	stop  context.CancelFunc
	ended chan struct{}
}

func (s *Server) subscribe(_ context.Context, req *sdk.SubscribeRequest) error {
	uri := req.Params.URI
	_, suffix, ok := cutURI(uri)
	i := slices.IndexFunc(templates, func(t template) bool { return t.suffix == suffix })
	if uri != listURI && (!ok || !templates[i].watched) {
		return sdk.ResourceNotFoundError(uri)
	}
	n := &s.news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		n.stop, n.ended = stop, make(chan struct{})
		go s.watch(ctx, n.ended)
	}
	return nil
}

// unsubscribe has nothing to do: who has subscribed to what is known to the
// SDK, which asks for this to be there.
func (s *Server) unsubscribe(context.Context, *sdk.UnsubscribeRequest) error { return nil }

func (n *news) end() {
	n.mu.Lock()
	stop, ended := n.stop, n.ended
	n.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
}

// gather is how long news is collected: one word a second for each resource is
// enough.
const gather = time.Second

// watch follows the daemon's events, over its restarts too.
func (s *Server) watch(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	touched := make(chan string, 256)
	go s.tell(ctx, touched)
	after := uint64(0)
	for ctx.Err() == nil {
		conn, err := s.daemon(ctx)
		if err == nil && after == 0 {
			after, err = verb.Newest(ctx, conn)
		}
		if err == nil {
			for e, err := range conn.Events(ctx, wire.EventsQuery{After: after, Follow: true}) {
				if err != nil {
					break
				}
				after = e.Seq
				for _, uri := range touchedBy(&e) {
					select {
					case touched <- uri:
					case <-ctx.Done():
						return
					}
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(gather):
		}
	}
}

// touchedBy are the resources that an event changes.
func touchedBy(e *velos.Event) []string {
	uri := appURI(e.App)
	switch {
	case e.App == "":
		return nil
	case e.Kind == velos.KindExit && e.Exit != nil && e.Exit.Unwanted():
		return []string{uri + "/crash", uri, listURI}
	case e.Kind == velos.KindAlarm:
		return []string{uri}
	case e.Kind == velos.KindState, e.Kind == velos.KindConfig:
		return []string{uri, listURI}
	}
	return nil
}

// tell sends what is new of a resource: the first at once, the next after a
// pause.
func (s *Server) tell(ctx context.Context, touched <-chan string) {
	waiting, told := map[string]bool{}, map[string]time.Time{}
	var pause <-chan time.Time
	send := func(uri string) {
		_ = s.sdk.ResourceUpdated(ctx, &sdk.ResourceUpdatedNotificationParams{URI: uri}) // to those who have subscribed to it
		told[uri] = time.Now()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case uri := <-touched:
			if _, lately := told[uri]; lately {
				waiting[uri] = true
			} else {
				send(uri)
			}
		case <-pause:
			pause = nil
			for uri, at := range told {
				switch {
				case time.Since(at) < gather:
				case waiting[uri]:
					delete(waiting, uri)
					send(uri)
				default:
					delete(told, uri)
				}
			}
		}
		if pause == nil && len(told) > 0 {
			pause = time.After(gather)
		}
	}
}
