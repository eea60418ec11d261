package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysWithoutEffectAreSaid(t *testing.T) {
	for _, c := range []struct{ head, keys, want string }{
		{"", "watch_delay = \"2s\"", "api: watch_delay has no effect: watch is off"},
		{"", "watch_paths = [\"src\"]\nwatch_ignore = \"*.md\"", "api: watch_paths has no effect: watch is off\napi: watch_ignore has no effect: watch is off"},
		{"", "watch = true\nwatch_delay = \"2s\"", ""},
		{"[defaults]\nwatch_delay = \"2s\"\n", "", ""}, // for other apps
		{"", "log_file = \"a.log\"\nout_file = \"b.log\"\nerror_file = \"c.log\"", "api: out_file has no effect: log_file takes both streams\napi: error_file has no effect: log_file takes both streams"},
		{"", "merge_logs = true\nerror_file = \"c.log\"", "api: error_file has no effect: merge_logs has stderr go where stdout goes"},
		{"", "merge_logs = true\nout_file = \"b.log\"", ""},
	} {
		dir, env := project(t)
		var notes []string
		env.Note = func(text string) { notes = append(notes, text) }
		path := filepath.Join(dir, "velos.toml")
		if err := os.WriteFile(path, []byte(c.head+"[apps.api]\nscript = \"app.js\"\n"+c.keys+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, env); err != nil {
			t.Errorf("%s: %v", c.keys, err)
		}
		if got := strings.Join(notes, "\n"); got != c.want {
			t.Errorf("%s%s: said %q; want %q", c.head, c.keys, got, c.want)
		}
	}
}

func TestAKeyHasOneValueAlsoByItsOtherName(t *testing.T) {
	for _, keys := range []string{"max_memory = \"5M\"\nmax_memory_restart = \"6M\"", "node_args = \"--a\"\ninterpreter_args = \"--b\""} {
		dir, env := project(t)
		path := filepath.Join(dir, "velos.toml")
		if err := os.WriteFile(path, []byte("[apps.api]\nscript = \"app.js\"\n"+keys+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, env)
		if err == nil || !strings.Contains(err.Error(), "velos.toml:4:1: apps.api.") || !strings.Contains(err.Error(), "is there, too, and means the same") {
			t.Errorf("%s: %v", keys, err)
		}
	}
}
