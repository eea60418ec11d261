package view

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"sort"
	"strings"

	"github.com/velospm/velos"
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
	r     *strings.Replacer
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
	if len(seen) == 0 {
		return m
	}
	list := make([]string, 0, len(seen))
	for v := range seen {
		list = append(list, v)
	}
	// The longest first: a secret that begins with another one goes whole.
	sort.Slice(list, func(i, j int) bool {
		return len(list[i]) > len(list[j]) || len(list[i]) == len(list[j]) && list[i] < list[j]
	})
	pairs := make([]string, 0, 2*len(list))
	for _, v := range list {
		pairs = append(pairs, v, Masked)
	}
	m.r = strings.NewReplacer(pairs...)
	return m
}

func forms(seen map[string]bool, v string) {
	if len(v) < 8 {
		return
	}
	for _, f := range []string{v, url.QueryEscape(v), url.PathEscape(v)} {
		seen[f] = true
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		seen[e.EncodeToString([]byte(v))] = true
	}
}

// String is s without the secrets.
func (m Mask) String(s string) string {
	if m.r != nil {
		s = m.r.Replace(s)
	}
	return inURLs(s)
}

// inURLs hides the passwords of addresses such as postgres://app:PASSWORD@db,
// whoever they belong to: a program may have them from a file that we do not
// know.
func inURLs(s string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return s
		}
		from += i + len("://")
		authority := s[from:]
		if end := strings.IndexAny(authority, "/?# \t\r\n\"'`<>\\,;|"); end >= 0 {
			authority = authority[:end]
		}
		at := strings.LastIndexByte(authority, '@')
		colon := strings.IndexByte(authority, ':')
		if at > 0 && colon >= 0 && colon+1 < at && authority[colon+1:at] != Masked {
			s = s[:from+colon+1] + Masked + s[from+at:]
		}
	}
}

// Bytes is b without the secrets; b itself when there are none.
func (m Mask) Bytes(b []byte) []byte {
	if m.r == nil && !bytes.Contains(b, []byte("://")) {
		return b
	}
	return []byte(m.String(string(b)))
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

func (m Mask) strings(list []string) []string {
	if m.r == nil {
		return list
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = m.String(s)
	}
	return out
}

// App is a copy of a that may be shown.
func (m Mask) App(a *velos.App) velos.App {
	c := *a
	c.Spec.Env = m.Env(a.Spec.Env)
	c.Spec.FileEnv, c.Coming = nil, nil
	c.Spec.Args = m.strings(a.Spec.Args)
	c.Spec.InterpreterArgs = m.strings(a.Spec.InterpreterArgs)
	c.Spec.Command = m.String(a.Spec.Command)
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
	if p == nil || m.r == nil {
		return p
	}
	c := *p
	c.HTTP, c.TCP, c.Log, c.Exec = m.String(p.HTTP), m.String(p.TCP), m.String(p.Log), m.strings(p.Exec)
	return &c
}

func (m Mask) hooks(h *velos.Hooks) *velos.Hooks {
	if h == nil || m.r == nil {
		return h
	}
	c := h
	for _, name := range velos.HookNames {
		if k := h.Hook(name); k != nil {
			c = c.With(name, &velos.Hook{Command: m.strings(k.Command), Shell: k.Shell, Timeout: k.Timeout})
		}
	}
	return c
}

func (m Mask) exit(e *velos.Exit) *velos.Exit {
	if e == nil || m.r == nil {
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
