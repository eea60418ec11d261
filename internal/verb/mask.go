package verb

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

// Mask hides the secrets that an app has and those that it had before: what it
// wrote then is still in its log.
func Mask(ctx context.Context, conn *client.Client, a *velos.App) (view.Mask, error) {
	all, err := conn.Selves(ctx, a)
	if err != nil {
		return view.Mask{}, err
	}
	return view.MaskOf(all...), nil
}
