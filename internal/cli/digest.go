package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/view"
)

// digestFlags are the flags of logs that ask what the lines come to.
type digestFlags struct {
	summary, dedupe, patterns, anomalies, fresh bool
	file                                        string
	similarity, sigma                           float64
}

func (d *digestFlags) flags(f *pflag.FlagSet) {
	f.BoolVar(&d.summary, "summary", false, "health, errors, patterns and anomalies on a few lines")
	f.BoolVar(&d.patterns, "patterns", false, "what is written again and again, how often, and whether it gets more")
	f.BoolVar(&d.dedupe, "dedupe", false, "fold repeats within a minute; with -f as they come")
	f.BoolVar(&d.anomalies, "anomalies", false, "minutes with unusually many lines or errors, and silences")
	f.BoolVar(&d.fresh, "new", false, "what was never written before the last start, or before --since")
	f.StringVar(&d.file, "file", "", "read this file instead of an app's log")
	f.Float64Var(&d.similarity, "similarity", digest.Similarity, "of words that messages of one pattern have in common, 0 to 1")
	f.Float64Var(&d.sigma, "sigma", digest.WarningSigma, "from which an anomaly is told; 2 tells many")
}

// asked reports whether lines are to be digested, not shown.
func (d *digestFlags) asked(args []string) bool {
	return d.summary || d.dedupe || d.patterns || d.anomalies || d.fresh || d.file != "" || len(args) == 1 && args[0] == "-"
}

// check refuses what does not go together.
func (d *digestFlags) check(o *logFlags, args []string) error {
	n := 0
	for _, asked := range []bool{d.summary, d.dedupe, d.patterns, d.anomalies, d.fresh} {
		if asked {
			n++
		}
	}
	switch {
	case n > 1:
		return invalid("logs: --summary, --patterns, --dedupe, --anomalies and --new exclude each other", "one of them at a time")
	case o.follow && !d.dedupe:
		return invalid("logs: -f shows lines as they come; only --dedupe can go with it", "leave -f out")
	case d.file != "" && len(args) > 0:
		return invalid("--file: there are names of apps, too", "one or the other")
	case o.follow && (d.file != "" || len(args) == 1 && args[0] == "-"):
		return invalid("logs: -f follows apps", "leave -f out: a stream is read to its end")
	case !(d.similarity >= 0 && d.similarity <= 1):
		return invalid("--similarity: must be between 0 and 1", "such as --similarity 0.85")
	case !(d.sigma >= 1 && d.sigma <= 20):
		return invalid("--sigma: must be between 1 and 20", "such as --sigma 3.5")
	}
	return nil
}

// A study is a question about lines.
type study struct {
	d      *digestFlags
	o      digest.Options
	period string     // in the user's words
	since  velos.Time // 0 is everything
	until  velos.Time
	whole  bool // every line counts, and so what the daemon has counted does
	view   view.Options
}

const (
	usualPeriod = velos.Time(3_600_000)
	longPeriod  = 24 * usualPeriod
	// lead is how much before the period tells what is normal.
	lead = 2 * usualPeriod
)

func (s *session) digest(ctx context.Context, f *pflag.FlagSet, o *logFlags, d *digestFlags, base velos.Query, args []string) error {
	if err := d.check(o, args); err != nil {
		return err
	}
	st := study{d: d, since: base.Since, until: base.Until, view: s.options(), whole: o.whole() && !f.Changed("lines")}
	if f.Changed("similarity") {
		st.o.Similarity = d.similarity
	}
	if f.Changed("sigma") {
		st.o.Sigma = d.sigma
	}
	foreign := d.file != "" || len(args) == 1 && args[0] == "-"
	switch {
	case o.last != "":
		st.period = "last " + o.last
	case o.since != "":
		if _, ok := age(o.since); ok && o.until == "" {
			st.period = "last " + strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(o.since, "ago")), " ")
		}
	case foreign || d.fresh || f.Changed("lines"):
	case d.anomalies:
		st.since, st.period = velos.TimeOf(s.Now())-longPeriod, "last 24h"
	default:
		st.since, st.period = velos.TimeOf(s.Now())-usualPeriod, "last 1h"
	}
	var sources []source
	var err error
	if foreign {
		sources, err = s.foreign(d.file, &st)
	} else {
		sources, err = s.sources(ctx, f, o, &st, base, args)
	}
	if err != nil {
		return err
	}
	if d.dedupe {
		return s.fold(ctx, sources, &st, o.follow)
	}
	return s.tell(sources, &st)
}

