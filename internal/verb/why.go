package verb

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// What Why looks at.
const (
	whyEvents = 100
	whyLines  = 20
)

// Why gathers what tells why an app is as it is.
func Why(ctx context.Context, conn *client.Client, a *velos.App, inst int) (r view.Report, err error) {
	r.App, r.Inst = *a, inst
	if r.Veil, err = Veil(ctx, conn, a); err != nil {
		return r, err
	}
	for e, err := range conn.Events(ctx, wire.EventsQuery{ID: a.ID, Last: whyEvents}) {
		if err != nil {
			return r, err
		}
		r.Events = append(r.Events, e)
	}
	for e, err := range conn.Logs(ctx, a.ID, velos.Query{Inst: inst, Src: velos.Stderr, Last: whyLines}) {
		if err != nil {
			return r, err
		}
		r.Stderr = append(r.Stderr, e)
	}
	return r, nil
}
