package fan

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

const (
	// settle is how long changes gather before they are told.
	settle = 250 * time.Millisecond
	// look is how often the list is looked at when no event says so: that a
	// program listens now is no event.
	look = 10 * time.Second
)

// Steady is an app without what changes all the time by itself: what it uses,
// and how far its log is.
func Steady(a *velos.App) velos.App {
	b := *a
	b.Log = velos.LogInfo{}
	for _, list := range []*[]velos.Instance{&b.Instances, &b.Leaving} {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i].Usage = velos.Usage{}
		}
	}
	return b
}

// state is all apps as they are, for all who read it.
type state struct {
	crowd[*State]
	woken chan struct{}

	// The crowd's mu guards these.
	apps    []known
	seen    bool            // apps are those of the daemon
	touched map[uint32]bool // by events, since the last look
	anew    bool            // the daemon is another one
}

// known is an app as it was last seen.
type known struct {
	id     uint32
	text   []byte // JSON
	steady []byte
}

// A State is one reader of the apps.
type State struct {
	of   *state
	wake func()
	keep bool // it has had a snapshot

	dirty map[uint32]bool
	gone  []uint32
}

// State reads the apps: all, then those that change.
func (h *Hub) State(wake func()) *State {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.state
	if s != nil {
		s.users++
	} else {
		s = &state{woken: make(chan struct{}, 1), touched: map[uint32]bool{}}
		s.start(h, s.run, func() { h.state = nil })
		h.state = s
	}
	r := &State{of: s, wake: wake, dirty: map[uint32]bool{}}
	s.mu.Lock()
	s.readers[r] = struct{}{}
	s.mu.Unlock()
	wake() // it may be known already
	return r
}

// Leave ends reading.
func (r *State) Leave() { r.of.leave(r) }

// Take is what a reader has not had: all apps the first time, and after
// another daemon has come, else those that have changed, and the ids of those
// that are gone. Apps are JSON with commas between.
func (r *State) Take() (all bool, apps []byte, gone []uint32, ok bool) {
	s := r.of
	s.mu.Lock()
	defer s.mu.Unlock()
	all = !r.keep
	if !s.seen || !all && len(r.dirty) == 0 && len(r.gone) == 0 {
		return false, nil, nil, false
	}
	for i := range s.apps {
		if k := &s.apps[i]; all || r.dirty[k.id] {
			if len(apps) > 0 {
				apps = append(apps, ',')
			}
			apps = append(apps, k.text...)
		}
	}
	gone = r.gone
	if all {
		gone = nil
	}
	r.keep, r.gone = true, nil
	clear(r.dirty)
	return all, apps, gone, true
}

// nudge says that something has happened to an app.
func (s *state) nudge(id uint32) {
	s.mu.Lock()
	s.touched[id] = true
	s.mu.Unlock()
	s.signal()
}

// renew says that there is another daemon.
func (s *state) renew() {
	s.mu.Lock()
	s.anew = true
	s.mu.Unlock()
	s.signal()
}

func (s *state) signal() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (s *state) run(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
			t.Reset(settle)
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
			select { // what has come meanwhile is seen now
			case <-s.woken:
			default:
			}
		case <-t.C:
		}
		if err := s.look(ctx); err != nil {
			t.Reset(againMax)
		} else {
			t.Reset(look)
		}
	}
}

// look finds out what has changed, and tells.
func (s *state) look(ctx context.Context) error {
	s.mu.Lock()
	touched, anew := s.touched, s.anew
	s.touched, s.anew = map[uint32]bool{}, false
	s.mu.Unlock()
	var list []velos.App
	err := s.hub.ask(ctx, func(ctx context.Context, c *client.Client) error {
		a, err := c.List(ctx)
		list = a.Apps
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil { // it is looked at again
		s.anew = s.anew || anew
		for id := range touched {
			s.touched[id] = true
		}
		return err
	}
	now := make([]known, len(list))
	for i := range list {
		now[i] = s.seenAs(&list[i])
	}
	changed, gone := differences(s.apps, now, touched)
	s.apps = now
	for r := range s.readers {
		if anew || !s.seen {
			r.keep = false
		}
		for _, id := range changed {
			r.dirty[id] = true
		}
		r.gone = append(r.gone, gone...)
		if !r.keep || len(changed)+len(gone) > 0 {
			r.wake()
		}
	}
	s.seen = true
	return nil
}

func (s *state) seenAs(a *velos.App) known {
	o := view.Options{Format: view.JSON, Now: velos.TimeOf(s.hub.now())}
	k := known{id: a.ID, text: appText(a, o)}
	steady := Steady(a)
	o.Now = 0
	k.steady = appText(&steady, o)
	return k
}

func appText(a *velos.App, o view.Options) []byte {
	var b bytes.Buffer
	_ = view.Info(&b, a, o) // into memory
	return bytes.TrimSpace(b.Bytes())
}

// differences are the apps that are new, changed or touched, and those that
// are gone.
func differences(was, now []known, touched map[uint32]bool) (changed, gone []uint32) {
	before := make(map[uint32][]byte, len(was))
	for i := range was {
		before[was[i].id] = was[i].steady
	}
	for i := range now {
		k := &now[i]
		if old, ok := before[k.id]; !ok || touched[k.id] || !bytes.Equal(old, k.steady) {
			changed = append(changed, k.id)
		}
		delete(before, k.id)
	}
	for id := range before {
		gone = append(gone, id)
	}
	slices.Sort(gone)
	return changed, gone
}
