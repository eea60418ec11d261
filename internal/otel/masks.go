package otel

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

// A mask hides the secrets of an app as it is at one generation, and those that
// it had before: lines of that time may still be waiting.
type mask struct {
	generation int
	app        velos.App // what of it is needed
	view.Mask
}

// remask keeps the mask of each app that there is. With mu held.
func (x *Exporter) remask(ctx context.Context, c *client.Client, apps []velos.App) error {
	masks := make(map[uint32]mask, len(apps))
	for i := range apps {
		a := &apps[i]
		m, ok := x.masks[a.ID]
		if !ok || m.generation != a.Generation || a.Coming != nil {
			var err error
			if m, err = maskFor(ctx, c, a, &m.app); err != nil {
				return err
			}
		}
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

// maskFor asks what an app was, too: what it wrote then may go out now. Values
// of env files are known only from when they were seen here.
func maskFor(ctx context.Context, c *client.Client, a, seen *velos.App) (mask, error) {
	all, err := c.Selves(ctx, a)
	if err != nil {
		return mask{}, err
	}
	now := velos.App{Spec: velos.Spec{Env: a.Spec.Env, FileEnv: a.Spec.FileEnv, Secret: a.Spec.Secret}, Coming: a.Coming}
	return mask{a.Generation, now, view.MaskOf(append(all, seen)...)}, nil
}

// maskOf hides the secrets of the app with an id.
func (x *Exporter) maskOf(id uint32) view.Mask {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.masks[id].Mask
}
