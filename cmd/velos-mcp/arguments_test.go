//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// raw is JSON as no careful client writes it.
func raw(s string) json.RawMessage { return json.RawMessage(s) }

// wrong are calls that no tool may do anything about but say what is wrong.
// The second word has to be in the error.
var wrong = []struct {
	tool, arguments, says string
}{
	// The arguments as a whole.
	{"process_list", `[]`, "must be an object, not a list"},
	{"process_list", `"all"`, "must be an object, not a string"},
	{"process_list", `{"name_or_id":"web"}`, `no argument "name_or_id"`},
	{"health_check", `{"deep":true}`, `it takes no arguments`},
	{"process_stop", `{}`, "name_or_id is missing"},
	{"process_stop", `{"name_or_id":null}`, "name_or_id is missing"},
	{"process_stop", `{"name_or_id":"  "}`, "name_or_id is missing"},
	{"process_stop", `{"NAME_OR_ID":"web"}`, `no argument "NAME_OR_ID"`},
	{"process_stop", `{"name_or_id":["web"]}`, "must be a string, not a list"},
	{"process_stop", `{"name_or_id":"web","dry_run":"yes"}`, "dry_run must be a boolean, not a string"},
	{"process_stop", `{"name_or_id":"nobody"}`, "no app is called"},
	{"process_stop", `{"name_or_id":"web:7"}`, "web has no instance 7"},
	{"process_stop", `{"name_or_id":"web\u0000"}`, "no app is called"},

	{"process_list", `{"scope":"everything"}`, `must be one of all, project, mine, not "everything"`},
	{"process_list", `{"format":"xml"}`, "must be one of text, json"},
	{"process_list", `{"all":1}`, "all must be a boolean, not a number"},
	{"process_info", `{"name_or_id":"web","format":5}`, "format must be a string"},

	// Starting.
	{"process_start", `{"script":""}`, "script is missing"},
	{"process_start", `{"script":"./nothing-there.js"}`, "nothing-there.js"},
	{"process_start", `{"script":"sleep 1000","name":"a b"}`, "name"},
	{"process_start", `{"script":"sleep 1000","name":"all"}`, "all stands for every app"},
	{"process_start", `{"script":"sleep 1000","name":"../x"}`, "slash"},
	{"process_start", `{"script":"sleep 1000","name":"web"}`, "there is an app of this name"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":-1}`, "instances must not be negative"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":1.5}`, "whole number"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":1e300}`, "whole number"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":1e999}`, "whole number"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":"two"}`, "instances must be a whole number, not a string"},
	{"process_start", `{"script":"sleep 1000","name":"x","instances":9000}`, "instances"},
	{"process_start", `{"script":"sleep 1000","name":"x","cwd":"/nothing/there"}`, "/nothing/there"},
	{"process_start", `{"script":"sleep 1000","name":"x","cwd":"/etc/passwd"}`, "/etc/passwd"},
	{"process_start", `{"script":"sleep 1000","name":"x","env":{"":"x"}}`, "no name of a variable"},
	{"process_start", `{"script":"sleep 1000","name":"x","env":{"A=B":"x"}}`, "no name of a variable"},
	{"process_start", `{"script":"sleep 1000","name":"x","env":{"A":"x\u0000y"}}`, "env"},
	{"process_start", `{"script":"sleep 1000","name":"x","env":{"A":{"b":1}}}`, `"A" is an object`},
	{"process_start", `{"script":"sleep 1000","name":"x","env":["A=b"]}`, "env must be an object"},
	{"process_start", `{"script":"sleep 1000","name":"x","env":{"API_KEY":"[masked]"}}`, "stands for a secret"},
	{"process_start", `{"script":"sleep","name":"x","args":"1000"}`, "args must be a list of strings, not a string"},
	{"process_start", `{"script":"sleep","name":"x","args":[["1000"]]}`, "a list is in it"},
	{"process_start", `{"script":"sleep","name":"x","args":["1\u0000"]}`, "args"},
	{"process_start", `{"script":"sleep 1000","name":"x","port":"70000"}`, "port"},
	{"process_start", `{"script":"sleep 1000","name":"x","port":"soon"}`, "port"},
	{"process_start", `{"script":"sleep 1000","name":"x","port":3000}`, "port must be a string, not a number"},
	{"process_start", `{"script":"sleep 1000","name":"x","keep":"forever"}`, "keep must be a boolean"},
	{"process_ensure", `{"script":"sleep 1000","name":"x","port":70000}`, "port must be a number from 1 to 65535"},
	{"process_ensure", `{"script":"sleep 1000","name":"x","port":-1}`, "port must not be negative"},
	{"process_ensure", `{"script":"sleep 1000","name":"x","timeout_s":-1}`, "timeout_s must not be negative"},
	{"process_ensure", `{"script":"sleep 1000","name":"x","timeout_s":"soon"}`, "timeout_s must be a number, not a string"},
	{"process_ensure", `{"script":"sleep 2000","name":"web"}`, "another one"},

	// Waiting and running.
	{"process_wait", `{"name_or_id":"web","until":["happy"]}`, "no condition"},
	{"process_wait", `{"name_or_id":"web","until":"log=/(/"}`, "no expression"},
	{"process_wait", `{"name_or_id":"web","until":["port=70000"]}`, "1 to 65535"},
	{"process_wait", `{"name_or_id":"web","until":["quiet=-5s"]}`, "length of time"},
	{"process_wait", `{"name_or_id":"web","until":[""]}`, "no condition"},
	{"process_wait", `{"name_or_id":"web","until":5}`, "until must be a list of strings"},
	{"process_wait", `{"name_or_id":"web","until":{"log":"x"}}`, "until must be a list of strings"},
	{"process_wait", `{"name_or_id":"web","timeout_s":-0.5}`, "timeout_s must not be negative"},
	{"process_wait", `{"name_or_id":"web","timeout_s":NaN}`, ""},
	{"process_wait", `{"name_or_id":"web","since":"yesterday"}`, "no cursor"},
	{"process_wait", `{"name_or_id":"web","since":"pair#1.1.2"}`, `of "pair", not of web`},
	{"process_wait", `{"name_or_id":"pair:1"}`, "not one of its instances"},
	{"process_run", `{}`, "command is missing"},
	{"process_run", `{"command":"  "}`, "command is missing"},
	{"process_run", `{"command":"echo hi","timeout_s":-1}`, "timeout_s must not be negative"},
	{"process_run", `{"command":"echo hi","budget":-1}`, "budget must not be negative"},
	{"process_run", `{"command":"echo hi","handle":"run-x-1#0.0.1"}`, "handle"},
	{"process_run", `{"handle":"nonsense"}`, "no cursor"},
	{"process_run", `{"handle":"run-x-1#0.0.99"}`, "no run"},
	{"process_run", `{"handle":"web#0.0.1"}`, "is no run"},
	{"process_run", `{"command":"nothing-there-at-all"}`, "nothing-there-at-all"},
	{"process_run", `{"command":"echo hi","cwd":"/nothing/there"}`, "/nothing/there"},

	// Logs.
	{"log_read", `{"name_or_id":"web","lines":-1}`, "lines must not be negative"},
	{"log_read", `{"name_or_id":"web","lines":0.5}`, "whole number"},
	{"log_read", `{"name_or_id":"web","lines":"50"}`, "lines must be a whole number, not a string"},
	{"log_read", `{"name_or_id":"web","lines":99999999999999999999}`, "whole number"},
	{"log_read", `{"name_or_id":"web","budget":-2000}`, "budget must not be negative"},
	{"log_read", `{"name_or_id":"web","level":"loud"}`, "must be one of debug, info, warn, error, fatal"},
	{"log_read", `{"name_or_id":"web","since":"next week"}`, "no point in time"},
	{"log_read", `{"name_or_id":"web","since":"1e300w"}`, "no point in time"},
	{"log_read", `{"name_or_id":"web","since":"web#x"}`, "no cursor"},
	{"log_read", `{"name_or_id":"web","since":"web#-1.0.1"}`, "no cursor"},
	{"log_read", `{"name_or_id":"web","since":"web#99999999999999999999.0.1"}`, "no cursor"},
	{"log_read", `{"name_or_id":"web","since":"pair#1.0.2"}`, `of "pair", not of web`},
	{"log_read", `{"name_or_id":"web","before":"10m"}`, "no cursor"},
	{"log_read", `{"name_or_id":"web","before":"pair#1.0.2"}`, `of "pair", not of web`},
	{"log_read", `{"name_or_id":"web","cursor":"web#1.0.1"}`, `no argument "cursor"`},
	{"log_search", `{"name_or_id":"web"}`, "pattern is missing"},
	{"log_search", `{"name_or_id":"web","pattern":"("}`, "("},
	{"log_search", `{"name_or_id":"web","pattern":"x(?=y)"}`, "RE2"},
	{"log_search", `{"name_or_id":"web","pattern":"x","context":-1}`, "context must not be negative"},
	{"log_search", `{"name_or_id":"web","pattern":"x","limit":5}`, `no argument "limit"`},
	{"log_search", `{"name_or_id":"web","pattern":"x","level":7}`, "level must be a string"},
	{"log_search", `{"name_or_id":"web","pattern":"x","since":"12:00","until":"11:00"}`, "since is not before until"},
	{"log_search", `{"name_or_id":"web","pattern":"x","until":"web#5.0.1"}`, "no point in time"},
	{"log_search", `{"name_or_id":"web","pattern":"x","before":"pair#5.0.2"}`, `of "pair", not of web`},
	{"log_summary", `{"name_or_id":"web","period":"-1h"}`, ""},
	{"log_summary", `{"name_or_id":"web","period":"0s"}`, "no length of time"},
	{"log_summary", `{"name_or_id":"web","period":"1e300w"}`, "no length of time"},
	{"log_summary", `{"name_or_id":"web","period":"web#1"}`, "no length of time"},

	// The rest.
	{"changes", `{"since":"soon"}`, "no point in time"},
	{"changes", `{"lines":-5}`, "lines must not be negative"},
	{"changes", `{"before":"5"}`, "no cursor"},
	{"changes", `{"before":"#0.0"}`, "before everything"},
	{"audit_query", `{"limit":-5}`, "limit must not be negative"},
	{"audit_query", `{"since":"soon"}`, "no point in time"},
	{"audit_query", `{"before":-1}`, "before must not be negative"},
	{"ports", `{"port":-1}`, "port must not be negative"},
	{"ports", `{"port":65536}`, "1 to 65535"},
	{"ports", `{"port":"3000"}`, "port must be a whole number, not a string"},
	{"metrics_snapshot", `{"name_or_id":"nobody"}`, "no app is called"},
	{"process_restart", `{"name_or_id":"web","reload":"true"}`, "reload must be a boolean"},
	{"process_delete", `{"name_or_id":"pair:1"}`, "an instance cannot be deleted"},

	// Changing a configuration.
	{"config_set", `{"name_or_id":"web"}`, "changes is missing"},
	{"config_set", `{"name_or_id":"web","changes":"instances=2"}`, "changes must be an object"},
	{"config_set", `{"name_or_id":"web","changes":["x"]}`, "changes must be an object"},
	{"config_set", `{"name_or_id":"pair:1","changes":{"instances":3}}`, "not of one of its instances"},
	{"config_set", `{"name_or_id":"web","changes":{"nme":"x"}}`, "unknown key"},
	{"config_set", `{"name_or_id":"web","changes":{"name":"x"}}`, "a name is changed otherwise"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":-5}}`, "instances"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":2.5}}`, "instances"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":1e30}}`, "instances"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":"two"}}`, "instances"},
	{"config_set", `{"name_or_id":"web","changes":{"env":"A=b"}}`, "env"},
	{"config_set", `{"name_or_id":"web","changes":{"env":{"A=B":"x"}}}`, "A=B"},
	{"config_set", `{"name_or_id":"web","changes":{"env":{"A":{"b":"x"}}}}`, "env"},
	{"config_set", `{"name_or_id":"web","changes":{"env":{"API_KEY":"[masked]"}}}`, "stands for a secret"},
	{"config_set", `{"name_or_id":"web","changes":{"args":["--url","redis://x:[masked]@db"]}}`, "stands for a secret"},
	{"config_set", `{"name_or_id":"web","changes":{"cwd":"relative"}}`, "cwd"},
	{"config_set", `{"name_or_id":"web","changes":{"kill_timeout":"soon"}}`, "kill_timeout"},
	{"config_set", `{"name_or_id":"web","changes":{"kill_timeout":-1}}`, "kill_timeout"},
	{"config_set", `{"name_or_id":"web","changes":{"kill_timeout":1e18}}`, "kill_timeout"},
	{"config_set", `{"name_or_id":"web","changes":{"max_log_size":"-5M"}}`, "max_log_size"},
	{"config_set", `{"name_or_id":"web","changes":{"autorestart":"sometimes"}}`, "autorestart"},
	{"config_set", `{"name_or_id":"web","changes":{"stop_signal":"SIGNOPE"}}`, "stop_signal"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":3},"apply":"now"}`, "must be one of restart, reload, later"},
	{"config_set", `{"name_or_id":"web","changes":{"instances":3},"dry_run":1}`, "dry_run must be a boolean"},
	{"config_set", `{"name_or_id":"web","changes":{"script":null}}`, "script"},
	{"config_set", `{"name_or_id":"web","changes":{"identity":{"uid":0}}}`, "unknown key"},
	{"config_set", `{"name_or_id":"web","changes":{"ready":{"htp":"x"}}}`, "ready: unknown key"},
	{"config_set", `{"name_or_id":"web","changes":{"ready":{"http":null}}}`, "null"},
	{"config_set", `{"name_or_id":"web","changes":{"user":"nobody-of-that-name"}}`, "user"},
	{"config_set", `{"name_or_id":"web","changes":{"env_file":"nothing.env"}}`, "nothing.env"},
}

