package policy

import "testing"

func TestAnAgentIsKnownByItsEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		name string
		is   bool
	}{
		{map[string]string{"HOME": "/root"}, "", false},
		{map[string]string{"CLAUDECODE": "1"}, "claude-code", true},
		{map[string]string{"CLAUDECODE": "0"}, "", false},
		{map[string]string{"CODEX_SANDBOX": "seatbelt"}, "codex", true},
		{map[string]string{"AI_AGENT": "amp\x1b[31m"}, "amp31m", true},
		{map[string]string{"AGENT": "1"}, "agent", true},
		{map[string]string{"CLAUDECODE": "1", "VELOS_AGENT": "0"}, "", false},
		{map[string]string{"VELOS_AGENT": "1"}, "agent", true},
		{map[string]string{"VELOS_AGENT": "my-bot"}, "my-bot", true},
	} {
		if name, is := Agent(c.env); name != c.name || is != c.is {
			t.Errorf("%v: %q, %v", c.env, name, is)
		}
	}
}
