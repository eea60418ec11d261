package verb

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/search"
)

// A Search looks for lines of apps in all that is kept of them.
type Search struct {
	Apps    []velos.App
	Queries []search.Query // one for each app
	Cursor  string         // of an earlier answer: go on right behind it
	Watch   search.Watch
	Lines   int   // matches; 0 is no bound
	Bytes   int64 // of messages; 0 is no bound

	logs  []*search.Log
	asks  []search.Ask
	whole bool // all was looked at
	raw   bool // there are lines without numbers: no cursor leads to them
}

// Open finds the files and opens them. Where they belong to somebody else, or
// hold no times and numbers to search by, the daemon is asked for lines
// instead, which is slower.
func (s *Search) Open(ctx context.Context, conn *client.Client) error {
	marks, err := s.marks()
	if err != nil {
		return err
	}
	for i := range s.Apps {
		a, q := &s.Apps[i], &s.Queries[i]
		if line, ok := marks[a.ID]; ok && q.Newest {
			q.To = line
		} else if ok {
			q.After = max(q.After, line)
		}
		log, err := s.files(ctx, conn, a, q)
		if err != nil {
			s.Close()
			return err
		}
		ask := search.Ask{Log: log, Query: *q}
		if log == nil {
			ask.Else = streamed(ctx, conn, a.ID, q)
		} else {
			s.logs = append(s.logs, log)
		}
		s.asks = append(s.asks, ask)
	}
	return nil
}

// Close gives the files back.
func (s *Search) Close() {
	for _, l := range s.logs {
		l.Close()
	}
}

// mostMoves is how often files may be rotated between listing and opening.
const mostMoves = 5

// files opens an app's files; nil when the daemon has to be asked.
func (s *Search) files(ctx context.Context, conn *client.Client, a *velos.App, q *search.Query) (*search.Log, error) {
	for try := 1; ; try++ {
		have, err := conn.LogFiles(ctx, a.ID)
		if velos.CodeOf(err) == velos.Unsupported {
			return nil, nil // a daemon that is older than this program
		}
		if err != nil {
			return nil, err
		}
		if q.Newest && q.To == 0 {
			q.To = have.Seq + 1 // so that a cursor never leads to what came later
		}
		files, raw := make([]search.File, len(have.Files)), false
		for i, f := range have.Files {
			files[i] = search.File(f)
			raw = raw || f.Raw
		}
		s.raw = s.raw || raw
		if raw && (q.Since > 0 || q.Until > 0 || q.Inst >= 0) {
			return nil, nil // the daemon knows at least when the newest lines came, and of whom
		}
		if raw {
			q.To, q.After = 0, 0
		}
		log, err := search.Open(a.ID, files)
		switch {
		case errors.Is(err, search.ErrMoved) && try < mostMoves:
			continue
		case errors.Is(err, search.ErrMoved), errors.Is(err, fs.ErrPermission):
			return nil, nil
		case err != nil:
			return nil, &velos.Error{Code: velos.CodeOf(err), Message: "search the logs of " + a.Spec.Name + ": " + err.Error(), Cause: err}
		}
		if have.Memory && !raw {
			if err := s.memory(ctx, conn, log, have.Seq); err != nil {
				log.Close()
				return nil, err
			}
		}
		return log, nil
	}
}

// mostRemembered is how many of the newest lines may be in the daemon's memory
// only, more or less.
const mostRemembered = 2000

// memory adds the newest lines as the daemon has them: a file took none of
// late. Those that are in files as well are found once.
func (s *Search) memory(ctx context.Context, conn *client.Client, log *search.Log, newest uint64) error {
	var tail []velos.Entry
	for e, err := range conn.Logs(ctx, log.ID, velos.Query{Inst: -1, After: newest - min(newest, mostRemembered)}) {
		if err != nil {
			return err
		}
		if e.Missed == 0 {
			e.Msg = bytes.Clone(e.Msg)
			tail = append(tail, e)
		}
	}
	log.Remember(tail)
	return nil
}

// All yields what is found, within the bounds: it looks no further than it has
// to.
func (s *Search) All(ctx context.Context) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		last := map[uint32]uint64{}
		defer func() { s.remember(last) }()
		lines, size, left := 0, int64(0), 0
		s.whole = false
		for h, err := range search.Find(ctx, s.asks, s.Watch) {
			if err != nil {
				yield(h, err)
				return
			}
			full := s.Lines > 0 && lines >= s.Lines || s.Bytes > 0 && size >= s.Bytes
			if full && (!h.Context || left == 0) {
				return
			}
			size += int64(len(h.Msg))
			if left--; !h.Context {
				lines++
				last[h.App], left = h.Seq, s.trail(h.App)
				full = s.Lines > 0 && lines >= s.Lines || s.Bytes > 0 && size >= s.Bytes
			}
			if !yield(h, nil) || full && left <= 0 {
				return
			}
		}
		s.whole = true
	}
}

