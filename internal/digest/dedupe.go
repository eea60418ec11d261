package digest

import (
	"bytes"
	"container/list"
	"slices"

	"github.com/velospm/velos"
)

// Window is how long after the last one a message still counts as its repeat.
const Window = velos.Millis(60_000)

const (
	mostFolds     = 4096 // of which repeats are recognised
	longestSample = 2048
)

// A Fold is a message and its repeats.
type Fold struct {
	Template    string
	Count       uint64
	First, Last velos.Time
	Level       velos.Level // the most serious
	Sample      string      // the first event as it was written, at least its beginning
}

// A Deduper folds messages that are equal but for their variables, as long as
// they follow each other within a window. It is not safe for concurrent use.
type Deduper struct {
	window velos.Time
	lex    lexer
	byID   map[uint64]*list.Element
	oldest *list.List // of *fold, by the time of the last repeat
}

type fold struct {
	node
	id     uint64
	level  velos.Level
	sample string
}

// NewDeduper returns a Deduper; window 0 is the default.
func NewDeduper(window velos.Millis) *Deduper {
	if window <= 0 {
		window = Window
	}
	return &Deduper{window: velos.Time(window), byID: map[uint64]*list.Element{}, oldest: list.New()}
}

// Add takes an event. It is fresh when it repeats none of its window; ended
// are the folds that this one, or the bound of memory, brought to their end.
func (d *Deduper) Add(ev *Event) (fresh bool, ended []Fold) {
	at, l := min(max(ev.Time, 0), latest), ev.Level
	d.lex.scan(ev.Message)
	if e := d.byID[d.lex.id]; e != nil {
		f := e.Value.(*fold)
		if at-f.last <= d.window {
			f.lines++
			f.first, f.last = min(f.first, at), max(f.last, at)
			f.level = max(f.level, l)
			if f.fixed > 0 {
				f.compare(d.lex.line, d.lex.tokens)
			}
			d.oldest.MoveToBack(e)
			return false, nil
		}
		ended = append(ended, d.end(e))
	} else if d.oldest.Len() >= mostFolds {
		ended = append(ended, d.end(d.oldest.Front()))
	}
	f := &fold{id: d.lex.id, level: l, sample: string(ev.Text[:min(len(ev.Text), longestSample)])}
	f.text, f.tokens = bytes.Clone(d.lex.line), slices.Clone(d.lex.tokens)
	f.lines, f.first, f.last = 1, at, at
	f.fix()
	d.byID[f.id] = d.oldest.PushBack(f)
	return true, ended
}

// Expire ends the folds whose window is over at a time.
func (d *Deduper) Expire(now velos.Time) []Fold {
	var out []Fold
	for e := d.oldest.Front(); e != nil && now-e.Value.(*fold).last > d.window; e = d.oldest.Front() {
		out = append(out, d.end(e))
	}
	return out
}

// Close ends all folds, in the order in which they began.
func (d *Deduper) Close() []Fold {
	var out []Fold
	for e := d.oldest.Front(); e != nil; e = d.oldest.Front() {
		out = append(out, d.end(e))
	}
	slices.SortStableFunc(out, func(a, b Fold) int { return int(min(1, max(-1, a.First-b.First))) })
	return out
}

func (d *Deduper) end(e *list.Element) Fold {
	f := d.oldest.Remove(e).(*fold)
	delete(d.byID, f.id)
	return Fold{Template: string(f.render(nil)), Count: f.lines, First: f.first, Last: f.last, Level: f.level, Sample: f.sample}
}
