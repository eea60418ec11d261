package tui

import (
	"context"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
)

const (
	// mostStreams is how many apps are followed with a stream each. A stream is
	// a connection, and those of the daemon are for others, too.
	mostStreams = 32
	pollEvery   = time.Second
	// pollShare bounds what asking takes: so many times as long is nothing asked.
	pollShare = 20
	pollLines = 200 // of one app in one round, at most
)

// poll asks again and again which apps have written, and for their lines, over
// one connection: what many apps write is seen a second later.
func (f *feed) poll(ctx context.Context, epoch int) {
	for ctx.Err() == nil {
		pause := pollEvery
		if conn, err := f.o.Dial(); err == nil {
			covers := map[uint32]*verb.Cover{}
			for err == nil {
				began := time.Now()
				if err = f.round(ctx, conn, epoch, covers); err == nil {
					err = idle(ctx, max(pollEvery, pollShare*time.Since(began)))
				}
			}
			_ = conn.Close()
		}
		_ = idle(ctx, pause)
	}
}

// idle waits; the error is that ctx has ended.
func idle(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// round asks once.
func (f *feed) round(ctx context.Context, conn *client.Client, epoch int, covers map[uint32]*verb.Cover) error {
	within, stop := context.WithTimeout(ctx, patience)
	defer stop()
	list, err := conn.List(within)
	if err != nil {
		return err
	}
	f.mu.Lock()
	w, newest := f.wish, make(map[uint32]uint64, len(list.Apps))
	wanted := make(map[uint32]bool, len(w.apps))
	for _, id := range w.apps {
		wanted[id], newest[id] = w.epoch == epoch, f.newest[id]
	}
	f.mu.Unlock()
	for i := range list.Apps {
		a := &list.Apps[i]
		if !wanted[a.ID] || a.Log.Seq <= newest[a.ID] {
			continue
		}
		q := velos.Query{Inst: -1, Level: w.level, After: newest[a.ID], Last: pollLines}
		if q.After == 0 {
			q.Last = max(fewLines, pastLines/len(w.apps))
		}
		if covers[a.ID] == nil {
			if covers[a.ID], err = covered(ctx, conn, a); err != nil {
				return err
			}
		}
		covers[a.ID].Learn(a)
		if err := f.fetch(ctx, conn, a, q, epoch, covers[a.ID]); err != nil {
			return err
		}
	}
	return nil
}

// fetch gets the lines of one app that came since it was asked last.
func (f *feed) fetch(ctx context.Context, conn *client.Client, a *velos.App, q velos.Query, epoch int, hidden *verb.Cover) error {
	last, first := a.Log.Seq, true
	for e, err := range hidden.Over(ctx, conn.Logs(ctx, a.ID, q)) {
		if err != nil && gone(err) {
			return err
		}
		if err != nil {
			break // of this app only; it may have gone
		}
		if missed := int(e.Seq - q.After - 1); first && q.After > 0 && q.Level == 0 && missed > 0 {
			f.post.add(func(n *news) { n.dropped += missed })
		}
		first, last = false, max(last, e.Seq)
		e.Msg = hidden.Hide(&e)
		f.post.line(epoch, e)
	}
	f.mu.Lock()
	if f.wish.epoch == epoch {
		f.newest[a.ID] = max(f.newest[a.ID], last)
	}
	f.mu.Unlock()
	return nil
}
