package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func spec(f func(*velos.Spec)) *velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Script, s.Cwd = "new", "/usr/bin/npm", "/"
	f(&s)
	return &s
}

func TestRulesRefuseWhatTheyNameAndNothingElse(t *testing.T) {
	db, api := []Target{{"db", "/"}}, []Target{{"api", "/"}}
	for _, c := range []struct {
		what    string
		p       Policy
		d       Deed
		running int
		rule    string // empty: allowed
	}{
		{"no rules", Policy{}, Deed{Verb: "stop", Targets: db, Takes: true, Touches: true}, 0, ""},
		{"read-only", Policy{Mode: ReadOnly}, Deed{Verb: "reset", Targets: api}, 0, `mode = "read-only"`},
		{"protected", Policy{Protect: []string{"d?"}}, Deed{Verb: "stop", Targets: db, Touches: true}, 0, `protect = "d?"`},
		{"protected, and only started", Policy{Protect: []string{"db"}}, Deed{Verb: "start", Targets: db}, 0, ""},
		{"another app", Policy{Protect: []string{"db"}}, Deed{Verb: "stop", Targets: api, Touches: true}, 0, ""},
		{"one of all", Policy{Protect: []string{"db"}}, Deed{Verb: "kill", Targets: append(api, db...), Touches: true}, 0, `protect = "db"`},
		{"outside of projects", Policy{Projects: []string{"/srv"}}, Deed{Verb: "stop", Targets: api}, 0, "projects"},
		{"a name that begins alike", Policy{Projects: []string{"/srv/a"}}, Deed{Verb: "stop", Targets: []Target{{"x", "/srv/ab"}}}, 0, "projects"},
		{"inside", Policy{Projects: []string{"/srv/a"}}, Deed{Verb: "stop", Targets: []Target{{"x", "/srv/a/b"}}}, 0, ""},
		{"a start outside", Policy{Projects: []string{"/srv"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(*velos.Spec) {})}}, 0, "projects"},
		{"an allowed program", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(*velos.Spec) {})}}, 0, ""},
		{"another program", Policy{Limited: true, Allow: []string{"node"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(*velos.Spec) {})}}, 0, "commands.allow"},
		{"an empty list", Policy{Limited: true}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(*velos.Spec) {})}}, 0, "commands.allow"},
		{"an interpreter", Policy{Limited: true, Allow: []string{"python3*"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) { s.Interpreter = "/usr/bin/python3.12" })}}, 0, ""},
		{"a plain line for the shell", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) { s.Shell, s.Command = true, "npm run dev" })}}, 0, ""},
		{"more behind a semicolon", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) { s.Shell, s.Command = true, "npm x; rm -rf /" })}}, 0, "commands.allow"},
		{"a probe's program", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) { s.Health = &velos.Probe{Exec: []string{"/bin/curl"}} })}}, 0, "commands.allow"},
		{"a hook's program", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) {
			s.Hooks = s.Hooks.With(velos.OnCrash, &velos.Hook{Command: []string{"/bin/curl", "x"}})
		})}}, 0, "commands.allow"},
		{"a hook's line for the shell", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) {
			s.Hooks = s.Hooks.With(velos.PreStart, &velos.Hook{Command: []string{"npm ci; rm -rf /"}, Shell: true})
		})}}, 0, "commands.allow"},
		{"an allowed hook", Policy{Limited: true, Allow: []string{"npm"}}, Deed{Verb: "start", Specs: []*velos.Spec{spec(func(s *velos.Spec) {
			s.Hooks = s.Hooks.With(velos.PreStart, &velos.Hook{Command: []string{"npm ci"}, Shell: true})
		})}}, 0, ""},
		{"the last one", Policy{Most: 3}, Deed{Verb: "start", More: 1}, 2, ""},
		{"one too many", Policy{Most: 3}, Deed{Verb: "start", More: 2}, 2, "max_processes = 3"},
	} {
		c.p.Path = "/h/config.toml"
		err := c.p.Judge(&c.d, c.running)
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.rule != "" && (!errors.Is(err, velos.ErrDenied) || !strings.Contains(err.Error(), "[agents] "+c.rule+" in /h/config.toml") || velos.HintOf(err) == ""):
			t.Errorf("%s: %v; want the rule %s", c.what, err, c.rule)
		}
	}
}

