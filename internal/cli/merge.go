package cli

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// mostConns bounds the connections of one command.
const mostConns = 16

// showLogs writes the history of apps in time order, and then, if asked to,
// what they write from now on, in the order in which it arrives.
func (s *session) showLogs(ctx context.Context, apps []velos.App, l *logQuery) error {
	if l.follow {
		var stop context.CancelFunc
		ctx, stop = s.whileRead(ctx)
		defer stop()
	}
	l.o.Options = s.options()
	l.o.Lines = l.follow
	if err := s.veiled(ctx, apps, l); err != nil {
		return quietly(ctx, l, err)
	}
	out := view.NewEntries(s.Out, apps, l.o)
	for i := range l.missed {
		out.Add(&l.missed[i])
	}
	after := make([]uint64, len(apps))
	for i := range after {
		after[i] = l.queries[i].After
	}
	if l.none {
		for i := range apps {
			after[i] = apps[i].Log.Seq
		}
	} else if err := s.wholeHistory(ctx, apps, l, after, out); err != nil {
		out.Flush()
		return quietly(ctx, l, err)
	}
	if !l.follow {
		return out.Close()
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return quietly(ctx, l, s.goOn(ctx, apps, l, after, out))
}

// veiled makes the Veils of apps that have none, unless the exact bytes are
// wanted.
func (s *session) veiled(ctx context.Context, apps []velos.App, l *logQuery) error {
	if l.o.Raw {
		return nil
	}
	if l.o.Veils == nil {
		l.o.Veils = map[uint32]*view.Veil{}
	}
	for i := range apps {
		a := &apps[i]
		if l.o.Veils[a.ID] != nil {
			continue
		}
		v, err := s.veil(ctx, a)
		if err != nil {
			return err
		}
		l.o.Veils[a.ID] = v
	}
	return nil
}

// veil is that of one app. It may outlive ctx and this connection.
func (s *session) veil(ctx context.Context, a *velos.App) (*view.Veil, error) {
	v, err := verb.Veil(ctx, s.conn, a)
	if err != nil {
		return nil, err
	}
	outer := context.WithoutCancel(ctx)
	v.Before = func(e *velos.Entry) (velos.Entry, bool) {
		ctx, stop := briefly(outer)
		defer stop()
		return verb.Before(ctx, s.conn)(e)
	}
	return v, nil
}

// quietly: an interrupted follower has done what it was asked for.
func quietly(ctx context.Context, l *logQuery, err error) error {
	if l.follow && ctx.Err() != nil {
		return nil
	}
	return err
}

// wholeHistory is history, which a follower reads on when the daemon went away
// in the middle of it.
func (s *session) wholeHistory(ctx context.Context, apps []velos.App, l *logQuery, after []uint64, out *view.Entries) error {
	for {
		err := s.history(ctx, apps, l, after, out)
		if err == nil || l.again == nil || !l.follow || !verb.Lost(ctx, err) {
			return err
		}
		if err := s.reconnect(ctx); err != nil {
			return err
		}
	}
}

// history writes what there is behind after, which gets the number of each
// app's newest line that was looked at, for the follower to go on from; with
// an error, that of the newest line that was written.
func (s *session) history(ctx context.Context, apps []velos.App, l *logQuery, after []uint64, out *view.Entries) error {
	seqs := make([]iter.Seq2[velos.Entry, error], len(apps))
	conns := []*client.Client{s.conn}
	looked := slices.Clone(after)
	at := map[uint32]int{}
	for i := range apps {
		q := l.queries[i]
		q.After = after[i]
		if l.re == nil {
			q.Last = l.last
		}
		// Streams that are merged wait for each other. Those without an end
		// in sight get connections of their own, so that what waits of one
		// does not hold up the others.
		if q.Last == 0 && i > 0 && i < mostConns {
			c, err := s.another()
			if err != nil {
				return err
			}
			defer c.Close()
			conns = append(conns, c)
		}
		at[apps[i].ID] = i
		seqs[i] = l.matching(conns[i%len(conns)].Logs(ctx, apps[i].ID, q), &looked[i], l.o.Veils[apps[i].ID])
	}
	var held []velos.Entry
	err := merge(seqs, func(e velos.Entry) {
		if l.last == 0 {
			out.Add(&e)
			i := at[e.App]
			after[i] = max(after[i], e.Seq)
			return
		}
		e.Msg = bytes.Clone(e.Msg)
		if held = append(held, e); len(held) >= 2*l.last+1024 {
			held = append(held[:0], held[len(held)-l.last:]...)
		}
	})
	if err != nil {
		return err
	}
	if l.last > 0 {
		held = held[max(0, len(held)-l.last):]
	}
	for i := range held {
		out.Add(&held[i])
	}
	copy(after, looked)
	return nil
}

func (s *session) another() (*client.Client, error) {
	h, err := s.home()
	if err != nil {
		return nil, err
	}
	return client.Dial(h.Socket())
}

// matching leaves out what the expression does not match, and remembers how
// far it has looked. What a Veil hides cannot be asked for, letter by letter.
func (l *logQuery) matching(seq iter.Seq2[velos.Entry, error], after *uint64, veil *view.Veil) iter.Seq2[velos.Entry, error] {
	return func(yield func(velos.Entry, error) bool) {
		for e, err := range seq {
			*after = max(*after, e.Seq)
			if err == nil && e.Missed == 0 && l.re != nil && (!l.re.Match(e.Msg) || veil != nil && !l.re.Match(veil.Alone(&e))) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// merge hands on the entries of several sequences, each in its own order, by
// time.
func merge(seqs []iter.Seq2[velos.Entry, error], emit func(velos.Entry)) error {
	type head struct {
		e    velos.Entry
		next func() (velos.Entry, error, bool)
	}
	var heads []*head
	for _, seq := range seqs {
		next, stop := iter.Pull2(seq)
		defer stop()
		if e, err, ok := next(); err != nil {
			return err
		} else if ok {
			heads = append(heads, &head{e, next})
		}
	}
	for len(heads) > 0 {
		first := 0
		for i := range heads {
			if heads[i].e.Time < heads[first].e.Time {
				first = i
			}
		}
		h := heads[first]
		emit(h.e)
		e, err, ok := h.next()
		switch {
		case err != nil:
			return err
		case ok:
			h.e = e
		default:
			heads = append(heads[:first], heads[first+1:]...)
		}
	}
	return nil
}
