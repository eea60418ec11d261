package digest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

const noon = velos.Time(1_772_366_400_000)

func TestRepeatsAreFoldedWithinTheWindow(t *testing.T) {
	d := NewDeduper(0)
	add := func(text string, at velos.Time, want bool) []Fold {
		t.Helper()
		fresh, ended := d.Add(&Event{Message: []byte(text), Text: []byte("E " + text), Time: noon + at, Level: velos.Err})
		if fresh != want {
			t.Errorf("%s at %d is fresh: %v", text, at, fresh)
		}
		return ended
	}
	add("Connection to 10.0.0.1:80 failed", 0, true)
	add("Connection to 10.0.0.2:81 failed", 50_000, false)
	add("Disk is full", 60_000, true)
	add("Connection to 10.0.0.3:82 failed", 110_000, false) // within 60 s of the last, not of the first
	ended := add("Connection to 10.0.0.4:83 failed", 170_001, true)
	if len(ended) != 1 || ended[0].Count != 3 || ended[0].First != noon || ended[0].Last != noon+110_000 ||
		ended[0].Template != "Connection to <IP>:<PORT> failed" || ended[0].Sample != "E Connection to 10.0.0.1:80 failed" || ended[0].Level != velos.Err {
		t.Errorf("ended %+v", ended)
	}
	if out := d.Expire(noon + 170_002); len(out) != 1 || out[0].Template != "Disk is full" {
		t.Errorf("expired %+v", out)
	}
	add("Connection to 10.0.0.4:83 failed", 100_000, false) // a clock that went back
	out := d.Close()
	if len(out) != 1 || out[0].Count != 2 || out[0].First != noon+100_000 || out[0].Last != noon+170_001 {
		t.Errorf("closed %+v", out)
	}
}

func TestFoldsAreBounded(t *testing.T) {
	d := NewDeduper(0)
	r := uint64(3)
	ended := 0
	for range 10_000 {
		_, e := d.Add(&Event{Message: []byte(word(&r) + " " + word(&r)), Time: noon})
		ended += len(e)
	}
	if n := len(d.Close()); n > mostFolds || ended+n != 10_000 {
		t.Errorf("%d open, %d ended of 10000", n, ended)
	}
}

// feed makes an Analysis of lines; each begins with its second.
func feed(o Options, rows ...string) *Analysis {
	a := NewAnalysis(o)
	for _, row := range rows {
		var at int
		n, text := 0, row
		if _, err := fmt.Sscanf(row, "%d", &at); err == nil {
			n = strings.IndexByte(row, ' ') + 1
			text = row[n:]
		}
		a.Add(&Line{Time: noon + velos.Time(at)*1000, Text: []byte(text)})
	}
	return a
}

func TestAStackTraceIsOneError(t *testing.T) {
	a := feed(Options{}, "0 up", "1 Error: boom 7", "1     at f (/srv/a.js:1:2)", "1     at g (/srv/a.js:3:4)", "2 up", "3 Error: boom 8", "3     at f (/srv/a.js:1:2)")
	s := a.Summary(Facts{Name: "api"}, 0, 0)
	if s.Lines != 7 || s.Events() != 4 || s.Errors() != 2 || s.From != noon || s.To != noon+3000 || s.Process != "api" {
		t.Errorf("summary %+v", s)
	}
	if s.LastError != "Error: boom 8\n    at f (/srv/a.js:1:2)" || s.LastErrorAt != noon+3000 {
		t.Errorf("last error %q at %d", s.LastError, s.LastErrorAt)
	}
	list := a.Templates()
	if len(list) != 2 || list[0].Template != "up" || list[1].Template != "Error: boom <NUM>" || list[1].Level != velos.Err {
		t.Errorf("templates %+v", list)
	}
}

