package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Sketch is a configuration file for a directory that has none, made from
// what is in it.
type Sketch struct {
	Text  string   // of the file, with comments
	Apps  []string // NAME (where it was found), in order
	Notes []string // what there is to know besides
}

// A found app is one that a directory seems to have.
type found struct {
	name    string
	from    string // the file that says so
	script  string
	shell   bool
	several bool // one may have several instances
	remarks []string
}

// NewSketch looks at a directory: Procfile, package.json, pyproject.toml,
// go.mod, or a script with a usual name. What two of them name is taken once.
func NewSketch(dir string) *Sketch {
	s := &Sketch{}
	var apps []found
	for _, look := range []func(string, *Sketch) []found{lookProcfile, lookNode, lookPython, lookGo, lookScripts} {
		for _, a := range look(dir, s) {
			a.name = sketchName(a.name)
			if !slices.ContainsFunc(apps, func(b found) bool { return strings.EqualFold(a.name, b.name) }) {
				apps = append(apps, a)
			}
		}
		if len(apps) > 0 {
			break // a Procfile says more than package.json, and so on
		}
	}
	for _, name := range []string{"docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"} {
		if exists(dir, name) {
			s.Notes = append(s.Notes, name+" is here, too: velos import "+name+" translates its process parts")
			break
		}
	}
	s.Text = sketch(dir, apps)
	for _, a := range apps {
		s.Apps = append(s.Apps, a.name+" ("+a.from+")")
	}
	return s
}

// sketchName makes a valid name of what a file calls an app.
func sketchName(s string) string {
	if i := strings.LastIndexByte(s, '/'); i >= 0 { // @scope/name
		s = s[i+1:]
	}
	return cleanName(s, 40)
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// lookProcfile reads NAME: COMMAND lines.
func lookProcfile(dir string, s *Sketch) []found {
	b, err := readSmall(filepath.Join(dir, "Procfile"))
	if err != nil {
		return nil
	}
	var apps []found
	for _, line := range strings.Split(string(b), "\n") {
		name, command, ok := strings.Cut(strings.TrimSpace(line), ":")
		if command = strings.TrimSpace(command); !ok || command == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if name == "release" {
			s.Notes = append(s.Notes, "the release line of the Procfile is left out: it runs once, before the others: "+command)
			continue
		}
		a := found{name: name, from: "Procfile", script: command}
		if _, err := Split(command); err != nil {
			a.shell = true
		}
		apps = append(apps, a)
	}
	return apps
}

// usual are names of scripts that are an app.
var usual = []string{"server.js", "app.js", "index.js", "server.mjs", "server.ts", "main.py", "app.py", "server.py", "app.rb", "start.sh", "run.sh"}

func lookScripts(dir string, _ *Sketch) []found {
	for _, name := range usual {
		if exists(dir, name) {
			return []found{{name: filepath.Base(dir), from: name, script: name, several: strings.HasSuffix(name, "js")}}
		}
	}
	return nil
}

const sketchHead = `# What velos keeps running here:
#
#   velos start velos.toml     start what is missing
#   velos diff                 show what a change of this file would do
#   velos apply                make it so
#
# Paths are relative to this file. Lengths of time are "250ms", "5s", "1m30s", sizes "512k", "150M".
# All keys: velos config get NAME shows them, velos schema config describes them for editors.

# What holds for every app below, unless it says otherwise.
[defaults]
# namespace = "web"            # a group: velos stop ns:web
# max_restarts = 16            # quick ends in a row, after which it is left alone
# max_log_size = "10M"         # at which a log file is rotated
`

// sketch writes the file.
func sketch(dir string, apps []found) string {
	var b strings.Builder
	b.WriteString(sketchHead)
	if len(apps) == 0 {
		b.WriteString("\n# Nothing here looks like a program. This is how one is written:\n#\n# [apps.api]\n# script = \"server.js\"         # a script, a program, or a command line\n")
	}
	for i := range apps {
		apps[i].write(&b, dir, i == 0)
	}
	return b.String()
}

// write writes one app; the first one shows what else there is.
func (a *found) write(b *strings.Builder, dir string, first bool) {
	line := func(text, remark string) {
		b.WriteString(text)
		if remark != "" {
			b.WriteString(strings.Repeat(" ", max(1, 30-len(text))) + "# " + remark)
		}
		b.WriteByte('\n')
	}
	line("\n[apps."+bare(a.name)+"]", "from "+a.from)
	for _, r := range a.remarks {
		line("# "+r, "")
	}
	line("script = "+quoted(a.script), "")
	if a.shell {
		line("shell = true", "the line needs a shell")
	}
	if a.several {
		line("# instances = \"max\"", "one for each core; they share their ports")
	}
	if exists(dir, ".env") {
		line("env_file = [\".env\", \"?.env.local\"]", "one with ? may be missing; values are never stored")
	}
	if first {
		line("# env = { NODE_ENV = \"development\", PORT = 3000 }", "")
		line("# env_production = { NODE_ENV = \"production\" }", "with --env production")
		line("# ready = { http = \":3000/health\" }", "start waits for it; left out, it is min_uptime")
		line("# kill_timeout = \"5s\"", "how long it may take to end before it is killed")
		line("# autorestart = \"always\"", "or on-failure, never")
	}
}
