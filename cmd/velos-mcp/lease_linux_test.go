package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestALeaseEndsWithItsAgentAndWithNothingElse is the story of apps of agents:
// whose they are, what others may do, and what becomes of them.
func TestALeaseEndsWithItsAgentAndWithNothingElse(t *testing.T) {
	h := newHouse(t)
	if err := os.MkdirAll(h.home.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.home.Dir+"/config.toml", []byte("[agents]\nlease_grace = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.write("loop.sh", "#!/bin/sh\necho up\nexec sleep 1000\n")
	h.velos("start", "loop.sh", "--name", "people", "--min-uptime", "50ms")

	mine := h.agent("claude-code")
	begin := mine.must("changes", args{}).str("cursor")
	for _, name := range []string{"passing", "kept", "kept-later"} {
		r := mine.must("process_start", args{"script": h.dir + "/loop.sh", "name": name, "keep": name == "kept"})
		if lease := r.str("lease"); !strings.HasPrefix(lease, "claude-code") || strings.Contains(lease, "kept") != (name == "kept") {
			t.Errorf("%s has the lease %q", name, lease)
		}
	}
	h.velos("keep", "kept-later")

	// Another agent may look, and no more.
	theirs := h.agent("codex")
	if r := theirs.must("process_info", args{"name_or_id": "passing"}); !strings.Contains(r.text, "online") {
		t.Errorf("%s", r.text)
	}
	for _, name := range []string{"passing", "kept"} {
		for _, tool := range []string{"process_stop", "process_restart", "process_delete"} {
			r := theirs.ask(tool, args{"name_or_id": name})
			if r.code != "needs_approval" || !strings.Contains(r.hint, "velos approve") {
				t.Errorf("codex, %s %s: %s", tool, name, r.text)
			}
		}
		if r := theirs.ask("config_set", args{"name_or_id": name, "changes": args{"kill_timeout": "1s"}, "apply": "later"}); r.code != "needs_approval" {
			t.Errorf("codex, config_set %s: %s", name, r.text)
		}
	}
	if out := h.velos("grant", "passing", "--to", "codex"); !strings.Contains(out, "granted to codex") {
		t.Fatal(out)
	}
	theirs.must("process_restart", args{"name_or_id": "passing"})
	if r := theirs.ask("process_stop", args{"name_or_id": "kept"}); r.code != "needs_approval" {
		t.Errorf("a grant is for one app: %s", r.text)
	}
	h.velos("grant", "passing", "--to", "codex", "--revoke")
	if r := theirs.ask("process_stop", args{"name_or_id": "passing"}); r.code != "needs_approval" {
		t.Errorf("a grant that was taken back: %s", r.text)
	}

	probe(h)
	before := pids(mine)
	mine.die()
	h.until("the app of the agent that was killed is stopped", func() bool {
		return strings.Contains(theirs.must("process_list", args{}).text, "passing - stopped")
	})
	after := pids(theirs)
	for _, name := range []string{"kept", "kept-later", "people"} {
		if after[name] == nil || after[name] != before[name] {
			t.Errorf("%s: pid %v before, %v after", name, before[name], after[name])
		}
	}
	told := theirs.must("changes", args{"since": begin}).text
	for _, want := range []string{"passing: its lease has ended: claude-code (pid ", ") is gone; stopped in 1s unless it is kept", "passing: granted to codex", "kept-later: kept: it outlives its agent", "passing: stopped"} {
		if !strings.Contains(told, want) {
			t.Errorf("changes do not say %q:\n%s", want, told)
		}
	}
	orders := theirs.must("audit_query", args{"limit": 200}).text
	for _, want := range []string{"start passing", "by claude-code (mcp", "stop passing, by codex (mcp, codex 1.0): needs_approval", "grant passing", "restart passing, by codex (mcp, codex 1.0): ok", "keep kept-later"} {
		if !strings.Contains(orders, want) {
			t.Errorf("the record does not say %q:\n%s", want, orders)
		}
	}
	if strings.Contains(orders, "stop passing, by claude-code") {
		t.Errorf("nobody has ordered the end:\n%s", orders)
	}

	// What was left behind is for whoever takes it up.
	r := theirs.must("process_ensure", args{"script": h.dir + "/loop.sh", "name": "passing"})
	if !strings.HasPrefix(r.str("lease"), "codex") {
		t.Errorf("%s", r.text)
	}
	theirs.must("process_stop", args{"name_or_id": "passing"})
}

// probe opens a server as some clients do, only to see what it is, and goes
// away: once by the end of stdin, once by a signal.
func probe(h *house) {
	h.Helper()
	for _, end := range []func(*exec.Cmd, io.Closer){
		func(_ *exec.Cmd, in io.Closer) { in.Close() },
		func(c *exec.Cmd, _ io.Closer) { _ = c.Process.Signal(syscall.SIGTERM) },
	} {
		c := exec.Command("velos-mcp", "mcp-server")
		c.Dir, c.Env = h.dir, h.env
		in, err := c.StdinPipe()
		if err != nil {
			h.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			h.Fatal(err)
		}
		if err := c.Start(); err != nil {
			h.Fatal(err)
		}
		if _, err := io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"claude-code","version":"1.0"},"io.modelcontextprotocol/clientCapabilities":{}}}}`+"\n"); err != nil {
			h.Fatal(err)
		}
		answer := make([]byte, 4096)
		if n, err := out.Read(answer); err != nil || !strings.Contains(string(answer[:n]), `"supportedVersions"`) {
			h.Errorf("server/discover: %s, %v", answer[:n], err)
		}
		end(c, in)
		ended := make(chan struct{})
		go func() { _ = c.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(patience):
			_ = c.Process.Kill()
			h.Error("a server that was only looked at does not end")
		}
	}
}

// die ends an agent as a crash does. Its server, whose stdin is ours, lives on.
func (s *session) die() {
	s.Helper()
	if err := s.process.Process.Kill(); err != nil {
		s.Fatal(err)
	}
}

// pids are the processes of all apps.
func pids(s *session) map[string]any {
	s.Helper()
	m := map[string]any{}
	list, _ := s.must("process_list", args{"format": "json"}).data["processes"].([]any)
	for _, p := range list {
		name := p.(map[string]any)["name"].(string)
		state, _ := s.must("process_info", args{"name_or_id": name, "format": "json"}).data["state"].(map[string]any)
		first, _ := state["instances"].([]any)[0].(map[string]any)
		m[name] = first["pid"]
	}
	return m
}
