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
	"github.com/velospm/velos/internal/wire"
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
		} else if a.err = why(ctx, conn, q, &b); a.err != nil {
			return a
		}
		a.text = strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
		return a
	}
}

// why asks what view.Why wants to know.
func why(ctx context.Context, conn *client.Client, q question, b *bytes.Buffer) error {
	r := view.Report{App: q.app, Inst: q.inst}
	for e, err := range conn.Events(ctx, wire.EventsQuery{ID: q.app.ID, Last: 100}) {
		if err != nil {
			return err
		}
		r.Events = append(r.Events, e)
	}
	for e, err := range conn.Logs(ctx, q.app.ID, velos.Query{Inst: q.inst, Src: velos.Stderr, Last: 20}) {
		if err != nil {
			return err
		}
		r.Stderr = append(r.Stderr, e)
	}
	return view.Why(b, r, q.o)
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
