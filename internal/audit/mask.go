package audit

import (
	"slices"
	"strings"
)

// Masked stands where a secret was.
const Masked = "[masked]"

// secretWords are the parts of a name that make its value secret.
var secretWords = [...]string{"KEY", "TOKEN", "SECRET", "PASS", "PWD", "AUTH", "CREDENTIAL", "PRIVATE", "DSN", "COOKIE"}

func secret(name string) bool {
	name = strings.ToUpper(name)
	if a := strings.Index(name, "AUTHOR"); a >= 0 && !strings.HasPrefix(name[a:], "AUTHORI") {
		name = name[:a] + name[a+len("AUTHOR"):]
	}
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// Line is a command as one text that may be kept: without what Words hides,
// and without the values of secret variables wherever and however they stand;
// named are those that are secret whatever they are called.
func Line(words []string, env map[string]string, named ...string) string {
	var b strings.Builder
	for i, w := range Words(words) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		if b.Len() > maxLine/8 {
			b.WriteString(" …")
			break
		}
	}
	seen := map[string]bool{}
	for k, v := range env {
		if secret(k) && k != "PWD" && k != "OLDPWD" || slices.Contains(named, k) {
			Forms(seen, v)
		}
	}
	return NewHider(seen).Replace(b.String())
}

// Words are the words of a command without what should not be kept: what
// follows one such as --token, the values of variables and headers with such a
// name, and passwords in addresses.
func Words(words []string) []string {
	out := make([]string, len(words))
	hide, header, login := false, false, false
	for i, w := range words {
		bare := strings.TrimLeft(w, `"'`)
		flag := strings.HasPrefix(bare, "-") && !strings.HasPrefix(bare, "-----")
		switch {
		case hide && !flag && strings.EqualFold(bare, "Bearer") || hide && !flag && strings.EqualFold(bare, "Basic"):
			out[i] = Masked
			continue // and so is what follows
		case hide && !flag:
			out[i] = Masked
		case login:
			out[i] = withoutLogin(w)
		default:
			out[i] = withoutSecrets(w, header)
		}
		name := strings.TrimRight(bare, `"':`)
		whole := !strings.ContainsAny(bare, "=") && !strings.ContainsAny(bare, " ")
		hide = flag && whole && secret(bare) || strings.EqualFold(bare, "Bearer") || whole && strings.HasSuffix(bare, ":") && secret(name) && !strings.Contains(bare, "/")
		header = bare == "-H" || bare == "--header"
		login = bare == "-u" || bare == "--user" || bare == "--proxy-user"
	}
	return out
}

// withoutSecrets hides the value in one word.
func withoutSecrets(w string, header bool) string {
	name, value, has := strings.Cut(w, "=")
	switch flag := strings.HasPrefix(w, "-"); {
	case has && flag && (name == "--header" || name == "-H"):
		return name + "=" + withoutHeader(value)
	case has && flag && (name == "--user" || name == "--proxy-user"):
		return name + "=" + withoutLogin(value)
	case has && flag && !secret(name) && strings.Contains(value, "="): // --env=NAME=VALUE
		return name + "=" + withoutSecrets(value, false)
	case has && value != "" && secret(name) && !strings.ContainsAny(name, "?&/ "):
		return name + "=" + Masked
	case header || !has:
		w = withoutHeader(w)
	}
	return withoutPasswords(withoutParameters(w))
}

// withoutHeader hides the value of a header such as Authorization: Bearer X.
func withoutHeader(w string) string {
	name, value, ok := strings.Cut(w, ":")
	if !ok || strings.TrimSpace(value) == "" || !strings.HasPrefix(value, " ") || !secret(name) || strings.ContainsAny(strings.TrimLeft(name, `"'`), " /{") {
		return w
	}
	return name + ": " + Masked
}

// withoutLogin hides what stands behind the name in NAME:PASSWORD.
func withoutLogin(w string) string {
	if name, password, ok := strings.Cut(w, ":"); ok && password != "" && !strings.HasPrefix(password, "//") {
		return name + ":" + Masked
	}
	return w
}

// withoutParameters hides the values of secret parameters in the query of an
// address.
func withoutParameters(w string) string {
	at := strings.IndexByte(w, '?')
	if at < 0 {
		return w
	}
	var b strings.Builder
	b.WriteString(w[:at+1])
	for rest := w[at+1:]; rest != ""; {
		part, end := rest, ""
		if i := strings.IndexAny(rest, "&;#\"' "); i >= 0 {
			part, end = rest[:i], rest[i:i+1]
		}
		if name, value, ok := strings.Cut(part, "="); ok && value != "" && secret(name) {
			b.WriteString(name + "=" + Masked)
		} else {
			b.WriteString(part)
		}
		b.WriteString(end)
		rest = rest[len(part)+len(end):]
	}
	return b.String()
}

// withoutPasswords hides what stands between a colon and an @ in addresses.
func withoutPasswords(w string) string {
	for from := 0; ; {
		i := strings.Index(w[from:], "://")
		if i < 0 {
			return w
		}
		from += i + len("://")
		host := w[from:]
		if end := strings.IndexAny(host, "/?#,;\"' "); end >= 0 {
			host = host[:end]
		}
		at, colon := strings.LastIndexByte(host, '@'), strings.IndexByte(host, ':')
		if at > 0 && colon >= 0 && colon+1 < at {
			w = w[:from+colon+1] + Masked + w[from+at:]
		}
	}
}
