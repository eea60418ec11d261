package policy

import "strings"

// Override is the variable that says who is an agent, whatever else is there:
// 0 no, 1 yes, another word is the agent's name.
const Override = "VELOS_AGENT"

// marks are the variables that agents put into the environment of what they
// run, and whose each is. An empty name: the value is the name.
var marks = [...]struct{ key, name string }{
	{"CLAUDECODE", "claude-code"}, {"CURSOR_AGENT", "cursor"}, {"GEMINI_CLI", "gemini"},
	{"CODEX_SANDBOX", "codex"}, {"CODEX_CI", "codex"}, {"CODEX_SANDBOX_NETWORK_DISABLED", "codex"},
	{"COPILOT_CLI", "copilot"}, {"COPILOT_AGENT", "copilot"}, {"COPILOT_AGENT_SESSION_ID", "copilot"},
	{"OPENCODE", "opencode"}, {"CLINE_ACTIVE", "cline"}, {"AI_AGENT", ""}, {"AGENT", ""},
}

// Longest is how much of a variable is worth looking at: its name, and enough
// of the value.
const Longest = 96

// A Sign is what an environment says about who runs in it.
type Sign struct {
	Agent string // a mark was found
	// Said is what Override says, and Name the agent's then; a No is said of
	// this environment and all that surrounds it.
	Said, No bool
	Name     string
}

// Look takes one variable, NAME=VALUE.
func (s *Sign) Look(variable []byte) {
	key, value, ok := strings.Cut(string(variable), "=")
	if !ok {
		return
	}
	if key == Override {
		switch value {
		case "":
		case "0", "false", "no":
			s.Said, s.No, s.Name = true, true, ""
		case "1", "true", "yes":
			s.Said, s.No, s.Name = true, false, "agent"
		default:
			s.Said, s.No, s.Name = true, false, Word(value)
		}
		return
	}
	for _, m := range marks {
		if m.key != key || off(value) {
			continue
		}
		switch {
		case m.name != "":
			s.Agent = m.name
		case s.Agent == "":
			if s.Agent = Word(value); value == "1" || value == "true" || s.Agent == "" {
				s.Agent = "agent"
			}
		}
	}
}

// Agent tells from a whole environment whether an agent acts in it, and which
// one as far as the marks say.
func Agent(environ map[string]string) (name string, ok bool) {
	var s Sign
	for _, key := range append([]string{Override}, markKeys()...) {
		if v, there := environ[key]; there {
			s.Look([]byte(key + "=" + v))
		}
	}
	if s.Said {
		return s.Name, !s.No
	}
	return s.Agent, s.Agent != ""
}

func markKeys() []string {
	keys := make([]string, len(marks))
	for i := range marks {
		keys[i] = marks[i].key
	}
	return keys
}

func off(value string) bool {
	return value == "" || value == "0" || value == "false" || value == "no"
}

// longestWord bounds a name that somebody gives himself.
const longestWord = 48

// Word is the part of a text that can be shown anywhere as a name: letters,
// digits and a few marks, of bounded length.
func Word(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./@+: ", r):
			b.WriteRune(r)
		}
		if b.Len() >= longestWord {
			break
		}
	}
	return strings.TrimSpace(b.String())
}
