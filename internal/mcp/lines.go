package mcp

import (
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

// A page is a part of a log.
type page struct {
	app      *velos.App
	entries  []velos.Entry // Msg is cleaned
	each     bool          // repeats are rows of their own
	inst     bool          // lines of several instances are among them
	searched bool
	marks    map[uint64]bool // of a search with lines around each match: the matches
	missed   uint64
	past     bool   // lines before those of another answer
	forward  bool   // the oldest lines first, and what is left out is newer
	left     int    // lines that are left out, as far as that is known
	cursor   uint64 // the newest line that was looked at, or where to go on
	older    uint64 // there may be older lines: those before this one; 0: no
	damaged  []string

	// next is the call that goes on: since a cursor, or before one, or with
	// another budget.
	next func(since, before string, budget int) string
}

func (p *page) take(v *view.Veil, e *velos.Entry) {
	if e.Missed > 0 {
		p.missed += e.Missed
		return
	}
	k := *e
	k.Msg = []byte(v.Text(e))
	p.entries = append(p.entries, k)
	p.cursor = max(p.cursor, e.Seq)
	p.inst = p.inst || e.Inst != p.entries[0].Inst
}

// newest leaves the newest so many lines, and remembers that there are others.
func (p *page) newest(most int) {
	p.older = 0
	if n := len(p.entries); n > most {
		p.entries = p.entries[n-most:]
		p.older = p.entries[0].Seq
	}
}

// show makes the answer: within the budget, the oldest lines going first, or
// where somebody reads on from a cursor, the newest. What is left out is what
// the next call has, to the line: repeats are counted among the lines that are
// shown, and no others.
func (c *call) show(p *page, asJSON bool, tokens int) (answer, error) {
	usual := 2000
	if asJSON {
		usual = mostBudget
	}
	bytes := budget(tokens, usual)
	size := func(list []velos.Entry) int { return sizeOf(p.rows(c.s, list)) }
	if asJSON {
		size = func(list []velos.Entry) int { return len(view.Value(rowsOf(list))) }
	}
	n, fits := p.fit(size, bytes)
	list := p.cut(n)
	out := logOut{Missed: p.missed, More: p.left, Damaged: p.damaged, Source: source}
	if p.searched {
		out.Matches = p.matched(list)
	}
	long := 0
	if !fits { // one line, and even that one is too long
		if list[0].Msg = cutBytes(list[0].Msg, bytes); bytes < budget(mostBudget, 0) {
			long = mostBudget
			p.again(list[0].Seq)
		}
	}
	if !p.past {
		out.Cursor = c.cursor(p, p.cursor)
	}
	switch {
	case p.forward && p.left > 0:
		out.Next = p.next(out.Cursor, "", long)
	case !p.forward && p.older > 0:
		out.Next = p.next("", c.cursor(p, p.older), long)
	}
	if asJSON {
		out.Entries = rowsOf(list)
		return answer{data: out}, nil
	}
	out.Lines = strings.Join(p.rows(c.s, list), "\n")
	return answer{text: p.text(&out, !fits), data: out}, nil
}

// fit is how many lines, from where the page begins, are within a size: one
// at least. fits is false when that one is not.
func (p *page) fit(size func([]velos.Entry) int, bytes int) (n int, fits bool) {
	part := func(n int) []velos.Entry {
		if p.forward {
			return p.entries[:n]
		}
		return p.entries[len(p.entries)-n:]
	}
	if size(p.entries) <= bytes || len(p.entries) == 0 {
		return len(p.entries), true
	}
	low, high := 0, len(p.entries) // low fits, high does not
	for high-low > 1 {
		if mid := (low + high) / 2; size(part(mid)) <= bytes {
			low = mid
		} else {
			high = mid
		}
	}
	return max(low, 1), low > 0
}

// cut leaves so many lines, and remembers where the others are.
func (p *page) cut(n int) []velos.Entry {
	out := len(p.entries) - n
	if out == 0 {
		return p.entries
	}
	p.left += out
	if p.forward {
		p.cursor = p.entries[n-1].Seq
		return p.entries[:n]
	}
	p.older = p.entries[out].Seq
	return p.entries[out:]
}

// again has the next call begin with a line that was cut.
func (p *page) again(line uint64) {
	p.left = max(p.left, 1)
	if p.forward {
		p.cursor = line - 1
	} else {
		p.older = line + 1
	}
}

// cutBytes is the beginning of a line.
func cutBytes(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	return append([]byte(strings.ToValidUTF8(string(b[:n]), "")), "…"...)
}

// matched is how many of the lines are what was searched for.
func (p *page) matched(list []velos.Entry) (n int) {
	for i := range list {
		if p.marks == nil || p.marks[list[i].Seq] {
			n++
		}
	}
	return n
}

func rowsOf(list []velos.Entry) []lineRow {
	rows := make([]lineRow, len(list))
	for i := range list {
		rows[i] = lineRow{list[i].Time, list[i].Level.String(), string(list[i].Msg)}
	}
	return rows
}

func (c *call) cursor(p *page, line uint64) string {
	return verb.Cursor{App: p.app.Spec.Name, Line: line, ID: p.app.ID}.String()
}

// text is the page for a model.
func (p *page) text(out *logOut, long bool) string {
	var head []string
	if p.searched {
		head = append(head, plural(out.Matches, "match", "matches"))
	}
	if p.missed > 0 {
		head = append(head, strconv.FormatUint(p.missed, 10)+" lines are gone by rotation")
	}
	switch {
	case out.Next == "":
		if long {
			head = append(head, "the line is cut")
		}
	case long:
		head = append(head, "a line is cut; next: "+out.Next)
	case p.forward:
		head = append(head, "more lines follow; next: "+out.Next)
	case p.left > 0:
		head = append(head, strconv.Itoa(p.left)+" older lines left out; next: "+out.Next)
	case p.searched:
		head = append(head, "there may be older matches; next: "+out.Next)
	default:
		head = append(head, "older: "+out.Next)
	}
	for _, text := range p.damaged {
		head = append(head, "passed over: "+text)
	}
	if out.Cursor != "" {
		head = append(head, "cursor "+out.Cursor)
	}
	if out.Lines == "" {
		return strings.Join(append([]string{"no lines"}, head...), "; ")
	}
	return strings.Join(head, "; ") + untrusted + out.Lines
}

func sizeOf(rows []string) (n int) {
	for _, r := range rows {
		n += len(r) + 1
	}
	return n
}

// rows are lines as text: time in seconds, a letter for the level unless it is
// info, the message, and how often it came.
func (p *page) rows(s *Server, list []velos.Entry) []string {
	loc := s.o.Loc
	if loc == nil {
		loc = time.UTC
	}
	day := ""
	var rows []string
	folds := view.Repeats(list, p.each, func(uint32) float64 { return p.app.Spec.SimilarityThreshold })
	for i := range folds {
		f := &folds[i]
		e := f.First
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
		text += string(e.Msg)
		if f.Count > 1 {
			text += " ×" + strconv.Itoa(f.Count) + " until " + f.Last.Std().In(loc).Format(time.TimeOnly)
		}
		rows = append(rows, text)
	}
	return rows
}
