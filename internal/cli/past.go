package cli

import (
	"context"
	"io"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/api"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
)

// What knows the history of figures: one app's, or what all instances took
// lately, where the question has no name. Only velos-doors sets them; in velos the
// commands that need them become velos-doors.
var (
	RecordFigures func(context.Context, Recording) error
	AskFigures    func(context.Context, home.Home, *view.Past) error                            // fills the points in
	AskAllFigures func(context.Context, home.Home, view.Past) (map[string][]velos.Point, error) // of every app, by name
	RecentFigures func(context.Context, home.Home, *view.Past) ([]view.Past, error)             // of every instance
)

// A Recording is what a recorder gets to know of the command that started it.
type Recording struct {
	Dial   func() (*client.Client, error)
	Home   home.Home
	Config config.History
	Notice func(text string)
	Now    func() time.Time
}

// record records figures beside what else goes on, and waits for its end when
// ctx has ended. That it fails is said, and is no reason to stop the rest.
func (s *session) record(ctx context.Context, dial func() (*client.Client, error)) (wait func(), err error) {
	h, err := s.home()
	if err != nil {
		return nil, err
	}
	c, err := config.ReadHistory(globalConfig(h))
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := RecordFigures(ctx, Recording{Dial: dial, Home: h, Config: c, Now: s.Now, Notice: func(text string) { s.notice(text) }})
		if err != nil {
			s.notice(err.Error(), "; nothing is recorded any more")
		}
	}()
	return func() { <-done }, nil
}

// past draws what apps took over a stretch of time until now. An app that is
// gone, or a daemon that is, has a past all the same.
func (s *session) past(ctx context.Context, words []string, span string) error {
	length, err := lengthOf("--history", span, time.Minute)
	if err != nil {
		return err
	}
	if AskFigures == nil {
		return s.handOver("velos-doors", "info --history")
	}
	h, err := s.home()
	if err != nil {
		return err
	}
	list, missing := s.targets(ctx, "info", words)
	var pasts []*view.Past
	for _, t := range list {
		pasts = append(pasts, &view.Past{Name: t.app.Spec.Name, Inst: t.inst})
	}
	if missing != nil {
		for _, w := range words {
			pasts = append(pasts, &view.Past{Name: w, Inst: -1})
		}
	}
	o := s.options()
	for i, p := range pasts {
		if err := s.fill(ctx, h, p, length, o.Columns()); err != nil {
			return err
		}
		if missing != nil && len(p.Points) == 0 {
			return missing
		}
		if i > 0 && s.human() {
			s.Out.Write([]byte("\n"))
		}
		if err := view.History(s.Out, p, o); err != nil {
			return err
		}
	}
	return nil
}

// fill asks for the points of a stretch of time until now, about so many.
func (s *session) fill(ctx context.Context, h home.Home, p *view.Past, length time.Duration, points int) error {
	p.Stretch(velos.TimeOf(s.Now()), velos.MillisOf(length), points)
	return AskFigures(ctx, h, p)
}

// apiPast answers with what an app took, or what each of several did. Of
// these a point is no shorter than a minute: single samples of all apps are
// more than anybody draws.
func (s *session) apiPast(ctx context.Context, out io.Writer, a api.Past) error {
	length, err := lengthOf("span", a.Span, time.Minute)
	if err != nil {
		return err
	}
	h, err := s.home()
	if err != nil {
		return err
	}
	p := view.Past{Name: a.App, Inst: a.Inst}
	if a.App == "" {
		p.Stretch(velos.TimeOf(s.Now()), velos.MillisOf(length), min(a.Points, max(int(length/time.Minute), 1)))
		points, err := AskAllFigures(ctx, h, p)
		if err != nil {
			return err
		}
		all := view.Pasts{Since: p.Since, Until: p.Until, Step: p.Step}
		for _, name := range a.Apps {
			all.Add(name, points[name])
		}
		return view.Histories(out, &all)
	}
	if err := s.fill(ctx, h, &p, length, a.Points); err != nil {
		return err
	}
	return view.History(out, &p, view.Options{Format: view.JSON, Now: velos.TimeOf(s.Now())})
}