// state is all that a call could have changed.
func (s *session) state() string {
	s.Helper()
	var b strings.Builder
	for _, name := range []string{"web", "pair"} {
		r := s.must("process_info", args{"name_or_id": name, "format": "json"})
		state, _ := r.data["state"].(map[string]any)
		fmt.Fprint(&b, r.data["config"], state["generation"], state["status"])
		list, _ := state["instances"].([]any)
		for _, i := range list {
			fmt.Fprint(&b, i.(map[string]any)["pid"], i.(map[string]any)["restarts"])
		}
	}
	list, _ := s.must("process_list", args{"format": "json"}).data["processes"].([]any)
	for _, p := range list {
		fmt.Fprint(&b, p.(map[string]any)["name"])
	}
	return b.String()
}

// pair is a session with two apps.
func pair(t *testing.T) *session {
	t.Helper()
	h := newHouse(t)
	s := h.open("careless", "velos-mcp", "mcp-server")
	h.write("loop.sh", "#!/bin/sh\necho up\nexec sleep 1000\n")
	s.must("process_start", args{"script": h.dir + "/loop.sh", "name": "web", "env": args{"API_KEY": "sk-live-0123456789", "PORT": 3000}})
	s.must("process_start", args{"script": h.dir + "/loop.sh", "name": "pair", "instances": 2.0})
	return s
}

