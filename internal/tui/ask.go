package tui

import (
	"bytes"
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A question is what the pane beside the lines shows about one app.
type question struct {
	pane pane // why or crash
	app  velos.App
	inst int
	o    view.Options
}

// key tells whether an answer is still the one that is waited for.
func (q *question) key() target { return target{q.app.ID, q.inst} }

// Looked is the answer to a question.
type looked struct {
	pane  pane
	about target
	text  []string
	err   error
}

func (f *feed) client() (*client.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn == nil {
		return nil, &velos.Error{Code: velos.Unreachable, Message: "no daemon answers"}
	}
	return f.conn, nil
}

// look asks why an app is as it is, or why it crashed.
func (f *feed) look(q question) tea.Cmd {
	return func() tea.Msg {
		a := looked{pane: q.pane, about: q.key()}
		conn, err := f.client()
		if err != nil {
			a.err = err
			return a
		}
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		var b bytes.Buffer
		if q.pane == paneCrash {
			r, err := verb.Crash(ctx, conn, &q.app, q.inst)
			if err != nil {
				a.err = err
				return a
			}
			b.WriteString(q.o.CrashText(&r))
		} else {
			r, err := verb.Why(ctx, conn, &q.app, q.inst)
			if err != nil {
				a.err = err
				return a
			}
			_ = view.Why(&b, r, q.o) // to memory
		}
		a.text = strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
		return a
	}
}

// Answered is what an order came to.
type answered struct {
	command string // the same on the command line
	text    string
	err     error
}

// carry gives an order and waits for its outcome.
func (f *feed) carry(o order) tea.Cmd {
	return func() tea.Msg {
		a := answered{command: o.command}
		conn, err := f.client()
		if err == nil {
			a.text, err = o.give(context.Background(), conn)
		}
		a.err = err
		return a
	}
}
