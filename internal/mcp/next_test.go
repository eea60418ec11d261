package mcp

import (
	"math"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

func TestNextCallsAreWrittenSoThatTheyCanBeRead(t *testing.T) {
	for _, c := range []struct {
		want  string
		pairs []string
	}{
		{`log_read name_or_id=api lines=5`, []string{"name_or_id", "api", "level", "", "lines", number(5), "each", when(false), "budget", number(0)}},
		{`log_read pattern="a b" until=["ready","log=x y"] each=true`, []string{"pattern", "a b", "until", `["ready","log=x y"]`, "each", when(true)}},
		{`log_read pattern="\\d+ \"x\"" since=1795449600000`, []string{"pattern", `\d+ "x"`, "since", at(1795449600000), "until", at(0)}},
	} {
		if got := again("log_read", c.pairs...); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
	}
	if got := again("log_search", "pattern", "[0-9]"); got != `log_search pattern="[0-9]"` {
		t.Error(got)
	}
	if got := again("log_search", "pattern", "\u202ex"); got != `log_search pattern="\u202ex"` {
		t.Errorf("%q", got)
	}
}

func TestACallWaitsNoLongerThanClientsDo(t *testing.T) {
	c := &call{Context: t.Context()}
	for seconds, want := range map[float64]time.Duration{0: startWithin, 3: 3 * time.Second, 50: longest, 51: longest, 1e300: longest, math.MaxFloat64: longest, 1e-12: least} {
		_, stop := c.within(seconds, startWithin)
		stop()
		if c.limit != want {
			t.Errorf("%v s: %v; want %v", seconds, c.limit, want)
		}
	}
	for seconds, want := range map[float64]string{0: "", 50: "", 70: "20", 50.5: "0.5"} {
		if got := left(seconds, longest); got != want {
			t.Errorf("%v s leave %q; want %q", seconds, got, want)
		}
	}
}

func TestATailHasNoGapsAndKeepsToItsBudget(t *testing.T) {
	line := func(seq uint64, text string) *velos.Entry { return &velos.Entry{Seq: seq, Msg: []byte(text)} }
	tl := tail{budget: 20, veil: view.NewVeil()}
	for seq := range uint64(10) {
		tl.add(line(seq+1, "1234"))
	}
	if tl.first != 7 || tl.dropped != 6 || tl.text() != "1234\n1234\n1234\n1234" {
		t.Errorf("%+v %q", tl, tl.text())
	}
	tl.add(&velos.Entry{Missed: 5})
	tl.add(line(16, "after"))
	if tl.first != 16 || tl.dropped != 15 || tl.text() != "after" {
		t.Errorf("%+v %q", tl, tl.text())
	}
	tl.add(line(17, "abcdefghij12345678901234567890"))
	if tl.first != 0 || tl.dropped != 17 || tl.text() != "… 12345678901234567890" {
		t.Errorf("%+v %q", tl, tl.text())
	}
}