func TestATracebackIsRecognisedByItsLastLine(t *testing.T) {
	a := feed(Options{}, "0 Traceback (most recent call last):", `0   File "a.py", line 1, in f`, "0 KeyError: 'a'", "1 Traceback (most recent call last):",
		`1   File "a.py", line 1, in f`, "1 OSError: gone", "2 ok")
	var got []string
	for _, p := range a.Templates() {
		got = append(got, p.Template)
	}
	a.Close()
	if s := strings.Join(got, "|"); s != "KeyError: 'a'|OSError: gone" {
		t.Errorf("templates %s", s)
	}
}

func TestAHeaderThatStatesTheLevelIsBelieved(t *testing.T) {
	a := feed(Options{}, "0 2026-01-02 03:04:05 WARN retry failed", "0 java.io.IOException: gone", "0 \tat a.B.c(B.java:1)", "1 2026-01-02 03:04:06 INFO ok",
		"2 2026-01-02 03:04:07 no level here", "2 java.io.IOException: gone", "2 \tat a.B.c(B.java:1)", "3 2026-01-02 03:04:08 INFO ok")
	s := a.Summary(Facts{}, 0, 0)
	if s.ByLevel[velos.Warn] != 1 || s.ByLevel[velos.Err] != 1 || s.ByLevel[velos.Info] != 2 {
		t.Errorf("levels %v", s.ByLevel)
	}
}

func TestStreamsDoNotMix(t *testing.T) {
	a := NewAnalysis(Options{})
	for i, text := range []string{"Error: x", "tick", "    at f (a.js:1:2)", "tick"} {
		a.Add(&Line{Time: noon, From: uint64(i % 2), Text: []byte(text)})
	}
	if s := a.Summary(Facts{}, 0, 0); s.Errors() != 1 || s.Events() != 3 {
		t.Errorf("levels %v", s.ByLevel)
	}
}

func TestPatternsHaveRateAndTrend(t *testing.T) {
	var rows []string
	for i := range 600 { // ten minutes
		if i%10 == 0 {
			rows = append(rows, fmt.Sprintf("%d cache miss for key k%d", i, i))
		}
		if i >= 400 && i%5 == 0 {
			rows = append(rows, fmt.Sprintf("%d error: Connection to 10.0.0.%d:5432 timeout", i, i%250))
		}
	}
	a := feed(Options{}, append(rows, "600 done")...)
	a.Close()
	list := a.Patterns()
	if len(list) != 2 {
		t.Fatalf("patterns %+v", list)
	}
	p, q := list[0], list[1]
	if p.Count < q.Count {
		p, q = q, p
	}
	if p.Template != "cache miss for key k<*>" || p.Count != 60 || p.Trend != Stable || p.Frequency < 5.5 || p.Frequency > 6.5 || p.Sample != "cache miss for key k0" {
		t.Errorf("pattern %+v", p)
	}
	if q.Template != "Connection to <IP>:<PORT> timeout" || q.Count != 40 || q.Trend != Rising || q.Level != velos.Err || q.First != noon+400_000 || q.Last != noon+595_000 {
		t.Errorf("pattern %+v", q)
	}
	fresh := a.NewSince(noon + 300_000)
	if len(fresh) != 2 || fresh[0].Template != q.Template || fresh[1].Template != "done" {
		t.Errorf("new: %+v", fresh)
	}
}

func TestHistoryTellsWhatIsNormalAndIsNotCounted(t *testing.T) {
	o := Options{Since: noon + 60*60_000}
	var rows []string
	for m := range 70 {
		n := 4
		if m == 65 {
			n = 60
		}
		for i := range n {
			rows = append(rows, fmt.Sprintf("%d error: x", m*60+i*59/n))
		}
	}
	a := feed(o, rows...)
	s := a.Summary(Facts{}, 0, 0)
	if s.Lines != 4*9+60 || s.Errors() != s.Lines || s.From != o.Since {
		t.Errorf("%d lines, %d errors from %d", s.Lines, s.Errors(), s.From-noon)
	}
	if len(s.Anomalies) != 2 || s.Anomalies[0].Current != 60 || s.Anomalies[0].Time != noon+65*60_000 {
		t.Errorf("anomalies %+v", s.Anomalies)
	}
}

