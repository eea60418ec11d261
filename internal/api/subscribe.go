package api

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fan"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// An op is a message of a client.
type op struct {
	Op       string       `json:"op"`
	ID       string       `json:"id"`
	Topic    string       `json:"topic"`
	Apps     []string     `json:"apps"`
	Cursor   words        `json:"cursor"`
	Lines    *int         `json:"lines"`
	Level    string       `json:"level"`
	Src      string       `json:"src"`
	Grep     string       `json:"grep"`
	Interval velos.Millis `json:"interval_ms"`
}

// words are one text, or several.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		*w = make(words, 1)
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// understand reads one message. What is wrong with one is told to who sent it,
// as of a body; what is no object at all ends the connection: over is true.
func understand(b []byte, o *op) (over bool, err error) {
	given, err := exactly(b, o)
	if err != nil {
		return given == nil, invalid("a message is not understood: "+err.Error(), "docs/API.md says what may be in one")
	}
	return false, nil
}

// A subscription is what one client has asked to be told.
type subscription struct {
	id    string
	take  func() (b []byte, ok, over bool) // the next message; the writer calls it
	leave func()
}

// do carries an order out.
func (s *socket) do(ctx context.Context, o *op) {
	switch o.Op {
	case "ping":
		s.say([]byte(`{"type":"pong"}`))
	case "unsubscribe":
		s.mu.Lock()
		sub := s.subs[o.ID]
		s.mu.Unlock()
		if sub == nil {
			s.fail(o.ID, &velos.Error{Code: velos.NotFound, Message: "there is no subscription " + strconv.Quote(view.Text(o.ID))})
			return
		}
		s.drop(sub, "unsubscribed")
	case "subscribe":
		if err := s.subscribe(ctx, o); err != nil {
			s.fail(o.ID, err)
		}
	default:
		s.fail(o.ID, invalid("op: "+strconv.Quote(view.Text(o.Op))+" is unknown", "subscribe, unsubscribe or ping"))
	}
}

func (s *socket) subscribe(ctx context.Context, o *op) error {
	s.mu.Lock()
	_, taken := s.subs[o.ID]
	n := len(s.subs)
	s.mu.Unlock()
	switch {
	case o.ID == "" || len(o.ID) > longestSubID:
		return invalid("id: 1 to "+strconv.Itoa(longestSubID)+" characters", "")
	case taken:
		return &velos.Error{Code: velos.Conflict, Message: "there is a subscription " + view.Text(o.ID) + " already", Hint: "give another id"}
	case n >= mostSubs:
		return &velos.Error{Code: velos.TooLarge, Message: "a connection has at most " + strconv.Itoa(mostSubs) + " subscriptions"}
	case len(o.Apps) > mostNamedApps:
		return invalid("apps: at most "+strconv.Itoa(mostNamedApps), "")
	}
	begin, ok := map[string]func(context.Context, *op) (*subscription, error){"state": s.state, "events": s.events, "logs": s.logs, "metrics": s.metrics}[o.Topic]
	if !ok {
		return invalid("topic: "+strconv.Quote(view.Text(o.Topic))+" is unknown", "state, events, logs or metrics")
	}
	if err := o.only(); err != nil {
		return err
	}
	sub, err := begin(ctx, o)
	if err != nil {
		return err
	}
	sub.id = o.ID
	s.mu.Lock()
	s.subs[o.ID] = sub
	s.replies = append(s.replies, message(map[string]string{"id": o.ID, "type": "subscribed", "topic": o.Topic}))
	s.order = append(s.order, sub)
	s.mu.Unlock()
	s.wake()
	return nil
}

// only refuses what a topic has no use for.
func (o *op) only() error {
	for _, k := range []struct {
		key   string
		given bool
		at    string
	}{
		{"apps", len(o.Apps) > 0, "events logs metrics"}, {"cursor", len(o.Cursor) > 0, "events logs"}, {"lines", o.Lines != nil, "events logs"},
		{"level", o.Level != "", "logs"}, {"src", o.Src != "", "logs"}, {"grep", o.Grep != "", "logs"}, {"interval_ms", o.Interval != 0, "metrics"},
	} {
		if k.given && !slices.Contains(strings.Fields(k.at), o.Topic) {
			return invalid(o.Topic+" takes no "+k.key, "docs/API.md says what may be in a message")
		}
	}
	if o.Lines != nil && (*o.Lines < 0 || *o.Lines > mostLines) {
		return invalid("lines: must be from 0 to "+strconv.Itoa(mostLines), "")
	}
	if o.Lines != nil && len(o.Cursor) > 0 {
		return invalid("lines: cannot be used with cursor", "a cursor says where to begin")
	}
	return nil
}

