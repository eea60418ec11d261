package audit

import "strings"

// Masked stands where a secret was.
const Masked = "[masked]"

// secretWords are the parts of a name that make its value secret.
var secretWords = [...]string{"KEY", "TOKEN", "SECRET", "PASS", "PWD", "AUTH", "CREDENTIAL", "PRIVATE", "DSN", "COOKIE"}

func secret(name string) bool {
	name = strings.ToUpper(name)
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// shortest is the length from which a value is a secret that can be found
// again in other words.
const shortest = 8

// Line is a command as one text that may be kept: what follows a word such as
// --token is left out, and so are passwords in URLs and the values of secret
// variables wherever they stand.
func Line(words []string, env map[string]string) string {
	var b strings.Builder
	hide := false
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		flag := strings.HasPrefix(w, "-")
		name, value, has := strings.Cut(w, "=")
		switch {
		case hide && !flag:
			w = Masked
		case has && value != "" && secret(name):
			w = name + "=" + Masked
		}
		hide = flag && !has && secret(w)
		b.WriteString(withoutPassword(w))
		if b.Len() > maxLine/8 {
			b.WriteString(" …")
			break
		}
	}
	text := b.String()
	for k, v := range env {
		if len(v) >= shortest && secret(k) && k != "PWD" && k != "OLDPWD" {
			text = strings.ReplaceAll(text, v, Masked)
		}
	}
	return text
}

// withoutPassword hides what stands between a colon and an @ in a URL.
func withoutPassword(w string) string {
	scheme, rest, ok := strings.Cut(w, "://")
	if !ok {
		return w
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	at := strings.LastIndexByte(host, '@')
	colon := strings.IndexByte(host, ':')
	if at < 0 || colon < 0 || colon > at {
		return w
	}
	return scheme + "://" + rest[:colon+1] + Masked + rest[at:]
}
