package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestSeveralInstancesOfANodeScriptAreACluster(t *testing.T) {
	dir, env := project(t)
	write(t, filepath.Join(dir, "www"), "#!/usr/bin/env node\n", 0o755)
	write(t, filepath.Join(dir, "flags"), "#!/usr/bin/env -S node --enable-source-maps\n", 0o755)
	write(t, filepath.Join(dir, "bin", "next"), "#!/usr/bin/env node\n", 0o755)
	write(t, filepath.Join(dir, "bin", "bun"), "#!/bin/sh\n", 0o755)
	for _, c := range []struct {
		word string
		o    Options
		mode velos.Mode
		runs string // interpreter, its arguments, script, arguments
		note string
	}{
		{"app.js", Options{}, velos.Fork, "node app.js", ""},
		{"app.js", Options{Instances: "1"}, velos.Cluster, "node app.js", ""},
		{"app.js", Options{Instances: "2"}, velos.Cluster, "node app.js", ""},
		{"app.js", Options{Instances: "max"}, velos.Cluster, "node app.js", ""},
		{"app.js", Options{Instances: "-1"}, velos.Cluster, "node app.js", ""},
		{"app.js", Options{Instances: "2", Mode: "fork"}, velos.Fork, "node app.js", ""},
		{"app.js", Options{Instances: "1", Mode: "cluster"}, velos.Cluster, "node app.js", ""},
		{"app.js", Options{Instances: "2", Listen: []string{"80"}}, velos.Fork, "node app.js", ""},
		{"app.js", Options{Instances: "2", IncrementVar: "PORT", Env: []string{"PORT=1"}}, velos.Fork, "node app.js", ""},
		{"app.js", Options{Instances: "2", InterpreterArgs: []string{"--inspect"}}, velos.Cluster, "node --inspect app.js", ""},
		{"www", Options{}, velos.Fork, " www", ""},
		{"www", Options{Instances: "2"}, velos.Cluster, "node www", ""},
		{"flags", Options{Instances: "2"}, velos.Cluster, "node --enable-source-maps flags", ""},
		{"node app.js -x", Options{Instances: "2"}, velos.Cluster, "node app.js -x", ""},
		{"node -r x app.js", Options{Instances: "2"}, velos.Fork, " node -r x app.js", ""},
		{"node -r x app.js", Options{Mode: "cluster"}, velos.Fork, " node -r x app.js", "flags of node"},
		{"node gone.js", Options{Mode: "cluster"}, velos.Fork, " node gone.js", "there is no file gone.js"},
		{"next", Options{Instances: "2"}, velos.Fork, " next", ""},
		{"next", Options{Mode: "cluster"}, velos.Fork, " next", "next is a program of its own"},
		{"api.py", Options{Instances: "2"}, velos.Fork, "python3 api.py", ""},
		{"api.py", Options{Mode: "cluster"}, velos.Fork, "python3 api.py", "python3 runs this one"},
		{"app.js", Options{Mode: "cluster", Interpreter: "bun"}, velos.Fork, "bun app.js", "bun runs this one"},
		{"binary", Options{Mode: "cluster"}, velos.Fork, " binary", "binary is a program of its own"},
		{"echo", Options{Mode: "cluster", Shell: true}, velos.Fork, " sh", "a shell runs this one"},
	} {
		var notes []string
		env.Note = func(text string) { notes = append(notes, text) }
		specs, err := FromArgs([]string{c.word}, c.o, env)
		if err != nil {
			t.Errorf("%s: %v", c.word, err)
			continue
		}
		s := specs[0]
		words := slices.Concat([]string{filepath.Base(s.Interpreter)}, s.InterpreterArgs, []string{filepath.Base(s.Script)}, s.Args)
		if s.Interpreter == "" {
			words[0] = ""
		}
		if got := strings.Join(words, " "); got != c.runs || s.Mode != c.mode {
			t.Errorf("%s %+v: %s %q; want %s %q", c.word, c.o, s.Mode, got, c.mode, c.runs)
		}
		if said := strings.Join(notes, "\n"); c.note == "" && said != "" || !strings.Contains(said, c.note) || strings.Contains(said, "\n") {
			t.Errorf("%s: notes %q; want %q", c.word, said, c.note)
		}
	}
}

