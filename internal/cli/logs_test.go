package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func withLines(t *testing.T) *fake {
	d := newFake(t, "api", "worker")
	base := velos.TimeOf(now) - 60_000
	for i := range 20 {
		for app := uint32(1); app <= 2; app++ {
			e := velos.Entry{Seq: uint64(i + 1), App: app, Time: base + velos.Time(2*i) + velos.Time(app), Level: velos.Info, Src: velos.Stdout, Msg: fmt.Appendf(nil, "line %d of %d", i, app)}
			if i%5 == 0 {
				e.Level, e.Src = velos.Err, velos.Stderr
			}
			d.lines = append(d.lines, e)
		}
	}
	d.apps[0].Log.Seq, d.apps[1].Log.Seq = 20, 20
	d.live = []velos.Entry{{Seq: 21, App: 1, Time: base + 100, Msg: []byte("live 1")}, {Seq: 22, App: 1, Missed: 7}, {Seq: 23, App: 1, Time: base + 101, Msg: []byte("live error")}}
	return d
}

func TestLogsAreMergedInTheOrderOfTime(t *testing.T) {
	d := withLines(t)
	out, _ := want(t, d, 0, "", "", "logs", "-n", "4")
	if wanted := "api    | line 18 of 1\nworker | line 18 of 2\napi    | line 19 of 1\nworker | line 19 of 2\n"; out != wanted {
		t.Errorf("got:\n%s\nwant:\n%s", out, wanted)
	}
	out, _ = want(t, d, 0, "", "", "logs")
	if n := strings.Count(out, "\n"); n != 15 {
		t.Errorf("%d lines without a flag", n)
	}
	out, _ = want(t, d, 0, "api ! line 0 of 1\n", "", "logs", "api", "--err", "--since", "1h")
	if n := strings.Count(out, "\n"); n != 4 {
		t.Errorf("%d lines of stderr:\n%s", n, out)
	}
	out, _ = want(t, d, 0, "", "", "logs", "--level", "error", "--last", "5m", "--ai")
	if n := strings.Count(out, `"l":"error"`); n != 8 {
		t.Errorf("%d errors:\n%s", n, out)
	}
	want(t, d, 0, "api ! 2026-03-01 11:59:00 line 0 of 1", "", "logs", "api", "-n", "20", "-t")
	want(t, d, 0, "api ! 11:59 line 0 of 1", "", "logs", "api", "-n", "20", "-t=%H:%M")
	want(t, d, 0, "[]\n", "", "logs", "api", "--since", "1s", "--json")
}

func TestGrepSendsItsLiteralAndMatchesTheRestHere(t *testing.T) {
	d := withLines(t)
	out, _ := want(t, d, 0, "", "", "logs", "api", "--grep", "line 1[23] of", "-n", "1")
	if out != "api | line 13 of 1\n" {
		t.Errorf("got %q", out)
	}
	if q := d.queries[0].Query; q.Grep != "line 1" || q.Last != 0 {
		t.Errorf("got %+v", q)
	}
	want(t, d, 0, "line 7 of 1", "", "logs", "api", "--grep", "line 7", "-n", "2")
	if q := d.queries[1].Query; q.Grep != "line 7" {
		t.Errorf("got %+v", q)
	}
	want(t, d, 0, "line 7 of 1", "", "logs", "api", "--grep", "(?i)LINE 7")
	want(t, d, 0, "line 7 of 1", "", "logs", "api", "--grep", "LINE 7", "-i")
	want(t, d, 0, "", "", "logs", "api", "--grep", "line [7]", "-F")
	want(t, d, 2, "", "missing closing ) at character 4", "logs", "--grep", "ab+(")
}

func TestFlagsOfASearchThatContradictEachOtherAreRefused(t *testing.T) {
	d := withLines(t)
	for _, words := range []string{"-i", "-F", "-f --newest", "-A -1 --grep x", "--limit 0", "--limit -1", "--limit 5 -n 5", "--max-bytes x --grep x", "--max-bytes 0 --grep x", "--around x",
		"--around 10:00 --since 1h", "--around 10:00 --newest", "--cursor x --grep y", "--cursor other#5 --grep y", "--since 1m --until 2m --grep x", "--around 10:00 --limit 5"} {
		want(t, d, 2, "", "velos: ", append([]string{"logs", "api"}, strings.Fields(words)...)...)
	}
}

func TestASearchWithoutFilesAsksTheDaemon(t *testing.T) {
	d := withLines(t)
	out, _ := want(t, d, 0, "", "", "logs", "api", "--grep", "line 7 of", "-C", "1")
	if out != "api | line 6 of 1\napi | line 7 of 1\napi | line 8 of 1\n" && out != "api - line 6 of 1\napi | line 7 of 1\napi - line 8 of 1\n" {
		t.Errorf("got %q", out)
	}
	out, _ = want(t, d, 0, "", "", "logs", "api", "--newest", "--limit", "2", "--json")
	if !strings.HasPrefix(out, `{"lines":[`) || strings.Index(out, "line 19 of") > strings.Index(out, "line 18 of") || !strings.Contains(out, `"next":"api#`) {
		t.Errorf("got %s", out)
	}
}