func TestWhatMeansNothingIsRefusedBeforeAnythingIsDone(t *testing.T) {
	s := pair(t)
	before := s.state()
	tried := map[string]bool{}
	for _, w := range wrong {
		tried[w.tool] = true
		if !json.Valid([]byte(w.arguments)) {
			continue // no client can send it
		}
		r := s.ask(w.tool, raw(w.arguments))
		if w.says == "" {
			continue // it may be an answer, but nothing may have happened
		}
		if !r.failed || !strings.Contains(r.text, strings.ReplaceAll(w.says, `"`, `\"`)) {
			t.Errorf("%s %s: %s", w.tool, w.arguments, r.text)
			continue
		}
		if !slices.Contains([]string{"invalid", "not_found", "conflict"}, r.code) || r.hint == "" {
			t.Errorf("%s %s: no code or no hint: %s", w.tool, w.arguments, r.text)
		}
		if strings.Contains(r.text, "sk-live") || strings.Contains(r.text, "internal error") {
			t.Errorf("%s %s: %s", w.tool, w.arguments, r.text)
		}
	}
	if after := s.state(); after != before {
		t.Errorf("something was done:\n%s\n%s", before, after)
	}
	for name := range s.tools {
		if name != "crash_report" && name != "config_get" && !tried[name] {
			t.Errorf("%s was not tried", name)
		}
	}
}

