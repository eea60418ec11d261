package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
)

// untilWithin is how long --until waits where no --timeout says otherwise:
// shorter than agents wait for a call.
const untilWithin = 50 * time.Second

// An until is what an order waits for beyond its own outcome.
type until struct{ words []string }

func (u *until) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&u.words, "until", nil, "answer when that is so, too: a condition of velos wait, such as port, port=3000 or log=/re/; within 50s, or --timeout")
}

func (u *until) conditions(order string, noWait bool) ([]verb.Condition, error) {
	if noWait && len(u.words) > 0 {
		return nil, invalid(order+": --until waits, and --no-wait does not", "leave one of them out")
	}
	var list []verb.Condition
	for _, w := range u.words {
		c, err := verb.ParseCondition(w)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// until waits for the first of conditions after an order about an app, which
// it returns as it is then, with how that could be told.
func (s *session) until(ctx context.Context, what string, a *velos.App, list []verb.Condition) (*velos.App, string, error) {
	if len(list) == 0 || a == nil {
		return a, "", nil
	}
	if _, limited := ctx.Deadline(); !limited {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, untilWithin)
		defer stop()
	}
	got, err := verb.Wait{Apps: []velos.App{*a}, Until: list}.Do(ctx, s.conn)
	if err != nil {
		return a, "", err
	}
	o := &got[0]
	if o.Outcome == verb.Met {
		return &o.App, o.By, nil
	}
	wanted := make([]string, len(list))
	for i := range list {
		wanted[i] = list[i].Text
	}
	e := &velos.Error{Code: velos.Failed, Message: what + " " + a.Spec.Name + ": " + strings.ReplaceAll(o.Outcome, "_", " ") + " before it came to --until " + strings.Join(wanted, " or ")}
	switch o.Outcome {
	case verb.Crashed, verb.Ended:
		e.Code, e.Hint = velos.Crashed, "velos why "+a.Spec.Name
	case verb.TimedOut:
		e.Code, e.Hint = velos.Timeout, "the order stands; velos logs "+a.Spec.Name+" shows what it is doing"
	}
	return a, "", e
}