func TestOnlyConfirmAsksAndOnlyForWhatTakesSomethingAway(t *testing.T) {
	for _, m := range []Mode{"", Full, Confirm} {
		for _, takes := range []bool{false, true} {
			p := Policy{Mode: m}
			if got, want := p.Asks(&Deed{Takes: takes}) != "", m == Confirm && takes; got != want {
				t.Errorf("%q, takes %v: asks %v", m, takes, got)
			}
		}
	}
}

func TestAgentsAreToldByTheirMarks(t *testing.T) {
	for env, want := range map[string]Sign{
		"CLAUDECODE=1":                    {Agent: "claude-code"},
		"CLAUDECODE=0":                    {},
		"CLAUDECODE=":                     {},
		"XCLAUDECODE=1":                   {},
		"CURSOR_AGENT=1":                  {Agent: "cursor"},
		"GEMINI_CLI=1":                    {Agent: "gemini"},
		"CODEX_SANDBOX=seatbelt":          {Agent: "codex"},
		"CODEX_CI=1":                      {Agent: "codex"},
		"COPILOT_CLI=1":                   {Agent: "copilot"},
		"COPILOT_MODEL=gpt":               {},
		"OPENCODE=1":                      {Agent: "opencode"},
		"AGENT=goose":                     {Agent: "goose"},
		"AI_AGENT=1":                      {Agent: "agent"},
		"AGENT=amp CLAUDECODE=1":          {Agent: "claude-code"},
		"CLAUDECODE=1 AGENT=amp":          {Agent: "claude-code"},
		"AGENT=\x1b[31m":                  {Agent: "31m"},
		"VELOS_AGENT=0 CLAUDECODE=1":      {Agent: "claude-code", Said: true, No: true},
		"VELOS_AGENT=1":                   {Said: true, Name: "agent"},
		"VELOS_AGENT=robot CURSOR_AGENT=": {Said: true, Name: "robot"},
		"SSH_AGENT_PID=12 PATH=/bin":      {},
	} {
		var got Sign
		for _, v := range strings.Fields(env) {
			got.Look([]byte(v))
		}
		if got != want {
			t.Errorf("%q: %+v, want %+v", env, got, want)
		}
	}
}

func TestANameIsShortAndHarmless(t *testing.T) {
	if got := Word("claude\x00-code\u202e\n 2.1 " + strings.Repeat("x", 300)); len(got) > longestWord || !strings.HasPrefix(got, "claude-code 2.1 xx") {
		t.Errorf("%q", got)
	}
}

func TestAppsOfOthersNeedWhatTheRuleSays(t *testing.T) {
	rival, people := Deed{Verb: "stop", Rival: "codex"}, Deed{Verb: "stop", People: true}
	for _, c := range []struct {
		others                    Others
		rivalAsks, peopleAsk, say bool
	}{{"", true, false, true}, {Ask, true, true, true}, {Allow, false, false, true}, {Deny, true, false, false}} {
		p := Policy{Others: c.others, Path: "/h/config.toml"}
		if asks := p.Asks(&rival) != ""; asks != c.rivalAsks {
			t.Errorf("%q: asks about another agent's: %v", c.others, asks)
		}
		if asks := p.Asks(&people) != ""; asks != c.peopleAsk {
			t.Errorf("%q: asks about people's: %v", c.others, asks)
		}
		for _, d := range []*Deed{&rival, &people} {
			if err := p.Judge(d, 0); (err == nil) != c.say {
				t.Errorf("%q: %v", c.others, err)
			}
		}
		if err := p.Judge(&Deed{Verb: "stop"}, 0); err != nil || p.Asks(&Deed{Verb: "stop"}) != "" {
			t.Errorf("%q: its own app: %v", c.others, err)
		}
	}
}
