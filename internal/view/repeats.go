package view

import (
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// A Repeat is a line, and how often it came with other figures in it.
type Repeat struct {
	First *velos.Entry
	Count int
	Last  velos.Time
}

// Repeats counts the lines of a list that say the same, each app's with its
// threshold of similarity; each leaves them as they are. A row stands where its
// first line did. Every line is counted in one row.
func Repeats(list []velos.Entry, each bool, similarity func(app uint32) float64) []Repeat {
	rows := make([]Repeat, 0, len(list))
	finders := map[uint32]func([]byte) int{}
	if !each {
		finders = findersOf(list, similarity)
	}
	at := map[string]int{}
	for i := range list {
		e := &list[i]
		if find := finders[e.App]; find != nil && e.Missed == 0 {
			if t := find(digest.Message(e.Msg)); t >= 0 {
				key := strconv.Itoa(int(e.App)) + " " + strconv.Itoa(t)
				if k, ok := at[key]; ok {
					rows[k].Count, rows[k].Last = rows[k].Count+1, e.Time
					continue
				}
				at[key] = len(rows)
			}
		}
		rows = append(rows, Repeat{First: e, Count: 1, Last: e.Time})
	}
	return rows
}

// findersOf finds the templates of each app's lines.
func findersOf(list []velos.Entry, similarity func(app uint32) float64) map[uint32]func([]byte) int {
	miners := map[uint32]*digest.Miner{}
	for i := range list {
		e := &list[i]
		if e.Missed > 0 {
			continue
		}
		m := miners[e.App]
		if m == nil {
			m = digest.NewMiner(similarity(e.App))
			miners[e.App] = m
		}
		m.Add(digest.Message(e.Msg), e.Time, e.Level)
	}
	finders := map[uint32]func([]byte) int{}
	for id, m := range miners {
		_, finders[id] = m.Finder()
	}
	return finders
}

// Lines are folded in parts of so many lines or bytes: there may be any number.
const (
	foldLines = 5000
	foldBytes = 4 << 20
)

// hold keeps a line until its part is folded.
func (e *Entries) hold(en *velos.Entry) {
	k := *en
	k.Msg = []byte(Clean(e.source(en.App).hide(en), false)) // now: what is cut is told by the line before it
	e.held = append(e.held, k)
	if e.heldSize += len(k.Msg); len(e.held) >= foldLines || e.heldSize >= foldBytes {
		e.fold()
	}
}

// fold writes what is held, repeats as one.
func (e *Entries) fold() {
	list := Repeats(e.held, false, func(app uint32) float64 {
		if s := e.apps[app]; s != nil {
			return s.similarity
		}
		return 0
	})
	for i := range list {
		r := &list[i]
		j := e.entryAI(e.source(r.First.App), r.First, string(r.First.Msg))
		if r.Count > 1 {
			j.Count, j.Until = r.Count, int64(r.Last)/1000
		}
		e.object(encode(j))
	}
	e.held, e.heldSize = nil, 0
}
