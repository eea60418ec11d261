//go:build !linux && !darwin

package probe

import (
	"context"
	"errors"

	"github.com/velospm/velos"
)

var errUnsupported error = &velos.Error{Code: velos.Unsupported,
	Message: "http and tcp probes are not supported on this system yet", Cause: errors.ErrUnsupported}

func (t *target) reach(context.Context) error { return errUnsupported }
func (t *target) get(context.Context) error   { return errUnsupported }
