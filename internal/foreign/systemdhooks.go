package foreign

import (
	"strings"

	"github.com/velospm/velos"
)

// unitHooks are a unit's commands beside its main one, and what they are here.
var unitHooks = map[string]velos.HookName{"ExecStartPre": velos.PreStart, "ExecStartPost": velos.PostStart, "ExecStop": velos.PreStop}

// hook takes a command that is run before, behind or at the end of the main
// one. Several become one line of a shell: systemd runs the next one if the
// last has succeeded.
func (u *unit) hook(e entry, v string) error {
	key := string(unitHooks[e.key])
	if v == "" { // this is how a list is emptied
		u.drop(key)
		return nil
	}
	if strings.ContainsAny(v[:len(v)-len(strings.TrimLeft(v, "-@:+!|"))], "+!@") {
		u.lost(u.App.Name, e.key, "it runs as the app does, and with its own name")
	}
	line, words := hookLine(v)
	if line == "" {
		return u.wrong(e, "is empty", "such as "+e.key+"=/bin/mkdir -p /run/api")
	}
	limit := u.startLimit
	if e.key == "ExecStop" {
		limit = u.stopLimit
	}
	before, _ := u.get(key).(Table)
	if before == nil && words != nil {
		u.set(key, Table{{"command", words, e.line}, {"timeout", limit, e.line}}, e.line)
		return nil
	}
	if before != nil {
		line = hookText(before) + " && " + line
	}
	u.drop(key)
	u.set(key, Table{{"command", line, e.line}, {"shell", true, e.line}, {"timeout", limit, e.line}}, e.line)
	return nil
}

// hookLine is a command as a line for a shell, and as words unless it needs
// one: for variables, or to fail without consequences.
func hookLine(v string) (line string, words []string) {
	command := strings.TrimLeft(v, "-@:+!|")
	words = splitWords(command, unitWords)
	marks := v[:len(v)-len(command)]
	switch {
	case len(words) == 0:
		return "", nil
	case strings.Contains(strings.ReplaceAll(command, "$$", ""), "$"):
		line = unitLine(words)
	case !strings.Contains(marks, "-"):
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "$$", "$")
		}
		return shellLine(words), words
	default:
		line = unitLine(words)
	}
	if strings.Contains(marks, "-") {
		line = "{ " + line + " || true; }"
	}
	return line, nil
}

// unitLine is a command as a line for a shell, which replaces the variables
// that systemd would: ${NAME} anywhere, quotes or not, and $NAME where it is a
// word, which its blanks cut.
func unitLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		name, isWord := strings.CutPrefix(w, "$")
		switch {
		case isWord && isVariable(name):
			out[i] = "$" + unitVariable(name)
		case !strings.Contains(w, "$"):
			out[i] = shellLine([]string{w})
		default:
			out[i] = unitQuoted(w)
		}
	}
	return strings.Join(out, " ")
}

// unitQuoted is a word in double quotes with its variables.
func unitQuoted(w string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(w); i++ {
		name, _, braced := strings.Cut(strings.TrimPrefix(w[i:], "${"), "}")
		switch {
		case strings.HasPrefix(w[i:], "$$"):
			b.WriteString(`\$`)
			i++
		case strings.HasPrefix(w[i:], "${") && braced && isVariable(name):
			b.WriteString("${" + unitVariable(name) + "}")
			i += len(name) + 2
		case strings.IndexByte("$\\\"`", w[i]) >= 0:
			b.WriteString(`\` + w[i:i+1])
		default:
			b.WriteByte(w[i])
		}
	}
	b.WriteByte('"')
	return b.String()
}

func isVariable(name string) bool {
	for i := range len(name) {
		if !isName(name[i], i == 0) {
			return false
		}
	}
	return name != ""
}

func unitVariable(name string) string {
	if name == "MAINPID" {
		return "VELOS_PID"
	}
	return name
}

// hookText is a hook that was set as a line for a shell.
func hookText(t Table) string {
	if words, ok := t[0].Value.([]string); ok {
		return shellLine(words)
	}
	line, _ := t[0].Value.(string)
	return line
}

// unitHooks writes an app's hooks for systemd, which ends a unit whose
// ExecStartPost fails: the dash keeps it from that.
func (a app) unitHooks(p *page) {
	if a.Hook(velos.PostStart) != nil || a.Hook(velos.PreStop) != nil {
		p.line("# The process is MAINPID to these commands, and VELOS_PID under Velos.")
	}
	for _, h := range [...]struct {
		key  string
		name velos.HookName
	}{{"ExecStartPre=", velos.PreStart}, {"ExecStartPost=-", velos.PostStart}, {"ExecStop=-", velos.PreStop}} {
		k := a.Hook(h.name)
		if k == nil {
			continue
		}
		command := k.Command
		if k.Shell {
			command = []string{"/bin/sh", "-c", k.Command[0]}
		}
		var words []string
		for _, w := range command {
			words = append(words, unitWord(w, true))
		}
		p.line(h.key, strings.Join(words, " "))
	}
}
