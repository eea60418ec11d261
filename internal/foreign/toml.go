package foreign

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/velospm/velos/internal/config"
)

// order is the order of keys in what is written; profiles of the environment
// come last.
var order = []string{
	"namespace", "script", "args", "shell", "interpreter", "interpreter_args", "cwd", "user", "group",
	"instances", "mode", "increment_var", "listen", "autostart", "depends_on",
	"autorestart", "stop_exit_codes", "max_restarts", "min_uptime", "restart_delay", "exp_backoff_restart_delay",
	"cron_restart", "max_memory", "watch", "watch_paths", "watch_ignore", "watch_delay",
	"wait_ready", "listen_timeout", "ready", "health", "watchdog", "pre_start", "post_start", "pre_stop", "on_crash", "on_giving_up",
	"stop_signal", "kill_timeout", "shutdown_with_message", "shutdown_message",
	"log_file", "out_file", "error_file", "merge_logs", "log_raw", "log_date_format", "max_log_size", "max_log_files",
	"env_file", "env",
}

func rank(key string) int {
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

// A tomlWriter remembers for each line that it writes where it comes from.
type tomlWriter struct {
	b     strings.Builder
	lines []int
	files []string // of the lines that are of another file
	file  string
}

func (w *tomlWriter) line(from int, text string) {
	w.b.WriteString(text + "\n")
	w.lines = append(w.lines, from)
	w.files = append(w.files, w.file)
}

// Text is the file as a velos.toml, with what became of the rest in comments.
func (f *File) Text() []byte {
	w := &tomlWriter{}
	base := filepath.Base(f.Path)
	if base != f.Manager {
		base += ", a file of " + f.Manager
	}
	w.line(0, "# Made from "+comment(base)+".")
	f.comments(w, "Not translated", true)
	f.comments(w, "Nothing is needed for", false)
	f.write(w)
	return []byte(w.b.String())
}

// Translated is the file for config: a velos.toml, and which line of the file
// each of its lines comes from.
func (f *File) Translated() config.Translation {
	w := &tomlWriter{}
	f.write(w)
	return config.Translation{Path: f.Path, Abs: f.Abs, Text: []byte(w.b.String()), Lines: w.lines, Files: w.files, Sum: f.sum}
}

func (f *File) comments(w *tomlWriter, title string, lost bool) {
	first := true
	for _, n := range f.Notes {
		if n.Lost != lost {
			continue
		}
		if first {
			w.line(0, "#")
			w.line(0, "# "+title+":")
			first = false
		}
		w.line(0, "#   "+comment(n.String()))
	}
}

// String is the note in one line.
func (n Note) String() string {
	s := n.Key + ": " + n.Why
	if n.App != "" {
		s = n.App + ": " + s
	}
	return s
}

// comment keeps foreign text within its line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsGraphic(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

func (f *File) write(w *tomlWriter) {
	for i := range f.Apps {
		a := &f.Apps[i]
		w.file = a.File
		if w.b.Len() > 0 {
			w.line(0, "")
		}
		head := "apps." + tomlKey(a.Name)
		w.line(a.Line, "["+head+"]")
		settings := slices.Clone(a.Settings)
		slices.SortStableFunc(settings, func(x, y Setting) int { return rank(x.Key) - rank(y.Key) })
		shell, _ := a.get("shell").(bool)
		for _, s := range settings {
			asIs := s.Key == "health" || s.Key == "ready" || shell && (s.Key == "script" || s.Key == "args") || shellHook(s)
			if !profile(s.Key) {
				w.line(s.Line, tomlKey(s.Key)+" = "+tomlValue(s.Value, asIs))
			}
		}
		for _, s := range settings {
			if t, ok := s.Value.(Table); ok && profile(s.Key) && len(t) > 0 {
				w.line(0, "")
				w.line(s.Line, "["+head+"."+tomlKey(s.Key)+"]")
				for _, v := range t {
					w.line(v.Line, tomlKey(v.Key)+" = "+tomlValue(v.Value, false))
				}
			}
		}
	}
}

// shellHook reports a hook that is a line for a shell.
func shellHook(s Setting) bool {
	t, ok := s.Value.(Table)
	return ok && !profile(s.Key) && slices.ContainsFunc(t, func(v Setting) bool { return v.Key == "shell" && v.Value == true })
}

// profile reports whether a key is written as a table of its own.
func profile(key string) bool {
	return key == "env" || strings.HasPrefix(key, "env_") && key != "env_file"
}

// tomlValue writes a value; asIs is one in which config replaces nothing.
func tomlValue(v any, asIs bool) string {
	text := func(s string) string {
		if !asIs {
			s = config.Literal(s)
		}
		return tomlString(s)
	}
	table := func(t Table) string {
		parts := make([]string, len(t))
		for i, s := range t {
			parts[i] = tomlKey(s.Key) + " = " + tomlValue(s.Value, asIs)
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	switch v := v.(type) {
	case string:
		return text(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case []string:
		return tomlList(v, text)
	case []int64:
		return tomlList(v, func(n int64) string { return strconv.FormatInt(n, 10) })
	case []Table:
		return tomlList(v, table)
	case Table:
		return table(v)
	}
	panic(fmt.Sprintf("no such value in a velos.toml: %T", v))
}

func tomlList[T any](list []T, one func(T) string) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = one(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func tomlKey(key string) string {
	for _, r := range key {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return tomlString(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}

// tomlString is s in double quotes. TOML holds text only: bytes that are none
// are replaced.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
