package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// A source is the lines of one app, or of a file.
type source struct {
	facts digest.Facts
	start velos.Time // of what runs now, for --new
	lines iter.Seq2[digest.Line, error]

	o      digest.Options
	window velos.Millis // of repeats; 0: the default
}

// sources are those of the apps that were named, of all if none was.
func (s *session) sources(ctx context.Context, f *pflag.FlagSet, o *logFlags, st *study, base velos.Query, args []string) ([]source, error) {
	apps, err := s.apps(ctx)
	if err != nil {
		return nil, err
	}
	queries := make([]velos.Query, len(apps))
	for i := range queries {
		queries[i] = base
	}
	if len(args) > 0 {
		list, err := s.resolve("logs", apps, args)
		if err != nil {
			return nil, err
		}
		apps, queries = spread(list, base)
	}
	l := &logQuery{}
	if l.re, err = o.pattern(); err != nil {
		return nil, err
	}
	if l.re != nil {
		for i := range queries {
			queries[i].Grep = l.re.Literal()
		}
	}
	list := make([]source, len(apps))
	for i := range apps {
		a, q := &apps[i], queries[i]
		q.Since = 0
		if st.since > 0 && !st.d.fresh {
			q.Since = max(1, st.since-lead)
		}
		if f.Changed("lines") && l.re == nil {
			q.Last = o.lines
		}
		q.Follow = o.follow
		list[i] = source{start: st.since, o: st.options(&a.Spec), window: a.Spec.DedupeWindow}
		if st.whole && q.Inst < 0 && (st.d.anomalies || st.d.summary) {
			if err := s.counted(ctx, st, a, &list[i].o, &q); err != nil {
				return nil, err
			}
		}
		veil, err := s.veil(ctx, a)
		if err != nil {
			return nil, err
		}
		list[i].lines = s.linesOf(ctx, l, a, q, veil)
		if list[i].facts, err = s.factsOf(ctx, a, st.since); err != nil {
			return nil, err
		}
		for k := range a.Instances {
			if o.since == "" && o.last == "" {
				list[i].start = max(list[i].start, a.Instances[k].Started)
			}
		}
	}
	return list, nil
}

// options are how an app's lines are to be read, flags going before its own
// settings.
func (st *study) options(spec *velos.Spec) digest.Options {
	o := verb.Reading(spec)
	if st.o.Similarity > 0 {
		o.Similarity = st.o.Similarity
	}
	if st.o.Sigma > 0 {
		o.Sigma = st.o.Sigma
	}
	return o
}

// counted takes what the daemon has counted for what is normal. Where nothing
// but anomalies is asked for, only the lines of before it was counted are
// read.
func (s *session) counted(ctx context.Context, st *study, a *velos.App, o *digest.Options, q *velos.Query) error {
	since := velos.Time(0)
	if st.since > 0 {
		since = max(1, st.since-verb.Remembered)
	}
	if err := verb.Counted(ctx, s.conn, a, o, since, st.until, velos.TimeOf(s.Now())); err != nil || len(o.Minutes) == 0 {
		return err
	}
	if first := o.Minutes[0].Time; st.d.anomalies && (q.Until == 0 || first < q.Until) {
		q.Until = first
	}
	return nil
}

// linesOf are an app's lines without its secrets.
func (s *session) linesOf(ctx context.Context, l *logQuery, a *velos.App, q velos.Query, veil *view.Veil) iter.Seq2[digest.Line, error] {
	return func(yield func(digest.Line, error) bool) {
		var after uint64
		cut := map[uint64]bool{} // streams of which the line goes on
		lines := s.conn.Logs(ctx, a.ID, q)
		if q.Follow {
			lines = verb.NewCover(veil, s.conn, a).Over(ctx, lines)
		}
		for e, err := range l.matching(lines, &after, veil) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					yield(digest.Line{}, err)
				}
				return
			}
			from := uint64(e.Inst)<<2 | uint64(e.Src)
			goesOn := cut[from]
			cut[from] = e.More
			text := veil.Hide(&e) // also of what is left out: it is what the next goes on with
			if e.Missed > 0 || goesOn {
				continue
			}
			if !yield(digest.Line{Time: e.Time, Level: e.Level, From: from, Text: text}, nil) {
				return
			}
		}
	}
}

