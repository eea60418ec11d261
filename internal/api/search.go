package api

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A hunt is a search in the logs of several apps.
type hunt struct {
	re    *regexp.Regexp
	query velos.Query // with the text that every match has
	most  int         // the newest so many
}

// found are the newest lines that match, the oldest first. All that searches
// is in here.
func (h *hunt) found(ctx context.Context, c *client.Client, list []target) ([]velos.Entry, error) {
	var all []velos.Entry
	for _, t := range list {
		q := h.query
		q.Inst = t.inst
		mask := view.MaskOf(t.app)
		first := len(all)
		for e, err := range c.Logs(ctx, t.app.ID, q) {
			if err != nil {
				return nil, err
			}
			// What is hidden cannot be asked for, letter by letter.
			if e.Missed > 0 || !h.re.Match(mask.Bytes(e.Msg)) {
				continue
			}
			e.Msg = bytes.Clone(e.Msg)
			if all = append(all, e); len(all)-first > 2*h.most {
				all = append(all[:first], all[len(all)-h.most:]...)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b velos.Entry) int { return int(a.Time - b.Time) })
	return all[max(0, len(all)-h.most):], nil
}

func search(q *request) error {
	v := q.query("q", "app", "since", "until", "lines", "src", "level")
	l := v.logs(-1)
	if v.err != nil {
		return v.err
	}
	text := v.values.Get("q")
	if text == "" {
		return invalid("q: what is looked for?", "such as ?q=timeout")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return invalid("q: "+view.Text(err.Error()), "the expression is RE2")
	}
	h := hunt{re: re, query: l, most: l.Last}
	h.query.Last = 0
	if tree, err := syntax.Parse(text, syntax.Perl); err == nil {
		h.query.Grep = verb.Required(tree.Simplify())
	}
	var words []string
	if name := v.values.Get("app"); name != "" {
		words = []string{name}
	}
	list, err := q.apps(words...)
	if err != nil {
		return err
	}
	ctx, stop := q.briefly()
	defer stop()
	lines, err := h.found(ctx, q.c, list)
	if err != nil {
		return err
	}
	apps := make([]velos.App, len(list))
	for i := range list {
		apps[i] = *list[i].app
	}
	return q.reply(func(w io.Writer) error {
		e := view.NewEntries(w, apps, view.LogOptions{Options: q.options()})
		for i := range lines {
			e.Add(&lines[i])
		}
		return e.Close()
	})
}
