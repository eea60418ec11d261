package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/velospm/velos"
)

func TestAStartJoinsOneThatIsUnderWay(t *testing.T) {
	d := newFake(t, "api", "worker")
	set(&d.apps[0], -1, velos.Starting)
	want(t, d, 0, "api: online (id 1, pid 1010)\nworker: already online", "", "start", "api", "worker")
	if len(d.starts) != 1 || d.starts[0].ID != 1 || !d.starts[0].Wait {
		t.Errorf("got %+v", d.starts)
	}
	// The same for what a file names; a change of the file is told.
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\n")
	want(t, d, 0, "one: online", "", "start", "velos.toml")
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\nmax_restarts = 3\n")
	set(&d.apps[2], -1, velos.Starting)
	d.starts = nil
	want(t, d, 0, "one: online, as it was before the file changed: velos restart velos.toml --only one", "", "start", "velos.toml")
	if len(d.starts) != 1 || d.starts[0].Spec != nil || d.app(t, "one").Spec.MaxRestarts == 3 {
		t.Errorf("got %+v", d.starts)
	}
	// What it says to do keeps the profile: without it another one would run.
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\nenv_live = { A = \"1\" }\n")
	want(t, d, 0, "one: already online, as it was before the file changed: velos restart velos.toml --only one --env live", "", "start", "velos.toml", "--env", "live")
}

func TestTwoFilesThatHaveAnAppOfOneNameAreRefused(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "one.toml", "[apps.api]\nscript = \"app.sh\"\n")
	d.file(t, "two.toml", "[apps.API]\nscript = \"app.sh\"\nargs = [\"x\"]\n[apps.web]\nscript = \"app.sh\"\nargs = [\"y\"]\n")
	for range 2 { // whether it runs or not
		want(t, d, 9, "", "velos: start two.toml: API is another app in one.toml\n  hint: name one of the files", "start", "one.toml", "two.toml")
		if len(d.apps) > 1 {
			t.Errorf("%d apps", len(d.apps))
		}
		want(t, d, 0, "api: ", "", "start", "one.toml")
	}
}

func TestSeveralNewAppsGetTheirIDsInTheOrderOfTheFile(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	var file strings.Builder
	names := strings.Fields("zoo alpha mid beta last")
	for i, n := range names {
		fmt.Fprintf(&file, "[apps.%s]\nscript = \"app.sh\"\nargs = [\"%d\"]\n", n, i)
		if n == "mid" {
			file.WriteString("autostart = false\n")
		}
	}
	d.file(t, "velos.toml", file.String())
	d.crash["beta"] = "start beta: exited with code 1"
	out, _ := want(t, d, 6, "zoo: online", "velos: start beta: exited with code 1\n", "start", "velos.toml")
	if !strings.Contains(out, "mid: added, not started (autostart is off) (id 3)\n") {
		t.Errorf("got %s", out)
	}
	for i, n := range names {
		if d.apps[i].Spec.Name != n {
			t.Errorf("app %d is %s, want %s", i+1, d.apps[i].Spec.Name, n)
		}
		if s := d.starts[i]; s.Spec == nil || !s.Hold || s.Wait {
			t.Errorf("%s: got %+v", n, s)
		}
	}
	for _, s := range d.starts[len(names):] {
		if s.Spec != nil || !s.Wait || s.ID == 3 {
			t.Errorf("got %+v", s)
		}
	}
	if len(d.starts) != 9 {
		t.Errorf("%d calls", len(d.starts))
	}
}

func TestOneNewAppIsStartedWithOneCall(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	want(t, d, 0, "app: online", "", "start", "app.sh")
	if len(d.starts) != 1 || d.starts[0].Hold || !d.starts[0].Wait {
		t.Errorf("got %+v", d.starts)
	}
}

