package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestMineIsWhatTheAgentHasStarted(t *testing.T) {
	h := newHouse(t)
	h.write("loop.sh", "#!/bin/sh\necho up\nexec sleep 1000\n")
	h.velos("start", "loop.sh", "--name", "people", "--min-uptime", "50ms")
	ours, theirs := h.agent("claude-code"), h.agent("codex")
	if r := ours.must("process_stop", args{"name_or_id": "mine"}); !strings.Contains(r.text, "nothing of yours to stop") {
		t.Errorf("%s", r.text)
	}
	for _, name := range []string{"one", "two"} {
		ours.must("process_start", args{"script": h.dir + "/loop.sh", "name": name})
	}
	theirs.must("process_start", args{"script": h.dir + "/loop.sh", "name": "other"})
	has := func(text string, want ...string) {
		t.Helper()
		for _, name := range []string{"one", "two", "other", "people"} {
			wanted := false
			for _, w := range want {
				wanted = wanted || w == name
			}
			if strings.Contains(text, name) != wanted {
				t.Errorf("%q: is %s in it? want %v", text, name, wanted)
			}
		}
	}
	has(ours.must("process_list", args{"scope": "mine"}).text, "one", "two")
	has(theirs.must("process_list", args{"scope": "mine"}).text, "other")
	has(ours.must("process_stop", args{"name_or_id": "mine", "dry_run": true}).text, "one", "two")
	has(ours.must("process_stop", args{"name_or_id": "mine"}).text, "one", "two")
	if list := h.velos("list"); strings.Count(list, "stopped") != 2 || strings.Count(list, "online") != 2 {
		t.Errorf("%s", list)
	}
	if r := ours.must("process_info", args{"name_or_id": 2}); !strings.HasPrefix(r.text, "one (id 2)") {
		t.Errorf("%s", r.text)
	}
	for _, tool := range []string{"process_restart", "process_info", "log_read"} {
		if r := ours.ask(tool, args{"name_or_id": "mine"}); r.code != "not_found" || !strings.Contains(r.hint, "scope=mine") {
			t.Errorf("%s: %s", tool, r.text)
		}
	}
	has(ours.must("process_delete", args{"name_or_id": "mine"}).text, "one", "two")
	has(ours.must("process_list", args{"all": true}).text, "other", "people")
	// An app that is called so is that app.
	theirs.must("process_start", args{"script": h.dir + "/loop.sh", "name": "mine"})
	if r := theirs.must("process_stop", args{"name_or_id": "mine"}); !strings.Contains(r.text, "mine stopped") {
		t.Errorf("%s", r.text)
	}
	has(h.velos("list"), "other", "people")
}

