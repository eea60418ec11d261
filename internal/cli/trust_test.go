package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runAs runs a command with more variables, and with a terminal whose user
// types in.
func (d *fake) runAs(t *testing.T, vars map[string]string, in string, args ...string) (string, string, int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var o, e locked
	w := World{Out: &o, Err: &e, Dir: d.home, Vars: map[string]string{"VELOS_HOME": d.home, "HOME": d.home, "NO_COLOR": "1", "PATH": os.Getenv("PATH")}, Now: func() time.Time { return now }, Loc: time.UTC}
	for k, v := range vars {
		w.Vars[k] = v
	}
	if in != "" {
		w.In, w.InTTY, w.ErrTTY = strings.NewReader(in), true, true
	}
	code := Run(ctx, w, args)
	return o.String(), e.String(), code
}

const oneApp = "[apps.api]\nscript = \"sleep 9\"\n"

func TestAnUnknownFileIsShownAndAskedAbout(t *testing.T) {
	d := newFake(t)
	d.file(t, "velos.toml", oneApp)
	out, e, code := d.runAs(t, nil, "n\n", "start", "velos.toml")
	if code != 8 || !strings.Contains(e, "api: sleep 9") || !strings.Contains(e, "Run these? [y/N] ") || len(d.starts) != 0 {
		t.Errorf("%d %s%s %v", code, out, e, d.starts)
	}
	if _, e, code = d.runAs(t, nil, "y\n", "start", "velos.toml"); code != 0 || !strings.Contains(e, "Run these?") {
		t.Errorf("%d %s", code, e)
	}
	if _, e, code = d.runAs(t, nil, "n\n", "restart", "velos.toml"); code != 0 || strings.Contains(e, "Run these?") {
		t.Errorf("%d %s", code, e)
	}
}

func TestAChangedFileShowsWhatIsDifferent(t *testing.T) {
	d := newFake(t)
	d.file(t, "velos.toml", oneApp)
	if _, e, code := d.runAs(t, nil, "n\n", "start", "velos.toml", "--trust"); code != 0 || strings.Contains(e, "Run these?") {
		t.Fatalf("%d %s", code, e)
	}
	d.file(t, "velos.toml", "# a comment\n"+oneApp+"instances = 2\n")
	if _, e, code := d.runAs(t, nil, "n\n", "apply"); code != 0 || strings.Contains(e, "Run these?") {
		t.Errorf("what runs nothing else is asked about: %d %s", code, e)
	}
	d.file(t, "velos.toml", "[apps.api]\nscript = \"sleep 10\"\n[apps.b]\nscript = \"curl \\u001b[31mevil\"\n")
	_, e, code := d.runAs(t, nil, "n\n", "apply")
	if code != 8 || !strings.Contains(e, "  - api: sleep 9\n  + api: sleep 10\n  + b: curl ") || strings.Contains(e, "\x1b") {
		t.Errorf("%d %s", code, e)
	}
	if _, e, code := d.runAs(t, nil, "n\n", "diff"); code != 0 || strings.Contains(e, "Run these?") {
		t.Errorf("a look runs nothing: %d %s", code, e)
	}
}

func TestAScriptWithoutATerminalIsTrustedToKnowItsFiles(t *testing.T) {
	d := newFake(t)
	d.file(t, "velos.toml", oneApp)
	if _, e, code := d.run(t, "start", "velos.toml"); code != 0 || strings.Contains(e, "trust") {
		t.Errorf("%d %s", code, e)
	}
	if out, _, _ := d.run(t, "trust", "list"); !strings.Contains(out, "velos.toml  (script)") {
		t.Error(out)
	}
}

