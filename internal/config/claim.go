package config

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Claim is what a file would have run. It is made of the text alone: nothing
// of it was looked up yet, and nothing was run.
type Claim struct {
	Path     string   // absolute
	Sum      string   // SHA-256 of the file, and of those that it includes
	Files    []string // that it includes, absolute
	Commands func() []Command
	// Program says that the file itself has to be run to learn more.
	Program bool
}

// A Command is an app of a file, or what its notifications do.
type Command struct {
	App   string   `json:"app"` // empty: notifications of the file
	Run   string   `json:"run"`
	Lines []string `json:"more,omitempty"` // as a file would have them; variables without values
	// Sum tells two versions apart, with all that can make a difference to
	// what is run: variables with their values, too.
	Sum string `json:"sum"`
}

// Text is the command in lines, each of which says whose it is.
func (c *Command) Text() []string {
	name := c.App
	if name == "" {
		name = "(notifications)"
	}
	out := []string{name + ": " + c.Run}
	for _, l := range c.Lines {
		out = append(out, name+"   "+l)
	}
	return out
}

// harmlessKeys make no difference to what is run, or are said otherwise.
var harmlessKeys = []string{"name", "script", "args", "env", "env_profiles", "instances", "namespace", "autostart", "autorestart", "max_restarts", "min_uptime", "restart_delay",
	"exp_backoff_restart_delay", "kill_timeout", "listen_timeout", "watchdog", "max_memory", "max_log_size", "max_log_files", "max_log_total",
	"log_date_format", "merge_logs", "log_raw", "stop_exit_codes", "stop_signal", "overlap", "wait_ready", "increment_var", "port", "secret", "watch", "watch_delay", "watch_ignore"}

// claim is what the files that were read would have run.
func (l *loader) claim(abs string) Claim {
	c := Claim{Path: abs, Sum: l.sum}
	for _, f := range l.order {
		if f != abs {
			c.Files = append(c.Files, f)
		}
	}
	if c.Sum == "" {
		c.Sum = hex.EncodeToString(l.digest.Sum(nil))
	}
	c.Commands = sync.OnceValue(func() []Command {
		list := make([]Command, 0, len(l.drafts)+1)
		for _, d := range l.drafts {
			list = append(list, d.command())
		}
		if len(l.notices) > 0 {
			list = append(list, NoticesCommand(l.notices))
		}
		return list
	})
	return c
}

// taste puts a file into the sum of what was read.
func (l *loader) taste(abs string, data []byte) {
	l.order = append(l.order, abs)
	one := sha256.Sum256(data)
	_, _ = io.WriteString(l.digest, abs+"\x00")
	_, _ = l.digest.Write(one[:])
}

// Sum is how Claims tell the text of one file from another.
func Sum(abs string, data []byte) string {
	l := newLoader(Environ{})
	l.taste(abs, data)
	return hex.EncodeToString(l.digest.Sum(nil))
}

// command is an app as people judge it.
func (d *draft) command() Command {
	c := Command{App: d.spec.Name, Run: d.written("script")}
	if a := d.written("args"); a != "" {
		c.Run += " " + a
	}
	sum := sha256.New()
	put := func(parts ...string) { _, _ = io.WriteString(sum, strings.Join(parts, "\x00")+"\x01") }
	put(c.Run, d.base)
	for _, k := range slices.Sorted(maps.Keys(d.at)) {
		if slices.Contains(harmlessKeys, k) || strings.HasPrefix(k, profileKey) && keys()[k] == nil {
			continue
		}
		text := d.at[k].toml()
		c.Lines = append(c.Lines, k+" = "+text)
		put(k, text)
	}
	variables := func(name string, env map[string]string) {
		if len(env) == 0 {
			return
		}
		list := slices.Sorted(maps.Keys(env))
		c.Lines = append(c.Lines, name+" "+strings.Join(list, ", "))
		for _, k := range list {
			put(name, k, env[k])
		}
	}
	variables("env", d.env)
	for _, p := range slices.Sorted(maps.Keys(d.profiles)) {
		variables("env."+p, d.profiles[p])
	}
	c.Sum = hex.EncodeToString(sum.Sum(nil)[:16])
	return c
}

// written is a key's words as they stand in the file, where a ${NAME} is still
// one: what it stands for may be a secret.
func (d *draft) written(key string) string {
	n := d.at[key]
	if n == nil || n.kind == isString {
		if n == nil {
			return ""
		}
		return n.text
	}
	words := make([]string, len(n.items))
	for i, c := range n.items {
		w := c.text
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\;&|<>*?()") {
			w = quoted(w)
		}
		words[i] = w
	}
	return strings.Join(words, " ")
}

// toml is a value as a file would have it on one line.
func (n *node) toml() string {
	switch n.kind {
	case isString:
		return quoted(n.text)
	case isList, isTable:
		parts := make([]string, len(n.items))
		for i, c := range n.items {
			parts[i] = c.toml()
			if n.kind == isTable {
				parts[i] = bare(c.key) + " = " + parts[i]
			}
		}
		if n.kind == isList {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return n.text
}
