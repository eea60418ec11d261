package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// diagnosed is the findings of doctor by check.
func diagnosed(t *testing.T, d *fake) (map[string]finding, int) {
	t.Helper()
	out, e, code := d.run(t, "doctor", "--json")
	var a doctorAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatalf("%v: %s%s", err, out, e)
	}
	found := map[string]finding{}
	for _, f := range a.Findings {
		if f.Status != fine && f.Message == "" {
			t.Errorf("%+v", f)
		}
		if was, ok := found[f.Check]; !ok || was.Status == fine {
			found[f.Check] = f
		}
	}
	return found, code
}

// installed puts a velosd where velos looks for it.
func installed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "velosd"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestDoctorIsContentWithWhatIsWell(t *testing.T) {
	installed(t)
	d := newFake(t, "api")
	found, code := diagnosed(t, d)
	for _, check := range []string{"home", "program", "socket", "version", "apps", "clock"} {
		if found[check].Status != fine {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	if found["disk"].Status != bad && code != 0 {
		t.Error(code)
	}
}

func TestDoctorSaysHowToMend(t *testing.T) {
	installed(t)
	d := newFake(t, "api", "db")
	d.version = "0.0.1"
	d.mu.Lock()
	d.apps[1].Status = velos.Errored
	d.mu.Unlock()
	d.happen(velos.Event{Time: velos.TimeOf(now.Add(time.Hour))})
	if err := os.Chmod(d.home, 0o755); err != nil {
		t.Fatal(err)
	}
	found, _ := diagnosed(t, d)
	for check, mend := range map[string]string{"home": "chmod 700 " + d.home, "version": "velos daemon upgrade", "apps": "velos why db"} {
		if f := found[check]; f.Status != odd || f.Mend != mend {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if f := found["clock"]; f.Status != odd || !strings.Contains(f.Message, "2026-03-01 13:00:00") {
		t.Errorf("%+v", f)
	}
	if out, _, _ := d.run(t, "doctor"); !strings.Contains(out, "warning  version  velos is ") || !strings.Contains(out, "\n                  velos daemon upgrade\n") {
		t.Error(out)
	}
}

func TestDoctorStartsNothing(t *testing.T) {
	installed(t)
	d := newFake(t)
	d.die()
	found, code := diagnosed(t, d)
	if f := found["socket"]; f.Status != odd || f.Mend != "velos list" {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(filepath.Join(d.home, "logs")); err == nil || code > 1 {
		t.Errorf("it made something, or ended with %d", code)
	}
}

func TestAShellCompletesWithNamesThatAreThere(t *testing.T) {
	d := newFake(t, "api", "apricot", "db")
	for line, want := range map[string]string{
		"stop ap":      "api\napricot\n:4\n",
		"stop api ap":  "apricot\n:4\n",
		"logs ":        "api\napricot\ndb\nall\nmine\n:4\n",
		"start d":      "db\n:0\n",
		"scale nobody": ":4\n",
		"scale db ":    "api\napricot\nall\nmine\nmax\n:4\n",
		"stop db:":     "db:0\n:4\n",
		"stop ns:":     "ns:default\n:4\n",

		"signal HU":             "HUP\n:4\n",
		"signal HUP d":          "db\n:4\n",
		"completion z":          "zsh\n:4\n",
		"token r":               "rotate\nrevoke\n:4\n",
		"config s":              "set\n:4\n",
		"config get a":          "api\napricot\nall\n:4\n",
		"man sch":               "schema\n:4\n",
		"export sys":            "systemd\n:0\n",
		"export systemd d":      "db\n:0\n",
		"logs --level w":        "warn\n:4\n",
		"logs --since ":         ":4\n",
		"list --color n":        "never\n:4\n",
		"start --mode c":        "cluster\n:4\n",
		"start --env-file .":    ":0\n",
		"start --stop-signal U": "USR1\nUSR2\nURG\n:4\n",
		"approve ":              ":4\n",
		"config ":               "get\nset\nunset\n:4\n",
		"config set d":          "db\n:4\n",
		"config set db port":    "port=\nport=auto\n:6\n",
		"config get db kill":    "kill_timeout\n:4\n",
	} {
		cmd, word, _ := strings.Cut(line, " ")
		args := append([]string{"__completeNoDesc", cmd}, strings.Split(word, " ")...)
		if out, _, code := d.run(t, args...); code != 0 || out != want {
			t.Errorf("%q: %d %q", line, code, out)
		}
	}
}

func TestAShellWaitsForNoDaemon(t *testing.T) {
	d := newFake(t, "api")
	d.mu.Lock()
	d.hang = true
	d.mu.Unlock()
	old := completeWithin
	completeWithin = 150 * time.Millisecond
	defer func() { completeWithin = old }()
	began := time.Now()
	if out, _, code := d.run(t, "__completeNoDesc", "stop", ""); code != 0 || out != ":4\n" || time.Since(began) > 20*time.Second { // patience for a daemon is longer
		t.Errorf("%d %q after %v", code, out, time.Since(began))
	}
	d.die()
	if out, _, code := d.run(t, "__completeNoDesc", "stop", ""); code != 0 || out != ":4\n" {
		t.Errorf("%d %q", code, out)
	}
	if _, err := os.Stat(filepath.Join(d.home, "daemons")); err == nil {
		t.Error("a daemon was started")
	}
}

func TestEveryShellHasItsScript(t *testing.T) {
	d := newFake(t)
	for shell, sign := range map[string]string{"bash": "complete -o default -F __start_velos velos", "zsh": "#compdef velos", "fish": "complete -c velos", "powershell": "Register-ArgumentCompleter"} {
		if out, e, code := d.run(t, "completion", shell); code != 0 || e != "" || !strings.Contains(out, sign) {
			t.Errorf("%s: %d %s", shell, code, e)
		}
	}
	if _, e, code := d.run(t, "completion", "tcsh"); code != 2 || !strings.Contains(e, "bash, zsh, fish or powershell") {
		t.Errorf("%d %s", code, e)
	}
}

func TestDoctorSaysWhatTheNextDaemonWillKnow(t *testing.T) {
	installed(t)
	good, damaged := `{"version":1,"next_id":1,"apps":[]}`, `{"version":1,"apps":[{"id":`
	for _, c := range []struct {
		state, before, says string
		status              verdict
	}{
		{"", "", "", ""},
		{good, "", "", ""},
		{"", good, "there is no ", odd},
		{damaged, good, "goes on with the one before", bad},
		{damaged, "", "knows no apps", bad},
		{damaged, damaged, "knows no apps", bad},
		{`[1]`, "", "is damaged", bad}, // JSON, and nothing that a daemon can read
		{`{"version":99}`, good, "it has version 99", bad},
	} {
		d := newFake(t)
		for name, text := range map[string]string{"state.json": c.state, "state.json.bak": c.before} {
			if text != "" {
				if err := os.WriteFile(filepath.Join(d.home, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		found, _ := diagnosed(t, d)
		if f := found["state"]; f.Status != c.status || !strings.Contains(f.Message, c.says) {
			t.Errorf("%q, %q before: %+v", c.state, c.before, f)
		}
	}
}