func TestAnAgentRunsNoFileThatNobodyHasTrusted(t *testing.T) {
	agent := map[string]string{"CLAUDECODE": "1"}
	for _, args := range [][]string{{"start", "velos.toml"}, {"start", "velos.toml", "--trust"}, {"apply"}, {"restart", "velos.toml"}, {"reload", "velos.toml"}, {"start", "--config", "velos.toml"}, {"trust"}} {
		d := newFake(t)
		d.file(t, "velos.toml", oneApp)
		out, e, code := d.runAs(t, agent, "", args...)
		if code != 8 || !strings.Contains(e, "velos trust") || !strings.Contains(e, "claude-code") || len(d.starts) != 0 {
			t.Errorf("%v: %d %s%s", args, code, out, e)
		}
	}
	d := newFake(t)
	d.file(t, "velos.toml", oneApp)
	if out, e, code := d.run(t, "trust"); code != 0 || !strings.Contains(out, "api: sleep 9") {
		t.Fatalf("%d %s%s", code, out, e)
	}
	if _, e, code := d.runAs(t, agent, "", "start", "velos.toml"); code != 0 {
		t.Errorf("%d %s", code, e)
	}
	d.file(t, "velos.toml", oneApp+"env.LD_PRELOAD = \"./x.so\"\n")
	if _, e, code := d.runAs(t, agent, "", "apply"); code != 8 || !strings.Contains(e, "have changed") {
		t.Errorf("%d %s", code, e)
	}
	if _, e, code := d.runAs(t, map[string]string{"CLAUDECODE": "1", "VELOS_AGENT": "0"}, "", "apply"); code != 0 {
		t.Errorf("%d %s", code, e)
	}
	want(t, d, 0, "revoked", "", "trust", "revoke", "velos.toml")
	want(t, d, 4, "", "not trusted", "trust", "revoke", "velos.toml")
	if _, _, code := d.runAs(t, agent, "", "apply"); code != 8 {
		t.Error(code)
	}
}

func TestAFileThatIsAProgramIsNotRunBeforeItIsTrusted(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("needs node")
	}
	d := newFake(t)
	d.file(t, "ecosystem.config.js", "require('fs').writeFileSync('"+filepath.Join(d.home, "was-run")+"', '')\nmodule.exports = { apps: [{ name: 'api', script: 'sleep 9' }] }\n")
	for _, args := range [][]string{{"start", "ecosystem.config.js"}, {"import", "ecosystem.config.js"}, {"export", "procfile", "ecosystem.config.js"}} {
		if _, e, code := d.runAs(t, map[string]string{"CURSOR_AGENT": "1"}, "", args...); code != 8 || exists(filepath.Join(d.home, "was-run")) {
			t.Errorf("%v: %d %s", args, code, e)
		}
	}
	if _, e, code := d.runAs(t, nil, "n\n", "start", "ecosystem.config.js"); code != 8 || !strings.Contains(e, "is a program") || exists(filepath.Join(d.home, "was-run")) {
		t.Errorf("%d %s", code, e)
	}
	_, e, code := d.runAs(t, nil, "y\n", "start", "ecosystem.config.js")
	if code != 0 || strings.Count(e, "Run these?") != 1 || !exists(filepath.Join(d.home, "was-run")) {
		t.Errorf("%d %s", code, e)
	}
	if out, _, _ := d.run(t, "trust", "list", "--json"); !strings.Contains(out, `"run":"sleep 9"`) {
		t.Error(out)
	}
}

func TestWhatVelosWritesForItsUserIsTrusted(t *testing.T) {
	d := newFake(t)
	d.file(t, "Procfile", "web: sleep 9\n")
	want(t, d, 0, "wrote velos.toml", "", "init")
	if _, e, code := d.runAs(t, nil, "n\n", "start", "velos.toml"); code != 0 || strings.Contains(e, "Run these?") {
		t.Errorf("%d %s", code, e)
	}
	want(t, d, 0, "wrote other.toml", "", "import", "Procfile", "-o", "other.toml")
	if _, e, code := d.runAs(t, map[string]string{"CLAUDECODE": "1"}, "", "start", "other.toml"); code != 0 {
		t.Errorf("%d %s", code, e)
	}
}
