package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/velospm/velos"
)

// withStory is an app whose log has a story: quiet, then trouble.
func withStory(t *testing.T) *fake {
	d := newFake(t, "api", "worker")
	start := velos.TimeOf(now) - 2*3_600_000
	seq := uint64(0)
	say := func(at velos.Time, l velos.Level, src velos.Stream, text string) {
		seq++
		d.lines = append(d.lines, velos.Entry{Seq: seq, App: 1, Time: at, Level: l, Src: src, Msg: []byte(text)})
	}
	for m := range velos.Time(120) {
		at := start + m*60_000
		for k := range velos.Time(5) {
			say(at+k*10_000, velos.Info, velos.Stdout, fmt.Sprintf("request %d took %d ms", m*5+k, 10+k))
		}
		if m == 110 {
			for k := range velos.Time(30) {
				say(at+k*100, velos.Err, velos.Stderr, fmt.Sprintf("Error: connect ECONNREFUSED 10.0.0.%d:5432", k))
				say(at+k*100, velos.Err, velos.Stderr, "    at Socket.connect (net.js:1140:16)")
			}
		}
	}
	d.apps[0].Log.Seq = seq
	d.apps[0].Instances[0].Started = start + 60*60_000
	return d
}

func TestASummarySaysWhatAnHourCameTo(t *testing.T) {
	d := withStory(t)
	out, _ := want(t, d, 0, "Process: api | Period: last 1h | Health: ", "", "logs", "api", "--summary")
	for _, s := range []string{"\nLines: 360 | Errors: 30 | Warnings: 0\n", `1. "request <NUM> took <NUM> ms" (x300, trend: stable)`,
		`2. "Error: connect ECONNREFUSED <IP>:<PORT>" (x30, trend: rising)`, `Last error: "Error: connect ECONNREFUSED 10.0.0.29:5432" and 1 more line (9min ago)`,
		"Anomaly: error_rate ", "σ above normal (30/min vs avg 0.01/min) at 11:50:00"} {
		if !strings.Contains(out, s) {
			t.Errorf("%q is missing:\n%s", s, out)
		}
	}
	out, _ = want(t, d, 0, `"process_name":"api"`, "", "logs", "--summary", "--json")
	if n := strings.Count(out, `"process_name"`); n != 2 {
		t.Errorf("%d summaries of 2 apps:\n%s", n, out)
	}
	want(t, d, 0, `[{"app":"api",`, "", "logs", "api", "--summary", "--ai", "--last", "20m")
}

func TestPatternsAnomaliesAndWhatIsNew(t *testing.T) {
	d := withStory(t)
	out, _ := want(t, d, 0, "request <NUM> took <NUM> ms", "", "logs", "api", "--patterns", "--since", "3h")
	if !strings.Contains(out, "  600 ") || strings.Count(out, "\n") != 3 {
		t.Errorf("got\n%s", out)
	}
	want(t, d, 0, "api: critical: error_rate ", "", "logs", "api", "--anomalies")
	want(t, d, 0, "nothing unusual\n", "", "logs", "worker", "--anomalies")
	out, _ = want(t, d, 0, "Error: connect ECONNREFUSED <IP>:<PORT>", "", "logs", "api", "--new")
	if strings.Contains(out, "request") {
		t.Errorf("what was there before the last start is new:\n%s", out)
	}
	want(t, d, 0, "nothing found\n", "", "logs", "api", "--new", "--since", "5m")
	out, _ = want(t, d, 0, "", "", "logs", "api", "--patterns", "--grep", "ECONN", "--json", "--last", "1h")
	if strings.Count(out, `"template"`) != 1 || !strings.Contains(out, `"count":30`) {
		t.Errorf("got\n%s", out)
	}
}

func TestRepeatsAreFolded(t *testing.T) {
	d := withStory(t)
	out, _ := want(t, d, 0, "Error: connect ECONNREFUSED <IP>:<PORT> (x30, first: 11:50:00, last: 11:50:02)\n", "", "logs", "api", "--dedupe", "--last", "15m")
	if n := strings.Count(out, "\n"); n != 2 {
		t.Errorf("%d messages:\n%s", n, out)
	}
}

