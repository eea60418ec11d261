package mcp

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/crash"
	"github.com/velospm/velos/internal/view"
)

// tokens counts as the models do that count most (o200k).
func tokens(t *testing.T, text string) int {
	t.Helper()
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	n, err := codec.Count(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mostListed is what all tools may cost every conversation.
const mostListed = 2000

func listed(t *testing.T) int {
	t.Helper()
	type shown struct {
		Name   string         `json:"name"`
		About  string         `json:"description"`
		Schema map[string]any `json:"inputSchema"`
	}
	var list []shown
	for _, tool := range tools() {
		list = append(list, shown{tool.name, tool.about, schemaOf(tool.in)})
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return tokens(t, string(b))
}

func TestTheListOfToolsIsShort(t *testing.T) {
	if n := listed(t); n > mostListed {
		t.Errorf("%d tokens; at most %d", n, mostListed)
	}
}

// crashes are reports that hold all that a report can, of programs that mean no
// harm and of one that does.
func crashes() map[string]crash.Report {
	at := velos.Time(1_795_860_312_000)
	full := func(message, frame, text string) crash.Report {
		r := crash.Report{App: "orders-service", Many: true, Inst: 3, Status: velos.WaitingRestart, Exit: &velos.Exit{Code: 1, PID: 48213, Time: at, Uptime: 850}, Cause: crash.PortInUse, Port: 3000,
			Holder: "velos app storefront-development-server, pid 48117", Message: message, Frame: frame, Strikes: 7, Allowed: 16, RetryAt: at + 2000, Same: 12, First: at - 3_600_000,
			Next: []string{"another port", "stop who holds it", "ports port=3000"}}
		for i := range 14 {
			r.Stack = append(r.Stack, crash.Frame{Text: "at " + text + " (" + frame + ")", At: frame, Own: i%2 == 0})
			r.Text = append(r.Text, text)
		}
		for i := range 8 {
			r.Timeline = append(r.Timeline, crash.Moment{Time: at - velos.Time(i)*60_000, Text: "exited with code 1 after 850ms, before min_uptime (1s)", Count: i + 1})
		}
		return r
	}
	long := full("Error: listen EADDRINUSE: address already in use :::3000", "src/server/listeners/http/createServer.ts:118", "Server.setupListenHandle [as _listen2]")
	module := full("Error: Cannot find module '@company/orders-persistence/dist/migrations/2026-11-28-add-index.js' imported from /srv/orders/src/database/connect.js", "src/database/migrations/2026-11-28-add-index-to-orders.ts:1184:23", "async MigrationRunner.runPendingMigrationsWithinOneTransaction")
	module.Cause, module.Port, module.Holder, module.Subject = crash.MissingModule, 0, "", "@company/orders-persistence/dist/migrations/2026-11-28-add-index.js"
	hostile := full(strings.Repeat("7f3a9c04e1b8", 40), strings.Repeat("数据库連接", 60), strings.Repeat("🧨↯", 60))
	hostile.Cause, hostile.Port, hostile.Subject = crash.MissingFile, 0, strings.Repeat("ﷺ", 200)
	noStack := full(strings.Repeat("0x7f3a9c ", 60), "", strings.Repeat("q7 ", 200))
	noStack.Stack = nil
	return map[string]crash.Report{"a port that is taken": long, "a module that is missing": module, "a hostile program": hostile, "no stack": noStack}
}

// crashForms are a report with --ai, with --ai=table and over MCP.
func crashForms(t *testing.T, o view.Options, r *crash.Report) [3]string {
	t.Helper()
	var b, rows strings.Builder
	o.Format = view.AI
	if err := view.Crash(&b, r, o); err != nil {
		t.Fatal(err)
	}
	io.WriteString(view.NewRows(&rows, false), b.String())
	return [3]string{b.String(), rows.String(), reportText(o, r)}
}

func TestACrashReportIsShort(t *testing.T) {
	for name, r := range crashes() {
		for _, text := range crashForms(t, view.Options{Now: 1_795_860_313_000, Loc: time.UTC}, &r) {
			if n := tokens(t, text); n > 400 || n < 100 {
				t.Errorf("%s: %d tokens\n%s", name, n, text)
			}
		}
	}
}

const (
	tableBegins = "<!-- tokens: written by a test of internal/mcp -->\n"
	tableEnds   = "<!-- end of tokens -->\n"
)

func TestThePageSaysWhatAnswersCost(t *testing.T) {
	const path = "../../docs/OUTPUT.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !ok || !ends {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + tableBegins + costs(t) + tableEnds + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(page) {
		t.Errorf("%s has other figures; make golden writes it anew", path)
	}
}

// costs measures everything, holds it to its bounds and writes the table.
func costs(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| answer | specification | `--ai` | `--ai=table` | MCP | at most |\n|---|---|---|---|---|---|\n")
	row := func(what string, figures ...string) {
		b.WriteString("| " + what + " | " + strings.Join(figures, " | ") + " |\n")
	}
	held := func(what string, n, most int) string {
		if n > most {
			t.Errorf("%s: %d tokens; at most %d", what, n, most)
		}
		return strconv.Itoa(n)
	}
	part := func(n int, of float64) int { return int(of * float64(n)) }
	count := func(text string) int { return tokens(t, text) }

	o := view.Options{Now: 1_795_860_313_000, Loc: time.UTC, Format: view.AI}
	apps := fifty(o.Now)
	shown := func(o view.Options) string {
		var b strings.Builder
		if err := view.List(&b, apps, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	inRows := o
	inRows.Rows, inRows.All = true, true
	brief := inRows
	brief.All = false
	rows := make([]processRow, len(apps))
	for i := range apps {
		rows[i] = view.RowOf(&apps[i], o.Now)
	}
	ai := shown(o)
	n := count(specified5(t, ai))
	row("`list`: 50 processes, a row for each (`--all`, `all=true`)", strconv.Itoa(n), strconv.Itoa(count(ai)), held("50 as rows", count(shown(inRows)), part(n, 0.6)),
		held("50 as rows over MCP", count(view.Brief(rows, true, "all=true")), part(n, 0.6)), "0.6 ×")
	row("`list`: the same, what is unusual first", "", "", held("50, exceptions first", count(shown(brief)), part(n, 0.4)),
		held("50, exceptions first over MCP", count(view.Brief(rows, false, "all=true")), part(n, 0.4)), "0.4 ×")

	app := velos.App{ID: 1, Spec: velos.Spec{Name: "api"}, Log: velos.LogInfo{Seq: 50}}
	lines := talk(o.Now)
	logs := func(fold bool) string {
		var b strings.Builder
		e := view.NewEntries(&b, []velos.App{app}, view.LogOptions{Options: o, Fold: fold})
		for i := range lines {
			e.Add(&lines[i])
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var folded strings.Builder
	io.WriteString(view.NewRows(&folded, false), logs(true))
	n = count(messages(t, logs(false)))
	row("`logs`: 50 lines of 5 templates", strconv.Itoa(n), strconv.Itoa(count(logs(false))), held("logs as rows", count(folded.String()), part(n, 0.25)), held("log_read", count(pageOf(t, &app, lines)), part(n, 0.25)), "0.25 ×")

	summary, err := os.ReadFile("testdata/peers/summary.txt")
	if err != nil {
		t.Fatal(err)
	}
	row("`logs --summary`: the specification's example", strconv.Itoa(count(specSummary)), "", "", held("summary", count(strings.TrimSpace(string(summary))), 90), "90")
	var most [3]int
	for _, r := range crashes() {
		for i, text := range crashForms(t, o, &r) {
			most[i] = max(most[i], count(text))
		}
	}
	row("`crash`: the longest of those that are tried", "", held("crash --ai", most[0], 400), held("crash --ai=table", most[1], 400), held("crash_report", most[2], 400), "400")
	row("`tools/list`, as a model sees it", "", "", "", held("tools/list", listed(t), mostListed), "2,000")
	return b.String()
}

// specified5 leaves of --ai the keys of the specification's example.
func specified5(t *testing.T, ai string) string {
	t.Helper()
	var list []struct {
		N string  `json:"n"`
		S string  `json:"s"`
		C float64 `json:"c"`
		M string  `json:"m"`
		U string  `json:"u"`
	}
	if err := json.Unmarshal([]byte(ai), &list); err != nil || len(list) != 50 {
		t.Fatalf("%d, %v", len(list), err)
	}
	b, _ := json.Marshal(list)
	return string(b)
}

// messages does so with lines.
func messages(t *testing.T, ai string) string {
	t.Helper()
	var list []struct {
		T int64  `json:"t"`
		M string `json:"m"`
	}
	if err := json.Unmarshal([]byte(ai), &list); err != nil || len(list) != 50 {
		t.Fatalf("%d, %v", len(list), err)
	}
	b, _ := json.Marshal(list)
	return string(b)
}

// specSummary is what the specification shows for logs --summary.
const specSummary = `Process: api | Period: last 1h | Health: 87/100
Lines: 5,450 | Errors: 7 | Warnings: 23
Top patterns:
  1. "Connection to <IP>:<PORT> timeout" (x12, trend: rising)
  2. "Cache miss for key <KEY>" (x847, trend: stable)
Last error: "ECONNREFUSED 10.0.0.5:5432" (2min ago)
Anomaly: error_rate 3.2σ above normal (7/min vs avg 0.5/min)`

// fifty are processes of a busy machine, four of which are not as they should
// be.
func fifty(now velos.Time) []velos.App {
	words := []string{"api", "worker", "web", "mailer", "search", "billing", "auth", "cache-warmer", "images", "reports"}
	apps := make([]velos.App, 50)
	for i := range apps {
		a := &apps[i]
		*a = velos.App{ID: uint32(i + 1), Spec: velos.Spec{Name: words[i%10] + "-" + strconv.Itoa(i/10+1)}, Status: velos.Online}
		in := velos.Instance{Status: velos.Online, Wanted: true, PID: 4000 + i, Started: now - velos.Time(i+1)*5_000_000, Usage: velos.Usage{CPU: float64(i%7) * 1.3, Memory: int64(i+9) << 21}}
		switch i {
		case 7, 23:
			a.Status, in = velos.Errored, velos.Instance{Status: velos.Errored, Restarts: 16}
		case 31:
			a.Status, in = velos.Stopped, velos.Instance{Status: velos.Stopped}
		case 44:
			a.Status, in.Status, in.Restarts = velos.WaitingRestart, velos.WaitingRestart, 3
		}
		a.Instances = []velos.Instance{in}
	}
	return apps
}

// talk is 50 lines of five kinds.
func talk(now velos.Time) []velos.Entry {
	var list []velos.Entry
	for i := range 10 {
		n := strconv.Itoa(i)
		for k, msg := range []string{"GET /users/" + n + " 200 in " + strconv.Itoa(3*i) + "ms", "cache miss for key user:" + n, "connection to 10.0.0." + n + ":5432 timed out", "ERROR payment " + n + n + " was refused", "job " + n + " done"} {
			e := velos.Entry{Seq: uint64(len(list) + 1), App: 1, Time: now - velos.Time(600_000-len(list)*7000), Level: velos.Info, Msg: []byte(msg)}
			if k == 3 {
				e.Level = velos.Err
			}
			list = append(list, e)
		}
	}
	return list
}

// pageOf is what log_read answers with those lines.
func pageOf(t *testing.T, a *velos.App, lines []velos.Entry) string {
	t.Helper()
	p := &page{app: a, cursor: a.Log.Seq, next: func(string, string, int) string { return "" }}
	veil := view.NewVeil(a)
	for i := range lines {
		p.take(veil, &lines[i])
	}
	s := &Server{o: Options{Loc: time.UTC, Now: func() time.Time { return lines[0].Time.Std() }}}
	got, err := (&call{s: s}).show(p, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got.text
}