// TestEveryArgumentOfAWrongTypeIsNamed gives each argument of each tool what it
// cannot be, whatever is added later. A whole number may be an id.
func TestEveryArgumentOfAWrongTypeIsNamed(t *testing.T) {
	s := pair(t)
	before := s.state()
	values := map[string]string{"string": `"x"`, "number": `7.5`, "boolean": `true`, "array": `["x"]`, "object": `{"x":"y"}`}
	for name, tool := range s.tools {
		b, _ := json.Marshal(tool.InputSchema)
		var schema struct {
			Properties map[string]struct {
				Type string
				Enum []string
			}
		}
		if err := json.Unmarshal(b, &schema); err != nil {
			t.Fatal(err)
		}
		for key, p := range schema.Properties {
			for kind, value := range values {
				if kind == p.Type || kind == "number" && p.Type == "integer" || kind == "string" && key == "until" {
					continue
				}
				r := s.ask(name, raw(`{"`+key+`":`+value+`}`))
				if !r.failed || r.code != "invalid" || !strings.Contains(r.text, name+": "+key+" must be ") {
					t.Errorf("%s: %s as %s: %s", name, key, kind, r.text)
				}
			}
			if p.Type == "integer" || p.Type == "number" {
				if r := s.ask(name, raw(`{"`+key+`":-3}`)); !r.failed || !strings.Contains(r.text, key+" must not be negative") {
					t.Errorf("%s: %s below 0: %s", name, key, r.text)
				}
			}
			if len(p.Enum) > 0 {
				if r := s.ask(name, raw(`{"`+key+`":"x"}`)); !r.failed || !strings.Contains(r.text, key+" must be one of "+strings.Join(p.Enum, ", ")) {
					t.Errorf("%s: %s as another word: %s", name, key, r.text)
				}
			}
		}
	}
	if after := s.state(); after != before {
		t.Errorf("something was done:\n%s\n%s", before, after)
	}
}

