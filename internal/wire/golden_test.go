package wire

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/record"
)

var update = flag.Bool("update", false, "write testdata anew")

// frames are the worked examples of docs/PROTOCOL.md.
var frames = []struct {
	name  string
	frame []byte
}{
	{"ping", AppendRequest(nil, 1, DaemonPing, nil)},
	{"pong", AppendResponse(nil, 1, OK, &Pong{Version: "0.1.0", Uptime: 3_600_000, PID: 4711, Protocol: 1, Apps: 2})},
	{"start", AppendRequest(nil, 2, ProcessStart, &Start{Inst: -1, Wait: true, Spec: &velos.Spec{
		Name: "api", Script: "/srv/api/app.js", Interpreter: "/usr/bin/node", Cwd: "/srv/api", Instances: 1,
		Mode: velos.Fork, Autorestart: velos.Always, Env: map[string]string{"PORT": "3000", "HOME": "/srv"},
	}})},
	{"stop", AppendRequest(nil, 3, ProcessStop, &Stop{Target: All(1), Wait: true})},
	{"stop_instance", AppendRequest(nil, 4, ProcessStop, &Stop{Target: Target{ID: 1, Inst: 0}, Signal: 2, Timeout: 1500})},
	{"reload", AppendRequest(nil, 7, ProcessReload, &Reload{Target: All(1), Parallel: 2})},
	{"reloaded", AppendResponse(nil, 7, OK, &Reloaded{Restarted: true, Why: "fork mode without listen", App: velos.App{ID: 1, Status: velos.Online}})},
	{"scale", AppendRequest(nil, 8, ProcessScale, &Scale{ID: 1, Count: -1, By: true})},
	{"done", AppendResponse(nil, 3, OK, &Done{Success: true})},
	{"error", AppendResponse(nil, 4, Failure, &velos.Error{Code: velos.NotFound, Message: "no app with id 1", Hint: "velos list shows what there is"})},
	{"log_stream", AppendRequest(nil, 5, LogStream, &Logs{ID: 1, Query: velos.Query{Inst: -1, Last: 10, Level: velos.Warn, Follow: true}})},
	{"entries", AppendResponse(nil, 5, Streaming, &Entries{[]velos.Entry{
		{Seq: 300, Time: 1795449600000, Level: velos.Err, App: 1, PID: 4712, Src: velos.Stderr, Msg: []byte("boom \xff")},
	}})},
	{"log_files", AppendRequest(nil, 9, LogFiles, &Target{ID: 1, Inst: -1})},
	{"files", AppendResponse(nil, 9, OK, &Files{Seq: 300, Files: []File{{Path: "/srv/api-out.log", Src: velos.Stdout, Inode: 99, Size: 4096}}})},
	{"cancel", AppendRequest(nil, 5, CancelStream, nil)},
	{"end", AppendResponse(nil, 5, OK, nil)},
	{"minutes", AppendResponse(nil, 9, Streaming, &Minutes{[]velos.Minute{{Time: 1795449600000, Lines: 412, Warn: 3, Errors: 7}}})},
	{"event_add", AppendRequest(nil, 10, EventAdd, &Finding{ID: 1, Kind: velos.KindAlarm, Cause: "error rate 4.2 sigma above normal (7/min vs avg 0.5/min)",
		Alarm: &velos.Alarm{Metric: "error_rate", Current: 7, Mean: .5, StdDev: .75, Sigma: 4.25, Severity: "warning", Since: 1795449600000}})},
	{"caller", AppendRequestBy(nil, 9, ProcessDelete, &Target{ID: 1, Inst: -1}, &Caller{Channel: "mcp", Agent: "claude-code", Client: "claude-code 2.1"})},
	{"approve", AppendRequest(nil, 10, ApprovalAnswer, &ApprovalWord{ID: "7f3a", Allow: true})},
	{"events", AppendRequest(nil, 6, EventList, &EventsQuery{Last: 20})},
}

// dump is a frame as the page shows it: 16 bytes a line, and as text.
func dump(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		line := b[:min(16, len(b))]
		b = b[len(line):]
		text := make([]byte, len(line))
		for i, c := range line {
			text[i] = '.'
			if c >= 0x20 && c < 0x7f {
				text[i] = c
			}
		}
		fmt.Fprintf(&s, "%-47s  |%s|\n", fmt.Sprintf("% x", line), text)
	}
	return s.String()
}

func TestFramesAreTheGoldenOnes(t *testing.T) {
	for _, f := range slices.Concat(frames, rest) {
		path := filepath.Join("testdata", f.name+".hex")
		got := dump(f.frame)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%swant\n%s", f.name, got, want)
		}
	}
}

func TestPageShowsTheGoldenFrames(t *testing.T) {
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range slices.Concat(frames, rest) {
		want, err := os.ReadFile(filepath.Join("testdata", f.name+".hex"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "```\n"+string(want)+"```\n") {
			t.Errorf("docs/PROTOCOL.md does not show testdata/%s.hex", f.name)
		}
	}
}

func TestPageNamesEveryCommandAndEveryErrorCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		row := "| `" + hex.EncodeToString([]byte{byte(c.c)}) + "` | " + c.name + " |"
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/PROTOCOL.md has no row %s", row)
		}
	}
	for code := velos.Failed; code <= velos.NeedsApproval; code++ {
		row := "| " + itoa(int(code)) + " | `" + code.String() + "` | " + itoa(code.Exit()) + " |"
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/PROTOCOL.md has no row %s", row)
		}
	}
}

func TestPageNamesEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(payloads(), new(velos.Error)) {
		n := 1
		fill(reflect.ValueOf(r).Elem(), &n)
		var m map[string]any
		if err := json.Unmarshal(record.AppendJSON(nil, r), &m); err != nil {
			t.Fatal(err)
		}
		for _, k := range keys(m, nil) {
			if !strings.Contains(string(page), "`"+k+"`") {
				t.Errorf("docs/PROTOCOL.md does not name %s of %T", k, r)
			}
		}
	}
}

func keys(v any, into []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k != "A" { // of the environment that fill makes
				into = keys(e, append(into, k))
			}
		}
	case []any:
		for _, e := range v {
			into = keys(e, into)
		}
	}
	return into
}
