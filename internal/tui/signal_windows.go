package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// signals does nothing: there are no jobs that could be stopped.
func signals(context.Context, *tea.Program, func(), <-chan struct{}) (after func()) { return func() {} }
