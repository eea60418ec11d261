//go:build unix

package tui

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	// reallyStopped is how long it may take to be stopped. Who has nobody to
	// wake him is not stopped at all, and must not wait for it.
	reallyStopped = 200 * time.Millisecond
	// wakingUp is how long other signals that waited may take to be heard.
	wakingUp = 20 * time.Millisecond
)

// signals looks after the signals of a terminal until ctx ends: a view that is
// stopped, or hung up, gives the terminal back first.
func signals(ctx context.Context, p *tea.Program, end func(), press <-chan struct{}) (after func()) {
	stop, hang := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTSTP)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hang, syscall.SIGHUP)
	}
	hung := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hang:
				hung = true
				end()
				return
			case <-press:
			case <-stop:
			}
			sleep(ctx, p)
		}
	}()
	return func() {
		<-done
		signal.Stop(stop)
		signal.Stop(hang)
		if hung { // the exit status says so
			signal.Reset(syscall.SIGHUP)
			_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
			time.Sleep(reallyStopped)
		}
	}
}

// sleep gives the terminal back, stops this job as the terminal would, and
// goes on when it is continued.
func sleep(ctx context.Context, p *tea.Program) {
	awake := make(chan os.Signal, 1)
	signal.Notify(awake, syscall.SIGCONT)
	defer signal.Stop(awake)
	if p.ReleaseTerminal() != nil {
		return
	}
	// What has been caught once never has its default again in Go. This one
	// stops a job in the same way, and not where nobody would continue it.
	_ = syscall.Kill(0, syscall.SIGTTOU)
	select {
	case <-awake:
	case <-time.After(reallyStopped):
	}
	// Who was told to end while he slept must not take the terminal again.
	if idle(ctx, wakingUp) != nil {
		return
	}
	_ = p.RestoreTerminal()
	p.Send(resumed{})
}
