package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// longest is how long a call may take: clients give up after a minute.
const longest = 50 * time.Second

// A tool is one row of the table.
type tool struct {
	name, set, title, about string

	reads       bool // it changes nothing
	destructive bool // it takes something away
	again       bool // twice is the same as once
	open        bool // what it answers holds words of programs, or it runs them

	in, out reflect.Type
	call    func(c *call) (answer, error)
}

// An answer is what a tool has to say: text for a model, and the same as an
// object. Without text the object is the text.
type answer struct {
	text  string
	data  any
	links []sdk.Content
	ask   *sdk.ElicitParams // what has to be asked first
}

// A call is one use of a tool.
type call struct {
	context.Context
	s    *Server
	req  *sdk.CallToolRequest
	conn *client.Client
	in   any

	limit   time.Duration // of within: how long the call waits
	subject string        // what a question is about, where the arguments do not say it
}

// row makes the row of a tool whose arguments are an In and whose object is an
// Out.
func row[In, Out any](name, set, title, about, hints string, f func(c *call, in *In) (answer, error)) tool {
	return tool{name: name, set: set, title: title, about: about,
		reads: strings.Contains(hints, "reads"), destructive: strings.Contains(hints, "destroys"),
		again: strings.Contains(hints, "again"), open: strings.Contains(hints, "open"),
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		call: func(c *call) (answer, error) { return f(c, c.in.(*In)) }}
}

func (s *Server) addTool(t *tool) {
	s.sdk.AddTool(&sdk.Tool{Name: t.name, Title: t.title, Description: t.about, InputSchema: schemaOf(t.in), OutputSchema: schemaOf(t.out),
		Annotations: &sdk.ToolAnnotations{ReadOnlyHint: t.reads, DestructiveHint: &t.destructive, IdempotentHint: t.again || t.reads, OpenWorldHint: &t.open}},
		func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return s.use(ctx, t, req), nil
		})
}

// use carries out one call. Whatever goes wrong is told to the model, which
// can mend it, and not to the protocol.
func (s *Server) use(ctx context.Context, t *tool, req *sdk.CallToolRequest) (res *sdk.CallToolResult) {
	defer func() {
		if p := recover(); p != nil {
			res = failed(&velos.Error{Code: velos.Failed, Message: fmt.Sprint(t.name, ": internal error: ", p), Hint: "this is a bug in velos"})
		}
	}()
	ctx, stop := context.WithTimeout(ctx, longest+5*time.Second)
	defer stop()
	ctx, over := s.sessions.begin(ctx, req.Session.ID())
	defer over()
	ctx = s.as(ctx, req.ClientInfo())
	c := &call{Context: ctx, s: s, req: req, in: reflect.New(t.in).Interface()}
	if err := arguments(t, req.Params.Arguments, c.in); err != nil {
		return failed(err)
	}
	var err error
	if c.conn, err = s.daemon(ctx); err != nil {
		return failed(err)
	}
	a, err := t.call(c)
	if t.reads && verb.Unanswered(ctx, err) { // asking once more changes nothing
		if _, e := c.goOn(ctx); e == nil {
			a, err = t.call(c)
		}
	}
	if errors.Is(err, velos.ErrNeedsApproval) {
		a, err = c.approved(t, err)
	}
	if err != nil {
		return failed(err)
	}
	if a.ask != nil {
		return &sdk.CallToolResult{InputRequests: sdk.InputRequestMap{"confirm": a.ask}, RequestState: s.sign(c.req.Params.Name, c.req.Params.Arguments, c.subject)}
	}
	data := bytes.TrimSpace(view.Value(a.data))
	if a.text == "" {
		a.text = string(data)
	}
	return &sdk.CallToolResult{Content: append([]sdk.Content{&sdk.TextContent{Text: a.text}}, a.links...), StructuredContent: json.RawMessage(data)}
}

// failed is an error as a model can use it: code, sentence, what to do next,
// and what a program has said of it, apart.
func failed(err error) *sdk.CallToolResult {
	e := view.ErrorOf(view.Split(err)[0])
	e.Message = cut(strings.TrimPrefix(e.Message, "--"), mostSaid)
	for i, h := range e.Hints {
		e.Hints[i] = cut(inTools(h), mostSaid)
	}
	text := strings.TrimSpace(string(view.Value(map[string]view.ErrorJSON{"error": e})))
	res := &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
	if more := (*explanation)(nil); errors.As(err, &more) {
		res.Content = append(res.Content, &sdk.TextContent{Text: more.text})
	}
	return res
}