// factsOf asks how an app fared since a time.
func (s *session) factsOf(ctx context.Context, a *velos.App, since velos.Time) (digest.Facts, error) {
	f := digest.Facts{Name: a.Spec.Name}
	wanted := false
	f.Offline = true
	for i := range a.Instances {
		in := &a.Instances[i]
		wanted = wanted || in.Wanted
		if in.Status == velos.Online {
			f.Offline = false
		}
	}
	f.Offline = f.Offline && wanted
	for e, err := range s.conn.Events(ctx, wire.EventsQuery{ID: a.ID, Since: since}) {
		if err != nil {
			return f, err
		}
		if e.Kind == velos.KindExit && e.Exit != nil && !e.Exit.Asked {
			f.Restarts++
			f.LastRestart = e.Time
		}
	}
	return f, nil
}

// foreign is a file, or standard input.
func (s *session) foreign(file string, st *study) ([]source, error) {
	name, in := "-", s.In
	src := source{start: st.since, o: st.o}
	if st.d.fresh && st.since == 0 {
		return nil, invalid("--new: since when?", "a file does not say when its program was started: --since 15:04")
	}
	if file != "" {
		name = filepath.Base(file)
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		r, err := os.Open(path)
		if err != nil {
			return nil, &velos.Error{Code: velos.NotFound, Message: "logs: " + err.Error(), Cause: err}
		}
		in = r
	}
	if in == nil {
		in = strings.NewReader("")
	}
	src.facts.Name = name
	now := velos.TimeOf(s.Now())
	src.lines = func(yield func(digest.Line, error) bool) {
		if c, ok := in.(io.Closer); ok && file != "" {
			defer c.Close()
		}
		r, err := plainText(in, file)
		if err == nil {
			err = eachLine(r, s.Loc, now, st, yield)
		}
		if err != nil {
			yield(digest.Line{}, &velos.Error{Code: velos.Failed, Message: "logs: read " + name + ": " + err.Error(), Cause: err})
		}
	}
	return []source{src}, nil
}

// plainText decompresses what a rotated file holds.
func plainText(in io.Reader, file string) (io.Reader, error) {
	if !strings.HasSuffix(file, packed) {
		return in, nil
	}
	return zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
}

// widest is how much of a line is read; the rest of it is skipped.
const widest = 64 << 10

// eachLine reads lines that anybody wrote. Their time is the one they say, or
// that of the line before them.
func eachLine(in io.Reader, loc *time.Location, now velos.Time, st *study, yield func(digest.Line, error) bool) error {
	r := bufio.NewReaderSize(in, widest)
	var at velos.Time
	for {
		text, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // the buffer is used again for the rest
			text = bytes.Clone(text)
			for err == bufio.ErrBufferFull {
				_, err = r.ReadSlice('\n')
			}
		}
		if len(text) > 0 {
			l := lineOf(bytes.TrimSuffix(text, []byte("\n")), loc, now)
			if l.Time == 0 {
				l.Time = at
			}
			at = l.Time
			if (st.until == 0 || at < st.until) && (st.since == 0 || st.d.fresh || at >= st.since-lead) && !yield(l, nil) {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ownLine is a line of a file that velosd wrote.
type ownLine struct {
	Time  velos.Time `json:"ts"`
	Level string     `json:"lvl"`
	PID   *int       `json:"pid"`
	Msg   *string    `json:"msg"`
	Src   string     `json:"src"`
	Inst  int        `json:"inst"`
}

func lineOf(text []byte, loc *time.Location, now velos.Time) digest.Line {
	if bytes.HasPrefix(text, []byte(`{"ts":`)) {
		var o ownLine
		if json.Unmarshal(text, &o) == nil && o.Msg != nil && o.PID != nil && o.Src != "" {
			l, _ := velos.ParseLevel(o.Level)
			from := uint64(o.Inst) << 2
			if o.Src == velos.Stderr.String() {
				from++
			}
			return digest.Line{Time: o.Time, Level: l, From: from, Text: []byte(*o.Msg)}
		}
	}
	at, _ := digest.When(text, loc, now)
	return digest.Line{Time: at, Text: text}
}
