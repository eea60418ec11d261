package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/velospm/velos"
)

// TestMain can be a writer that may write no more than a few bytes, or one that
// is killed while it writes.
func TestMain(m *testing.M) {
	switch os.Getenv("AUDIT_ROLE") {
	case "short":
		short(os.Getenv("AUDIT_PATH"))
	case "busy":
		l := &Log{Path: os.Getenv("AUDIT_PATH")}
		for i := 0; ; i++ {
			_ = l.Add(&Record{Op: "stop", Inst: -1, Result: "ok", Args: map[string]string{"command": strings.Repeat("x", i%5000)}}, false)
		}
	}
	os.Exit(m.Run())
}

// short writes until its files may not grow any more, says what Ready says
// then, and goes on when they may again.
func short(path string) {
	var was unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_FSIZE, &was)
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 5000, Max: was.Max})
	l := &Log{Path: path}
	failed := 0
	for range 40 {
		if l.Add(&Record{Op: "stop", Inst: -1, Result: "ok", Args: map[string]string{"command": strings.Repeat("x", 300)}}, false) != nil {
			failed++
		}
	}
	os.Stdout.WriteString("failed " + strconv.Itoa(failed) + "\n")
	if err := l.Ready(); err != nil {
		os.Stdout.WriteString("not ready: " + velos.CodeOf(err).String() + "\n")
	}
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &was)
	if err := l.Ready(); err == nil {
		os.Stdout.WriteString("ready\n")
	}
	os.Exit(0)
}

func role(t *testing.T, name, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "AUDIT_ROLE="+name, "AUDIT_PATH="+path)
	return cmd
}

func TestAFullDiskLeavesAWholeChainThatSaysWhatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	out, err := role(t, "short", path).Output()
	failed, rest, _ := strings.Cut(strings.TrimPrefix(string(out), "failed "), "\n")
	if err != nil || failed == "0" || !strings.HasPrefix(rest, "not ready: failed\nready\n") {
		t.Fatalf("%s, %v", out, err)
	}
	v, err := Verify(path)
	if err != nil || !v.OK {
		t.Errorf("%+v, %v", v, err)
	}
	list, err := Read(path, Query{Op: "mend"})
	if err != nil || len(list) != 1 || list[0].Args["not_recorded"] != failed {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestAWriterThatIsKilledAtAnyMomentLeavesAChainThatGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for n := range 8 {
		cmd := role(t, "busy", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := size(path)
		want, late := before+int64(n*100_000+1000), time.Now().Add(time.Minute)
		for size(path)+int64(len(rotated(path)))<<20 < want { // over ends of files, too
			if time.Now().After(late) {
				_ = cmd.Process.Kill()
				t.Fatal("the writer writes nothing")
			}
			time.Sleep(100 * time.Microsecond)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if v, err := Verify(path); err != nil || !v.OK && v.Problem != Torn {
			t.Fatalf("after kill %d: %+v, %v", n, v, err)
		}
	}
	add(t, &Log{Path: path}, 1)
	if v := verdict(t, path); !v.OK || v.Records < 10 {
		t.Errorf("%+v", v)
	}
}

func size(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

func rotated(path string) []string {
	list, _ := filepath.Glob(path + ".[0-9]")
	return list
}
