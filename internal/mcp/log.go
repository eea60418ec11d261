package mcp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
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

const mostBudget = 20_000

type readIn struct {
	Target
	Lines  int    `json:"lines,omitempty" about:"default 50"`
	Level  string `json:"level,omitempty" enum:"debug,info,warn,error,fatal" about:"this and above"`
	Since  string `json:"since,omitempty" about:"cursor, age (10m) or time; then the oldest lines first"`
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
	Before  string `json:"before,omitempty" about:"cursor of an earlier answer: older matches"`
	Each    bool   `json:"each,omitempty"`
	Budget  int    `json:"budget,omitempty"`
	Format
}

type logOut struct {
	Lines   string    `json:"lines,omitempty"`
	Entries []lineRow `json:"entries,omitzero"`
	Cursor  string    `json:"cursor"`
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

// A page is a part of a log.
type page struct {
	app     *velos.App
	entries []velos.Entry // Msg is cleaned
	inst    bool          // lines of several instances are among them
	marks   map[uint64]bool
	missed  uint64
	more    int // lines that match and are left out
	forward bool
	matches int
	cursor  uint64
	older   string   // the cursor to older matches
	damaged []string // what could not be read
}

// query reads the arguments that reading and searching have in common.
func (c *call) query(a *velos.App, inst int, level, since, until string) (q velos.Query, forward bool, err error) {
	q = velos.Query{Inst: inst}
	if level != "" {
		var ok bool
		if q.Level, ok = velos.ParseLevel(level); !ok {
			return q, false, invalid(strconv.Quote(level)+" is no level", "debug, info, warn, error or fatal")
		}
	}
	if strings.Contains(since, "#") {
		cur, err := verb.ParseCursor(since)
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

// natural refuses numbers below 0: they would be taken for the default.
func natural(list ...int) error {
	for _, n := range list {
		if n < 0 {
			return invalid("lines, context and budget must not be negative", "leave them out for the default")
		}
	}
	return nil
}

func logRead(c *call, in *readIn) (answer, error) {
	if err := natural(in.Lines, in.Budget); err != nil {
		return answer{}, err
	}
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	q, forward, err := c.query(a, inst, in.Level, in.Since, "")
	if err != nil {
		return answer{}, err
	}
	most := count(in.Lines)
	p := &page{app: a, forward: forward, cursor: max(q.After, a.Log.Seq)}
	if !forward {
		q.Last = most
	} else if q.After > 0 {
		if p.missed, err = verb.Missed(c, c.conn, a, q.After); err != nil {
			return answer{}, err
		}
	}
	m := view.MaskOf(a)
	for e, err := range c.conn.Logs(c, a.ID, q) {
		if err != nil {
			return answer{}, err
		}
		if forward && len(p.entries) == most {
			p.more = 1
			break
		}
		p.take(m, &e)
	}
	if forward && p.more > 0 {
		p.cursor = p.entries[len(p.entries)-1].Seq
	}
	return c.show(p, in.json(), in.Each, budget(in.Budget, 2000), readCall(in))
}

// readCall is the call again, but for what says where it begins and how much.
func readCall(in *readIn) string {
	call := "log_read name_or_id=" + word(view.Text(in.Name))
	if in.Level != "" {
		call += " level=" + in.Level
	}
	if in.Each {
		call += " each=true"
	}
	return call
}

// form is the arguments of a call that say how much is shown and how.
func form(each bool, budget int) (s string) {
	if each {
		s = " each=true"
	}
	if budget > 0 {
		s += " budget=" + strconv.Itoa(budget)
	}
	return s
}

// mostLines bounds the lines of one answer.
const mostLines = 2000

func count(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, mostLines)
}

func (p *page) take(m view.Mask, e *velos.Entry) {
	if e.Missed > 0 {
		p.missed += e.Missed
		return
	}
	k := *e
	k.Msg = []byte(view.Clean(m.Bytes(e.Msg), false))
	p.entries = append(p.entries, k)
	p.cursor = max(p.cursor, e.Seq)
	p.inst = p.inst || e.Inst != p.entries[0].Inst
}

func logSearch(c *call, in *searchIn) (answer, error) {
	if err := natural(in.Lines, in.Context, in.Budget); err != nil {
		return answer{}, err
	}
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
	p := &page{app: a, cursor: a.Log.Seq, marks: map[uint64]bool{}}
	find := &verb.Search{Apps: []velos.App{*a}, Cursor: in.Before, Lines: count(in.Lines), Queries: []search.Query{{Inst: q.Inst, Level: q.Level,
		Since: q.Since, Until: q.Until, After: q.After, Pattern: pattern, Lead: around, Trail: around, Newest: true}}}
	if err := c.search(p, find); err != nil {
		return answer{}, err
	}
	if around == 0 {
		p.marks = nil // every line is a match
	}
	next := "log_search name_or_id=" + word(view.Text(in.Name)) + " pattern=" + strconv.Quote(view.Text(in.Pattern))
	for _, arg := range [][2]string{{"since", in.Since}, {"until", in.Until}, {"level", in.Level}} {
		if arg[1] != "" {
			next += " " + arg[0] + "=" + word(view.Text(arg[1]))
		}
	}
	if in.Lines > 0 {
		next += " lines=" + strconv.Itoa(in.Lines)
	}
	if around > 0 {
		next += " context=" + strconv.Itoa(around)
	}
	return c.show(p, in.json(), in.Each || around > 0, budget(in.Budget, 2000), next+form(in.Each, in.Budget))
}

// mostContext bounds the lines around a match.
const mostContext = 20

// search reads the newest matches, with so many lines around each, and puts
// them into the order in which they were written.
func (c *call) search(p *page, find *verb.Search) error {
	m := view.MaskOf(p.app)
	find.Watch.Warn = func(text string) { p.damaged = append(p.damaged, view.Text(text)) }
	if err := find.Open(c, c.conn); err != nil {
		return err
	}
	defer find.Close()
	for h, err := range find.All(c) {
		if err != nil {
			return err
		}
		if !h.Context {
			p.matches++
			p.marks[h.Seq] = true
		}
		p.take(m, &h.Entry)
	}
	slices.Reverse(p.entries)
	p.older = find.Next()
	return nil
}

// show makes the answer: within the budget, the oldest lines going first, or
// where somebody reads on from a cursor, the newest.
func (c *call) show(p *page, asJSON, each bool, bytes int, next string) (answer, error) {
	out := logOut{Missed: p.missed, Matches: p.matches, Source: source}
	if asJSON {
		out.Entries = []lineRow{}
		for i := range p.entries {
			e := &p.entries[i]
			out.Entries = append(out.Entries, lineRow{e.Time, e.Level.String(), string(e.Msg)})
		}
		out.Cursor, out.More, out.Damaged = c.cursor(p), p.more, p.damaged
		out.Next = p.next(&out, next, 0)
		return answer{data: out}, nil
	}
	rows := p.rows(c.s, each)
	size, cut := 0, 0
	if p.forward {
		n := 0
		for n < len(rows) && (size+len(rows[n].text) <= bytes || n == 0) {
			size += len(rows[n].text) + 1
			n++
		}
		if n < len(rows) {
			cut = len(rows) - n
			p.cursor = rows[n].first - 1
			rows, p.more = rows[:n], max(p.more, 1)
		}
	} else {
		n := len(rows)
		for n > 0 && (size+len(rows[n-1].text) <= bytes || n == len(rows)) {
			n--
			size += len(rows[n].text) + 1
		}
		cut, rows = n, rows[n:]
		if cut > 0 && p.older != "" || cut > 0 && p.matches > 0 {
			// What is cut off is older: the next call begins there.
			p.older = verb.Cursor{App: p.app.Spec.Name, Line: rows[0].first, ID: p.app.ID}.String()
		}
	}
	var lines []string
	for i := range rows {
		lines = append(lines, rows[i].text)
	}
	out.Lines, out.Cursor, out.More, out.Damaged = strings.Join(lines, "\n"), c.cursor(p), p.more, p.damaged
	out.Next = p.next(&out, next, cut)
	return answer{text: p.text(&out, cut), data: out}, nil
}

func (c *call) cursor(p *page) string {
	return verb.Cursor{App: p.app.Spec.Name, Line: p.cursor, ID: p.app.ID}.String()
}

// next is the call that has what was left out; empty when nothing was.
func (p *page) next(out *logOut, call string, cut int) string {
	switch {
	case p.forward && p.more > 0:
		return call + " since=" + word(out.Cursor)
	case p.older != "":
		return call + " before=" + word(p.older)
	case cut > 0 && p.matches == 0:
		return call + " lines=" + strconv.Itoa(len(p.entries)) + " budget=" + strconv.Itoa(mostBudget)
	}
	return ""
}

// text is the page for a model.
func (p *page) text(out *logOut, cut int) string {
	var head []string
	if p.marks != nil || p.matches > 0 {
		head = append(head, strconv.Itoa(p.matches)+" matches")
	}
	if p.missed > 0 {
		head = append(head, strconv.FormatUint(p.missed, 10)+" lines are gone by rotation")
	}
	switch {
	case p.forward && p.more > 0:
		head = append(head, "more lines follow; next: "+out.Next)
	case cut > 0:
		head = append(head, strconv.Itoa(cut)+" older rows left out; next: "+out.Next)
		out.More = max(out.More, cut)
	case out.Next != "":
		head = append(head, "there may be older matches; next: "+out.Next)
	}
	for _, text := range p.damaged {
		head = append(head, "passed over: "+text)
	}
	head = append(head, "cursor "+out.Cursor)
	if out.Lines == "" {
		return "no lines; " + strings.Join(head, "; ")
	}
	return strings.Join(head, "; ") + untrusted + out.Lines
}

// A row is one line of text, for one line of the log or for several that
// repeat each other.
type logRow struct {
	text  string
	first uint64
}

// rows are the entries as text: time in seconds, a letter for the level unless
// it is info, the message, and how often it came.
func (p *page) rows(s *Server, each bool) []logRow {
	loc := s.o.Loc
	if loc == nil {
		loc = time.UTC
	}
	day := ""
	var rows []logRow
	type fold struct {
		row, n int
		last   velos.Time
	}
	var folds []*fold
	at := map[string]*fold{}
	miner := digest.NewMiner(p.app.Spec.SimilarityThreshold)
	if !each {
		for i := range p.entries {
			miner.Add(digest.Message(p.entries[i].Msg), p.entries[i].Time, p.entries[i].Level)
		}
	}
	templates, find := miner.Finder()
	for i := range p.entries {
		e := &p.entries[i]
		key := ""
		if !each {
			if t := find(digest.Message(e.Msg)); t >= 0 {
				key = strconv.Itoa(t) + templates[t].Template
			}
		}
		if f := at[key]; key != "" && f != nil {
			f.n, f.last = f.n+1, e.Time
			continue
		}
		when := e.Time.Std().In(loc)
		text := ""
		if d := when.Format(time.DateOnly); d != day {
			if day != "" || d != s.now().Std().In(loc).Format(time.DateOnly) {
				text = d + " "
			}
			day = d
		}
		text += when.Format(time.TimeOnly) + " "
		if e.Level != velos.Info && e.Level != velos.LevelNone {
			text += strings.ToUpper(e.Level.String()[:1]) + " "
		}
		if p.inst {
			text += strconv.Itoa(e.Inst) + " "
		}
		if p.marks[e.Seq] {
			text = "> " + text
		}
		f := &fold{row: len(rows), n: 1}
		at[key] = f
		folds = append(folds, f)
		rows = append(rows, logRow{text + string(e.Msg), e.Seq})
	}
	for _, f := range folds {
		if f.n > 1 {
			rows[f.row].text += " ×" + strconv.Itoa(f.n) + " until " + f.last.Std().In(loc).Format(time.TimeOnly)
		}
	}
	return rows
}
