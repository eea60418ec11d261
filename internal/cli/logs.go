package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/search"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const logsLong = `Shows what apps wrote: all of them, or those named, merged in time order. Lines of stderr have a "!"
after the name. Without -f it shows the newest lines and ends. With it, apps that are added later join in where
they are meant, too, and another velosd may take over: it ends when velosd is gone and does not come back.

--since and --until take a moment (2026-01-02 15:04, RFC 3339, 15:04, Unix time) or an age (10m, 2h ago).
With --since, --last or --grep every line that matches is shown, unless -n says how many.
--json is an array, and one object a line with -f. --raw is the exact bytes: a terminal may act on them.

--grep looks through all that is kept, rotated files too. -A, -B and -C show lines around each match, --newest turns
the order round, --limit and --max-bytes end early and say with which --cursor to go on. --around shows what was
written before and after a moment.

--summary, --patterns, --dedupe, --anomalies and --new say what the lines come to (the last hour, a day of
anomalies, unless --since or --last says otherwise); docs/LOGS.md says what each figure means. "-" for the
name reads standard input instead, --file a file.` + targetsHelp

// logFlags are the flags of logs.
type logFlags struct {
	follow, out, err, raw, noNames, noStream bool
	lines                                    int
	level, grep, since, until, last, stamp   string
	seek                                     seekFlags
}

func (o *logFlags) flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with lines as they are written")
	f.BoolVar(&o.noStream, "nostream", false, "accepted: without -f it ends by itself")
	f.IntVarP(&o.lines, "lines", "n", 15, "the newest N lines")
	f.BoolVar(&o.out, "out", false, "stdout only")
	f.BoolVar(&o.err, "err", false, "stderr only")
	f.StringVar(&o.level, "level", "", "this level and above: debug, info, warn, error, fatal")
	f.StringVar(&o.grep, "grep", "", "lines that match this expression (RE2)")
	o.seek.flags(f)
	f.StringVar(&o.since, "since", "", "lines from then on, or behind a cursor of an earlier answer")
	f.StringVar(&o.until, "until", "", "lines before then")
	f.StringVar(&o.last, "last", "", "lines of this time: 5m, 2h")
	f.BoolVar(&o.raw, "raw", false, "the exact bytes, not cleaned and not masked")
	f.StringVarP(&o.stamp, "timestamp", "t", "", "show the time, in this layout if one is given (-t=LAYOUT)")
	f.Lookup("timestamp").NoOptDefVal = "%Y-%m-%d %H:%M:%S"
	f.BoolVar(&o.noNames, "no-names", false, "no name before the line")
	f.MarkHidden("nostream")
}

// whole reports that nothing narrows down which lines are meant.
func (o *logFlags) whole() bool { return o.level == "" && o.grep == "" && !o.out && !o.err }

// A logQuery is what the flags of logs come to.
type logQuery struct {
	follow  bool
	last    int // of all apps together; 0 is no bound
	none    bool
	re      *search.Pattern // nil: everything matches
	queries []velos.Query   // one for each app, without Last and Follow
	missed  []velos.Entry   // what rotation has removed behind the cursor
	o       view.LogOptions

	// again finds the apps once more, when some were added or there is another
	// daemon. Nil: follow these, and end with this daemon.
	again  func(all []velos.App) ([]velos.App, []velos.Query)
	open   bool   // apps that are added later may be meant, too
	newest uint32 // the highest id there was
}

func setupLogs(s *session, f *pflag.FlagSet) handler {
	var o logFlags
	o.flags(f)
	var d digestFlags
	d.flags(f)
	return func(ctx context.Context, args []string) error {
		base, err := o.query(s)
		if err == nil {
			err = o.seek.check(f, &o)
		}
		if err != nil {
			return err
		}
		if d.asked(args) {
			return s.digest(ctx, f, &o, &d, base, args)
		}
		if f.Changed("sigma") || f.Changed("similarity") {
			return invalid("logs: --sigma and --similarity say how lines are summed up", "such as --anomalies --sigma 2, --patterns --similarity 0.7")
		}
		l := &logQuery{follow: o.follow && !o.noStream, last: o.lines, none: o.lines == 0 && f.Changed("lines")}
		pattern, err := o.pattern()
		if err != nil {
			return err
		}
		if pattern != nil {
			base.Grep = pattern.Literal()
			if l.re = pattern; pattern.Plain() && o.raw { // the daemon has the last word where nothing is hidden
				l.re = nil
			}
		}
		if !f.Changed("lines") && (o.since != "" || o.last != "" || o.grep != "" || o.seek.bounded()) {
			l.last = 0
		}
		l.o = view.LogOptions{Raw: o.raw, Stamp: o.stamp, NoNames: o.noNames, Fold: s.rows && !l.follow}
		all, err := s.apps(ctx)
		if err != nil {
			return err
		}
		list, err := s.meant(all, args)
		if velos.CodeOf(err) == velos.NotFound && l.follow && !slices.ContainsFunc(args, func(w string) bool { return !s.plural(all, w) }) {
			list, err = s.stillMeant(all, args), nil
			if len(list) == 0 {
				s.notice("no app is meant yet; waiting for one")
			}
		}
		if err != nil && o.stamp != "" {
			return stampError(err, args)
		}
		if err != nil {
			return err
		}
		var apps []velos.App
		apps, l.queries = spread(list, base)
		if err := s.behind(ctx, o.since, apps, l); err != nil {
			return err
		}
		for i := range all {
			l.newest = max(l.newest, all[i].ID)
		}
		l.open = len(args) == 0 || slices.ContainsFunc(args, func(w string) bool { return s.plural(all, w) })
		l.again = func(all []velos.App) ([]velos.App, []velos.Query) { return spread(s.stillMeant(all, args), base) }
		if o.seeks(l.follow) {
			return s.seek(ctx, apps, &o, l, pattern)
		}
		return s.showLogs(ctx, apps, l)
	}
}

// behind has each query begin at the cursor, if since is one, and counts what
// rotation has removed behind it. A cursor of a former app of that name stands at
// the beginning.
func (s *session) behind(ctx context.Context, since string, apps []velos.App, l *logQuery) error {
	if !strings.Contains(since, "#") {
		return nil
	}
	c, err := verb.ParseCursor(since)
	if err != nil {
		return err
	}
	for i := range apps {
		a, q := &apps[i], &l.queries[i]
		if c.App != a.Spec.Name && c.ID != a.ID {
			return invalid("logs: --since: the cursor is of "+quote(c.App)+", not of "+a.Spec.Name, "velos logs "+c.App+" --since "+since)
		}
		if !c.Of(a) {
			q.After = 0
		}
		if l.last > 0 || l.none || a.Spec.LogRaw {
			continue
		}
		n, err := verb.Missed(ctx, s.conn, a, q.After)
		if err != nil {
			return err
		}
		if n > 0 {
			l.missed = append(l.missed, velos.Entry{App: a.ID, Missed: n})
		}
	}
	return nil
}

// meant is what words mean; without words, every app. There may be none yet.
func (s *session) meant(all []velos.App, words []string) ([]target, error) {
	if len(words) == 0 || len(words) == 1 && words[0] == "all" && len(all) == 0 {
		return where(all, func(*velos.App) bool { return true }), nil
	}
	return s.resolve("logs", all, words)
}

// stillMeant is meant of those words that mean something.
func (s *session) stillMeant(all []velos.App, words []string) (list []target) {
	if len(words) == 0 {
		list, _ = s.meant(all, nil)
	}
	for _, w := range words {
		if found, err := s.resolve("logs", all, []string{w}); err == nil {
			list = append(list, found...)
		}
	}
	return once(list)
}

// plural reports whether a word may mean more apps later than it does now.
func (s *session) plural(all []velos.App, word string) bool {
	if _, ok := named(all, word); ok {
		return false
	}
	return word == "all" || word == mine || strings.HasPrefix(word, "ns:") || len(inSpace(all, word)) > 0 || len(word) > 2 && word[0] == '/' && word[len(word)-1] == '/' || config.IsConfig(word)
}

// stampError: PM2 lets a layout stand behind --timestamp, here it would be
// the name of an app.
func stampError(err error, words []string) error {
	for _, w := range words {
		if strings.ContainsAny(w, "%:") && len(w) > 2 || strings.Contains(w, "YY") {
			return &velos.Error{Code: velos.CodeOf(err), Message: err.Error(), Hint: "a layout is written --timestamp=" + quote(w), Cause: err}
		}
	}
	return err
}

// query reads the flags that the daemon can answer to.
func (o *logFlags) query(s *session) (velos.Query, error) {
	q := velos.Query{Inst: -1}
	var ok bool
	var err error
	if o.lines < 0 {
		return q, invalid("-n: must not be negative", "such as -n 100")
	}
	switch {
	case o.out && !o.err:
		q.Src = velos.Stdout
	case o.err && !o.out:
		q.Src = velos.Stderr
	}
	if o.level != "" {
		if q.Level, ok = velos.ParseLevel(o.level); !ok {
			return q, invalid("--level: "+quote(o.level)+" is no level", "debug, info, warn, error or fatal")
		}
	}
	if o.last != "" {
		m, ok := age(o.last)
		if !ok || o.since != "" {
			return q, invalid("--last: "+quote(o.last)+" is no length of time, or --since is there too", "such as --last 5m; --since takes a moment")
		}
		q.Since = velos.TimeOf(s.Now()) - velos.Time(m)
	}
	if strings.Contains(o.since, "#") {
		c, err := verb.ParseCursor(o.since)
		if err != nil {
			return q, err
		}
		q.After = c.Line
	} else if o.since != "" {
		if q.Since, err = moment(o.since, s.Now(), s.Loc); err != nil {
			return q, err
		}
	}
	if o.until != "" {
		if q.Until, err = moment(o.until, s.Now(), s.Loc); err != nil {
			return q, err
		}
	}
	return q, nil
}

// spread makes one query for each app of targets. An app of which several
// instances are wanted is asked for all of them, and filtered where it is
// shown.
func spread(list []target, base velos.Query) (apps []velos.App, queries []velos.Query) {
	at := map[uint32]int{}
	for _, t := range list {
		i, ok := at[t.app.ID]
		if !ok {
			at[t.app.ID] = len(apps)
			apps = append(apps, *t.app)
			base.Inst = t.inst
			queries = append(queries, base)
			continue
		}
		if queries[i].Inst != t.inst {
			queries[i].Inst = -1
		}
	}
	return apps, queries
}

func all(apps []velos.App) []velos.Query {
	queries := make([]velos.Query, len(apps))
	for i := range queries {
		queries[i].Inst = -1
	}
	return queries
}