// tell answers all questions but --dedupe.
func (s *session) tell(sources []source, st *study) error {
	var sums []digest.Summary
	var patterns []view.Found[digest.Pattern]
	var episodes []view.Found[digest.Episode]
	for i := range sources {
		src := &sources[i]
		o := src.o
		if !st.d.fresh {
			o.Since = st.since
		}
		a := digest.NewAnalysis(o)
		for l, err := range src.lines {
			if err != nil {
				return err
			}
			a.Add(&l)
		}
		a.Close()
		name := src.facts.Name
		switch {
		case st.d.patterns:
			patterns = append(patterns, view.Found[digest.Pattern]{App: name, List: a.Patterns()})
		case st.d.fresh:
			patterns = append(patterns, view.Found[digest.Pattern]{App: name, List: a.NewSince(src.start)})
		case st.d.anomalies:
			list := a.Summary(src.facts, st.since, st.until).Anomalies
			episodes = append(episodes, view.Found[digest.Episode]{App: name, List: list})
		default:
			until := st.until
			if st.period != "" {
				until = st.view.Now
			}
			sums = append(sums, a.Summary(src.facts, st.since, until))
		}
	}
	switch {
	case st.d.patterns, st.d.fresh:
		return view.Patterns(s.Out, patterns, st.view)
	case st.d.anomalies:
		return view.Anomalies(s.Out, episodes, st.view)
	}
	return view.Summaries(s.Out, sums, st.period, st.view)
}

// fold shows messages with their repeats: when all is read, or as they come.
func (s *session) fold(ctx context.Context, sources []source, st *study, follow bool) error {
	names := make([]string, len(sources))
	for i := range sources {
		names[i] = sources[i].facts.Name
	}
	out := view.NewFolds(s.Out, names, follow, st.view)
	if follow {
		return s.foldLive(ctx, sources, st.since, out)
	}
	for i := range sources {
		p := newPleats(&sources[i], func(f *digest.Fold) error { return out.Add(names[i], f) })
		for l, err := range sources[i].lines {
			if err != nil {
				return err
			}
			if l.Time < st.since {
				continue
			}
			if err := p.add(&l); err != nil {
				return err
			}
		}
		if err := p.close(); err != nil {
			return err
		}
	}
	return out.Close()
}

// tick is how often what is over is looked for.
const tick = 250 * time.Millisecond

// An arrival is a line of a source, or why it has no more.
type arrival struct {
	from int
	line digest.Line
	err  error
}

// arrive hands on the lines of all sources, until all have ended.
func arrive(ctx context.Context, sources []source, since velos.Time) <-chan arrival {
	out := make(chan arrival, 256)
	var readers sync.WaitGroup
	for i := range sources {
		readers.Go(func() {
			for l, err := range sources[i].lines {
				if err == nil && l.Time < since {
					continue
				}
				l.Text = bytes.Clone(l.Text)
				select {
				case out <- arrival{i, l, err}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go func() {
		readers.Wait()
		close(out)
	}()
	return out
}

// foldLive shows a message when it comes, and its repeats when they are over.
func (s *session) foldLive(ctx context.Context, sources []source, since velos.Time, out *view.Folds) error {
	ctx, stop := s.whileRead(ctx)
	defer stop()
	live := make([]*pleats, len(sources))
	for i := range sources {
		live[i] = newPleats(&sources[i], func(f *digest.Fold) error { return out.Add(sources[i].facts.Name, f) })
		live[i].live = true
	}
	arrivals := arrive(ctx, sources, since)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		var err error
		select {
		case a, ok := <-arrivals:
			switch {
			case !ok:
				for _, p := range live {
					err = errors.Join(err, p.close())
				}
				return err
			case a.err != nil:
				err = a.err
			default:
				err = live[a.from].add(&a.line)
			}
		case <-t.C:
			for _, p := range live {
				err = errors.Join(err, p.expire(velos.TimeOf(s.Now())))
			}
		}
		if err != nil {
			return err
		}
	}
}
