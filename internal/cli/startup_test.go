//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/unit"
)

// A bench is a machine of ours with programs that write down how they were
// called.
type bench struct {
	*boot
	t        *testing.T
	dir      string
	out, err bytes.Buffer
}

func newBench(t *testing.T, verb, init string, euid int) *bench {
	t.Helper()
	k := &bench{t: t, dir: t.TempDir()}
	tools := filepath.Join(k.dir, "bin")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"systemctl", "launchctl", "ln", "rm", "loginctl", "velosd"} {
		text := "#!/bin/sh\necho " + name + " \"$@\" >>" + k.dir + "/calls\n[ " + name + " = loginctl ] && echo Linger=no\nexit 0\n"
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &session{World: World{Out: &k.out, Err: &k.err, Now: time.Now, Loc: time.UTC,
		Vars: map[string]string{"HOME": k.dir, "VELOS_HOME": filepath.Join(k.dir, "v"), "PATH": tools + "::relative:" + tools}}}
	there := map[string]string{"systemd": "/run/systemd/system", "openrc": "/run/openrc", "runit": "/run/runit"}[init]
	k.boot = &boot{session: s, verb: verb, euid: euid, machine: unit.Machine{OS: map[bool]string{true: "darwin", false: "linux"}[init == "launchd"],
		Exists: func(p string) bool { return p == there }, Find: func(string) bool { return false }}}
	return k
}

// do runs the command and returns what it said.
func (k *bench) do() (string, error) {
	err := k.boot.do(k.t.Context())
	out := k.out.String()
	k.out.Reset()
	return out, err
}

func (k *bench) calls() string {
	b, _ := os.ReadFile(filepath.Join(k.dir, "calls"))
	os.Remove(filepath.Join(k.dir, "calls"))
	return string(b)
}

