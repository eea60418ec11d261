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
