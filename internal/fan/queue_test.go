package fan

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/velospm/velos"
)

func items(from, to uint64, size int) (list []Item) {
	for n := from; n <= to; n++ {
		list = append(list, Item{Seq: n, App: 1, Text: []byte(strconv.FormatUint(n, 10) + strings.Repeat(" ", size))})
	}
	return list
}

// push gives a Queue items as a feed does.
func push(q *Queue, list []Item) { q.push(pieceOf(list, nil), list) }

func TestAReaderThatIsTooSlowIsToldHowManyItMissed(t *testing.T) {
	q := newQueue(func() {}, nil)
	q.complete()
	const size = 64 << 10
	var n uint64
	for range 200 {
		push(q, items(n+1, n+1, size))
		n++
	}
	var got, missed, last uint64
	for {
		p, ok, err := q.Take(1 << 20)
		if !ok {
			if err != nil {
				t.Error(err)
			}
			break
		}
		got, missed, last = got+uint64(p.Count), missed+p.Missed, p.Last
		if p.Missed > 0 && p.Count > 0 && got-uint64(p.Count)+missed+1 != last-uint64(p.Count)+1 {
			t.Errorf("%d are missing before %d, in another place", p.Missed, last)
		}
	}
	if got+missed != n || missed == 0 || last != n || got < most/size-1 {
		t.Errorf("%d and %d missed of %d, up to %d", got, missed, n, last)
	}
	// And it goes on.
	push(q, items(n+1, n+2, 0))
	if p, ok, _ := q.Take(100); !ok || p.Count != 2 || p.Missed != 0 || string(p.Text) != "201,202" {
		t.Errorf("%+v %s", p, p.Text)
	}
}

func TestAGapIsToldBeforeWhatComesBehindIt(t *testing.T) {
	q := newQueue(func() {}, nil)
	q.complete()
	push(q, items(1, 2, 0))
	q.push(Piece{Count: 1, Text: []byte("9"), Last: 9, Missed: 6}, items(9, 9, 0))
	push(q, items(10, 10, 0))
	first, _, _ := q.Take(100)
	second, _, _ := q.Take(100)
	if string(first.Text) != "1,2" || first.Missed != 0 || string(second.Text) != "9,10" || second.Missed != 6 || second.Last != 10 {
		t.Errorf("%s %+v, %s %+v", first.Text, first, second.Text, second)
	}
}

func TestThePastComesBeforeWhatHappensMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(func() {}, nil)
		push(q, items(100, 100, 0))
		if _, ok, _ := q.Take(100); ok {
			t.Error("what comes has overtaken the past")
		}
		go func() {
			for n := uint64(1); n < 100; n++ {
				q.pour(context.Background(), pieceOf(items(n, n, 32<<10), nil))
			}
			q.complete()
		}()
		var seen []string
		for len(seen) < 100 {
			synctest.Wait()
			q.mu.Lock()
			if q.poured > ahead+33<<10 {
				t.Errorf("%d bytes were read ahead", q.poured)
			}
			q.mu.Unlock()
			p, ok, _ := q.Take(1)
			if !ok {
				t.Fatalf("nothing behind %v", seen)
			}
			seen = append(seen, strings.TrimSpace(string(p.Text)))
		}
		if seen[0] != "1" || seen[98] != "99" || seen[99] != "100" {
			t.Error(seen)
		}
	})
}

func TestAReaderGetsWhatItHasAskedFor(t *testing.T) {
	list := []Item{{Seq: 1, Level: velos.Info, Src: velos.Stdout}, {Seq: 2, Level: velos.Err, Src: velos.Stderr}, {Seq: 3, Level: velos.Err, Src: velos.Stdout, Inst: 1}, {Seq: 4, Level: velos.Fatal, Src: velos.Stderr, Msg: "x"}}
	for i := range list {
		list[i].Text = strconv.AppendUint(nil, list[i].Seq, 10)
	}
	for _, c := range []struct {
		start Start
		want  string
	}{
		{Start{Inst: -1}, "1,2,3,4"}, {Start{Inst: 1}, "3"}, {Start{Inst: -1, Level: velos.Err}, "2,3,4"}, {Start{Inst: -1, Src: velos.Stderr}, "2,4"},
		{Start{Inst: -1, Keep: func(it *Item) bool { return it.Msg == "x" }}, "4"}, {Start{Inst: 7}, ""},
	} {
		q := newQueue(func() {}, c.start.keep())
		q.complete()
		push(q, list)
		if p, _, _ := q.Take(100); string(p.Text) != c.want {
			t.Errorf("%+v: %q, want %q", c.start, p.Text, c.want)
		}
	}
}

func TestPiecesAreSharedAndNotWrittenTo(t *testing.T) {
	a, b := newQueue(func() {}, nil), newQueue(func() {}, nil)
	list := items(1, 3, 0)
	p, more := pieceOf(list, nil), items(4, 4, 0)
	p.Text = append(make([]byte, 0, 100), p.Text...) // with room that others could write into
	for _, q := range []*Queue{a, b} {
		q.complete()
		q.push(p, list)
		push(q, more)
	}
	first, _, _ := a.Take(100)
	push(b, items(5, 5, 0))
	second, _, _ := b.Take(100)
	if string(first.Text) != "1,2,3,4" || string(second.Text) != "1,2,3,4,5" || string(p.Text) != "1,2,3" || string(p.Text[:7]) == "1,2,3,4" {
		t.Errorf("%s %s %s", first.Text, second.Text, p.Text)
	}
}

func TestDifferencesAreWhatChangedAndWhatIsGone(t *testing.T) {
	app := func(id uint32, text string) known { return known{id: id, text: []byte(text), steady: []byte(text)} }
	changed, gone := differences([]known{app(1, "a"), app(2, "b"), app(3, "c"), app(4, "d")}, []known{app(1, "a"), app(2, "B"), app(4, "d"), app(5, "e")}, map[uint32]bool{4: true})
	if !slices.Equal(changed, []uint32{2, 4, 5}) || !slices.Equal(gone, []uint32{3}) {
		t.Error(changed, gone)
	}
}
