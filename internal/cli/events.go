package cli

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const eventsLong = `Shows what happened to apps: orders and who gave them, starts, ends with their codes, changes of
configuration, and what the daemon decided. --since takes a moment (2026-01-02 15:04) or an age (10m).` + targetsHelp

func setupEvents(s *session, f *pflag.FlagSet) handler {
	follow := f.BoolP("follow", "f", false, "go on with events as they happen")
	last := f.IntP("lines", "n", 20, "the newest N events")
	since := f.String("since", "", "events from then on")
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		q := wire.EventsQuery{Last: *last, Follow: *follow}
		if *last < 0 {
			return invalid("-n: must not be negative", "such as -n 20")
		}
		if *since != "" {
			if q.Since, err = moment(*since, s.Now(), s.Loc); err != nil {
				return err
			}
			if !f.Changed("lines") {
				q.Last = 0
			}
		}
		wanted := map[uint32]bool{}
		if len(args) > 0 {
			list, err := s.resolve("events", apps, args)
			if err != nil {
				return err
			}
			for _, t := range list {
				wanted[t.app.ID] = true
			}
			if len(wanted) == 1 {
				q.ID = list[0].app.ID
			}
		}
		return s.showEvents(ctx, q, apps, wanted)
	}
}

// showEvents filters here when several apps are wanted, and so asks for all
// events and keeps the newest itself.
func (s *session) showEvents(ctx context.Context, q wire.EventsQuery, apps []velos.App, wanted map[uint32]bool) error {
	former, err := s.conn.Formers(ctx, apps)
	if err != nil {
		return err
	}
	v := view.NewEvents(s.Out, apps, q.Follow, s.options(), former...)
	if q.Follow {
		var stop context.CancelFunc
		ctx, stop = s.whileRead(ctx)
		defer stop()
	}
	keep := 0
	if len(wanted) > 1 && !q.Follow {
		keep, q.Last = q.Last, 0
	}
	var held []velos.Event
	err = s.eachEvent(ctx, &q, func(e velos.Event) error {
		switch {
		case len(wanted) > 0 && !wanted[e.ID]:
		case keep == 0:
			return v.Add(e)
		default:
			if held = append(held, e); len(held) > 2*keep {
				held = append(held[:0], held[len(held)-keep:]...)
			}
		}
		return nil
	})
	if err != nil && !(q.Follow && ctx.Err() != nil) {
		return err
	}
	for _, e := range held[max(0, len(held)-keep):] {
		v.Add(e)
	}
	return v.Close()
}

// eachEvent asks again, behind the last event, when the daemon of a follower
// went away.
func (s *session) eachEvent(ctx context.Context, q *wire.EventsQuery, add func(velos.Event) error) error {
	for {
		var failed error
		for e, err := range s.conn.Events(ctx, *q) {
			if err != nil {
				failed = err
				break
			}
			q.After, q.Last = e.Seq, 0
			if err := add(e); err != nil {
				return err
			}
		}
		if failed == nil || !q.Follow || !verb.Lost(ctx, failed) {
			return failed
		}
		if err := s.reconnect(ctx); err != nil {
			return err
		}
	}
}