func TestHealthNamesItsDeductions(t *testing.T) {
	quiet := feed(Options{}, "0 ok", "60 ok").Summary(Facts{}, 0, 0)
	if quiet.Health != 100 || len(quiet.Deductions) != 0 {
		t.Errorf("nothing wrong: %d %v", quiet.Health, quiet.Deductions)
	}
	ill := feed(Options{}, "0 error: a", "60 ok").Summary(Facts{Offline: true, Restarts: 2}, 0, 0)
	sum := 100
	for _, d := range ill.Deductions {
		sum -= d.Points
	}
	if len(ill.Deductions) != 4 || max(0, sum) != ill.Health || ill.Health > 30 {
		t.Errorf("ill: %d %v", ill.Health, ill.Deductions)
	}
	// The example of the specification.
	like := Summary{From: noon, To: noon + 60*minute, Anomalies: []Episode{{Anomaly: Anomaly{Severity: Warning}}}}
	like.ByLevel[velos.Info], like.ByLevel[velos.Warn], like.ByLevel[velos.Err] = 5420, 23, 7
	like.health(&Facts{})
	if like.Health != 87 {
		t.Errorf("7 errors of 5,450 and a warning: %d %v", like.Health, like.Deductions)
	}
	// A few errors among millions of lines do not make a program ill.
	s := Summary{From: noon, To: noon + 24*60*minute}
	s.ByLevel[velos.Info], s.ByLevel[velos.Err] = 5_000_000, 20
	s.health(&Facts{})
	if s.Health < 99 {
		t.Errorf("20 errors of 5 million lines: %d %v", s.Health, s.Deductions)
	}
	s.ByLevel[velos.Err] = 5_000_000
	s.health(&Facts{Offline: true, Restarts: 1000})
	if s.Health != 0 {
		t.Errorf("everything wrong: %d", s.Health)
	}
}

func TestClocksMayDoWhatTheyWant(t *testing.T) {
	a := NewAnalysis(Options{})
	for _, at := range []velos.Time{noon, noon - 5, 0, -1 << 62, 1<<63 - 1, noon, 1 << 62, noon + 60_000} {
		a.Add(&Line{Time: at, Text: []byte("error: x")})
	}
	s := a.Summary(Facts{}, 0, 0)
	if s.Lines != 8 || s.Errors() != 8 || s.Health < 0 || s.Health > 100 {
		t.Errorf("summary %+v", s)
	}
}

func TestLongLinesCostNoMoreThanTheirBeginning(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789 error "), 10<<20/17)
	if mib := keeps(func() any {
		a := NewAnalysis(Options{})
		for range 8 {
			a.Add(&Line{Time: noon, Text: long})
		}
		a.Close()
		return a
	}); mib > 2 {
		t.Errorf("%.1f MiB are kept of lines of 10 MB", mib)
	}
}

func FuzzAnalysis(f *testing.F) {
	for _, s := range streams {
		f.Add([]byte(s), int64(noon), int64(1000))
	}
	f.Add([]byte("\x00\x1b[31m\xff\xfe{\"msg\":\"\n[[[[(((\n\"\n{"), int64(-5), int64(-7))
	f.Fuzz(func(t *testing.T, data []byte, at, step int64) {
		a := NewAnalysis(Options{Since: noon})
		d := NewDeduper(0)
		n := uint64(0)
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			before := string(line)
			a.Add(&Line{Time: velos.Time(at), Text: line, From: uint64(at) % 3})
			d.Add(&Event{Message: Message(line), Text: line, Time: velos.Time(at)})
			if string(line) != before {
				t.Fatal("the line was written to")
			}
			at += step
			n++
		}
		s := a.Summary(Facts{Restarts: 1}, 0, 0)
		if s.Lines > n || s.Events() > s.Lines || s.Health < 0 || s.Health > 100 {
			t.Fatalf("%d lines: %+v", n, s)
		}
		var folded uint64
		for _, f := range d.Close() {
			folded += f.Count
		}
		if folded > n {
			t.Fatalf("%d of %d lines are folded", folded, n)
		}
	})
}