func TestLogsGoOnBehindACursorOfTheApp(t *testing.T) {
	d := withLines(t)
	for _, flags := range []string{"", "-f --nostream"} {
		words := append([]string{"logs", "api", "--since", "api#18.0.1"}, strings.Fields(flags)...)
		out, errs, code := d.run(t, words...)
		if code != 0 || strings.Contains(out, "line 17 of") || !strings.Contains(out, "line 19 of 1") {
			t.Errorf("%q: %d %q %s", flags, code, out, errs)
		}
	}
	if out, _, _ := d.run(t, "logs", "api", "--since", "api#18.0.77"); !strings.Contains(out, "line 0 of") {
		t.Errorf("a cursor of a former app has hidden lines of this one: %q", out)
	}
	want(t, d, 2, "", "the cursor is of", "logs", "api", "--since", "other#5.0.99")
}

func TestFollowGoesOnBehindTheHistory(t *testing.T) {
	d := withLines(t)
	for _, c := range []struct {
		args string
		want string
	}{
		{"logs api -f -n 1", "api | line 19 of 1\napi | live 1\n… 7 lines skipped\napi | live error\n"},
		{"logs api -f -n 0", "api | live 1\n… 7 lines skipped\napi | live error\n"},
		{"logs api -f --grep live.e", "… 7 lines skipped\napi | live error\n"},
	} {
		ctx, stop := context.WithCancel(t.Context())
		var o, e locked
		done := make(chan int)
		go func() {
			done <- Run(ctx, World{Out: &o, Err: &e, Vars: map[string]string{"VELOS_HOME": d.home}, Now: func() time.Time { return now }}, strings.Fields(c.args))
		}()
		for deadline := time.Now().Add(time.Minute); o.String() != c.want && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		stop()
		if code := <-done; code != 0 || o.String() != c.want || e.String() != "" {
			t.Errorf("%s: exit code %d, got:\n%s\nwant:\n%s\n%s", c.args, code, o.String(), c.want, e.String())
		}
	}
}

func TestLogsRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	d := withLines(t)
	for _, args := range []string{"logs --level loud", "logs --since soon", "logs -n -1", "logs --last 5", "logs --until never", "logs -n x"} {
		if _, e, code := d.run(t, strings.Fields(args)...); code != 2 || !strings.HasPrefix(e, "velos: ") {
			t.Errorf("%s: %d, %s", args, code, e)
		}
	}
}

func TestWhyAndEvents(t *testing.T) {
	d := withLines(t)
	at := velos.TimeOf(now) - 5000
	anna := velos.Actor{Kind: "user", UID: 1000, User: "anna", Exe: "velos"}
	d.events = []velos.Event{
		{Seq: 1, Time: at, Kind: velos.KindOrder, App: "api", ID: 1, Inst: -1, Cause: "start", Actor: anna},
		{Seq: 2, Time: at + 1, Kind: velos.KindState, App: "api", ID: 1, PID: 7, From: velos.Starting, To: velos.Online, Actor: velos.Policy},
		{Seq: 3, Time: at + 2, Kind: velos.KindState, App: "worker", ID: 2, To: velos.Online, Actor: velos.Policy},
	}
	out, _ := want(t, d, 0, "last order  start by anna (velos), 5s ago", "", "why", "api")
	if !strings.Contains(out, "line 15 of 1") || !strings.Contains(out, "api is online since") {
		t.Errorf("got:\n%s", out)
	}
	want(t, d, 2, "", "more than one app", "why", "all")
	out, _ = want(t, d, 0, "worker", "", "events")
	if strings.Count(out, "\n") != 3 {
		t.Errorf("got:\n%s", out)
	}
	out, _ = want(t, d, 0, `"m":"order: start","by":"anna (velos)"`, "", "events", "api", "--ai")
	if strings.Contains(out, "worker") {
		t.Errorf("got %s", out)
	}
	out, _ = want(t, d, 0, "", "", "events", "api", "worker", "-n", "1", "--json")
	if strings.Count(out, `"seq"`) != 1 || !strings.Contains(out, `"seq":3`) {
		t.Errorf("got %s", out)
	}
}

func TestCompressedFilesAreReadByZstdAndExpand(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "api-out.log.1")
	text := bytes.Repeat([]byte("{\"ts\":1,\"msg\":\"line\"}\n"), 50_000)
	os.WriteFile(path, text, 0o600)
	d := newFake(t)
	want(t, d, 0, "", "", "compress", path)
	if _, err := os.Stat(path); err == nil {
		t.Error("the original is still there")
	}
	out, _ := want(t, d, 0, "", "", "expand", path+".zst")
	if out != string(text) {
		t.Errorf("%d bytes came back of %d", len(out), len(text))
	}
	if zstd, err := exec.LookPath("zstd"); err == nil {
		got, err := exec.Command(zstd, "-dc", path+".zst").Output()
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("zstd: %v, %d bytes", err, len(got))
		}
	}
	if st, _ := os.Stat(path + ".zst"); st == nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st)
	}
	empty := filepath.Join(dir, "empty")
	os.WriteFile(empty, nil, 0o600)
	want(t, d, 0, "", "", "compress", empty)
	want(t, d, 0, "", "", "expand", empty+".zst")
	want(t, d, 1, "", "compress: ", "compress", filepath.Join(dir, "none"))
	want(t, d, 1, "", "not a regular file", "compress", dir)
}

func TestAFileThatWasRotatedMeanwhileIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "out.log.1"), filepath.Join(dir, "out.log.1.zst.tmp")
	os.WriteFile(path, []byte("old"), 0o600)
	read, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Rename(path, filepath.Join(dir, "out.log.2"))
	os.WriteFile(path, []byte("new"), 0o600)
	os.WriteFile(temp, []byte("packed"), 0o600)
	if err := exchange(path, temp, read); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "new" {
		t.Errorf("the new file holds %q", b)
	}
	if _, err := os.Stat(path + ".zst"); err == nil {
		t.Error("an old file took a new one's name")
	}
}
