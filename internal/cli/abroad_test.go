package cli

import (
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestWhoComesFromPM2IsToldWhatToDo(t *testing.T) {
	d := newFake(t, "api", "q")
	d.file(t, "app.sh", "#!/bin/sh\n")
	for _, c := range []struct{ line, message, hint string }{
		{"slist", "no such command: slist", "here it is: velos list --json"},
		{"update", "no such command: update", "here it is: velos daemon upgrade"},
		{"pull api", "no such command: pull", "PM2 has this"},
		{"login", "no such command: login", "PM2 has this"},
		{"-V", "no such flag: -V", "velos --help lists the flags"},
		{"start app.sh --sett a", "start: no such flag: --sett", "did you mean --set?\n  hint: what is for the program itself goes after --"},
		{"start app.sh --pid x", "start: no such flag: --pid", "velos pid NAME"},
		{"start app.sh -p x", "start: no such flag: -p", "velos pid NAME"},
		{"restart api --max-restarts x", "--max-restarts: must be a whole number", ""},
		{"restart api --stop-exit-codes 0 1", "--stop-exit-codes: 1 stands apart", "--stop-exit-codes 0,1"},
		{"tail -f api", "no such command: tail", "velos logs NAME"},
		{"serve . 9000 --ftp", "serve: no such flag: --ftp", "not listed"},
		{"runtime app.sh --machine-name x", "runtime: no such flag: --machine-name", "web service"},
		{"restart api --daemon x", "restart: no such flag: --daemon", ""},
		{"stop api --watch", "stop: no such flag: --watch", "velos config set NAME watch=false"},
		{"start app.sh --stop-exit-codes 0 1", "--stop-exit-codes: 1 stands apart", "--stop-exit-codes 0,1"},
		{"start app.sh -l --name x", "--log: has no value: --name is a flag", "give it a value"},
		{"start app.sh --max-restarts -n x", "--max-restarts: has no value: -n is a flag", "give it a value"},
		{"start app.sh --env production", "--env production: profiles are in configuration files, and none is named", "--env NODE_ENV=production"},
		{"start app.sh --attach --json", "", ""},
		{"restart 99", "restart 99: no such app", "velos list shows the apps"},
		{"stop x", "stop x: no such app", "velos list shows the apps"},
		{"stop api.js", "stop api.js: no such app", "did you mean api, which runs /srv/api.js?"},
		{"stop other.toml", "stop other.toml: no app comes from this file", "velos list"},
	} {
		out, errs, code := d.run(t, strings.Fields(c.line)...)
		if code != 2 && code != 4 || c.message == "" && !strings.Contains(out, `"code":"invalid"`) ||
			c.message != "" && !strings.HasPrefix(errs, "velos: "+c.message) || !strings.Contains(errs, c.hint) {
			t.Errorf("%s: %d\n%s%s", c.line, code, out, errs)
		}
	}
	if out, errs, code := d.run(t, "start", "app.sh", "--name", ""); code != 2 || !strings.Contains(errs, "--name: must not be empty") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if len(d.starts)+len(d.stops)+len(d.restarts) > 0 {
		t.Error("something was ordered")
	}
	want(t, d, 0, "x: online", "", "start", "app.sh", "-n", "x", "-x", "-m", "-a", "--no-pmx", "--no-automation", "--no-vizion", "--no-color")
	want(t, d, 0, "api: already online", "", "start", "api", "--no-color")
	want(t, d, 0, "api: restarted", "", "restart", "api", "-a")
	want(t, d, 0, "x: restarted", "", "startOrRestart", "app.sh")
	if out, _ := want(t, d, 0, "api", "", "list", "--color", "always", "--no-color"); strings.Contains(out, "\x1b") {
		t.Errorf("colours: %q", out)
	}
}

func TestAConfigurationFileStandsForTheAppsThatCameFromIt(t *testing.T) {
	d := newFake(t, "one", "two", "else")
	d.apps[0].Spec.Source, d.apps[1].Spec.Source, d.apps[2].Spec.Source = d.home+"/velos.toml", d.home+"/velos.toml", "/srv/velos.toml"
	out, _ := want(t, d, 0, "one: stopped (id 1)\ntwo: stopped (id 2)\n", "", "stop", "./velos.toml")
	if strings.Contains(out, "else") {
		t.Errorf("got %s", out)
	}
	want(t, d, 0, "two", "", "list", "velos.toml")
	want(t, d, 0, "else: deleted", "", "delete", "/srv/velos.toml")
	// An app of that name comes first.
	sp := velos.NewSpec()
	sp.Name = "velos.toml"
	d.add(sp, velos.Online)
	want(t, d, 0, "velos.toml: deleted\n", "", "delete", "velos.toml")
}