func TestOnlyTheDaemonThatAnswersIsAnnounced(t *testing.T) {
	d := raised(t)
	var mu sync.Mutex
	said := ""
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, errs := want(t, d, 0, "no apps", "", "list")
			mu.Lock()
			said += errs
			mu.Unlock()
		})
	}
	group.Wait()
	pid, _ := os.ReadFile(filepath.Join(d.home, "daemons"))
	if want := "velos: started velosd, pid " + string(pid); said != want {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestAFlagIsNamedAsItWasTyped(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	for _, c := range []struct{ flags, want string }{
		{"--max-memory-restart 100X", "--max-memory-restart: must be a size"},
		{"--max-memory 100X", "--max-memory: must be a size"},
		{"--cron-restart 0_0_*_*_*", "--cron-restart: 0_0_*_*_*: has 1 field"},
		{"--cron 0_0_*_*_*", "--cron: 0_0_*_*_*: has 1 field"},
		{"--schedule 0_0_*_*_*", "--schedule: 0_0_*_*_*: has 1 field"},
		{"--overlap twice", "--overlap: must be skip, queue or kill"},
		{"--watch-delay 1s", "--watch-delay: needs --watch"},
		{"--watch-ignore tmp", "--watch-ignore: needs --watch"},
		{"--watch --watch-delay soon", "--watch-delay: must be a length of time"},
		{"--uid no-such-user", "--uid: no such user: no-such-user"},
		{"--gid no-such-group", "--gid: no such group: no-such-group"},
		{"--env production", "--env production: profiles are in configuration files"},
		{"--node-args 'a", "--node-args: "},
		{"--interpreter-args 'a", "--interpreter-args: "},
		{"--exp-backoff-restart-delay x", "--exp-backoff-restart-delay: "},
		{"--output a\x00b", "--output: "},
	} {
		want(t, d, 2, "", "velos: "+c.want, append([]string{"start", "app.sh"}, strings.Fields(c.flags)...)...)
	}
}

func TestUpdateEnvKeepsWhatTheShellLacks(t *testing.T) {
	d := newFake(t, "api")
	d.apps[0].Spec.Env = map[string]string{"PORT": "3000", "HOME": "/old"}
	want(t, d, 0, "api: restarted", "", "restart", "api", "--update-env", "--name", "api")
	if e := d.restarts[0].Spec.Env; e["PORT"] != "3000" || e["HOME"] != d.home {
		t.Errorf("got %v", e)
	}
	if out, _ := want(t, d, 0, "api: restarted (id", "", "restart", "api", "--name", "api"); strings.Contains(out, "was") {
		t.Errorf("got %s", out)
	}
}

func TestARestartThatFailsHasOneVerb(t *testing.T) {
	o := order{verb: "restart", name: "api"}
	err := o.explain(&velos.Error{Code: velos.Crashed, Message: "start api: exited with code 1"}, 0)
	if got := err.Error(); got != "restart api: exited with code 1" {
		t.Errorf("got %q", got)
	}
}

func TestHelpOfWhatIsNoCommand(t *testing.T) {
	d := newFake(t, "A")
	want(t, d, 2, "", "no such command: strat\n  hint: did you mean velos start?", "help", "strat")
	want(t, d, 2, "", "here it is: velos list --json", "help", "slist")
	want(t, d, 0, "velos kill", "", "help", "kill")
	want(t, d, 0, "The daemon and its memory:", "", "help")
	want(t, d, 4, "", "did you mean A?", "stop", "a")
}

func TestWhatIsNamedTwiceIsOrderedOnce(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", "[apps.one]\nscript = \"app.sh\"\n[apps.two]\nscript = \"app.sh\"\nargs = [\"x\"]\n")
	if out, _ := want(t, d, 0, "", "", "start", "velos.toml", "velos.toml"); out != "one: online (id 1, pid 1010)\ntwo: online (id 2, pid 1020)\n" {
		t.Errorf("got %s", out)
	}
	if out, _ := want(t, d, 0, "", "", "start", "one", "1", "one", "velos.toml", "--only", "one, two"); strings.Count(out, "one:") != 1 || !strings.Contains(out, "two:") {
		t.Errorf("got %s", out)
	}
	if out, _ := want(t, d, 0, "", "", "restart", "velos.toml", "one", "velos.toml"); strings.Count(out, "one:") != 1 || len(d.restarts) != 2 {
		t.Errorf("got %s", out)
	}
	want(t, d, 2, "", "velos restart one -- … changes it", "start", "one", "--", "x")
}

func TestAFileDoesNotTakeTheNameOfAnotherProjectsApp(t *testing.T) {
	for _, status := range []velos.Status{velos.Online, velos.Stopped} {
		d := newFake(t, "api", "db")
		d.file(t, "app.sh", "#!/bin/sh\n")
		d.file(t, "velos.toml", "[apps.web]\nscript = \"app.sh\"\n[apps.api]\nscript = \"app.sh\"\n")
		set(&d.apps[0], -1, status)
		want(t, d, 9, "", "start api: the name is taken by /srv/api.js of another project, in /srv\n  hint: give it another name in velos.toml, or velos delete api first\n  hint: velos apply velos.toml makes api this one",
			"start", "velos.toml")
		if len(d.starts) != 0 {
			t.Errorf("%s: started %+v: nothing should be done by halves", status, d.starts)
		}
	}
}

func TestAFileOfTheSameProjectMayTakeAnAppOver(t *testing.T) {
	d := newFake(t, "api")
	path := d.file(t, "app.sh", "#!/bin/sh\n")
	d.file(t, "velos.toml", "[apps.api]\nscript = \"app.sh\"\n")
	set(&d.apps[0], -1, velos.Stopped)
	d.apps[0].Spec.Cwd = filepath.Dir(path) // it was started by hand, there
	want(t, d, 0, "api: online", "", "start", "velos.toml")
}

func TestALeaseThatNobodyHasIsSaid(t *testing.T) {
	d := newFake(t)
	d.file(t, "app.sh", "#!/bin/sh\n")
	want(t, d, 0, "app: online", "app: --keep and --lease are about what agents start", "start", "app.sh", "--lease", "2h")
}

func TestFlagsOfSummariesAreNotIgnoredWithoutOne(t *testing.T) {
	d := newFake(t, "api")
	for _, flag := range []string{"--sigma", "--similarity"} {
		want(t, d, 2, "", "--sigma and --similarity say how lines are summed up", "logs", "api", flag, "1")
	}
}
