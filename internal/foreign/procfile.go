package foreign

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/dotenv"
)

func isProcfile(base string) bool {
	return base == "procfile" || strings.HasPrefix(base, "procfile.")
}

// firstPort is what foreman gives to the first process; each further one gets
// a hundred more.
const firstPort = 5000

// readProcfile reads NAME: COMMAND, line by line. Commands are given to a shell
// there; here only those that need one are.
func readProcfile(_ context.Context, f *File, data []byte, o *Options) error {
	port := firstPort
	path := filepath.Join(f.dir(), ".env")
	b, err := os.ReadFile(path)
	hasEnv := err == nil && len(b) <= maxFile
	if hasEnv {
		vars, err := dotenv.Parse(b)
		if err != nil {
			return f.fail(0, ".env: "+err.Error(), "lines are written NAME=value")
		}
		if n, err := strconv.Atoi(vars["PORT"]); err == nil {
			port = n
		}
	}
	n := 0
	for i, text := range strings.Split(string(data), "\n") {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		name, command, ok := strings.Cut(text, ":")
		command = strings.TrimSpace(command)
		if !ok || command == "" || strings.ContainsAny(name, " \t") || name == "" {
			return f.fail(i+1, "must be NAME: COMMAND", "such as web: node server.js")
		}
		if name == "release" {
			f.lost(name, "release", "runs once before a release; run it where the new version comes from")
			continue
		}
		a := App{Name: f.called(name), Line: i + 1}
		a.commandLine(command, i+1)
		a.set("cwd", ".", 0)
		if hasEnv {
			a.set("env_file", []string{".env"}, 0)
		}
		a.set("env", Table{{"PORT", strconv.Itoa(port + 100*n), 0}}, 0)
		a.set("increment_var", "PORT", 0) // should there be more instances one day
		n++
		f.Apps = append(f.Apps, a)
	}
	return nil
}
