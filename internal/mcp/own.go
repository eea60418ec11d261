package mcp

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// mine is the word for all apps of the agent that says it, unless an app has
// this name.
const mine = "mine"

// own are the apps of the agent that asks.
func (c *call) own() ([]*velos.App, error) {
	list, err := c.conn.Own(c)
	var apps []*velos.App
	for i := range list.Apps {
		if list.Apps[i].Mine {
			apps = append(apps, &list.Apps[i])
		}
	}
	return apps, err
}

// saysMine reports whether a word is mine, and the apps that it stands for.
func (c *call) saysMine(word string) (bool, []*velos.App, error) {
	if word != mine {
		return false, nil, nil
	}
	if _, _, _, err := c.app(word); err == nil {
		return false, nil, nil
	}
	apps, err := c.own()
	return true, apps, err
}

// mostAbreast bounds the orders of one call that are under way.
const mostAbreast = 16

// An order of each.
type orderOn func(*velos.App) verb.Order

// each gives an order about every one of some apps, abreast, and says what
// came of it. What needs a person's word is asked for all of them at once.
func (c *call) each(apps []*velos.App, verb, done string, order orderOn) (answer, error) {
	ctx, stop := c.within(0, longest)
	defer stop()
	defer c.progress(plural(len(apps), "process", "processes") + " to go")()
	errs := c.abreast(ctx, apps, verb, order)
	if wait, ids := waiting(apps, errs); len(wait) > 0 {
		if c.subject == "" {
			c.subject = subject(wait)
		}
		if q := c.confirm("Allow this agent: " + verb + " " + named(wait) + "?"); q != nil {
			return answer{ask: q}, nil
		}
		if !c.answered() {
			return answer{}, needed(wait, ids, verb, errs)
		}
		yes := c.confirmed()
		for _, id := range ids {
			if _, err := c.conn.AnswerApproval(c, wire.ApprovalWord{ID: id, Allow: yes, How: wire.Elicitation}); err != nil {
				return answer{}, err
			}
		}
		if !yes {
			return answer{}, &velos.Error{Code: velos.Denied, Message: verb + " " + named(wait) + ": the user said no", Hint: "ask what to do instead"}
		}
		again := c.abreast(ctx, wait, verb, order)
		for i, a := range apps {
			if at := slices.Index(wait, a); at >= 0 {
				errs[i] = again[at]
			}
		}
	}
	if len(apps) == 0 {
		return doneOut{Success: true}.answer("nothing of yours to " + verb), nil
	}
	return outcome(apps, errs, done)
}

// abreast carries orders out, a few at a time.
func (c *call) abreast(ctx context.Context, apps []*velos.App, what string, order orderOn) []error {
	conn := c.conn // who goes on with the next daemon changes it
	errs := make([]error, len(apps))
	slots := make(chan struct{}, mostAbreast)
	var all sync.WaitGroup
	for i, a := range apps {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if _, err := order(a).Through(ctx, conn, c.goOn); err != nil {
				errs[i] = c.stands(err, what, a)
			}
		})
	}
	all.Wait()
	return errs
}

// waiting are the apps whose orders need a person's word, and its ids.
func waiting(apps []*velos.App, errs []error) (list []*velos.App, ids []string) {
	for i, err := range errs {
		var e *velos.Error
		if errors.Is(err, velos.ErrNeedsApproval) && errors.As(err, &e) && e.Approval != "" {
			list, ids = append(list, apps[i]), append(ids, e.Approval)
		}
	}
	return list, ids
}

// needed is the error of orders that a person has to allow, who cannot be asked
// here.
func needed(apps []*velos.App, ids []string, verb string, errs []error) error {
	for _, err := range errs {
		if e := (*velos.Error)(nil); errors.As(err, &e) && e.Approval == ids[0] {
			_, rule, _ := strings.Cut(e.Message, ": ")
			return &velos.Error{Code: e.Code, Message: verb + " " + named(apps) + ": " + rule, Approval: strings.Join(ids, " "),
				Hint: "ask the user to run: velos approve " + strings.Join(ids, " ") + "\nthen give the same order again within 10 minutes"}
		}
	}
	return nil
}

// outcome is what came of orders. With an error comes what was done all the
// same.
func outcome(apps []*velos.App, errs []error, done string) (answer, error) {
	var names []string
	var failed *velos.Error
	for i, a := range apps {
		if errs[i] == nil {
			names = append(names, view.Text(a.Spec.Name))
		} else if failed == nil {
			failed = &velos.Error{Code: velos.CodeOf(errs[i]), Message: errs[i].Error(), Hint: velos.HintOf(errs[i]), Cause: errs[i]}
		}
	}
	text := done + ": " + strings.Join(names, ", ")
	switch {
	case failed != nil && len(names) > 0:
		failed.Message += "; " + text
		return answer{}, failed
	case failed != nil:
		return answer{}, failed
	}
	return doneOut{Success: true}.answer(text), nil
}

// subject is what a question about some apps is about: all of them, also those
// that are not named in it.
func subject(apps []*velos.App) string { return strings.Join(descriptions(apps), ", ") }

func descriptions(apps []*velos.App) []string {
	list := make([]string, len(apps))
	for i, a := range apps {
		list[i] = described(a, -1)
	}
	return list
}

// named are the names of some apps, with what they do.
func named(apps []*velos.App) string {
	list := descriptions(apps)
	if n := len(list) - mostNamed; n > 0 {
		list = append(list[:mostNamed], strconv.Itoa(n)+" more")
	}
	return strings.Join(list, ", ")
}

// mostNamed bounds them.
const mostNamed = 40

// stopOwn stops all apps of the agent.
func (c *call) stopOwn(apps []*velos.App, dry bool) (answer, error) {
	apps = slices.DeleteFunc(apps, func(a *velos.App) bool { return a.Status == velos.Stopped })
	if dry && len(apps) > 0 {
		return doneOut{Success: true}.answer("would stop " + named(apps)), nil
	}
	return c.each(apps, "stop", "stopped", func(a *velos.App) verb.Order {
		return verb.Stopping(a, wire.Stop{Target: wire.All(a.ID), Wait: true})
	})
}

// deleteOwn forgets all apps of the agent.
func (c *call) deleteOwn(apps []*velos.App, dry bool) (answer, error) {
	if c.subject = subject(apps); len(apps) > 0 {
		if dry {
			return doneOut{Success: true}.answer("would stop and forget " + named(apps)), nil
		}
		if q := c.confirm("Stop and forget " + named(apps) + "?"); q != nil {
			return answer{ask: q}, nil
		}
		if !c.confirmed() {
			return answer{}, &velos.Error{Code: velos.Denied, Message: "delete mine: the user said no", Hint: "ask what to do instead"}
		}
	}
	return c.each(apps, "delete", "deleted", func(a *velos.App) verb.Order { return verb.Deleting(a) })
}