func TestWhatACarelessClientMeansIsDone(t *testing.T) {
	s := pair(t)
	for _, c := range []struct {
		tool, arguments string
		good            func(reply) bool
	}{
		{"process_list", `{"scope":"","all":false,"format":null}`, func(r reply) bool { return strings.Contains(r.text, "web") }},
		{"process_list", `{"format":"JSON"}`, func(r reply) bool { return r.data["processes"] != nil }},
		{"log_read", `{"name_or_id":"web","lines":0,"level":"","since":"","before":"","each":false,"budget":0,"format":"text"}`, func(r reply) bool { return strings.Contains(r.text, "up") }},
		{"log_read", `{"name_or_id":"web","lines":5.0,"level":"Warning"}`, func(r reply) bool { return strings.HasPrefix(r.text, "no lines") }},
		{"log_read", `{"name_or_id":"1","lines":2147483647,"budget":2147483647}`, func(r reply) bool { return strings.Contains(r.text, "up") }},
		{"log_read", `{"name_or_id":"web","before":"web#0.0.1"}`, func(r reply) bool { return r.text == "no lines" }},
		{"log_read", `{"name_or_id":"web","since":"web#999999.0.1"}`, func(r reply) bool { return strings.Contains(r.text, "up") }}, // of a state that was lost
		{"log_search", `{"name_or_id":"pair:1","pattern":"UP|up","context":2147483647,"until":"now"}`, func(r reply) bool { return r.data["matches"] == 1.0 }},
		{"log_search", `{"name_or_id":"web","pattern":"up","before":"web#0.0.1"}`, func(r reply) bool { return strings.HasPrefix(r.text, "no lines; 0 matches") }},
		{"process_wait", `{"name_or_id":"web","until":"ready"}`, func(r reply) bool { return r.str("outcome") == "met" }},
		{"process_wait", `{"name_or_id":"web","until":[],"since":"","timeout_s":1e300}`, func(r reply) bool { return r.str("outcome") == "met" }},
		{"process_info", `{"name_or_id":"web","format":"json"}`, func(r reply) bool {
			config, _ := r.data["config"].(map[string]any)
			env, _ := config["env"].(map[string]any)
			return env["PORT"] == "3000" && env["API_KEY"] == "[masked]"
		}},
		{"process_info", `{"name_or_id":"pair:1","format":"json"}`, func(r reply) bool {
			list, _ := r.data["state"].(map[string]any)["instances"].([]any)
			return len(list) == 1
		}},
		{"metrics_snapshot", `{"name_or_id":"pair:1"}`, func(r reply) bool { return r.data["processes"] == 1.0 }},
		{"audit_query", `{"limit":2147483647}`, func(r reply) bool { return strings.Contains(r.text, "start pair") }},
		{"changes", `{"lines":2147483647,"since":"99d"}`, func(r reply) bool { return strings.Contains(r.text, "pair") }},
		{"process_run", `{"command":"echo","args":["--port",3000,true],"env":{"A":1}}`, func(r reply) bool { return r.str("output") == "--port 3000 true" }},
		{"config_set", `{"name_or_id":"web","changes":{}}`, func(r reply) bool { return r.data["success"] == true && strings.Contains(r.text, "nothing to change") }},
		{"config_set", `{"name_or_id":"web","changes":{"env":{"PORT":4000},"kill_timeout":"3s"},"dry_run":true}`, func(r reply) bool {
			diff, _ := r.data["diff"].([]any)
			applied, _ := r.data["applied"].([]any)
			return len(diff) == 2 && len(applied) == 0 && strings.Contains(r.text, `env.PORT: "3000" -> "4000"`)
		}},
		{"process_stop", `{"name_or_id":"web","dry_run":true}`, func(r reply) bool { return strings.Contains(r.text, "would stop web") }},
		{"process_delete", `{"name_or_id":"web","dry_run":true}`, func(r reply) bool { return strings.Contains(r.text, "would stop and forget web") }},
	} {
		if r := s.must(c.tool, mapOf(t, c.arguments)); !c.good(r) {
			t.Errorf("%s %s: %s\n%v", c.tool, c.arguments, r.text, r.data)
		}
	}
	if web := s.must("process_list", args{}); strings.Contains(web.text, "run-") || strings.Contains(web.text, "stopped") {
		t.Errorf("%s", web.text)
	}
}

