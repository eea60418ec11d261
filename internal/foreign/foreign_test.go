package foreign

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

func TestWhatCannotBeReadIsRefusedWithItsLine(t *testing.T) { goldens(t, "broken") }

func TestFilesOfOtherManagersBecomeVelosFiles(t *testing.T) { goldens(t, "others") }

func TestFilesAreToldByTheirNames(t *testing.T) {
	for name, want := range map[string]bool{
		"ecosystem.config.js": true, "/srv/x/my.config.cjs": true, "ecosystem.json": true, "process.yml": true, "ecosystem.js": true,
		"~/.pm2/dump.pm2": true, "ECOSYSTEM.CONFIG.MJS": true, "Procfile": true, "Procfile.dev": true, "supervisord.conf": true,
		"api.service": true, "compose.yaml": true, "docker-compose.prod.yml": true,
		"app.js": false, "package.json": false, "velos.toml": false, "api": false, "": false, "config.js": false, "api.ts": false,
	} {
		if Is(name) != want {
			t.Errorf("Is(%q) is %v", name, !want)
		}
	}
}

func TestAFileThatIsNotThereIsTold(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"none.json": "read none.json: no such file", "notes.txt": "read notes.txt: no manager's file has such a name",
	} {
		if _, err := Read(context.Background(), name, Options{Env: environ(dir)}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// read puts a file into a directory with scripts and reads it.
func read(t *testing.T, ctx context.Context, base, text string, o Options) (*File, error) {
	t.Helper()
	dir := tree(t)
	put(t, filepath.Join(dir, base), text)
	o.Env = environ(dir)
	return Read(ctx, base, o)
}

func needsNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not there")
	}
}

func TestWhatAFilePrintsIsKeptApart(t *testing.T) {
	needsNode(t)
	var said []string
	_, err := read(t, context.Background(), "a.config.js",
		"console.log('one'); console.error('two'); require('child_process').execSync('echo three', { stdio: 'inherit' });\nmodule.exports = { script: 'app.js' }",
		Options{Say: func(s string) { said = append(said, s) }})
	got := strings.Join(said, "|")
	if err != nil || !strings.Contains(got, "one\ntwo") || !strings.Contains(got, "three") || strings.Contains(got, "script") {
		t.Errorf("said %q, %v", got, err)
	}
}