// trail is how many lines of context come behind a match.
func (s *Search) trail(id uint32) int {
	i := slices.IndexFunc(s.Apps, func(a velos.App) bool { return a.ID == id })
	if q := &s.Queries[i]; q.Newest {
		return q.Lead
	}
	return s.Queries[i].Trail
}

// remember keeps where to go on.
func (s *Search) remember(last map[uint32]uint64) {
	for i := range s.asks {
		q := &s.asks[i].Query
		if seq, ok := last[s.Apps[i].ID]; ok && q.Newest {
			q.To = seq
		} else if ok {
			q.After = seq
		}
	}
}

// Next is the cursor behind what All has yielded, when it met a bound. Empty:
// there is no more, or the lines have no numbers.
func (s *Search) Next() string {
	if s.whole || s.raw {
		return ""
	}
	var list []string
	for i := range s.asks {
		q, a := &s.asks[i].Query, &s.Apps[i]
		line := q.After
		if q.Newest {
			line = q.To
		}
		list = append(list, Cursor{App: a.Spec.Name, Line: line, ID: a.ID}.String())
	}
	return strings.Join(list, ",")
}

// marks reads the cursor: a line for each app that is in it.
func (s *Search) marks() (map[uint32]uint64, error) {
	marks := map[uint32]uint64{}
	if s.Cursor == "" {
		return marks, nil
	}
	text := ""
	for part := range strings.SplitSeq(s.Cursor, ",") {
		if text += part; !strings.Contains(part, "#") {
			text += "," // it was part of a name
			continue
		}
		c, err := ParseCursor(text)
		if err != nil {
			return nil, err
		}
		text = ""
		i := slices.IndexFunc(s.Apps, func(a velos.App) bool { return a.ID == c.ID || c.ID == 0 && a.Spec.Name == c.App })
		if i < 0 {
			return nil, &velos.Error{Code: velos.Invalid, Message: "cursor: it is of " + c.App + ", which is not looked at", Hint: "repeat the names that the earlier search had"}
		}
		marks[s.Apps[i].ID] = c.Line
	}
	if text != "" {
		return nil, badCursor(s.Cursor)
	}
	return marks, nil
}

// mostHeld is how many matches are held where the daemon gives the oldest
// first and the newest are wanted first.
const mostHeld = 100_000

// streamed asks the daemon for lines and matches them here.
func streamed(ctx context.Context, conn *client.Client, id uint32, q *search.Query) iter.Seq2[search.Hit, error] {
	ask := velos.Query{Inst: q.Inst, Src: q.Src, After: q.After}
	if q.Lead == 0 && q.Trail == 0 {
		ask.Level, ask.Since, ask.Until = q.Level, q.Since, q.Until
		if q.Pattern != nil {
			ask.Grep = q.Pattern.Literal()
		}
	} else if q.After > 0 {
		ask.After -= min(q.After, uint64(q.Lead))
	}
	found := around(conn.Logs(ctx, id, ask), q)
	if !q.Newest {
		return found
	}
	return func(yield func(search.Hit, error) bool) {
		var held []search.Hit
		for h, err := range found {
			if err != nil {
				yield(h, err)
				return
			}
			if held = append(held, h); len(held) > 2*mostHeld {
				held = append(held[:0], held[mostHeld:]...)
			}
		}
		for i := len(held) - 1; i >= 0; i-- {
			if !yield(held[i], nil) {
				return
			}
		}
	}
}

// around yields the lines of a stream that match, with their context.
func around(lines iter.Seq2[velos.Entry, error], q *search.Query) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		var before []velos.Entry
		behind := 0
		for e, err := range lines {
			if err != nil {
				yield(search.Hit{}, err)
				return
			}
			if e.Missed > 0 {
				continue
			}
			e.Msg = bytes.Clone(e.Msg)
			switch {
			case q.Matches(&e):
				for i := range before {
					if !yield(search.Hit{Entry: before[i], Context: true}, nil) {
						return
					}
				}
				before, behind = before[:0], q.Trail
				if !yield(search.Hit{Entry: e}, nil) {
					return
				}
			case behind > 0:
				behind--
				if !yield(search.Hit{Entry: e, Context: true}, nil) {
					return
				}
			case q.Lead > 0:
				if before = append(before, e); len(before) > q.Lead {
					before = before[1:]
				}
			}
		}
	}
}
