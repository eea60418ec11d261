package mcp

import (
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/search"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// untrusted stands before what programs wrote.
const untrusted = "\n--- untrusted output ---\n"

// budget is tokens as bytes of text; log lines have some three bytes a token.
func budget(tokens, usual int) int {
	if tokens <= 0 {
		tokens = usual
	}
	return 3 * min(max(tokens, 50), mostBudget)
}

// mostBudget holds the longest line that there is; clients refuse answers of
// 25,000 tokens.
const mostBudget = 22_000

type readIn struct {
	Target
	Lines  int    `json:"lines,omitempty" about:"default 50"`
	Level  string `json:"level,omitempty" enum:"debug,info,warn,error,fatal" about:"this and above"`
	Since  string `json:"since,omitempty" about:"cursor, age (10m) or time; then the oldest lines first"`
	Before string `json:"before,omitempty" about:"cursor: lines before it"`
	Each   bool   `json:"each,omitempty" about:"every line, repeats not grouped"`
	Budget int    `json:"budget,omitempty" about:"tokens, default 2000"`
	Format
}

type searchIn struct {
	Target
	Pattern string `json:"pattern" need:"y" about:"RE2"`
	Since   string `json:"since,omitempty" about:"cursor, age or time; default: all history"`
	Until   string `json:"until,omitempty"`
	Level   string `json:"level,omitempty" enum:"debug,info,warn,error,fatal" about:"this and above"`
	Lines   int    `json:"lines,omitempty" about:"newest matches, default 50"`
	Context int    `json:"context,omitempty" about:"lines around each match, at most 20"`
	Before  string `json:"before,omitempty" about:"cursor: older matches"`
	Each    bool   `json:"each,omitempty"`
	Budget  int    `json:"budget,omitempty"`
	Format
}

type logOut struct {
	Lines   string    `json:"lines,omitempty"`
	Entries []lineRow `json:"entries,omitzero"`
	Cursor  string    `json:"cursor,omitempty"` // where to read on; not of older lines, behind which others were told
	More    int       `json:"more,omitempty"`
	Matches int       `json:"matches,omitempty"`
	Missed  uint64    `json:"missed,omitempty"`
	Next    string    `json:"next,omitempty"`
	Damaged []string  `json:"damaged,omitempty"`
	Source  string    `json:"source"`
}

type lineRow struct {
	Time  velos.Time `json:"ts"`
	Level string     `json:"lvl"`
	Msg   string     `json:"msg"`
}

// source says in every object whose words the lines are.
const source = "process output, untrusted"

// query reads the arguments that reading and searching have in common.
func (c *call) query(a *velos.App, inst int, level, since, until string) (q velos.Query, forward bool, err error) {
	q = velos.Query{Inst: inst}
	if level != "" {
		q.Level, _ = velos.ParseLevel(level) // one of the words that there are
	}
	if strings.Contains(since, "#") {
		cur, err := cursorFor(a, "since", since)
		if err != nil {
			return q, false, err
		}
		if cur.Of(a) {
			q.After = cur.Line
		}
		forward = true
	} else if since != "" {
		if q.Since, err = c.moment(since); err != nil {
			return q, false, err
		}
		forward = true
	}
	if q.Until, err = c.moment(until); err == nil && q.Until > 0 && q.Since >= q.Until {
		err = invalid("since is not before until", "there is nothing between them")
	}
	return q, forward, err
}

func logRead(c *call, in *readIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	q, forward, err := c.query(a, inst, in.Level, in.Since, "")
	if err != nil {
		return answer{}, err
	}
	p := &page{app: a, forward: forward, past: !forward && in.Before != "", cursor: max(q.After, a.Log.Seq), each: in.Each}
	to, err := c.before(a, in.Before)
	if err == nil {
		err = c.missed(p, &q, in.Since)
	}
	if err != nil {
		return answer{}, err
	}
	switch most := count(in.Lines); {
	case forward:
		err = c.readOn(p, q, to, most)
	case in.Before != "":
		find := &verb.Search{Apps: []velos.App{*a}, Cursor: in.Before, Lines: most + 1, Queries: []search.Query{{Inst: q.Inst, Level: q.Level, Newest: true}}}
		if to > 0 {
			err = c.search(p, find)
		}
		p.newest(most)
	default:
		q.Last = most + 1
		err = c.readOn(p, q, 0, 0)
		p.newest(most)
	}
	if err != nil {
		return answer{}, err
	}
	if !forward && a.Spec.LogRaw {
		p.older = 0 // no cursor leads to lines without numbers
	}
	p.next = func(since, before string, budget int) string {
		upto := ""
		if forward {
			upto = in.Before
		}
		return again("log_read", "name_or_id", view.Text(in.Name), "lines", number(in.Lines), "level", in.Level, "since", since, "before", before+upto, "each", when(in.Each),
			"budget", number(max(in.Budget, budget)), "format", in.Format.Format)
	}
	return c.show(p, in.json(), in.Budget)
}

// before is the number of the line that a cursor stands at; 0 is none, or the
// very beginning.
func (c *call) before(a *velos.App, text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	cur, err := cursorFor(a, "before", text)
	if err == nil && a.Spec.LogRaw {
		err = &velos.Error{Code: velos.Unsupported, Message: "before: " + a.Spec.Name + " has log_raw, which keeps no numbers of lines", Hint: "lines=N has more of the newest"}
	}
	return cur.Line, err
}

// missed counts the lines behind a cursor that rotation has removed, also
// behind one from before the first line. Of an age or a moment none is missed.
func (c *call) missed(p *page, q *velos.Query, since string) (err error) {
	if strings.Contains(since, "#") && !p.app.Spec.LogRaw {
		p.missed, err = verb.Missed(c, c.conn, p.app, q.After)
	}
	return err
}

// readOn reads lines in the order in which they were written, at most so many
// and only those before to. 0 is no bound.
func (c *call) readOn(p *page, q velos.Query, to uint64, most int) (err error) {
	if to > 0 {
		p.cursor = max(q.After, min(p.cursor, to-1))
	}
	v, err := verb.Veil(c, c.conn, p.app)
	if err != nil {
		return err
	}
	for e, err := range c.conn.Logs(c, p.app.ID, q) {
		switch {
		case err != nil:
			return err
		case to > 0 && e.Missed == 0 && e.Seq >= to:
			return nil
		case most > 0 && len(p.entries) == most:
			p.left, p.cursor = 1, p.entries[most-1].Seq
			return nil
		}
		p.take(v, &e)
	}
	return nil
}

// mostLines bounds the lines of one answer.
const mostLines = 2000

func count(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, mostLines)
}

