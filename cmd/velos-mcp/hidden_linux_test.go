package main

import (
	"os"
	"strings"
	"testing"
)

// TestASecretOfBeforeStaysHidden: its lines are still in the log when the app
// has another one.
func TestASecretOfBeforeStaysHidden(t *testing.T) {
	h := newHouse(t)
	h.write("say.sh", "#!/bin/sh\necho \"connecting with $API_KEY\"\nexec sleep 1000\n")
	h.env = append(h.env, "API_KEY=blue-kettle-0123456789")
	h.velos("start", "say.sh", "--name", "say", "--min-uptime", "50ms")
	h.velos("wait", "say", "log=connecting", "--timeout", "20s")
	h.velos("config", "set", "say", "env.API_KEY=green-kettle-9876543210")
	h.until("the new run has spoken", func() bool { return strings.Count(h.velos("logs", "say"), "connecting") == 2 })

	s := h.agent("claude-code")
	all := map[string]string{"logs": h.velos("logs", "say"), "logs --json": h.velos("logs", "say", "--json"), "logs --grep": h.velos("logs", "say", "--grep", "connecting"), "crash": h.velos("crash", "say")}
	for tool, a := range map[string]args{"log_read": {"name_or_id": "say"}, "log_search": {"name_or_id": "say", "pattern": "connecting"}, "log_summary": {"name_or_id": "say"}} {
		all[tool] = s.ask(tool, a).text
	}
	for where, text := range all {
		if strings.Contains(text, "0123456789") || strings.Contains(text, "9876543210") {
			t.Errorf("%s shows a secret: %s", where, text)
		}
	}
	if !strings.Contains(all["log_read"], "connecting") || !strings.Contains(all["log_search"], "connecting") {
		t.Errorf("%s\n%s", all["log_read"], all["log_search"])
	}
}

