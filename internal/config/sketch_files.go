package config

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// lookNode reads package.json. A start script that only calls node is taken
// apart: without npm in between, signals arrive and instances share ports.
func lookNode(dir string, s *Sketch) []found {
	var pkg struct {
		Name    string
		Main    string
		Scripts map[string]string
	}
	b, err := readSmall(filepath.Join(dir, "package.json"))
	if err != nil || json.Unmarshal(b, &pkg) != nil {
		return nil
	}
	if pkg.Name == "" {
		pkg.Name = filepath.Base(dir)
	}
	run := "npm run"
	for lock, manager := range map[string]string{"pnpm-lock.yaml": "pnpm run", "yarn.lock": "yarn run", "bun.lockb": "bun run", "bun.lock": "bun run"} {
		if exists(dir, lock) {
			run = manager
		}
	}
	var apps []found
	for _, name := range slices.Sorted(maps.Keys(pkg.Scripts)) {
		if !runsOn(name) {
			continue
		}
		a := found{name: pkg.Name, from: "package.json, scripts." + name, script: run + " " + name}
		if name != "start" {
			a.name = strings.TrimPrefix(strings.TrimPrefix(name, "start:"), "serve:")
		}
		if file, ok := strings.CutPrefix(pkg.Scripts[name], "node "); ok && !strings.ContainsAny(file, " \t'\"$&|;<>") && exists(dir, file) {
			a.script, a.several = file, true
		}
		if name == "start" {
			apps = slices.Insert(apps, 0, a)
		} else {
			apps = append(apps, a)
		}
	}
	if len(apps) == 0 && pkg.Main != "" && exists(dir, pkg.Main) {
		apps = append(apps, found{name: pkg.Name, from: "package.json, main", script: pkg.Main, several: true})
	}
	if len(apps) > 0 && pkg.Scripts["build"] != "" {
		s.Notes = append(s.Notes, "package.json has a build script: velos builds nothing, so call "+run+" build before")
	}
	return apps
}

// runsOn reports whether a script of package.json is one that goes on running
// in production.
func runsOn(name string) bool {
	switch name {
	case "start", "serve", "server", "worker", "worker:start", "scheduler", "queue":
		return true
	}
	return strings.HasPrefix(name, "start:") && !strings.Contains(name, "dev") && !strings.Contains(name, "debug") && !strings.Contains(name, "watch")
}

// lookPython reads pyproject.toml.
func lookPython(dir string, _ *Sketch) []found {
	var py struct {
		Project struct {
			Name         string
			Scripts      map[string]string
			Dependencies []string
		}
	}
	b, err := readSmall(filepath.Join(dir, "pyproject.toml"))
	if err != nil || toml.Unmarshal(b, &py) != nil {
		return nil
	}
	name := py.Project.Name
	if name == "" {
		name = filepath.Base(dir)
	}
	bin := ""
	for _, venv := range []string{".venv", "venv"} {
		if exists(dir, venv+"/bin/python") {
			bin = venv + "/bin/"
			break
		}
	}
	needs := func(what string) bool {
		return slices.ContainsFunc(py.Project.Dependencies, func(d string) bool { return strings.HasPrefix(strings.ToLower(d), what) })
	}
	a := found{name: name, from: "pyproject.toml"}
	module := "main"
	if !exists(dir, "main.py") && exists(dir, "app.py") {
		module = "app"
	}
	has := exists(dir, module+".py")
	switch {
	case exists(dir, "manage.py"):
		a.script = program(bin, "python") + " manage.py runserver 127.0.0.1:8000"
		a.remarks = []string{"runserver is for development; in production gunicorn or uvicorn serve the app"}
	case has && (needs("fastapi") || needs("uvicorn") || needs("starlette")):
		a.script = bin + "uvicorn " + module + ":app --port 8000"
	case has && needs("gunicorn"):
		a.script = bin + "gunicorn " + module + ":app"
	case len(py.Project.Scripts) > 0:
		var apps []found
		for _, command := range slices.Sorted(maps.Keys(py.Project.Scripts)) {
			apps = append(apps, found{name: command, from: "pyproject.toml, scripts", script: bin + command})
		}
		return apps
	case has:
		a.script = program(bin, "python") + " " + module + ".py"
	default:
		return nil
	}
	return []found{a}
}

// program is a program of a virtual environment, or the system's.
func program(bin, name string) string {
	if bin == "" {
		return name + "3"
	}
	return bin + name
}

// lookGo reads go.mod, and finds the programs of the module.
func lookGo(dir string, _ *Sketch) []found {
	b, err := readSmall(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil
	}
	var apps []found
	add := func(name, where string) {
		apps = append(apps, found{name: name, from: "go.mod", script: "./bin/" + name, remarks: []string{"built by: go build -o bin/" + name + " " + where}})
	}
	list, _ := os.ReadDir(filepath.Join(dir, "cmd"))
	for _, e := range list {
		if e.IsDir() && exists(dir, "cmd/"+e.Name()+"/main.go") && cleanName(e.Name(), 40) == e.Name() {
			add(e.Name(), "./cmd/"+e.Name())
		}
	}
	if exists(dir, "main.go") {
		name := filepath.Base(dir)
		for _, line := range strings.Split(string(b), "\n") {
			if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
				name = sketchName(strings.TrimSpace(module))
			}
		}
		add(sketchName(name), ".")
	}
	return apps
}
