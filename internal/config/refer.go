package config

import (
	"errors"
	"net/url"
	"strings"

	"github.com/velospm/velos"
)

// maxSecret is the size of the largest file that a value may refer to.
const maxSecret = 64 << 10

// refers reports whether a text stands for another one.
func refers(s string) bool {
	return strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:") || strings.Contains(s, "${")
}

// A Lookup finds a variable.
type Lookup func(name string) (value string, ok bool)

// Resolve is the notice with every reference replaced: ${NAME} and env:NAME by
// variables, file:PATH by the first line of a file. secrets are all that was
// found in that way, and what is a secret however it was written: no message
// may show them.
func (n Notice) Resolve(vars Lookup) (out Notice, secrets []string, err error) {
	out = n
	r := &referrer{n: &n, vars: vars}
	out.URL = r.text("url", n.URL, true)
	if u, err := url.Parse(out.URL); err == nil { // what a server says may repeat a part of it
		for _, part := range []string{u.EscapedPath(), u.RawQuery} {
			if len(part) >= 8 {
				r.secrets = append(r.secrets, part)
			}
		}
	}
	out.Token = r.text("token", n.Token, true)
	out.Chat = r.text("chat", n.Chat, false)
	out.Server = r.text("server", n.Server, false)
	out.SMTP, out.From = r.text("smtp", n.SMTP, false), r.text("from", n.From, false)
	out.User, out.Password = r.text("user", n.User, false), r.text("password", n.Password, true)
	out.To = make([]string, len(n.To))
	for i, t := range n.To {
		out.To[i] = r.text("to", t, false)
	}
	if n.Headers != nil {
		out.Headers = make(map[string]string, len(n.Headers))
		for k, v := range n.Headers {
			out.Headers[k] = r.text("headers."+k, v, true)
		}
	}
	return out, r.secrets, r.err
}

type referrer struct {
	n       *Notice
	vars    Lookup
	secrets []string
	err     error
}

func (r *referrer) text(key, s string, secret bool) string {
	out, err := r.find(s)
	if err != nil {
		if r.err == nil {
			r.err = &velos.Error{Code: velos.Invalid, Message: r.n.Place + ": notify." + key + ": " + err.Error(),
				Hint: "variables are found in the app's env and env_file; file:PATH needs none", Cause: err}
		}
		return ""
	}
	if out != "" && (secret || out != s) {
		r.secrets = append(r.secrets, out)
	}
	return out
}

func (r *referrer) find(s string) (string, error) {
	if name, ok := strings.CutPrefix(s, "env:"); ok {
		v, ok := r.vars(name)
		if !ok || v == "" {
			return "", errors.New(name + " is not set")
		}
		return v, nil
	}
	if file, ok := strings.CutPrefix(s, "file:"); ok {
		return r.file(file)
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		inside, after, closed := strings.Cut(rest, "}")
		name, otherwise, has := strings.Cut(inside, ":-")
		v, ok := r.vars(name)
		switch {
		case !closed || !variableName(name):
			return "", errors.New("${" + inside + " is no variable")
		case v == "" && has:
			v = otherwise
		case !ok:
			return "", errors.New(name + " is not set")
		}
		b.WriteString(v)
		s = after
	}
}

func (r *referrer) file(path string) (string, error) {
	abs := absIn(r.n.base, path, r.n.env)
	data, err := readSmall(abs)
	if err != nil {
		return "", readError("read "+shown(abs), err)
	}
	line, _, _ := strings.Cut(string(data[:min(len(data), maxSecret)]), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.New(shown(abs) + " is empty")
	}
	return line, nil
}

// Notices reads the [[notify]] tables of a velos.toml, and of the files that it
// includes. No app is looked up.
func Notices(path string, env Environ) ([]Notice, error) {
	abs := env.abs(path)
	data, err := readSmall(abs)
	if err != nil {
		return nil, readError("read "+shown(path), err)
	}
	l := newLoader(env)
	if err := l.file(&document{path: path, data: data}, abs); err != nil {
		return nil, err
	}
	return l.notices, nil
}
