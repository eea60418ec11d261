package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// BenchmarkLoad reads and resolves 1,000 apps; it is to take less than 100 ms.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString("[defaults]\nkill_timeout = \"10s\"\nenv = { A = \"1\" }\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "[apps.app-%d]\nscript = \"app.js\"\nargs = [\"--port\", %d]\nmax_log_size = \"5M\"\nhealth = { tcp = %d }\nenv.PORT = %d\nenv_file = \".env\"\n", i, 3000+i, 3000+i, 3000+i)
		if i > 0 {
			fmt.Fprintf(&text, "depends_on = [\"app-%d\"]\n", i-1)
		}
	}
	for name, body := range map[string]string{"velos.toml": text.String(), "app.js": "", ".env": "SECRET=x\n", "bin/node": "#!/bin/sh\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	env := Environ{Dir: dir, Vars: map[string]string{"PATH": "/usr/local/bin:/usr/bin:" + filepath.Join(dir, "bin"), "HOME": dir}}
	for i := range 40 {
		env.Vars[fmt.Sprint("SHELL_VARIABLE_", i)] = "value"
	}
	b.ResetTimer()
	for b.Loop() {
		f, err := Load(filepath.Join(dir, "velos.toml"), env)
		if err != nil || len(f.Specs) != 1000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkChanges(b *testing.B) {
	s := velos.NewSpec()
	s.Name, s.Script, s.Cwd, s.Env = "api", "/srv/api.js", "/srv", map[string]string{"A": "1", "PATH": "/bin", "HOME": "/root", "LANG": "C"}
	for b.Loop() {
		if len(Changes(&s, &s)) > 0 {
			b.Fatal("a Spec differs from itself")
		}
	}
}
