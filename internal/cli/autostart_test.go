package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// raised is a home without a daemon, and a PATH with one.
func raised(t *testing.T) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "velos-cli-")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	os.Mkdir(bin, 0o755)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "velosd")); err != nil {
		t.Skip(err)
	}
	t.Setenv("PATH", bin)
	d := &fake{home: filepath.Join(dir, "home")}
	os.Mkdir(d.home, 0o700)
	t.Cleanup(func() {
		os.WriteFile(filepath.Join(d.home, "end"), nil, 0o600)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if _, err := os.Lstat(filepath.Join(d.home, "velos.sock")); err != nil {
				break
			}
		}
		os.RemoveAll(dir)
	})
	return d
}

func TestTheFirstCommandStartsTheDaemon(t *testing.T) {
	d := raised(t)
	t.Setenv("ANTHROPIC_API_KEY", "sk-secret")
	out, _ := want(t, d, 0, "[]\n", "velos: started velosd, pid ", "list", "--json")
	if out != "[]\n" {
		t.Errorf("stdout holds %q", out)
	}
	if _, errs := want(t, d, 0, "", "", "list"); errs != "" {
		t.Errorf("the second command says %q", errs)
	}
	env, _ := os.ReadFile(filepath.Join(d.home, "environ"))
	if s := "\n" + string(env); !strings.Contains(s, "\nGOMAXPROCS=1\n") || !strings.Contains(s, "\nVELOS_HOME="+d.home) || strings.Contains(s, "sk-secret") {
		t.Errorf("environment of the daemon:\n%s", env)
	}
	for _, dir := range []string{d.home, filepath.Join(d.home, "logs")} {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, st.Mode(), err)
		}
	}
}

func TestTwoFirstCommandsMakeOneDaemon(t *testing.T) {
	d := raised(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { want(t, d, 0, "no apps", "", "list") })
	}
	group.Wait()
	if b, _ := os.ReadFile(filepath.Join(d.home, "daemons")); strings.Count(string(b), "\n") != 1 {
		t.Errorf("daemons:\n%s", b)
	}
}

func TestADaemonThatIsNotNeededAnyMoreIsEnded(t *testing.T) {
	d := raised(t)
	d.version, d.pid = velos.Version, 1<<30
	slow := d.file(t, "slow", "")
	listed := make(chan int)
	go func() {
		_, _, code := d.run(t, "list")
		listed <- code
	}()
	pid := 0
	eventually(t, "the daemon of this command is slow", func() bool {
		b, _ := os.ReadFile(slow)
		pid, _ = strconv.Atoi(string(b))
		return pid > 1
	})
	d.listen(t) // another command's is there first
	defer d.die()
	if code := <-listed; code != 0 {
		t.Errorf("exit code %d", code)
	}
	eventually(t, "ours has ended", func() bool { return gone(pid) })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestADaemonThatDiesAtItsStartIsQuoted(t *testing.T) {
	d := raised(t)
	os.MkdirAll(filepath.Join(d.home, "logs"), 0o700)
	os.WriteFile(filepath.Join(d.home, "logs", "daemon.log"), []byte("an old line\n"), 0o600)
	os.WriteFile(filepath.Join(d.home, "fail"), []byte("state.json is from the future\n"), 0o600)
	_, errs := want(t, d, 7, "", "hint: velosd: state.json is from the future\n", "list")
	if strings.Contains(errs, "an old line") || !strings.Contains(errs, "start velosd: it ended with code 1") {
		t.Errorf("got %s", errs)
	}
}

func TestNoDaemonProgramIsAClearError(t *testing.T) {
	d := raised(t)
	t.Setenv("PATH", "/nowhere")
	want(t, d, 7, "", "no such program beside velos or in PATH\n  hint: ", "list")
	want(t, d, 7, `"code":"unreachable"`, "", "start", "x", "--json")
}

func TestAHomeThatCannotBeUsedIsRefusedWithAHint(t *testing.T) {
	d := raised(t)
	file := filepath.Join(filepath.Dir(d.home), "file")
	os.WriteFile(file, nil, 0o600)
	var o, e locked
	w := World{Out: &o, Err: &e, Vars: map[string]string{"VELOS_HOME": file}, Now: time.Now}
	if code := Run(t.Context(), w, []string{"list"}); code == 0 || !strings.Contains(e.String(), "hint: ") {
		t.Errorf("%d, %s", code, e.String())
	}
	e = locked{}
	w.Err, w.Vars = &e, map[string]string{"VELOS_HOME": "/tmp/" + strings.Repeat("x", 120)}
	if code := Run(t.Context(), w, []string{"list"}); code != 2 || !strings.Contains(e.String(), "103") {
		t.Errorf("%d, %s", code, e.String())
	}
}
