package trust

// Override is the variable that says whether an agent is at work, whatever
// else is there: 0 no, 1 yes, another word is the agent's name.
const Override = "VELOS_AGENT"

// marks are the variables that agents put into the environment of what they
// run, and whose each is. An empty name: the value may be one.
var marks = [...]struct{ key, name string }{
	{"CLAUDECODE", "claude-code"}, {"CURSOR_AGENT", "cursor"}, {"GEMINI_CLI", "gemini"},
	{"CODEX_SANDBOX", "codex"}, {"CODEX_CI", "codex"}, {"CODEX_SANDBOX_NETWORK_DISABLED", "codex"},
	{"COPILOT_CLI", "copilot"}, {"COPILOT_AGENT", "copilot"}, {"COPILOT_AGENT_SESSION_ID", "copilot"},
	{"OPENCODE", "opencode"}, {"CLINE_ACTIVE", "cline"}, {"AI_AGENT", ""}, {"AGENT", ""},
}

// Agent tells from an environment whether an agent acts in it, and which one
// as far as the marks say.
func Agent(environ map[string]string) (name string, ok bool) {
	switch v := environ[Override]; {
	case v == "":
	case off(v):
		return "", false
	case v == "1" || v == "true" || v == "yes":
		return "agent", true
	default:
		return word(v), true
	}
	for _, m := range marks {
		v := environ[m.key]
		switch {
		case v == "" || off(v):
		case m.name != "":
			return m.name, true
		default:
			return word(v), true
		}
	}
	return "", false
}

func off(v string) bool { return v == "0" || v == "false" || v == "no" }

// word is what a value says of a name: plain characters only, since it is
// shown.
func word(s string) string {
	const longest = 48
	b := make([]byte, 0, longest)
	for i := 0; i < len(s) && len(b) < longest; i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			b = append(b, c)
		}
	}
	if w := string(b); w != "" && w != "1" && w != "true" && w != "yes" {
		return w
	}
	return "agent"
}
