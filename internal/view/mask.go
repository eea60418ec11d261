package view

import (
	"bytes"
	"iter"
	"net/url"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
)

// Masked stands where a secret was.
const Masked = "[masked]"

// secretWords are the parts of a variable's name that make its value secret.
var secretWords = [...]string{"KEY", "TOKEN", "SECRET", "PASS", "PWD", "AUTH", "CREDENTIAL", "PRIVATE", "DSN"}

// Secret reports whether a variable is one whose value nobody should see.
func Secret(key, value string) bool {
	k := strings.ToUpper(key)
	switch k {
	case "PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY":
		return false
	}
	k = strings.ReplaceAll(k, "AUTHOR_", "_")
	for _, w := range secretWords {
		if strings.Contains(k, w) {
			return true
		}
	}
	return password(value) != ""
}

// password is the one inside a URL, as it is written there.
func password(s string) string {
	_, rest, ok := strings.Cut(s, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return ""
	}
	_, pass, _ := strings.Cut(rest[:at], ":")
	return pass
}

// A Mask hides an app's secrets: by the name of the variable in listings of
// the environment, and by their exact value (from 8 characters) wherever else
// they turn up, also as base64 or escaped for a URL. Passwords of addresses are
// hidden without a name.
type Mask struct {
	r     *audit.Hider
	named map[string]bool // variables that the apps call secret
}

// secret reports whether a variable of the apps is one whose value nobody
// should see.
func (m Mask) secret(key, value string) bool { return m.named[key] || Secret(key, value) }

// MaskOf collects the secrets of apps.
func MaskOf(apps ...*velos.App) Mask {
	m, seen := Mask{}, map[string]bool{}
	specs := make([]*velos.Spec, 0, len(apps))
	for _, a := range apps {
		if specs = append(specs, &a.Spec); a.Coming != nil {
			specs = append(specs, a.Coming)
		}
	}
	for _, s := range specs {
		for _, k := range s.Secret {
			if m.named == nil {
				m.named = map[string]bool{}
			}
			m.named[k] = true
		}
	}
	for _, s := range specs {
		for _, env := range []map[string]string{s.Env, s.FileEnv} {
			for k, v := range env {
				if m.secret(k, v) {
					forms(seen, v)
					forms(seen, password(v))
				}
			}
		}
	}
	m.r = audit.NewHider(seen)
	return m
}

// forms adds a value, as audit does; a password of an address also as a program
// reads it there.
func forms(seen map[string]bool, v string) {
	audit.Forms(seen, v)
	if plain, err := url.PathUnescape(v); err == nil && plain != v {
		audit.Forms(seen, plain)
	}
}

// String is s without the secrets.
func (m Mask) String(s string) string {
	return inURLs(m.r.Replace(s))
}

// inURLs hides the passwords of addresses such as postgres://app:PASSWORD@db,
// whoever they belong to: a program may have them from a file that we do not
// know.
func inURLs(s string) string {
	var b strings.Builder
	done := 0
	for from, to := range passwords(s) {
		b.WriteString(s[done:from])
		b.WriteString(Masked)
		done = to
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

const scheme = "://"

// authorityEnds are the characters that no name and no password of an address
// holds.
const authorityEnds = "/?# \t\r\n\"'`<>\\,;|"

// passwords yields where those of addresses begin and end.
func passwords(s string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for from := 0; ; {
			i := strings.Index(s[from:], scheme)
			if i < 0 {
				return
			}
			from += i + len(scheme)
			authority := s[from:]
			if end := strings.IndexAny(authority, authorityEnds); end >= 0 {
				authority = authority[:end]
			}
			at := strings.LastIndexByte(authority, '@')
			colon := strings.IndexByte(authority, ':')
			if at > 0 && colon >= 0 && colon+1 < at && authority[colon+1:at] != Masked && !yield(from+colon+1, from+at) {
				return
			}
		}
	}
}

// Bytes is b without the secrets; b itself when there are none. One that holds
// colours or what nobody sees goes with all of those in b.
func (m Mask) Bytes(b []byte) []byte {
	if bytes.Contains(b, []byte(scheme)) || m.r.Any(b) {
		b = []byte(m.String(string(b)))
	}
	if m.r != nil && !plain(b) {
		text := Clean(b, false)
		if hidden := m.r.Replace(text); hidden != text {
			return []byte(inURLs(hidden))
		}
	}
	return b
}

// Env is a copy of env with the secret values hidden.
func (m Mask) Env(env map[string]string) map[string]string {
	if env == nil {
		return nil
	}
	out := make(map[string]string, len(env))
	for k, v := range env {
		if m.secret(k, v) {
			v = Masked
		}
		out[k] = m.String(v)
	}
	return out
}

// words are those of a command, without what is secret by the word before it.
func (m Mask) words(list []string) []string {
	if list == nil {
		return nil
	}
	out := audit.Words(list)
	for i, s := range out {
		out[i] = m.String(s)
	}
	return out
}

// line is a command that a shell reads.
func (m Mask) line(s string) string { return strings.Join(m.words(strings.Split(s, " ")), " ") }

// App is a copy of a that may be shown.
func (m Mask) App(a *velos.App) velos.App {
	c := *a
	c.Spec.Env = m.Env(a.Spec.Env)
	c.Spec.FileEnv, c.Coming = nil, nil
	c.Spec.Args = m.words(a.Spec.Args)
	c.Spec.InterpreterArgs = m.words(a.Spec.InterpreterArgs)
	c.Spec.Command = m.line(a.Spec.Command)
	c.Spec.Ready, c.Spec.Health = m.probe(a.Spec.Ready), m.probe(a.Spec.Health)
	c.Spec.Hooks = m.hooks(a.Spec.Hooks)
	c.Spec.ShutdownMessage = m.String(a.Spec.ShutdownMessage)
	c.Instances, c.Leaving = m.instances(a.Instances), m.instances(a.Leaving)
	return c
}

func (m Mask) instances(list []velos.Instance) []velos.Instance {
	list = append([]velos.Instance(nil), list...)
	for i := range list {
		in := &list[i]
		in.Reason, in.Said, in.HealthText = m.String(in.Reason), m.String(in.Said), m.String(in.HealthText)
		in.LastExit = m.exit(in.LastExit)
	}
	return list
}

func (m Mask) probe(p *velos.Probe) *velos.Probe {
	if p == nil {
		return p
	}
	c := *p
	c.HTTP, c.TCP, c.Log, c.Exec = m.String(p.HTTP), m.String(p.TCP), m.String(p.Log), m.words(p.Exec)
	return &c
}

func (m Mask) hooks(h *velos.Hooks) *velos.Hooks {
	if h == nil {
		return h
	}
	c := h
	for _, name := range velos.HookNames {
		if k := h.Hook(name); k != nil {
			hidden := &velos.Hook{Command: m.words(k.Command), Shell: k.Shell, Timeout: k.Timeout}
			if k.Shell && len(k.Command) > 0 {
				hidden.Command = []string{m.line(k.Command[0])}
			}
			c = c.With(name, hidden)
		}
	}
	return c
}

func (m Mask) exit(e *velos.Exit) *velos.Exit {
	if e == nil {
		return e
	}
	c := *e
	c.Error = m.String(c.Error)
	return &c
}

// Event is a copy of e that may be shown.
func (m Mask) Event(e velos.Event) velos.Event {
	e.Cause = m.String(e.Cause)
	e.Exit = m.exit(e.Exit)
	return e
}