func TestStartupWritesAUserServiceAndSwitchesItOn(t *testing.T) {
	k := newBench(t, "startup", "systemd", 1000)
	k.facts.System = false
	path := filepath.Join(k.dir, ".config/systemd/user/velos.service")
	for range 2 { // a second time changes nothing
		k.answer = bootAnswer{}
		out, err := k.do()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"wrote " + path + "\n", "ran systemctl --user daemon-reload\nran systemctl --user enable velos.service\n",
			"next: lingering is off for ", "sudo loginctl enable-linger ", "next: to have velosd run as a service at once: systemctl --user start velos.service"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if calls := k.calls(); !strings.HasPrefix(calls, "systemctl --user daemon-reload\nsystemctl --user enable velos.service\nloginctl show-user ") {
			t.Errorf("called: %s", calls)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"VELOS_HOME=`+k.dir+`/v"`) || !strings.Contains(string(text), `"PATH=`+k.dir+`/bin"`+"\n") {
		t.Errorf("%v\n%s", err, text)
	}

	k.verb = "unstartup"
	out, err := k.do()
	if err != nil || !strings.Contains(out, "ran systemctl --user disable velos.service") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there")
	}
	if out, err := k.do(); err != nil || out != "there is no service velos\n" {
		t.Errorf("a second time: %q, %v", out, err)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	for _, init := range []string{"systemd", "launchd", "openrc", "runit"} {
		k := newBench(t, "startup", init, 1000)
		k.dryRun, k.json = true, true
		out, err := k.do()
		var a bootAnswer
		if e := json.Unmarshal([]byte(out), &a); err != nil || e != nil || a.Init != init || !a.DryRun || a.Ran || len(a.Files) == 0 || a.Files[0].Text == "" || len(a.Commands) == 0 {
			t.Errorf("%v, %v: %s", err, e, out)
		}
		for _, f := range a.Files {
			if _, err := os.Stat(f.Path); err == nil {
				t.Errorf("%s is there", f.Path)
			}
		}
		if calls := k.calls(); strings.Contains(calls, "ctl --user daemon-reload") || strings.Contains(calls, "enable ") {
			t.Errorf("called: %s", calls)
		}
	}
}

func TestAServiceOfTheSystemNeedsRootAndTheCommandIsShown(t *testing.T) {
	for _, init := range []string{"openrc", "runit"} {
		k := newBench(t, "startup", init, 1000)
		k.name = "mine"
		_, err := k.do()
		if hint := velos.HintOf(err); velos.CodeOf(err) != velos.Denied || !strings.HasPrefix(hint, "run: sudo env PATH="+k.dir+"/bin VELOS_HOME="+k.dir+"/v ") ||
			!strings.HasSuffix(hint, " startup --system --init "+init+" --name mine") {
			t.Errorf("%v: %s", err, hint)
		}
	}
	k := newBench(t, "startup", "systemd", 1000)
	k.system = true
	if _, err := k.do(); velos.CodeOf(err) != velos.Denied {
		t.Error(err)
	}
}

func TestTheServiceOfAnotherHomeIsLeftAlone(t *testing.T) {
	k := newBench(t, "startup", "systemd", 1000)
	if _, err := k.do(); err != nil {
		t.Fatal(err)
	}
	k.calls()
	path := filepath.Join(k.dir, ".config/systemd/user/velos.service")
	before, _ := os.ReadFile(path)
	k.Vars["VELOS_HOME"] = filepath.Join(k.dir, "other")
	for _, k.verb = range []string{"startup", "unstartup"} {
		if _, err := k.do(); velos.CodeOf(err) != velos.Conflict || velos.HintOf(err) == "" {
			t.Errorf("%s: %v", k.verb, err)
		}
	}
	os.WriteFile(path, []byte("[Service]\nExecStart=/bin/true\n"), 0o644)
	for _, k.verb = range []string{"startup", "unstartup"} {
		if _, err := k.do(); velos.CodeOf(err) != velos.Conflict {
			t.Errorf("%s: %v", k.verb, err)
		}
	}
	if calls := k.calls(); calls != "" {
		t.Errorf("called: %s", calls)
	}
	k.name, k.verb = "second", "startup"
	if _, err := k.do(); err != nil || len(before) == 0 {
		t.Error(err)
	}
}

func TestStartupSaysWhatItCannotDo(t *testing.T) {
	for _, c := range []struct {
		code velos.Code
		what string
		set  func(k *bench)
	}{
		{velos.Unsupported, "on Windows", func(k *bench) { k.machine.OS = "windows" }},
		{velos.Unsupported, "none of the init systems", func(k *bench) { k.machine.Exists = func(string) bool { return false } }},
		{velos.Unsupported, "no services of users", func(k *bench) { k.init, k.user = "runit", true }},
		{velos.Invalid, "exclude each other", func(k *bench) { k.user, k.system = true, true }},
		{velos.Invalid, `"upstart" is unknown`, func(k *bench) { k.init, k.user = "upstart", false; k.euid = 0; k.dryRun = true }},
		{velos.Invalid, "no name of a service", func(k *bench) { k.name = "a/b" }},
		{velos.Invalid, "cannot hold", func(k *bench) { k.Vars["VELOS_HOME"] = "/tmp/a\nb" }},
		{velos.Unreachable, "velosd", func(k *bench) { os.Remove(filepath.Join(k.dir, "bin/velosd")) }},
		{velos.Failed, "systemctl --user enable velos.service: ", func(k *bench) {
			os.WriteFile(filepath.Join(k.dir, "bin/systemctl"), []byte("#!/bin/sh\n[ $2 = enable ] || exit 0\necho no bus\nexit 1\n"), 0o755)
		}},
	} {
		k := newBench(t, "startup", "systemd", 1000)
		c.set(k)
		if _, err := k.do(); velos.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%v; want %s", err, c.what)
		}
	}
}

func TestWhereTheInitSystemDoesNotRunItsCommandsAreShown(t *testing.T) {
	k := newBench(t, "startup", "none", 1000)
	k.init = "systemd"
	out, err := k.do()
	if err != nil || !strings.Contains(out, "systemd does not run here; where it does, run:\n    systemctl --user daemon-reload\n") || k.calls() != "" {
		t.Errorf("%v\n%s", err, out)
	}
}
