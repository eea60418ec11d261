package foreign

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// tree makes the scripts that the shapes name.
func tree(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app.js": "", "server.js": "", "worker.js": "", "job.py": "", "bin/www": "console.log(1)\n", "run.sh": "#!/bin/sh\n",
		"packages/api/index.js": "", "packages/api/.env": "A=1\n", ".env": "FROM=file\n", "package.json": `{"name":"packed"}`,
		"node_modules/.bin/next": "#!/usr/bin/env node\n", "conf.d/extra.conf": "[program:extra]\ncommand=/bin/sleep 1\nstopsignal=LOUD\n\n[program:web]\nstartretries=7\n\n[include]\nfiles=more.conf\n",
		"conf.d/bad.ini": "\n[program:bad]\ncommand=/bin/sleep 1\nstartsecs=soon\n", "web/manage.py": "",
		"dropped.service.d/10.conf": "[Service]\nExecStart=\nExecStart=/bin/sleep 2\nNice=5\n", "broken.service.d/10.conf": "[Service]\n\nRestartSec=soon\n", "loud.service.d/10.conf": "[Service]\nKillSignal=LOUD\n", "web/.env": "X=1\n",
	} {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o700
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func environ(dir string) config.Environ {
	return config.Environ{Dir: dir, CPUs: 4, Vars: map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/home/u", "DATABASE": "db://x", "TAG": "v2"}}
}

// goldens translates each file of an archive and compares what comes out.
func goldens(t *testing.T, archive string) {
	in, err := txtar.ParseFile("testdata/" + archive + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	golden := "testdata/" + archive + ".golden"
	want := map[string]string{}
	if a, err := txtar.ParseFile(golden); err == nil {
		for _, f := range a.Files {
			want[f.Name] = string(f.Data)
		}
	}
	out := &txtar.Archive{Comment: []byte("Made by the test of " + archive + ".txtar.\n")}
	for _, shape := range in.Files {
		t.Run(shape.Name, func(t *testing.T) {
			got := translated(t, shape)
			out.Files = append(out.Files, txtar.File{Name: shape.Name, Data: []byte(got)})
			if !*update && got != want[shape.Name] {
				t.Errorf("got\n%s\nwant\n%s", got, want[shape.Name])
			}
		})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// translated is what import would write, or the error; the text must be
// readable by config and mean what it says.
func translated(t *testing.T, shape txtar.File) string {
	name, base, _ := strings.Cut(shape.Name, "/")
	if _, err := exec.LookPath("node"); err != nil && strings.HasSuffix(filepath.Ext(base), "js") {
		t.Skip("node is not there")
	}
	dir := tree(t)
	path := filepath.Join(dir, base)
	put(t, path, string(shape.Data))
	o := Options{Env: environ(dir), Apart: true, Velos: filepath.Join(dir, "node_modules/.bin/next")} // a program that is there
	if _, rest, ok := strings.Cut(string(shape.Data), "--env "); ok {
		o.Profile = strings.Fields(rest)[0]
	}
	file, err := Read(context.Background(), base, o)
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), dir, "DIR") + "\nhint: " + velos.HintOf(err) + "\n"
	}
	loaded, err := config.LoadTranslated(file.Translated(), o.Env, false)
	text := string(file.Text())
	switch code := velos.CodeOf(err); {
	case err == nil && len(loaded.Specs) != len(file.Apps):
		t.Errorf("%s: %d apps became %d", name, len(file.Apps), len(loaded.Specs))
	case err != nil && code != velos.NotYet:
		text += "# config: " + err.Error() + "\n"
	}
	return strings.ReplaceAll(text, dir, "DIR")
}

func TestEveryShapeOfPM2BecomesAVelosFile(t *testing.T) { goldens(t, "shapes") }