func mapOf(t *testing.T, text string) args {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	a := args{}
	for k := range maps.Keys(m) {
		a[k] = m[k]
	}
	return a
}

func TestAChangeThatFailsSaysWhatIsSoNow(t *testing.T) {
	s := pair(t)
	s.write("picky.sh", "#!/bin/sh\n[ -z \"$BAD\" ] || exit 7\nexec sleep 1000\n")
	s.must("process_start", args{"script": s.dir + "/picky.sh", "name": "picky"})
	bad := args{"env": args{"BAD": "1"}}
	r := s.ask("config_set", args{"name_or_id": "picky", "changes": bad, "apply": "reload"})
	if r.code != "failed" || !strings.Contains(r.text, "rolled back") || strings.Contains(r.text, "stands") {
		t.Errorf("%s", r.text)
	}
	if now := s.must("config_get", args{"name_or_id": "picky"}); strings.Contains(now.text, "BAD") {
		t.Errorf("%s", now.text)
	}
	r = s.ask("config_set", args{"name_or_id": "picky", "changes": bad})
	if r.code != "crashed" || !strings.Contains(r.text, "the change stands") || !strings.Contains(r.hint, "crash_report name_or_id=picky") {
		t.Errorf("%s", r.text)
	}
	if now := s.must("config_get", args{"name_or_id": "picky"}); !strings.Contains(now.text, `env.BAD = "1"`) {
		t.Errorf("%s", now.text)
	}
}

