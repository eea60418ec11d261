package fan

import (
	"bytes"
	"context"
	"iter"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// Logs reads the log of an app. wake is called when there is something to
// take, and must not wait for anything.
func (h *Hub) Logs(id uint32, s Start, wake func()) *Queue {
	q := newQueue(wake, s.keep())
	h.mu.Lock()
	f := h.logs[id]
	if f != nil {
		f.users++
	} else {
		f = h.feed(func(f *feed) origin { return logOrigin(f, id) }, func() { delete(h.logs, id) })
		h.logs[id] = f
	}
	h.mu.Unlock()
	f.follow(q, s)
	return q
}

// Events reads the journal.
func (h *Hub) Events(s Start, wake func()) *Queue {
	s.Inst, s.Src, s.Level = -1, 0, 0
	q := newQueue(wake, s.keep())
	h.mu.Lock()
	f := h.eventFeed()
	h.mu.Unlock()
	f.follow(q, s)
	return q
}

// eventFeed is the feed of events, with one user more. With mu held.
func (h *Hub) eventFeed() *feed {
	if h.events != nil {
		h.events.users++
		return h.events
	}
	h.events = h.feed(func(*feed) origin { return h.eventOrigin() }, func() { h.events = nil })
	return h.events
}

// lines writes lines of an app as JSON.
type lines struct {
	*verb.Cover
	out bytes.Buffer
	e   *view.Entries
}

// linesOf hides the secrets that an app has, and those that it had: runs of
// before may still write.
func linesOf(ctx context.Context, c *client.Client, a *velos.App) (*lines, error) {
	v, err := verb.Veil(ctx, c, a)
	if err != nil {
		return nil, err
	}
	l := &lines{Cover: verb.NewCover(v, c, a)}
	l.e = view.NewEntries(&l.out, []velos.App{*a}, view.LogOptions{Options: view.Options{Format: view.JSON}, Lines: true, Hidden: true})
	return l, nil
}

func (l *lines) item(e *velos.Entry) Item {
	if e.Missed > 0 {
		l.Hide(e)
		return Item{missed: e.Missed}
	}
	// --json has what was written; who shows it may be less careful than who
	// reads a file.
	clean := *e
	text := l.Text(e)
	clean.Msg = []byte(text)
	l.out.Reset()
	l.e.Add(&clean)
	_ = l.e.Flush() // into memory
	return Item{Seq: e.Seq, App: e.App, Inst: e.Inst, Level: e.Level, Src: e.Src, Text: bytes.Clone(bytes.TrimSpace(l.out.Bytes())), Msg: text}
}

// logOrigin is where the lines of an app are from. What is known of the app is
// asked for anew when f is stale.
func logOrigin(f *feed, id uint32) origin {
	return origin{
		newest: func(ctx context.Context, c *client.Client) (uint64, error) {
			a, err := c.Info(ctx, wire.All(id))
			return a.Log.Seq, err
		},
		read: func(ctx context.Context, c *client.Client, s span) iter.Seq2[Item, error] {
			return func(yield func(Item, error) bool) {
				a, err := c.Info(ctx, wire.All(id))
				if err != nil {
					yield(Item{}, err)
					return
				}
				l, err := linesOf(ctx, c, &a)
				if err != nil {
					yield(Item{}, err)
					return
				}
				q := velos.Query{Inst: s.inst, Src: s.src, Level: s.level, After: s.after, Last: s.last, Follow: s.follow}
				for e, err := range c.Logs(ctx, id, q) {
					if err == nil && s.follow {
						err = l.Meet(ctx, &e, f.stale.Swap(false))
					}
					if err != nil {
						yield(Item{}, err)
						return
					}
					if !yield(l.item(&e), nil) {
						return
					}
				}
			}
		},
	}
}

// mostFormer is how many of an app's former states, more or less, have their
// secrets hidden in events.
const mostFormer = 2 * velos.MaxFormer

// remember adds apps as they are to what they were.
func remember(former []*velos.App, met map[uint32]int, apps []velos.App) []*velos.App {
	for i := range apps {
		if a := &apps[i]; met[a.ID] != a.Generation {
			met[a.ID] = a.Generation
			former = append(former, a)
		}
	}
	return former[max(0, len(former)-mostFormer*(len(apps)+1)):]
}

func (h *Hub) eventOrigin() origin {
	return origin{
		newest: func(ctx context.Context, c *client.Client) (uint64, error) {
			m, err := c.Metrics(ctx, wire.MetricsQuery{})
			return m.Daemon.Events, err
		},
		read: func(ctx context.Context, c *client.Client, s span) iter.Seq2[Item, error] {
			return func(yield func(Item, error) bool) {
				var out bytes.Buffer
				var v *view.Events
				var former []*velos.App
				met := map[uint32]int{} // generations that are among them
				known := map[uint32]bool{0: true}
				for e, err := range c.Events(ctx, wire.EventsQuery{After: s.after, Last: s.last, Follow: s.follow}) {
					if err != nil {
						yield(Item{}, err)
						return
					}
					if v == nil || s.follow && (e.Kind == velos.KindConfig || !known[e.ID]) { // secrets are known from the apps
						known[e.ID] = true
						apps, err := c.List(ctx)
						if err != nil {
							yield(Item{}, err)
							return
						}
						if v == nil {
							if former, err = c.Formers(ctx, apps.Apps); err != nil {
								yield(Item{}, err)
								return
							}
						}
						v = view.NewEvents(&out, apps.Apps, true, view.Options{Format: view.JSON}, former...)
						former = remember(former, met, apps.Apps)
					}
					out.Reset()
					_ = v.Add(e) // into memory
					if s.follow {
						h.happened(&e)
					}
					if !yield(Item{Seq: e.Seq, App: e.ID, Text: bytes.Clone(bytes.TrimSpace(out.Bytes()))}, nil) {
						return
					}
				}
			}
		},
		pulse: h.pulse,
	}
}
