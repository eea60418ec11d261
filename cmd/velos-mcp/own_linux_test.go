package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestMineIsWhatTheAgentHasStarted(t *testing.T) {
	h := newHouse(t)
	h.write("loop.sh", "#!/bin/sh\necho up\nexec sleep 1000\n")
	h.velos("start", "loop.sh", "--name", "people", "--min-uptime", "50ms")
	ours, theirs := h.agent("claude-code"), h.agent("codex")
	if r := ours.must("process_stop", args{"name_or_id": "mine"}); !strings.Contains(r.text, "no process is yours") {
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
