package fan

import (
	"context"
	"iter"
	"net"
	"testing"
	"time"

	"github.com/velospm/velos/internal/client"
)

// lagging is a feed that has given its readers all up to an item; the daemon
// has more already.
func lagging(t *testing.T, last, newest uint64) *feed {
	t.Helper()
	hub := New(func() (*client.Client, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		return client.New(ours), nil
	}, time.Now)
	t.Cleanup(hub.Close)
	f := &feed{crowd: crowd[*Queue]{hub: hub, readers: map[*Queue]struct{}{}}, ready: make(chan struct{}), last: last, known: true}
	close(f.ready)
	f.from = origin{
		newest: func(context.Context, *client.Client) (uint64, error) { return newest, nil },
		read: func(_ context.Context, _ *client.Client, s span) iter.Seq2[Item, error] {
			return func(yield func(Item, error) bool) {
				for _, it := range items(s.after+1, newest, 0) {
					if !yield(it, nil) {
						return
					}
				}
			}
		},
	}
	return f
}

// had is all that is in a queue.
func had(t *testing.T, q *Queue) (seqs string, missed uint64, last uint64) {
	t.Helper()
	for {
		p, ok, err := q.Take(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return seqs, missed, last
		}
		if seqs != "" && p.Count > 0 {
			seqs += ","
		}
		seqs, missed, last = seqs+string(p.Text), missed+p.Missed, p.Last
	}
}

func TestWhoGoesOnHasNothingTwiceWhenTheStreamIsBehindThePast(t *testing.T) {
	f := lagging(t, 5, 8)
	f.add(Item{Seq: 6, Text: []byte("6")}) // waits for others
	q := newQueue(func() {}, nil)
	f.lead(t.Context(), q, Start{Resume: true, After: 3, Inst: -1}, 0)
	for _, it := range items(7, 10, 0) { // these were on their way
		f.add(it)
	}
	f.flush()
	for _, it := range items(11, 12, 0) {
		f.add(it)
	}
	f.flush()
	if seqs, missed, last := had(t, q); seqs != "4,5,6,7,8,9,10,11,12" || missed != 0 || last != 12 {
		t.Errorf("%s, %d missed, last %d", seqs, missed, last)
	}
}

func TestWhatIsMissingBehindThePastIsCountedFromThere(t *testing.T) {
	f := lagging(t, 5, 8)
	q := newQueue(func() {}, nil)
	f.lead(t.Context(), q, Start{Resume: true, After: 3, Inst: -1}, 0)
	f.add(items(12, 12, 0)[0]) // 6 to 11 never came by here
	f.flush()
	if seqs, missed, _ := had(t, q); seqs != "4,5,6,7,8,12" || missed != 3 {
		t.Errorf("%s, %d missed", seqs, missed)
	}
}

func TestWhoGoesOnHearsAnotherJournalFromItsBeginning(t *testing.T) {
	f := lagging(t, 5, 8)
	q := newQueue(func() {}, nil)
	f.lead(t.Context(), q, Start{Resume: true, After: 7, Inst: -1}, 0)
	f.know(2)
	for _, it := range items(1, 2, 0) {
		f.add(it)
	}
	f.flush()
	if seqs, _, last := had(t, q); seqs != "8,1,2" || last != 2 {
		t.Errorf("%s, last %d", seqs, last)
	}
}