// TestOrdersAboutAppsElsewhereAreNotTold: an app outside of the projects that
// the rules name does not exist for agents, in the record of orders neither.
func TestOrdersAboutAppsElsewhereAreNotTold(t *testing.T) {
	h := newHouse(t)
	for _, dir := range []string{h.home.Dir, h.dir + "/ours", h.dir + "/theirs"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.write("ours/loop.sh", "#!/bin/sh\nexec sleep 1000\n")
	h.write("theirs/loop.sh", "#!/bin/sh\nexec sleep 1000\n")
	h.velos("start", "ours/loop.sh", "--name", "visible", "--cwd", h.dir+"/ours", "--min-uptime", "50ms")
	h.velos("start", "theirs/loop.sh", "--name", "elsewhere", "--cwd", h.dir+"/theirs", "--min-uptime", "50ms")

	s := h.agent("claude-code")
	if text := s.must("audit_query", args{}).text; !strings.Contains(text, "visible") || !strings.Contains(text, "elsewhere") {
		t.Errorf("without rules: %s", text)
	}
	if err := os.WriteFile(h.home.Dir+"/config.toml", []byte("[agents]\nprojects = [\""+h.dir+"/ours\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.until("the rules are in force", func() bool { return !strings.Contains(s.must("process_list", args{}).text, "elsewhere") })
	for _, a := range []args{{}, {"name_or_id": "elsewhere"}} {
		if text := s.must("audit_query", a).text; strings.Contains(text, "loop.sh") && strings.Contains(text, "theirs") || a["name_or_id"] == nil && strings.Contains(text, "elsewhere") {
			t.Errorf("%v: %s", a, text)
		}
	}
}

// TestASecretThatIsCutAtTheLimitOfALineIsHiddenInEveryAnswer has a real program
// write lines that are too long, with its secret where they are cut.
func TestASecretThatIsCutAtTheLimitOfALineIsHiddenInEveryAnswer(t *testing.T) {
	const secret = "Kx7Qw9Zr4Lm2Vb8Ns5Tg"
	h := newHouse(t)
	// 64 KiB end in the middle of the secret, on both streams, and as base64.
	h.write("long.sh", `#!/bin/sh
fill() { head -c $1 /dev/zero | tr '\0' .; }
{ fill 65526; printf %s "$API_KEY"; echo " rest of stdout"; }
{ fill 65524; printf %s "u:$API_KEY" | base64 | tr -d '\n'; echo " rest of base64"; }
{ fill 65526; printf %s "$API_KEY"; echo " rest of stderr"; } >&2
echo "Error: cannot go on" >&2
[ -n "$STAY" ] && exec sleep 1000
exit 3
`)
	h.env = append(h.env, "API_KEY="+secret)
	all := map[string]string{"run": h.velos("run", "./long.sh"), "run --json": h.velos("run", "--json", "./long.sh")}
	h.velos("start", "long.sh", "--name", "long", "--min-uptime", "50ms", "--set", "STAY=1")
	h.velos("wait", "long", "log=cannot", "--timeout", "20s")
	h.velos("start", "long.sh", "--name", "ends", "--autorestart", "never", "--min-uptime", "1ms")
	h.until("it has ended", func() bool {
		return strings.Contains(h.velos("list"), "errored") || strings.Contains(h.velos("list"), "stopped")
	})
	for _, c := range []string{"logs long", "logs long --json", "logs long --ai", "logs long --err", "logs long -n 1 --out", "logs long --grep rest", "logs long --newest -n 9", "logs long --dedupe", "logs long --summary", "why ends", "crash ends"} {
		all[c] = h.velos(strings.Fields(c)...)
	}

	s := h.agent("claude-code")
	for what, c := range map[string]struct {
		tool string
		in   args
	}{
		"all":         {"log_read", args{"name_or_id": "long", "budget": 22000}},
		"json":        {"log_read", args{"name_or_id": "long", "format": "json"}},
		"the newest":  {"log_read", args{"name_or_id": "long", "lines": 2}},
		"a search":    {"log_search", args{"name_or_id": "long", "pattern": "rest of"}},
		"its context": {"log_search", args{"name_or_id": "long", "pattern": "rest of", "context": 1}},
		"a summary":   {"log_summary", args{"name_or_id": "long"}},
		"a crash":     {"crash_report", args{"name_or_id": "ends"}},
		"a run":       {"process_run", args{"command": "./long.sh", "budget": 22000}},
		"a wait":      {"process_wait", args{"name_or_id": "long", "until": "log=rest of stdout", "timeout_s": 5}},
	} {
		all[what] = s.ask(c.tool, c.in).text
	}
	// One line a page, so that pages end between two pieces.
	r := s.must("log_read", args{"name_or_id": "long", "since": "1h", "lines": 1, "budget": 22000})
	for more := true; more; r, more = s.next(r) {
		all["pages"] += r.text
	}
	for _, part := range []string{secret[:6], secret[4:10], secret[10:16], secret[14:], "[A-Z]x7Q"} {
		if text := s.ask("log_search", args{"name_or_id": "long", "pattern": part}).text; !strings.HasPrefix(text, "no lines") && !strings.HasPrefix(text, "0 matches") {
			t.Errorf("a search for %s finds %.200s", part, text)
		}
		if text := s.ask("process_wait", args{"name_or_id": "long", "until": "log=" + part, "since": "1h", "timeout_s": 0.3}).text; strings.Contains(text, "met") {
			t.Errorf("a wait for %s is over: %.200s", part, text)
		}
	}
	for where, text := range all {
		for i := 0; i+5 <= len(secret); i++ {
			if part := secret[i : i+5]; strings.Contains(text, part) {
				at := strings.Index(text, part)
				t.Errorf("%s shows %s: …%s", where, part, text[max(0, at-40):min(len(text), at+40)])
				break
			}
		}
	}
	for _, where := range []string{"run", "logs long", "logs long --grep rest", "logs long --newest -n 9", "a search", "pages"} {
		if !strings.Contains(all[where], "[masked] rest of stdout") || !strings.Contains(all[where], "[masked] rest of stderr") {
			t.Errorf("%s: %.300s … %s", where, all[where], all[where][max(0, len(all[where])-300):])
		}
	}
}
