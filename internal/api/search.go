package api

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/guard"
	"github.com/velospm/velos/internal/search"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const (
	// mostFound bounds the text of an answer, whatever the number of its lines.
	mostFound = 16 << 20
	// searchWithin is how long a search may take: all that is kept may be much.
	searchWithin = guard.AnswerWithin
)

// A hunt is a search in the logs of several apps.
type hunt struct {
	apps  []velos.App
	find  verb.Search
	paged bool // from one end, with a cursor; else the newest so many, the oldest of them first
	veils map[uint32]*view.Veil
	notes []string
}

// found searches as the commands do: in live files and in those that were
// rotated and compressed. All that searches is in here.
func (q *request) found(ctx context.Context, h *hunt) (list []search.Hit, next string, err error) {
	h.find.Watch.Warn = func(text string) { h.notes = append(h.notes, text) }
	if err := h.find.Open(ctx, q.c); err != nil {
		return nil, "", err
	}
	defer h.find.Close()
	for hit, err := range h.find.All(ctx) {
		if err != nil {
			return nil, "", err
		}
		list = append(list, hit)
	}
	if !h.paged {
		slices.Reverse(list)
		return list, "", nil
	}
	return list, h.find.Next(), nil
}

// hunt reads what is looked for.
func (q *request) hunt() (*hunt, error) {
	v := q.query()
	l, most := v.logs(-1), v.number("limit", 0, mostLines)
	h := &hunt{paged: v.values.Has("limit") || v.values.Has("cursor")}
	newest := v.truth("newest")
	text := v.values.Get("q")
	switch {
	case v.err != nil:
		return nil, v.err
	case text == "":
		return nil, invalid("q: what is looked for?", "such as ?q=timeout")
	case h.paged && v.values.Has("lines"):
		return nil, invalid("lines: that is the newest lines, oldest of them first; it does not go with limit and cursor", "one or the other")
	case v.values.Has("limit") && most == 0:
		return nil, invalid("limit: must be from 1 to "+strconv.Itoa(mostLines), "")
	case newest && !h.paged:
		return nil, invalid("newest: it is the order of an answer with limit", "such as ?q=timeout&limit=100&newest=true")
	case l.Since > 0 && l.Until > 0 && l.Since >= l.Until:
		return nil, invalid("since is not before until", "there is nothing between them")
	}
	pattern, err := search.Compile(text, false, false)
	var e *velos.Error
	if errors.As(err, &e) {
		return nil, invalid("q: "+view.Text(e.Message), "the expression is RE2")
	}
	if err != nil {
		return nil, err
	}
	h.find = verb.Search{Cursor: v.values.Get("cursor"), Bytes: mostFound, Lines: int(most)}
	switch {
	case !h.paged:
		h.find.Lines = l.Last
	case most == 0:
		h.find.Lines = fewLines
	}
	if h.find.Lines == 0 {
		h.find.Lines = mostLines
	}
	return h, q.searched(h, v.values.Get("app"), search.Query{Src: l.Src, Level: l.Level, Since: l.Since, Until: l.Until, Pattern: pattern, Newest: newest || !h.paged})
}

// searched has the logs of an app looked through, or those of all.
func (q *request) searched(h *hunt, name string, ask search.Query) error {
	var words []string
	if name != "" {
		words = []string{name}
	}
	list, err := q.apps(words...)
	if err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	h.veils = map[uint32]*view.Veil{}
	for _, t := range list {
		veil, err := verb.Veil(ctx, q.c, t.app)
		if err != nil {
			return err
		}
		veil.Before = verb.Before(q.r.Context(), q.c)
		one := ask
		h.veils[t.app.ID] = veil
		one.Inst = t.inst
		// What is hidden cannot be asked for, letter by letter.
		one.Keep = func(e *velos.Entry) bool { return ask.Pattern.Match(veil.Alone(e)) }
		h.apps, h.find.Queries = append(h.apps, *t.app), append(h.find.Queries, one)
	}
	h.find.Apps = h.apps
	return nil
}

// lookup answers with the lines that match.
func lookup(q *request) error {
	h, err := q.hunt()
	if err != nil {
		return err
	}
	guard.Extend(q.w, searchWithin+guard.AnswerWithin)
	ctx, stop := context.WithTimeout(q.r.Context(), searchWithin)
	defer stop()
	hits, next, err := q.found(ctx, h)
	if errors.Is(err, context.DeadlineExceeded) {
		err = &velos.Error{Code: velos.Timeout, Message: "the search was not over within " + velos.MillisOf(searchWithin).String(), Hint: "ask for one app, or for less time with since and until", Cause: err}
	}
	if err != nil {
		return err
	}
	for _, text := range h.notes {
		q.w.Header().Add("Warning", "199 velos "+strconv.QuoteToASCII("passed over: "+view.Text(text)))
	}
	return q.reply(func(w io.Writer) error {
		e := view.NewEntries(w, h.apps, view.LogOptions{Options: q.options(), Paged: h.paged, Veils: h.veils})
		for i := range hits {
			e.Add(&hits[i].Entry)
		}
		return e.CloseWith(next)
	})
}