// named finds the apps of a message.
func (s *socket) named(ctx context.Context, words []string) (list []target, err error) {
	apps, err := s.q.hub.Apps(ctx, func(apps []velos.App) bool {
		_, err := aims(apps, words)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return aims(apps, words)
}

func aims(apps []velos.App, words []string) (list []target, err error) {
	for _, w := range words {
		t, err := aim(apps, w)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// head is the beginning of a message of a subscription.
func head(id, kind string) []byte {
	quoted, _ := json.Marshal(id) // a string can be
	return append(append([]byte(`{"id":`), quoted...), `,"type":"`+kind+`"`...)
}

func (s *socket) state(_ context.Context, o *op) (*subscription, error) {
	r := s.q.hub.State(s.wake)
	take := func() ([]byte, bool, bool) {
		all, apps, gone, ok := r.Take()
		if !ok {
			return nil, false, false
		}
		if all {
			b := append(head(o.ID, "snapshot"), `,"apps":[`...)
			return append(append(b, apps...), `]}`...), true, false
		}
		b := append(append(append(head(o.ID, "state"), `,"apps":[`...), apps...), `],"gone":`...)
		ids, _ := json.Marshal(append([]uint32{}, gone...)) // numbers can be
		return append(append(b, ids...), '}'), true, false
	}
	return &subscription{take: take, leave: r.Leave}, nil
}

// ids are the apps that a message names; nil for all.
func (s *socket) ids(ctx context.Context, o *op) (map[uint32]bool, error) {
	if len(o.Apps) == 0 {
		return nil, nil
	}
	list, err := s.named(ctx, o.Apps)
	if err != nil {
		return nil, err
	}
	ids := map[uint32]bool{}
	for _, t := range list {
		if t.inst >= 0 {
			return nil, invalid(o.Topic+" are of an app, not of one instance", "name the app alone: "+t.app.Spec.Name)
		}
		ids[t.app.ID] = true
	}
	return ids, nil
}

func (s *socket) events(ctx context.Context, o *op) (*subscription, error) {
	ids, err := s.ids(ctx, o)
	if err != nil {
		return nil, err
	}
	var start fan.Start
	if ids != nil {
		start.Keep = func(it *fan.Item) bool { return ids[it.App] }
	}
	switch {
	case len(o.Cursor) > 1:
		return nil, invalid("cursor: events have one", "")
	case len(o.Cursor) == 1:
		start.Resume = true
		if start.After, err = strconv.ParseUint(o.Cursor[0], 10, 53); err != nil {
			return nil, invalid("cursor: "+view.Text(o.Cursor[0])+" is none of events", "hand back what a message had")
		}
	case o.Lines != nil:
		start.Last = *o.Lines
	}
	q := s.q.hub.Events(start, s.wake)
	take := func() ([]byte, bool, bool) {
		p, ok, err := q.Take(aboutMessage)
		if !ok {
			return nil, false, err != nil
		}
		b := append(append(head(o.ID, "event"), `,"events":[`...), p.Text...)
		return tail(append(b, ']'), strconv.FormatUint(p.Last, 10), p.Missed), true, false
	}
	return &subscription{take: take, leave: q.Leave}, nil
}

// tail ends a message with its cursor and what is missing before it.
func tail(b []byte, cursor string, missed uint64) []byte {
	quoted, _ := json.Marshal(cursor) // a string can be
	b = append(append(b, `,"cursor":`...), quoted...)
	if missed > 0 {
		b = strconv.AppendUint(append(b, `,"missed":`...), missed, 10)
	}
	return append(b, '}')
}

// A tap is one log of a subscription.
type tap struct {
	q    *fan.Queue
	app  *velos.App
	head []byte
	over bool
}

func (s *socket) logs(ctx context.Context, o *op) (*subscription, error) {
	if len(o.Apps) == 0 {
		return nil, invalid("apps: name the apps whose logs are meant", `such as {"apps": ["api"]}`)
	}
	list, err := s.named(ctx, o.Apps)
	if err != nil {
		return nil, err
	}
	start, err := o.filter()
	if err != nil {
		return nil, err
	}
	cursors := map[uint32]verb.Cursor{}
	for _, text := range o.Cursor {
		c, err := verb.ParseCursor(text)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(t target) bool { return t.app.Spec.Name == c.App || c.ID != 0 && c.ID == t.app.ID })
		if i < 0 {
			return nil, invalid("cursor: "+view.Text(text)+" is of none of these apps", "")
		}
		if c.ID != 0 && c.ID != list[i].app.ID {
			c.Line = 0 // of an earlier app of that name
		}
		cursors[list[i].app.ID] = c
	}
	seen := map[uint32]bool{}
	var taps []*tap
	for _, t := range list {
		if seen[t.app.ID] {
			continue
		}
		seen[t.app.ID] = true
		st := start
		st.Inst = t.inst
		c, ok := cursors[t.app.ID]
		if st.Resume, st.After = ok, c.Line; ok {
			st.Last = 0
		}
		name, _ := json.Marshal(t.app.Spec.Name) // a string can be
		h := append(append(head(o.ID, "entry"), `,"app":`...), name...)
		h = strconv.AppendUint(append(h, `,"app_id":`...), uint64(t.app.ID), 10)
		taps = append(taps, &tap{q: s.q.hub.Logs(t.app.ID, st, s.wake), app: t.app, head: append(h, `,"lines":[`...)})
	}
	return &subscription{take: turns(taps), leave: func() {
		for _, t := range taps {
			t.q.Leave()
		}
	}}, nil
}

// filter is what a message says of lines.
func (o *op) filter() (st fan.Start, err error) {
	st.Inst = -1
	if o.Lines != nil {
		st.Last = *o.Lines
	}
	if st.Src, err = source(o.Src); err != nil {
		return st, err
	}
	if o.Level != "" {
		var ok bool
		if st.Level, ok = velos.ParseLevel(o.Level); !ok {
			return st, invalid("level: "+view.Text(o.Level)+" is no level", "debug, info, warn, error or fatal")
		}
	}
	if o.Grep != "" {
		re, err := regexp.Compile(o.Grep)
		if err != nil {
			return st, invalid("grep: "+view.Text(err.Error()), "the expression is RE2")
		}
		st.Keep = func(it *fan.Item) bool { return re.MatchString(it.Msg) }
	}
	return st, nil
}

// turns takes from one log after the other.
func turns(taps []*tap) func() ([]byte, bool, bool) {
	next := 0
	return func() ([]byte, bool, bool) {
		gone := 0
		for range taps {
			t := taps[next%len(taps)]
			next++
			p, ok, err := t.q.Take(aboutMessage)
			if !ok {
				if t.over = err != nil; t.over {
					gone++
				}
				continue
			}
			b := make([]byte, 0, len(t.head)+len(p.Text)+80)
			b = append(append(append(b, t.head...), p.Text...), ']')
			return tail(b, verb.Cursor{App: t.app.Spec.Name, Line: p.Last, ID: t.app.ID}.String(), p.Missed), true, false
		}
		return nil, false, gone == len(taps)
	}
}

func (s *socket) metrics(ctx context.Context, o *op) (*subscription, error) {
	every := 2 * time.Second
	if o.Interval != 0 {
		every = o.Interval.Std()
	}
	if every < time.Second || every > time.Hour {
		return nil, invalid("interval_ms: must be from 1000 to 3600000", "")
	}
	ids, err := s.ids(ctx, o)
	if err != nil {
		return nil, err
	}
	r := s.q.hub.Figures(every, s.wake)
	take := func() ([]byte, bool, bool) {
		round, ok := r.Take()
		if !ok {
			return nil, false, false
		}
		return figures(head(o.ID, "metrics"), round, ids), true, false
	}
	return &subscription{take: take, leave: r.Leave}, nil
}

// figures adds a round to a message that was begun. ids nil: all apps, and the
// daemon.
func figures(b []byte, round *fan.Round, ids map[uint32]bool) []byte {
	ts, _ := json.Marshal(round.Time) // a number can be
	b = append(append(b, `,"ts":`...), ts...)
	if ids == nil {
		b = append(append(b, `,"daemon":`...), round.Daemon...)
	}
	b = append(b, `,"apps":[`...)
	n := 0
	for i := range round.Apps {
		if ids != nil && !ids[round.Apps[i].App] {
			continue
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = append(b, round.Apps[i].Text...)
	}
	return append(b, `]}`...)
}
