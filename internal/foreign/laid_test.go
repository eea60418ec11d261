package foreign

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// laidFiles reads the first of some files, which others are about.
func laidFiles(t *testing.T, files ...string) (*File, *config.File, error) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		put(t, filepath.Join(dir, files[i]), files[i+1])
	}
	f, err := Read(context.Background(), files[0], Options{Env: environ(dir)})
	if err != nil {
		return nil, nil, err
	}
	loaded, err := config.LoadTranslated(f.Translated(), environ(dir), false)
	return f, loaded, err
}

func TestAFileLiesOverTheOneThatItExtends(t *testing.T) {
	f, loaded, err := laidFiles(t, "process-compose.yaml", `
extends: base/process-compose.yaml
processes:
  web: { command: sleep 2, environment: [A=2], disabled: false, depends_on: { db: { condition: process_started } } }
`, "base/process-compose.yaml", `
environment: [G=1]
processes:
  web: { command: sleep 1, environment: { A: 1, B: 1 }, disabled: true, depends_on: { job: {} } }
  db: { command: sleep 3, working_dir: sub }
  job: { command: sleep 4 }
`, "base/sub/x", "")
	if err != nil {
		t.Fatal(err)
	}
	web, db := loaded.Specs[0], loaded.Specs[1]
	if web.Command != "sleep 2" || web.Env["A"] != "2" || web.Env["B"] != "1" || web.Env["G"] != "1" || len(web.DependsOn) != 2 {
		t.Errorf("web is %+v", web)
	}
	if web.Autostart { // false changes nothing: is_disabled does
		t.Error("web is not disabled")
	}
	if web.Cwd != filepath.Join(f.dir(), "base") || db.Cwd != filepath.Join(f.dir(), "base", "sub") {
		t.Errorf("they run in %s and %s", web.Cwd, db.Cwd)
	}
}

func TestTheOverrideBesideAFileLiesOverIt(t *testing.T) {
	const base, over = "processes:\n  a: { command: sleep 1, disabled: true }\n", "processes:\n  a: { is_disabled: \"false\" }\n  b: { command: sleep 2 }\n"
	_, loaded, err := laidFiles(t, "process-compose.yaml", base, "process-compose.override.yaml", over, "compose.override.yaml", "services:\n  x: { image: y }\n")
	if err != nil || len(loaded.Specs) != 2 || !loaded.Specs[0].Autostart {
		t.Errorf("got %+v, %v", loaded, err)
	}
	if _, loaded, err = laidFiles(t, "process-compose.dev.yaml", base, "process-compose.override.yaml", over); err != nil || len(loaded.Specs) != 1 {
		t.Errorf("got %+v, %v", loaded, err)
	}
}

func TestWhatIsWrongInAnotherFileIsToldWithItsName(t *testing.T) {
	for _, c := range []struct{ base, want string }{
		{"processes: [\n", "base.yaml:"},
		{"processes: {}\nextends: [a]\n", "base.yaml:2: extends must be a path, not a list"},
		{"processes: {}\nextends: process-compose.yaml\n", "base.yaml:2: extends goes round in a circle"},
		{"extends: none.yaml\n", "none.yaml: no such file"},
	} {
		_, _, err := laidFiles(t, "process-compose.yaml", "extends: base.yaml\nprocesses:\n  a: { command: sleep 1 }\n", "base.yaml", c.base)
		if velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v", c.base, err)
		}
	}
}

func TestWhatIsIncludedIsTrustedWithTheFile(t *testing.T) {
	for name, files := range map[string][2]string{
		"supervisord.conf":     {"[include]\nfiles=more.ini\n", "[program:a]\ncommand=/bin/sleep %d\n"},
		"process-compose.yaml": {"extends: more.ini\nprocesses: {}\n", "processes: { a: { command: sleep %d } }\n"},
	} {
		var sums []string
		dir := t.TempDir()
		for _, n := range []string{"1", "1", "2"} {
			put(t, filepath.Join(dir, name), files[0])
			put(t, filepath.Join(dir, "more.ini"), strings.Replace(files[1], "%d", n, 1))
			f, err := Read(context.Background(), name, Options{Env: environ(dir)})
			if err != nil {
				t.Fatal(err)
			}
			sums = append(sums, f.Translated().Sum)
		}
		if sums[0] != sums[1] || sums[0] == sums[2] {
			t.Errorf("%s: sums are %q", name, sums)
		}
	}
}

func FuzzProcesses(f *testing.F) {
	fuzzing(f, "process-compose.yaml", "vars: {A: 1}\nprocesses:\n  a:\n    command: x {{.A}} $B\n    depends_on: {b: {}}\n  b: {entrypoint: [y], replicas: 2, schedule: {interval: 3s}, watch: {paths: [{path: z}]}}\n",
		"extends: process-compose.yaml\nprocesses: {a: {command: '{{\"x\"}}', readiness_probe: {http_get: {port: 1}}, shutdown: {command: z}}}\n")
}
