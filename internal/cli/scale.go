package cli

import (
	"context"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

const scaleLong = `Changes how many instances an app has: to a number, by +N or -N, or to max, one for each core. New ones must
become ready; those that are too many finish their connections and go, the highest number first.

    velos scale api 4
    velos scale api +2
    velos scale api -1
    velos scale api max
` + targetsHelp

func setupScale(s *session, f *pflag.FlagSet) handler {
	w := waiting{}
	f.StringVar(&w.timeout, "timeout", "", "wait no longer than this (such as 30s), then exit with 5; the order stands")
	return func(ctx context.Context, args []string) error {
		limit, err := w.limit()
		if err != nil {
			return err
		}
		n, err := s.count(args[len(args)-1])
		if err != nil {
			return err
		}
		list, err := s.targets(ctx, "scale", args[:len(args)-1])
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			if orders[i], err = s.scaleOrder(t, n); err != nil {
				return err
			}
		}
		return s.carryOut(ctx, orders, limit)
	}
}

// count reads N, +N, -N and max.
func (s *session) count(word string) (wire.Scale, error) {
	if word == "max" {
		env, _ := s.environ() // the directory does not matter
		return wire.Scale{Count: env.Cores()}, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n > velos.MaxInstances || n < -velos.MaxInstances {
		return wire.Scale{}, invalid("scale: "+quote(word)+" is no number of instances", "such as 4, +2, -1 or max")
	}
	return wire.Scale{Count: n, By: word[0] == '+' || word[0] == '-'}, nil
}

func (s *session) scaleOrder(t target, n wire.Scale) (order, error) {
	o := t.about("scale")
	if t.inst >= 0 {
		return o, invalid("scale "+t.String()+": one instance cannot be scaled", "velos scale "+t.app.Spec.Name)
	}
	now := t.app.Spec.Instances
	then := n.Count
	if n.By {
		then += now
	}
	if then < 1 {
		return o, invalid("scale "+t.app.Spec.Name+": there would be "+strconv.Itoa(then)+" of "+strconv.Itoa(now)+" instances",
			"one is the least; velos stop "+t.app.Spec.Name+" stops it")
	}
	n.ID = t.app.ID
	o.replaces(t)
	if then == now {
		o.do = func(context.Context) (string, *velos.App, error) {
			return "has " + strconv.Itoa(now) + " already", t.app, nil
		}
		return o, nil
	}
	o.gives(s, func() verb.Order { return verb.Scaling(t.app, n) }, func(g verb.Given) string {
		if g.App != nil {
			then = g.App.Spec.Instances // somebody else may have scaled, too
		}
		return "scaled from " + strconv.Itoa(now) + " to " + strconv.Itoa(then)
	})
	return o, nil
}

var negative = regexp.MustCompile(`^-[0-9]+$`)

// negativesLast puts what looks like a flag and is a number of scale where it
// is taken for what it is: behind a --.
func negativesLast(root *cobra.Command, args []string) []string {
	if cmd, _, err := root.Find(args); err != nil || cmd.Name() != "scale" || slices.Contains(args, "--") || !slices.ContainsFunc(args, negative.MatchString) {
		return args
	}
	var words, numbers []string
	for _, a := range args {
		if negative.MatchString(a) {
			numbers = append(numbers, a)
		} else {
			words = append(words, a)
		}
	}
	return append(append(words, "--"), numbers...)
}
