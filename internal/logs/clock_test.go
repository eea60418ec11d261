//go:build linux || darwin

package logs

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// setClock makes the Store's clock one that can be set.
func setClock(t *testing.T) (step func(time.Duration)) {
	var off atomic.Int64
	timeNow = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	t.Cleanup(func() { timeNow = time.Now })
	return func(d time.Duration) { off.Add(int64(d)) }
}

func stamp() velos.Time { return velos.TimeOf(timeNow()) }

func TestLinesKeepTheirOrderWhenTheClockIsSet(t *testing.T) {
	step := setClock(t)
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api", MaxSize: 4 << 10, MaxFiles: 9, MaxTotal: 1 << 20})
	out, err := run(t, l, 0, 1)
	ask := func(what string, q velos.Query, want ...string) {
		t.Helper()
		q.Inst = -1
		if got := texts(query(t, l, q)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", what, got, want)
		}
	}
	for _, c := range []struct {
		text string
		step time.Duration
	}{{"one\n", 0}, {"two\n", time.Hour}, {"three\n", -2 * time.Hour}, {"four\n", time.Hour}} {
		step(c.step)
		say(t, out, c.text)
		l.Settle(0)
	}
	now := stamp()
	const minute = 60_000
	ask("all", velos.Query{}, "one", "two", "three", "four")
	ask("the last", velos.Query{Last: 2}, "three", "four")
	ask("behind", velos.Query{After: 2}, "three", "four")
	ask("since", velos.Query{Since: now - minute}, "one", "two", "four")
	ask("the last since", velos.Query{Since: now - minute, Last: 1}, "four")
	ask("until", velos.Query{Until: now + minute}, "one", "three", "four")
	hush(out, err)
	s.Close()

	// The same from the files.
	s = store(t, s.dir, Options{})
	l = open(t, s, 1, Policy{Name: "api", MaxSize: 4 << 10, MaxFiles: 9, MaxTotal: 1 << 20})
	ask("all, from files", velos.Query{}, "one", "two", "three", "four")
	ask("until, from files", velos.Query{Until: now + minute}, "one", "three", "four")
	ask("since, from files", velos.Query{Since: now - minute}, "one", "two", "four")
}

func TestAFollowerSinceAMomentHearsWhatComesAfterTheClockWasSetBack(t *testing.T) {
	step := setClock(t)
	s := store(t, t.TempDir(), Options{})
	l := open(t, s, 1, Policy{Name: "api"})
	out, err := run(t, l, 0, 1)
	say(t, out, "old\n")
	l.Settle(0)
	step(10 * time.Minute)
	say(t, out, "now\n")
	l.Settle(0)
	ctx, cancel := context.WithCancel(t.Context())
	got, done := make(chan string, 10), make(chan error)
	go func() {
		done <- l.Follow(ctx, velos.Query{Inst: -1, Since: stamp() - 60_000}, func(list []velos.Entry) bool {
			for _, e := range list {
				got <- string(e.Msg)
			}
			return true
		})
	}()
	hear := func(want string) {
		t.Helper()
		select {
		case g := <-got:
			if g != want {
				t.Errorf("got %q; want %q", g, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("never heard %q", want)
		}
	}
	hear("now")
	step(-time.Hour)
	say(t, out, "an hour earlier\n")
	hear("an hour earlier")
	cancel()
	if e := <-done; e != nil {
		t.Error(e)
	}
	hush(out, err)
}