func TestRepeatsAreFoldedLive(t *testing.T) {
	d := withLines(t)
	base := velos.TimeOf(now)
	d.live = nil
	for i, text := range []string{"job 1 done", "job 2 done", "disk is full", "job 3 done"} {
		d.live = append(d.live, velos.Entry{Seq: uint64(21 + i), App: 1, Time: base + velos.Time(i), Level: velos.Info, Src: velos.Stdout, Msg: []byte(text)})
	}
	ctx, stop := context.WithCancel(t.Context())
	var o, e locked
	done := make(chan int)
	go func() {
		done <- Run(ctx, World{Out: &o, Err: &e, Vars: map[string]string{"VELOS_HOME": d.home}, Now: func() time.Time { return now }},
			strings.Fields("logs api --dedupe -f --last 1s"))
	}()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(o.String(), "disk is full") && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	stop()
	code := <-done
	if out := o.String(); code != 0 || !strings.HasPrefix(out, "job 1 done\ndisk is full\n") || !strings.Contains(out, "job <NUM> done (x3, ") || strings.Contains(out, "job 2 done") {
		t.Errorf("exit code %d, got\n%s%s", code, out, e.String())
	}
}

const foreignLog = `2026-03-01T11:00:00Z INFO worker 1 ready
2026-03-01T11:00:01Z ERROR job 7 failed
Traceback (most recent call last):
  File "a.py", line 1, in f
ValueError: x
2026-03-01T11:00:02Z INFO worker 2 ready
{"ts":1772362803000,"lvl":"warn","pid":7,"msg":"own line","src":"stderr","seq":1,"inst":0}
`

func TestFilesAndStandardInputAreRead(t *testing.T) {
	d := newFake(t)
	path := d.file(t, "app.log", foreignLog)
	want(t, d, 0, "Process: app.log | Period: 11:00:00 to 11:00:03 | Health: ", "", "logs", "--file", path)
	want(t, d, 0, "Process: app.log | Period: last 100d | Health: ", "", "logs", "--file", path, "--last", "100d")
	want(t, d, 0, "Lines: 6 | Errors: 1 | Warnings: 0", "", "logs", "--file", path, "--until", "2026-03-01T11:00:03Z")
	out, _ := want(t, d, 0, "Lines: 7 | Errors: 1 | Warnings: 1\n", "", "logs", "--file", path)
	if !strings.Contains(out, `Last error: "2026-03-01T11:00:01Z ERROR job 7 failed" and 3 more lines`) {
		t.Errorf("got\n%s", out)
	}
	var b bytes.Buffer
	w, _ := zstd.NewWriter(&b)
	w.Write([]byte(foreignLog))
	w.Close()
	packedPath := filepath.Join(t.TempDir(), "app.log.1.zst")
	os.WriteFile(packedPath, b.Bytes(), 0o600)
	want(t, d, 0, "Lines: 7 | Errors: 1", "", "logs", "--file", packedPath)
	os.WriteFile(packedPath, b.Bytes()[:b.Len()-5], 0o600)
	want(t, d, 1, "", "logs: read app.log.1.zst", "logs", "--file", packedPath)
	want(t, d, 4, "", "no such file", "logs", "--file", path+".none")
	want(t, d, 0, "Lines: 0 | Errors: 0", "", "logs", "-")
}

func TestALineOfAnyLengthIsRead(t *testing.T) {
	d := newFake(t)
	path := d.file(t, "long.log", strings.Repeat("x", 3<<20)+"\nERROR short\n\x00\xff\n"+strings.Repeat("y", 100_000))
	want(t, d, 0, "Lines: 4 | Errors: 1 | ", "", "logs", "--file", path)
}

func TestDigestsRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	d := withLines(t)
	for _, args := range []string{"--summary --patterns", "--summary -f", "--file x api", "- -f --dedupe", "- --new", "api --similarity 2 --patterns", "api --sigma 0 --anomalies"} {
		want(t, d, 2, "", "", append([]string{"logs"}, strings.Fields(args)...)...)
	}
}