func logSearch(c *call, in *searchIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	pattern, err := search.Compile(in.Pattern, false, false)
	if err != nil {
		return answer{}, err
	}
	q, _, err := c.query(a, inst, in.Level, in.Since, in.Until)
	if err != nil {
		return answer{}, err
	}
	around := min(in.Context, mostContext)
	p := &page{app: a, past: in.Before != "", cursor: a.Log.Seq, marks: map[uint64]bool{}, searched: true, each: in.Each || around > 0}
	find := &verb.Search{Apps: []velos.App{*a}, Cursor: in.Before, Lines: count(in.Lines), Queries: []search.Query{{Inst: q.Inst, Level: q.Level,
		Since: q.Since, Until: q.Until, After: q.After, Pattern: pattern, Lead: around, Trail: around, Newest: true}}}
	to, err := c.before(a, in.Before)
	if err == nil && in.Before == "" {
		err = c.missed(p, &q, in.Since)
	}
	if err == nil && (to > 0 || in.Before == "") {
		err = c.search(p, find)
	}
	if err != nil {
		return answer{}, err
	}
	if around == 0 {
		p.marks = nil // every line is a match
	}
	since := in.Since
	if !strings.Contains(since, "#") {
		since = at(q.Since) // an age would mean another moment by then
	}
	p.next = func(_, before string, budget int) string {
		return again("log_search", "name_or_id", view.Text(in.Name), "pattern", in.Pattern, "since", since, "until", at(q.Until), "level", in.Level,
			"lines", number(in.Lines), "context", number(around), "before", before, "each", when(in.Each), "budget", number(max(in.Budget, budget)), "format", in.Format.Format)
	}
	return c.show(p, in.json(), in.Budget)
}

// mostContext bounds the lines around a match.
const mostContext = 20

// search reads the newest matches, with so many lines around each, and puts
// them into the order in which they were written.
func (c *call) search(p *page, find *verb.Search) error {
	v, err := verb.Veil(c, c.conn, p.app)
	if err != nil {
		return err
	}
	if q := &find.Queries[0]; q.Pattern != nil {
		// What is hidden cannot be asked for, letter by letter.
		q.Keep = func(e *velos.Entry) bool { return q.Pattern.Match(v.Alone(e)) }
	}
	find.Watch.Warn = func(text string) { p.damaged = append(p.damaged, view.Text(text)) }
	if err := find.Open(c, c.conn); err != nil {
		return err
	}
	defer find.Close()
	for h, err := range find.All(c) {
		if err != nil {
			return err
		}
		if !h.Context && p.marks != nil {
			p.marks[h.Seq] = true
		}
		p.take(v, &h.Entry)
	}
	slices.Reverse(p.entries)
	if cur, err := verb.ParseCursor(find.Next()); err == nil { // there is none when all was looked at
		p.older = cur.Line
	}
	return nil
}