// TestOneYesIsForAllThatWasNamed: a person is asked once for all apps of an
// agent, and for none that is not among them.
func TestOneYesIsForAllThatWasNamed(t *testing.T) {
	h := newHouse(t)
	if err := os.MkdirAll(h.home.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.home.Dir+"/config.toml", []byte("[agents]\nmode = \"confirm\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.write("loop.sh", "#!/bin/sh\nexec sleep 1000\n")
	mute := h.agent("claude-code")
	for _, name := range []string{"one", "two"} {
		mute.must("process_start", args{"script": h.dir + "/loop.sh", "name": name})
	}
	r := mute.ask("process_stop", args{"name_or_id": "mine"})
	if ids := strings.Fields(strings.TrimPrefix(strings.SplitN(r.hint, ";", 2)[0], "ask the user to run: velos approve ")); r.code != "needs_approval" || len(ids) != 2 || !strings.Contains(r.text, "stop one (online") {
		t.Errorf("%q: %s", ids, r.text)
	}
	var asked []string
	answer := "decline"
	h.options = &sdk.ClientOptions{ElicitationHandler: func(_ context.Context, q *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
		asked = append(asked, q.Params.Message)
		return &sdk.ElicitResult{Action: answer, Content: map[string]any{"confirm": answer == "accept"}}, nil
	}}
	s := h.agent("claude-code")
	if r := s.ask("process_stop", args{"name_or_id": "mine"}); r.code != "denied" || !strings.Contains(r.text, "the user said no") {
		t.Errorf("%s", r.text)
	}
	if list := h.velos("list"); strings.Count(list, "online") != 2 {
		t.Errorf("%s", list)
	}
	answer = "accept"
	for _, tool := range []string{"process_stop", "process_delete"} {
		if r := s.must(tool, args{"name_or_id": "mine"}); !strings.Contains(r.text, "one, two") {
			t.Errorf("%s", r.text)
		}
	}
	if len(asked) != 3 || !strings.Contains(asked[1], "stop one (online, pid ") || !strings.Contains(asked[1], "two (online") || !strings.HasPrefix(asked[2], "Stop and forget one (stopped), two (stopped)?") {
		t.Errorf("%q", asked)
	}
}

// TestAWaitAndARunOutliveTheDaemon has the daemon replaced and killed under
// them.
func TestAWaitAndARunOutliveTheDaemon(t *testing.T) {
	h := newHouse(t)
	h.write("count.sh", "#!/bin/sh\ni=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; sleep 0.01; done\necho the end\nexit 3\n")
	s := h.agent("claude-code")
	s.must("process_start", args{"script": "sleep 1000", "name": "other"})
	at := s.must("process_ensure", args{"script": h.dir + "/count.sh", "name": "count"}).str("cursor")
	answers := make(chan reply, 3)
	go func() { answers <- s.ask("process_run", args{"command": h.dir + "/count.sh"}) }()
	go func() {
		answers <- s.ask("process_wait", args{"name_or_id": "count", "until": "log=/line 299$/", "since": at, "timeout_s": 50})
	}()
	go func() {
		answers <- s.ask("process_wait", args{"name_or_id": "other", "until": "exit", "timeout_s": 50})
	}()
	h.until("the run has begun", func() bool { return strings.Contains(h.velos("list"), "run-count") })
	if out := h.velos("daemon", "upgrade"); !strings.Contains(out, "took over") {
		t.Error(out)
	}
	b, err := os.ReadFile(h.home.PIDFile())
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 2 {
		t.Fatalf("%q, %v", b, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.until("another daemon answers", func() bool { return strings.Contains(h.velos("list"), "online") })
	h.velos("signal", "KILL", "other")
	for range 3 {
		switch r := <-answers; {
		case r.failed:
			t.Errorf("%s: %s", r.tool, r.text)
		case r.tool == "process_run" && (r.data["exit_code"] != 3.0 || !strings.HasSuffix(r.str("output"), "line 300\nthe end")):
			t.Errorf("%s", r.text)
		case r.tool == "process_wait" && r.str("outcome") != "met":
			t.Errorf("%s", r.text)
		}
	}
}

// TestAStartThatCrashesSaysWhyAtOnce: the next question is not needed.
func TestAStartThatCrashesSaysWhyAtOnce(t *testing.T) {
	h := newHouse(t)
	h.write("bad.sh", "#!/bin/sh\necho 'Error: API_TOKEN is not set' >&2\nexit 7\n")
	s := h.agent("claude-code")
	for tool, arguments := range map[string]args{"process_ensure": {"script": h.dir + "/bad.sh", "name": "bad"}, "process_start": {"script": h.dir + "/bad.sh", "name": "worse"}} {
		r := s.ask(tool, arguments)
		if r.code != "crashed" || strings.Contains(r.text, "Node") {
			t.Errorf("%s: %s", tool, r.text)
		}
		for _, want := range []string{"cause: missing_variable", "next: set the variable named in subject (config_set", "process_restart name_or_id=", "\n--- untrusted output ---\nsubject: API_TOKEN"} {
			if !strings.Contains(r.more, want) {
				t.Errorf("%s does not say %q: %s", tool, want, r.more)
			}
		}
	}
}
