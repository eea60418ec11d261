package otel

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A mask hides the secrets of an app as it is at one generation, and those that
// it had before: lines of that time may still be waiting. Its Veil is that of
// the lane of lines.
type mask struct {
	generation int
	*view.Veil
}

// remask keeps the mask of each app that there is. With mu held.
func (x *Exporter) remask(ctx context.Context, c *client.Client, apps []velos.App) error {
	masks := make(map[uint32]mask, len(apps))
	for i := range apps {
		a := &apps[i]
		m, ok := x.masks[a.ID]
		switch {
		case !ok:
			v, err := verb.Veil(ctx, c, a)
			if err != nil {
				return err
			}
			m.Veil = v
		case m.generation != a.Generation:
			if err := verb.Learn(ctx, c, m.Veil, a); err != nil {
				return err
			}
		}
		m.generation = a.Generation
		m.Learn(a) // values of env files are known only from when they were seen here
		masks[a.ID] = m
	}
	// Of an app that was deleted something may still be told.
	for id, m := range x.masks {
		if _, there := masks[id]; !there && len(masks) < len(apps)+mostAbsent {
			masks[id] = m
		}
	}
	x.masks = masks
	return nil
}

// veilOf hides the secrets of the app with an id.
func (x *Exporter) veilOf(id uint32) *view.Veil {
	x.mu.Lock()
	defer x.mu.Unlock()
	if m := x.masks[id]; m.Veil != nil {
		return m.Veil
	}
	return view.NewVeil()
}
