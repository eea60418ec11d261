package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const approveLong = `Allows an order of an agent that waits for a person's word: where config.toml says mode = "confirm" below [agents],
what takes something away does. The agent then gives the same order again, and it passes once. An order that is not
allowed within ten minutes is forgotten. Only a person at a terminal can approve.

    velos approve --list       what waits
    velos approve 7f3a         allow it
    velos deny 7f3a            do not, and take it off the list`

// An approvalJSON is an order that waits, or what was said of one.
type approvalJSON struct {
	ID      string            `json:"id"`
	Op      string            `json:"op"`
	App     string            `json:"app,omitempty"`
	Args    map[string]string `json:"args,omitempty"`
	Actor   velos.Actor       `json:"actor"`
	Asked   velos.Time        `json:"asked_at"`
	Expires velos.Time        `json:"expires_at"`
	Allowed bool              `json:"allowed"`
}

func setupApprove(s *session, f *pflag.FlagSet) handler {
	list := f.Bool("list", false, "show what waits")
	return func(ctx context.Context, args []string) error {
		switch {
		case *list && len(args) > 0:
			return invalid("approve: --list takes no id", "velos approve --list, velos approve ID")
		case *list:
			return s.listApprovals(ctx)
		case len(args) == 0:
			return invalid("approve: something is missing", "velos approve ID; velos approve --list shows what waits")
		}
		return s.answerApprovals(ctx, args, true)
	}
}

func setupDeny(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error { return s.answerApprovals(ctx, args, false) }
}

func (s *session) listApprovals(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	ctx, stop := briefly(ctx)
	defer stop()
	got, err := s.conn.Approvals(ctx)
	if err != nil {
		return late(err, patience)
	}
	rows, text := []approvalJSON{}, ""
	for i := range got.Approvals {
		a := asJSON(&got.Approvals[i])
		rows = append(rows, a)
		state := "waits"
		if a.Allowed {
			state = "allowed"
		}
		text += a.ID + "  " + state + "  " + a.text() + "  " + view.Span(velos.Millis(velos.TimeOf(s.Now())-a.Asked)) + " ago\n"
	}
	if text == "" {
		text = "nothing waits for approval\n"
	}
	return s.answer(rows, text)
}

func (s *session) answerApprovals(ctx context.Context, ids []string, allow bool) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	ctx, stop := briefly(ctx)
	defer stop()
	ids, err := s.unknownFirst(ctx, distinct(ids))
	if err != nil {
		return err
	}
	done, text := []approvalJSON{}, ""
	for _, id := range ids {
		a, err := s.conn.AnswerApproval(ctx, wire.ApprovalWord{ID: id, Allow: allow})
		if err != nil {
			return late(err, patience)
		}
		j := asJSON(&a)
		done = append(done, j)
		if allow {
			text += "approved " + j.text() + "; the same order passes once, within 10 minutes of when it was asked for\n"
		} else {
			text += "denied " + j.text() + "\n"
		}
	}
	return s.answer(done, text)
}

// unknownFirst has the ids that nothing waits under in front: with a mistyped
// one among them nothing is allowed at all.
func (s *session) unknownFirst(ctx context.Context, ids []string) ([]string, error) {
	got, err := s.conn.Approvals(ctx)
	known := func(id string) int {
		if slices.ContainsFunc(got.Approvals, func(a wire.Approval) bool { return a.ID == id }) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(ids, func(a, b string) int { return known(a) - known(b) })
	return ids, late(err, patience)
}

func asJSON(a *wire.Approval) approvalJSON {
	return approvalJSON{a.ID, a.Op, a.App, a.Args, a.Actor, a.Asked, a.Expires, a.Allowed}
}

// text is the order in a line: what, and for whom.
func (a *approvalJSON) text() string {
	text := a.Op
	if a.App != "" {
		text += " " + a.App
	}
	for _, k := range slices.Sorted(maps.Keys(a.Args)) {
		if v := a.Args[k]; v != "" {
			text += " " + k + "=" + v
		}
	}
	return view.Text(strings.TrimSpace(text)) + " by " + view.By(a.Actor)
}