func TestARunIsEndedWhenItsTimeIsOver(t *testing.T) {
	s := pair(t)
	for _, limit := range []float64{0.3, 1e-9} {
		r := s.must("process_run", args{"command": "sleep 1000", "timeout_s": limit})
		if r.str("outcome") != "timed_out" || r.data["exit_code"] != nil {
			t.Errorf("%s", r.text)
		}
	}
	if _, err := os.Stat(s.home.Dir + "/logs/run-sleep-1-out.log"); err == nil {
		t.Error("its log is left")
	}
	if list := s.must("process_list", args{}); strings.Contains(list.text, "run-") {
		t.Errorf("%s", list.text)
	}
}

// TestMoreWorkersTakeThePortAfterTheOneThatHadIt: in another mode the port is
// the daemon's to give, once the run that has opened it itself is gone.
func TestMoreWorkersTakeThePortAfterTheOneThatHadIt(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no node here")
	}
	h := newHouse(t)
	h.write("web.js", "require('http').createServer((q, a) => a.end('hi')).listen(process.env.PORT, '127.0.0.1')\n")
	h.velos("start", "web.js", "--name", "web", "--port", "auto", "--min-uptime", "300ms")
	s := h.agent("claude-code")
	s.must("config_set", args{"name_or_id": "web", "changes": args{"mode": "cluster", "instances": 3}})
	if text := h.velos("list", "--json"); strings.Count(text, `"status":"online"`) != 4 || strings.Contains(h.velos("logs", "web"), "EADDRINUSE") {
		t.Errorf("%s\n%s", text, h.velos("logs", "web"))
	}
}

func TestAChangeStartsNothingThatIsStopped(t *testing.T) {
	h := newHouse(t)
	h.write("loop.sh", "#!/bin/sh\nexec sleep 1000\n")
	h.velos("start", "loop.sh", "--name", "loop", "--min-uptime", "50ms")
	h.velos("stop", "loop")
	s := h.agent("claude-code")
	if r := s.must("config_set", args{"name_or_id": "loop", "changes": args{"kill_timeout": "3s"}}); !strings.Contains(r.text, "next start") {
		t.Errorf("%s", r.text)
	}
	if text := h.velos("list", "loop"); !strings.Contains(text, "stopped") || !strings.Contains(h.velos("config", "get", "loop", "kill_timeout"), "3s") {
		t.Errorf("%s", text)
	}
	s.must("config_set", args{"name_or_id": "loop", "changes": args{"kill_timeout": "4s"}, "apply": "restart"})
	if text := h.velos("list", "loop"); !strings.Contains(text, "online") {
		t.Errorf("it was asked for: %s", text)
	}
}