func TestAFileThatKeepsNodeAliveDoesNotHoldUsUp(t *testing.T) {
	needsNode(t)
	begin := time.Now()
	f, err := read(t, context.Background(), "a.config.js", "setInterval(() => {}, 1000);\nmodule.exports = { script: 'app.js' }", Options{})
	if err != nil || len(f.Apps) != 1 || time.Since(begin) > evaluateWithin {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestAFileThatNeverEndsIsGivenUp(t *testing.T) {
	needsNode(t)
	ctx, stop := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer stop()
	if _, err := read(t, ctx, "a.config.js", "for (;;) {}", Options{}); velos.CodeOf(err) != velos.Timeout {
		t.Errorf("got %v", err)
	}
}

func TestWhatAFileHasStartedEndsWithIt(t *testing.T) {
	needsNode(t)
	if runtime.GOOS == "windows" {
		t.Skip("there are no groups of processes")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "pid")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		until(func() bool { b, err := os.ReadFile(file); return err == nil && strings.HasSuffix(string(b), "\n") })
		stop()
	}()
	_, err := read(t, ctx, "a.config.js", "require('child_process').execSync('echo $$ >"+file+"; exec sleep 1000')", Options{})
	b, _ := os.ReadFile(file)
	pid, bad := strconv.Atoi(strings.TrimSpace(string(b)))
	if err == nil || bad != nil {
		t.Fatalf("got %v, pid %q", err, b)
	}
	if !until(func() bool { return gone(pid) }) {
		t.Errorf("process %d is still there", pid)
	}
}

func until(done func() bool) bool {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

// gone reports that a process has ended, collected or not.
func gone(pid int) bool {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	s := strings.TrimSpace(string(out))
	return s == "" || s[0] == 'Z'
}

func TestWithoutNodeAFileThatIsAProgramSaysWhatItNeeds(t *testing.T) {
	dir := tree(t)
	put(t, filepath.Join(dir, "a.config.js"), "module.exports = {}")
	env := config.Environ{Dir: dir, Vars: map[string]string{"PATH": dir}}
	_, err := Read(context.Background(), "a.config.js", Options{Env: env})
	if err == nil || !strings.Contains(err.Error(), "needs node") {
		t.Errorf("got %v", err)
	}
}

func TestAProfileIsAskedForOrLeftAside(t *testing.T) {
	const text = `{"name":"a","script":"app.js","env":{"A":"1","B":"1"},"env_x":{"B":"2"}}`
	for profile, want := range map[string]string{"": "1", "x": "2"} {
		f, err := read(t, context.Background(), "a.json", text, Options{Profile: profile})
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := config.LoadTranslated(f.Translated(), environ(f.dir()), false)
		if err != nil {
			t.Fatal(err)
		}
		if env := loaded.Specs[0].Env; env["A"] != "1" || env["B"] != want {
			t.Errorf("profile %q: got A=%s B=%s", profile, env["A"], env["B"])
		}
	}
}

func TestAProfileThatAFileDoesNotKnowIsRefused(t *testing.T) {
	const none = "such a file has no profiles of the environment"
	for name, c := range map[string]struct{ text, want string }{
		"a.json":           {`{"name":"a","script":"app.js","env":{"A":"1"}}`, "no app has a profile of this name"},
		"Procfile":         {"web: node app.js\n", none},
		"supervisord.conf": {"[program:a]\ncommand=node app.js\n", none},
		"compose.yaml":     {"services:\n  a:\n    command: node app.js\n    profiles: [live]\n", none},
		"a.service":        {"[Service]\nExecStart=/bin/sleep 1\n", none},
	} {
		_, err := read(t, context.Background(), name, c.text, Options{Profile: "live"})
		if velos.CodeOf(err) != velos.Invalid || !strings.Contains(err.Error(), name+": --env live: "+c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestMovedAwayAFileStillMeansTheSame(t *testing.T) {
	f, err := read(t, context.Background(), "a.json", `{"name":"a","script":"app.js","out_file":"o.log","env_file":".env"}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	here, err := config.LoadTranslated(f.Translated(), environ(f.dir()), false)
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	f.Move(other, environ(f.dir()))
	put(t, filepath.Join(other, "velos.toml"), string(f.Text()))
	there, err := config.Load(filepath.Join(other, "velos.toml"), environ(other))
	if err != nil {
		t.Fatal(err)
	}
	a, b := here.Specs[0], there.Specs[0]
	if a.Script != b.Script || a.Cwd != b.Cwd || a.OutFile != b.OutFile || a.FileEnv["FROM"] != "file" || b.FileEnv["FROM"] != "file" {
		t.Errorf("got\n%+v\n%+v", a, b)
	}
}

// TestNothingInAFileIsReplacedOnItsWay holds Literal to what config makes of
// a text.
func TestNothingInAFileIsReplacedOnItsWay(t *testing.T) {
	const odd = `$ $$ ${ ${X} ${X:-y} $${X} $$${Y} \ " ' % %% {{ }} #`
	f, err := read(t, context.Background(), "a.json", `{"script":"app.js","args":[`+jsonString(odd)+`],"env":{"A":`+jsonString(odd)+`}}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := config.LoadTranslated(f.Translated(), environ(f.dir()), false)
	if err != nil {
		t.Fatal(err)
	}
	if s := loaded.Specs[0]; s.Args[0] != odd || s.Env["A"] != odd {
		t.Errorf("got %q and %q", s.Args[0], s.Env["A"])
	}
	// A shell's command line is its own.
	f, err = read(t, context.Background(), "a.json", `{"script":"echo ${A} $${B} && true"}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err = config.LoadTranslated(f.Translated(), environ(f.dir()), false); err != nil || loaded.Specs[0].Command != "echo ${A} $${B} && true" {
		t.Errorf("got %+v, %v", loaded, err)
	}
}

// fuzzing reads any bytes as a file of this name: there is a file or an error
// with its place, and what is written can be parsed.
func fuzzing(f *testing.F, base string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	env := config.Environ{Dir: "/nonexistent", CPUs: 2, Vars: map[string]string{}}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := &File{Path: base, Abs: "/nonexistent/" + base, Manager: "x"}
		o := &Options{Env: env, Apart: true}
		err := formatOf(base).read(context.Background(), file, data, o)
		if err == nil {
			err = file.check()
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), base) {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		tr := file.Translated()
		if n := strings.Count(string(tr.Text), "\n"); n != len(tr.Lines) {
			t.Fatalf("%d lines and %d places", n, len(tr.Lines))
		}
		var parsed map[string]any
		if err := toml.Unmarshal(file.Text(), &parsed); err != nil {
			t.Fatalf("%v in\n%s", err, file.Text())
		}
		if _, err := config.LoadTranslated(tr, env, false); err != nil && !strings.HasPrefix(err.Error(), base) {
			t.Fatalf("no place: %v", err)
		}
	})
}

func FuzzEcosystemJSON(f *testing.F) {
	fuzzing(f, "process.json", `{apps:[{name:'a',script:"b c",args:"x",env:{A:1},env_p:{}},]} // c`, `[{"script":"a","watch":["x"],"instances":"max"}]`)
}

func FuzzEcosystemYAML(f *testing.F) {
	fuzzing(f, "process.yaml", "apps:\n- &a {name: x, script: y}\n- <<: *a\n  name: z\n", "script: a\nenv:\n  A: |\n    x\n")
}

func FuzzDump(f *testing.F) {
	fuzzing(f, "dump.pm2", `[{"name":"a","pm_exec_path":"/a.js","env":{"A":"1"}},{"name":"a","pm_exec_path":"/a.js"}]`)
}

func FuzzProcfile(f *testing.F) { fuzzing(f, "Procfile", "web: a b\n#c\nw: A=1 x && y\n") }

func FuzzSupervisor(f *testing.F) {
	fuzzing(f, "supervisord.conf", "[program:a]\ncommand=x %(process_num)02d\nnumprocs=2\nenvironment=A=\"1\",B=2\n  ,C=3\n[group:g]\nprograms=a\n", "[include]\nfiles=*.x\n")
}

func FuzzUnit(f *testing.F) {
	fuzzing(f, "api.service", "[Service]\nExecStart=/bin/x \\\n %n $A\nRestartSec=1min 2s\nEnvironment=A=1\n[Unit]\nAfter=b.service\n")
}

func FuzzCompose(f *testing.F) {
	fuzzing(f, "compose.yaml", "services:\n  a:\n    command: x ${A:-$${B}}\n    depends_on: [b]\n    environment: [A=1, B]\n  b: {entrypoint: [y], deploy: {replicas: 2}, healthcheck: {test: z}}\n")
}
