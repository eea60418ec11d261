package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/search"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// seekFlags are the flags of logs that look through all that is kept.
type seekFlags struct {
	fold, plain, newest, reverse bool
	before, after, context       int
	around, cursor, size         string
	limit                        int

	bytes int64 // of size
}

// usualContext is how much --around shows on either side.
const usualContext = 20

func (o *seekFlags) flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.fold, "ignore-case", "i", false, "--grep in any case")
	f.BoolVarP(&o.plain, "fixed", "F", false, "--grep is plain text, not an expression")
	f.IntVarP(&o.before, "before-context", "B", 0, "so many lines before each match")
	f.IntVarP(&o.after, "after-context", "A", 0, "so many lines after each match")
	f.IntVarP(&o.context, "context", "C", 0, "so many lines on either side")
	f.StringVar(&o.around, "around", "", "lines before and after this moment (20 each, or -A, -B, -C)")
	f.BoolVar(&o.newest, "newest", false, "newest first")
	f.BoolVar(&o.reverse, "reverse", false, "the same as --newest")
	f.IntVar(&o.limit, "limit", 0, "end after so many matches, and say how to go on")
	f.StringVar(&o.size, "max-bytes", "", "end after so much text, such as 64K")
	f.StringVar(&o.cursor, "cursor", "", "go on behind an answer that ended early")
}

// pattern is what --grep asks for; nil is nothing.
func (o *logFlags) pattern() (*search.Pattern, error) {
	if o.grep == "" {
		return nil, nil
	}
	p, err := search.Compile(o.grep, o.seek.plain, o.seek.fold)
	var e *velos.Error
	if errors.As(err, &e) {
		return nil, invalid("--grep: "+e.Message, e.Hint+", -F all of them")
	}
	return p, err
}

// seeks reports whether all that is kept is to be looked through.
func (o *logFlags) seeks(follow bool) bool { return !follow && (o.grep != "" || o.seek.asked()) }

// asked reports whether there is a flag that only a search understands.
func (o *seekFlags) asked() bool {
	return o.newest || o.reverse || o.before > 0 || o.after > 0 || o.context > 0 || o.around != "" || o.cursor != "" || o.size != "" || o.limit > 0
}

// bounded reports whether there is a bound or a beginning of its own, so that
// the usual number of lines is none.
func (o *seekFlags) bounded() bool { return o.limit > 0 || o.size != "" || o.cursor != "" }

// check refuses what does not go together.
func (o *seekFlags) check(f *pflag.FlagSet, l *logFlags) (err error) {
	for name, n := range map[string]int{"-A": o.after, "-B": o.before, "-C": o.context, "--limit": o.limit} {
		if n < 0 {
			return invalid(name+": must not be negative", "such as "+name+" 3")
		}
	}
	if f.Changed("limit") && o.limit == 0 {
		return invalid("--limit: must be above 0", "such as --limit 100")
	}
	if o.size != "" {
		if o.bytes, err = config.Size(o.size); err != nil || o.bytes == 0 {
			return invalid("--max-bytes: "+quote(o.size)+" is no size", "such as --max-bytes 64K")
		}
	}
	switch {
	case (o.fold || o.plain) && l.grep == "":
		return invalid("-i and -F say how --grep is meant", "such as --grep timeout -i")
	case (o.before > 0 || o.after > 0 || o.context > 0) && l.grep == "" && l.level == "" && o.around == "":
		return invalid("logs: -A, -B and -C show what is around a match", "such as --grep timeout -C 3, --level error -C 3, --around 12:34 -C 10")
	case l.follow && !l.noStream && o.asked():
		return invalid("logs: -f shows lines as they come; a search ends", "leave -f out")
	case f.Changed("lines") && (o.limit > 0 || o.cursor != ""):
		return invalid("logs: -n is the newest lines, oldest of them first; it does not go with --limit and --cursor", "one or the other; --newest --limit N begins with the newest")
	case o.around != "" && (l.since != "" || l.until != "" || l.last != "" || o.cursor != "" || o.limit > 0 || o.size != "" || o.newest || o.reverse || f.Changed("lines")):
		return invalid("--around: it is a time and a number of lines already", "use -A, -B and -C; --level, --grep, --out and --err go with it")
	}
	if o.newest = o.newest || o.reverse; o.context > 0 {
		o.before, o.after = max(o.before, o.context), max(o.after, o.context)
	}
	return nil
}

