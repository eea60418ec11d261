package tui

import (
	"testing"

	"github.com/velospm/velos"
)

func TestThePostKeepsLinesOfThePresentEpochOnly(t *testing.T) {
	p := newPost()
	p.turn(1)
	p.line(1, velos.Entry{Seq: 1})
	p.turn(2)
	p.line(1, velos.Entry{Seq: 2})
	p.line(2, velos.Entry{Seq: 3})
	n, some := p.take()
	if !some || n.epoch != 2 || len(n.lines) != 1 || n.lines[0].Seq != 3 {
		t.Errorf("%+v", n)
	}
	if _, some := p.take(); some {
		t.Error("the same is told twice")
	}
}

func TestThePostIsBoundedAndCountsWhatItDrops(t *testing.T) {
	p := newPost()
	const all = 10 * mostLines
	for i := range all {
		p.line(0, velos.Entry{Seq: uint64(i + 1)})
		p.add(func(n *news) { n.events = append(n.events, velos.Event{}) })
	}
	n, _ := p.take()
	if len(n.lines)+n.dropped != all || len(n.lines) > mostLines*5/4 || n.lines[len(n.lines)-1].Seq != all {
		t.Errorf("%d lines, %d dropped", len(n.lines), n.dropped)
	}
	if len(n.events) > mostEvents*5/4 {
		t.Errorf("%d events", len(n.events))
	}
}