func TestFlagsOfServingLandInTheirFields(t *testing.T) {
	dir, env := project(t)
	yes := true
	specs, err := FromArgs([]string{"app.js"}, Options{Mode: "cluster", Listen: []string{":80", "unix:a.sock"}, ListenReuse: &yes, WaitReady: &yes,
		ListenTimeout: "3s", ShutdownWithMessage: &yes}, env)
	if err != nil {
		t.Fatal(err)
	}
	s := specs[0]
	if s.Mode != velos.Cluster || !slices.Equal(s.Listen, []string{"tcp://:80", "unix:" + dir + "/a.sock"}) || !s.ListenReuse || !s.WaitReady ||
		s.ListenTimeout != 3000 || !s.ShutdownWithMessage {
		t.Errorf("%+v", s)
	}
}

const web = `
[apps.api]
script = "run.sh"
depends_on = ["db", "mail"]
[apps.db]
script = "run.sh"
depends_on = ["disk"]
[apps.disk]
script = "run.sh"
[apps.other]
script = "run.sh"
depends_on = ["outside"]
`

func loadOnly(t *testing.T, toml string, only ...string) (*File, error) {
	t.Helper()
	dir, env := project(t)
	write(t, filepath.Join(dir, "velos.toml"), toml, 0o644)
	return LoadNeeded("velos.toml", env, only...)
}

func names(f *File) string {
	var list []string
	for i := range f.Specs {
		list = append(list, f.Specs[i].Name)
	}
	return strings.Join(list, " ")
}

func TestWhatAnAppDependsOnComesAlong(t *testing.T) {
	for only, want := range map[string]string{"api": "api db disk", "disk": "disk", "db,other": "db disk other", "": "api db disk other"} {
		var list []string
		if only != "" {
			list = strings.Split(only, ",")
		}
		f, err := loadOnly(t, web, list...)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(f); got != want {
			t.Errorf("only %s: %s; want %s", only, got, want)
		}
	}
}

func TestADependencyMustBeKnownToSomebody(t *testing.T) {
	f, err := loadOnly(t, web, "api")
	if err != nil {
		t.Fatal(err)
	}
	err = f.Missing(func(string) bool { return false })
	if err == nil || !strings.HasPrefix(err.Error(), "velos.toml:4:1: apps.api.depends_on: there is no app mail\n") || velos.HintOf(err) != "add [apps.mail] to the file, or start it before" {
		t.Errorf("%v (%s)", err, velos.HintOf(err))
	}
	if err := f.Missing(func(name string) bool { return name == "mail" }); err != nil {
		t.Errorf("%v; nobody asked for other", err)
	}
}

func TestWhatAllDependOnDoesNotDependOnItself(t *testing.T) {
	f, _ := load(t, "[defaults]\ndepends_on = [\"db\"]\n[apps.api]\nscript = \"app.js\"\n[apps.db]\nscript = \"run.sh\"\n")
	if len(f.Specs[0].DependsOn) != 1 || len(f.Specs[1].DependsOn) != 0 {
		t.Errorf("%+v", f.Specs)
	}
}

// The scripts of the page do not exist; its keys and values do.
func TestThePageAboutClustersIsRead(t *testing.T) {
	page, err := os.ReadFile("../../docs/CLUSTER.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```toml\n")[1:]
	for _, b := range blocks {
		text, _, _ := strings.Cut(b, "```")
		doc := &document{path: "docs/CLUSTER.md", data: []byte(text)}
		root, err := doc.tree()
		if err != nil {
			t.Fatal(err)
		}
		l := newLoader(Environ{})
		_, _, p := l.root(root, doc, "/srv")
		if p == nil {
			p = checkNeeds(l.drafts)
		}
		if p != nil {
			t.Error(doc.error(p))
		}
	}
	if len(blocks) < 5 {
		t.Errorf("%d files", len(blocks))
	}
}

func TestALongCircleIsShownWhole(t *testing.T) {
	_, err := loadOnly(t, "[apps.disk]\nscript = \"run.sh\"\n[apps.other]\nscript = \"run.sh\"\ndepends_on = [\"api\"]\n[apps.api]\nscript = \"run.sh\"\ndepends_on = [\"disk\", \"db\"]\n[apps.db]\nscript = \"run.sh\"\ndepends_on = [{ name = \"api\", condition = \"started\" }]\n")
	if err == nil || !strings.Contains(err.Error(), "apps.api.depends_on: goes round in a circle: api → db → api") {
		t.Error(err)
	}
}
