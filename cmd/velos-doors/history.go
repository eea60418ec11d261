package main

import (
	"context"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cli"
	"github.com/velospm/velos/internal/history"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
)

func record(ctx context.Context, r cli.Recording) error {
	return history.Run(ctx, history.Options{Dial: r.Dial, Home: r.Home, Every: r.Config.Interval, Notice: r.Notice, Now: r.Now,
		Keep: history.Keep{Samples: r.Config.Samples, Minutes: r.Config.Minutes, Hours: r.Config.Hours}})
}

func askAll(ctx context.Context, h home.Home, p view.Past) (all map[string][]velos.Point, err error) {
	err = reading(h, func(r *history.Reader) error {
		all, err = r.All(ctx, history.Question{Inst: p.Inst, Since: p.Since, Until: p.Until, Step: p.Step.Std()})
		return err
	})
	return all, err
}

func ask(ctx context.Context, h home.Home, p *view.Past) error {
	return reading(h, func(r *history.Reader) (err error) {
		p.Points, err = r.Query(ctx, history.Question{App: p.Name, Inst: p.Inst, Since: p.Since, Until: p.Until, Step: p.Step.Std()})
		return err
	})
}

func recent(ctx context.Context, h home.Home, q *view.Past) (pasts []view.Past, err error) {
	err = reading(h, func(r *history.Reader) error {
		list, err := r.Recent(ctx, q.Since, q.Until, q.Step.Std())
		pasts = make([]view.Past, len(list))
		for i, x := range list {
			pasts[i] = view.Past{Name: x.App, Inst: x.Inst, Since: q.Since, Until: q.Until, Step: q.Step, Points: x.Points}
		}
		return err
	})
	return pasts, err
}

// reading opens what was recorded for one question.
func reading(h home.Home, question func(*history.Reader) error) error {
	r, err := history.Open(history.Path(h))
	if err != nil {
		return err
	}
	defer r.Close()
	return question(r)
}