// seek shows what is found in all that is kept.
func (s *session) seek(ctx context.Context, apps []velos.App, o *logFlags, l *logQuery, p *search.Pattern) error {
	queries := make([]search.Query, len(apps))
	for i, q := range l.queries {
		queries[i] = search.Query{Inst: q.Inst, Src: q.Src, Level: q.Level, Since: q.Since, Until: q.Until, After: q.After,
			Pattern: p, Lead: o.seek.before, Trail: o.seek.after, Newest: o.seek.newest}
		if q.Since > 0 && q.Until > 0 && q.Since >= q.Until {
			return invalid("logs: --since is not before --until", "there is nothing between them")
		}
	}
	l.o.Options = s.options()
	l.o.Paged = o.seek.bounded()
	l.o.Groups = o.seek.before+o.seek.after > 0
	if err := s.veiled(ctx, apps, l); err != nil {
		return err
	}
	for i := range queries {
		if v := l.o.Veils[apps[i].ID]; v != nil && p != nil { // what is hidden cannot be asked for, letter by letter
			queries[i].Keep = func(e *velos.Entry) bool { return p.Match(v.Alone(e)) }
		}
	}
	out := view.NewEntries(s.Out, apps, l.o)
	if o.seek.around != "" {
		return s.around(ctx, apps, queries, o, out)
	}
	find := &verb.Search{Apps: apps, Queries: queries, Cursor: o.seek.cursor, Lines: o.seek.limit, Bytes: o.seek.bytes}
	if l.none {
		return out.Close()
	}
	for i := range l.missed {
		out.Add(&l.missed[i])
	}
	if l.last == 0 || o.seek.newest && l.last > 0 && find.Lines == 0 {
		if l.last > 0 {
			find.Lines = l.last
		}
		if err := s.found(ctx, find, out, func(h *search.Hit) { add(out, h) }); err != nil {
			out.Flush()
			return err
		}
		if next := find.Next(); next != "" && l.o.Paged {
			if s.human() {
				s.notice("there may be more: the same command with --cursor ", quote(next))
			}
			return out.CloseWith(next)
		}
		return out.Close()
	}
	// The newest so many, the oldest of them first.
	list, err := s.newest(ctx, find, l.last)
	if err != nil {
		return err
	}
	for i := range list {
		add(out, &list[i])
	}
	return out.Close()
}

func add(out *view.Entries, h *search.Hit) {
	if h.Context {
		out.AddBeside(&h.Entry)
	} else {
		out.Add(&h.Entry)
	}
}

// newest is the newest n that are found, oldest of them first.
func (s *session) newest(ctx context.Context, find *verb.Search, n int) (list []search.Hit, err error) {
	find.Lines = n
	for i := range find.Queries {
		find.Queries[i].Newest = true
	}
	err = s.found(ctx, find, nil, func(h *search.Hit) { list = append(list, *h) })
	slices.Reverse(list)
	return list, err
}

// around shows what stands before and after a moment.
func (s *session) around(ctx context.Context, apps []velos.App, queries []search.Query, o *logFlags, out *view.Entries) error {
	when, err := moment(o.seek.around, s.Now(), s.Loc)
	if err != nil {
		return err
	}
	before, after := o.seek.before, o.seek.after
	if before == 0 && after == 0 {
		before, after = usualContext, usualContext
	}
	for i := range apps {
		if apps[i].Spec.LogRaw {
			return &velos.Error{Code: velos.Unsupported, Message: "--around: " + apps[i].Spec.Name + " has log_raw, which keeps no times", Hint: "search for what the program wrote itself: --grep '12:34'"}
		}
	}
	for i := range queries {
		queries[i].Lead, queries[i].Trail, queries[i].Until = 0, 0, when
	}
	if before > 0 {
		list, err := s.newest(ctx, &verb.Search{Apps: apps, Queries: slices.Clone(queries)}, before)
		if err != nil {
			return err
		}
		for i := range list {
			add(out, &list[i])
		}
	}
	for i := range queries {
		queries[i].Since, queries[i].Until = when, 0
	}
	if after > 0 {
		err = s.found(ctx, &verb.Search{Apps: apps, Queries: queries, Lines: after}, out, func(h *search.Hit) { add(out, h) })
	}
	if err != nil {
		return err
	}
	return out.Close()
}

// found hands over what a search finds, and tells of it meanwhile. What was
// written to out is shown now and then.
func (s *session) found(ctx context.Context, find *verb.Search, out *view.Entries, give func(*search.Hit)) error {
	p := s.searching(out)
	defer p.end()
	find.Watch = search.Watch{Progress: p.tell, Warn: func(text string) { p.end(); s.notice("passed over: ", text) }}
	if err := find.Open(ctx, s.conn); err != nil {
		return err
	}
	defer find.Close()
	for h, err := range find.All(ctx) {
		if err != nil {
			return err
		}
		p.end()
		give(&h)
	}
	return nil
}

// A searchLine tells on stderr how far a long search has come.
type searchLine struct {
	s     *session      // nil: nobody watches
	out   *view.Entries // nil: nothing is shown before the end
	began time.Time
	last  time.Time
	shown bool
}

const (
	longSearch  = time.Second
	searchBeats = 200 * time.Millisecond
)

// searching is silent where nobody watches.
func (s *session) searching(out *view.Entries) *searchLine {
	now := time.Now()
	p := &searchLine{began: now, last: now, out: out}
	if s.ErrTTY && s.human() && !s.silent {
		p.s = s
	}
	return p
}

func (p *searchLine) tell(done, total int64) {
	now := time.Now()
	if now.Sub(p.last) < searchBeats {
		return
	}
	if p.last = now; p.out != nil {
		_ = p.out.Flush() // the end flushes again, and says what is wrong
	}
	if p.s == nil || now.Sub(p.began) < longSearch || total <= 0 {
		return
	}
	p.shown = true
	io.WriteString(p.s.Err, "\r\x1b[Kvelos: searched "+strconv.FormatInt(100*done/total, 10)+"% of "+strconv.FormatInt(total>>20, 10)+" MB")
}

// end takes the line away.
func (p *searchLine) end() {
	if p.shown {
		io.WriteString(p.s.Err, "\r\x1b[K")
		p.shown = false
	}
}