// mostSaid bounds the words of an error: what it quotes is the caller's, and
// may be long.
const mostSaid = 600

// An explanation is an error with a report of why.
type explanation struct {
	error
	text string
}

func (e *explanation) Unwrap() error { return e.error }

// chosen are the tools of some sets. An unknown set is an error: leaving it
// out silently could leave out a limit.
func chosen(sets []string, readOnly bool) ([]tool, error) {
	all := tools()
	var names []string
	for i := range all {
		if !slices.Contains(names, all[i].set) {
			names = append(names, all[i].set)
		}
	}
	for _, s := range sets {
		if s != "all" && !slices.Contains(names, s) {
			return nil, &velos.Error{Code: velos.Invalid, Message: "there is no set of tools called " + s, Hint: "there are all, " + strings.Join(names, ", ")}
		}
	}
	return slices.DeleteFunc(all, func(t tool) bool {
		return readOnly && !t.reads || len(sets) > 0 && !slices.Contains(sets, t.set) && !slices.Contains(sets, "all")
	}), nil
}

// apps are all apps.
func (c *call) apps() ([]velos.App, error) {
	list, err := c.conn.List(c)
	if verb.Unanswered(c, err) {
		if _, err = c.goOn(c); err == nil {
			list, err = c.conn.List(c)
		}
	}
	return list.Apps, err
}

// give gives an order, over any number of daemons.
func (c *call) give(ctx context.Context, o verb.Order) (verb.Given, error) {
	return o.Through(ctx, c.conn, c.goOn)
}

// app finds the app that an argument names.
func (c *call) app(word string) (*velos.App, int, []velos.App, error) {
	apps, err := c.apps()
	if err != nil {
		return nil, 0, nil, err
	}
	a, inst, err := verb.Find(apps, word)
	if err != nil && word == mine {
		err = &velos.Error{Code: velos.NotFound, Message: "no app is called \"mine\"", Hint: "process_list scope=mine lists yours; process_stop and process_delete take the word"}
	}
	return a, inst, apps, err
}

// moment reads a point in time or an age.
func (c *call) moment(text string) (velos.Time, error) {
	if text == "" {
		return 0, nil
	}
	return verb.Moment(text, c.s.o.Now(), c.s.o.Loc)
}

// least is what even the shortest wait gets: the daemon has to be asked.
const least = 100 * time.Millisecond

// within bounds what a call waits for, in seconds; 0 is what is usual. More
// than longest is longest: how to go on is part of the answer.
func (c *call) within(seconds float64, usual time.Duration) (context.Context, context.CancelFunc) {
	c.limit = usual
	if seconds >= longest.Seconds() { // also what is no time.Duration any more
		c.limit = longest
	} else if seconds > 0 {
		c.limit = max(time.Duration(seconds*float64(time.Second)), least)
	}
	return context.WithTimeout(c, c.limit)
}

// progress tells a client that asked for it, every two seconds, that the call
// goes on: most of them start their clock anew then.
func (c *call) progress(text string) (stop func()) {
	token := c.req.Params.GetProgressToken()
	if token == nil || c.req.Session == nil {
		return func() {}
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case <-c.Done():
				return
			case <-tick.C:
				_ = c.req.Session.NotifyProgress(c, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: float64(2 * n), Message: text})
			}
		}
	}()
	return func() { close(done); <-ended }
}

// whole finds the app that an argument names, which must not be one of its
// instances: what is wrong with that is said in why.
func (c *call) whole(word, why string) (*velos.App, error) {
	a, inst, _, err := c.app(word)
	if err == nil && inst >= 0 {
		return nil, invalid(view.Text(word)+": "+why, "name_or_id="+view.Text(a.Spec.Name))
	}
	return a, err
}

// invalid is an error in an argument.
func invalid(message, hint string) error {
	return &velos.Error{Code: velos.Invalid, Message: message, Hint: hint}
}
