//go:build linux

package logs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// The test process plays the keeper: it holds the read ends while one
// ingester after the other is killed.
func TestKillingTheIngesterLosesDoublesAndTearsNothing(t *testing.T) {
	dir := t.TempDir()
	const lines = 250_000
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), "LOGS_TEST_ROLE=writer", fmt.Sprint("LOGS_TEST_N=", lines))
	writer.Stdout, writer.Stderr = outW, errW
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	outW.Close()
	errW.Close()
	kills, ended := 0, false
	for !ended {
		in := exec.Command(os.Args[0])
		in.Env = append(os.Environ(), "LOGS_TEST_ROLE=ingester", "LOGS_TEST_DIR="+dir)
		in.ExtraFiles = []*os.File{outR, errR}
		in.Stderr = os.Stderr
		if err := in.Start(); err != nil {
			t.Fatal(err)
		}
		var timer *time.Timer
		if kills < 400 {
			timer = time.AfterFunc(time.Duration(5+rand.IntN(60))*time.Millisecond, func() { in.Process.Kill() })
		}
		err := in.Wait()
		if timer != nil {
			timer.Stop()
		}
		if ended = err == nil; !ended {
			if in.ProcessState.ExitCode() > 0 {
				t.Fatal("the ingester ended with ", err)
			}
			kills++
		}
	}
	if err := writer.Wait(); err != nil {
		t.Fatal("the writer ended with ", err)
	}
	t.Logf("%d kills", kills)
	if kills < 20 {
		t.Errorf("only %d kills", kills)
	}
	check(t, dir, lines)
}

func check(t *testing.T, dir string, lines int) {
	s := store(t, dir, Options{})
	l := open(t, s, 1, crashPolicy)
	next := [2]int{0, 2}
	seq := uint64(0)
	n := 0
	err := l.Query(velos.Query{Inst: -1}, func(e *velos.Entry) bool {
		seq++
		n++
		if e.Seq != seq || e.PID != 77 && e.PID != 0 {
			t.Errorf("line %d has seq %d, pid %d", n, e.Seq, e.PID)
			return false
		}
		k := 0
		if e.Src == velos.Stderr {
			k = 1
		}
		i := next[k]
		want := fmt.Sprintf("line %d %s", i, padding[:i%len(padding)])
		if string(e.Msg) != want {
			t.Errorf("%v: got %q; want %q", e.Src, e.Msg, want)
			return false
		}
		next[k] = i + 1
		if next[k]%3 == 2 && k == 0 {
			next[k]++
		} else if k == 1 {
			next[k] = i + 3
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
	if n != lines {
		t.Errorf("got %d lines; want %d", n, lines)
	}
	if t.Failed() {
		files, err := l.Files()
		t.Logf("files are %+v, %v", files, err)
		names, _ := filepath.Glob(dir + "/*")
		t.Logf("there are %q", names)
	}
	if i := l.Info(); i.Lines != uint64(lines) || i.Seq != uint64(lines) || i.Dropped != 0 {
		t.Errorf("info is %+v", i)
	}
	left, _ := os.ReadDir(dir + "/.spool")
	for _, f := range left {
		if !strings.HasSuffix(f.Name(), ".ckpt") && !strings.HasSuffix(f.Name(), ".min") {
			t.Errorf("%s is left in the spool", f.Name())
		}
	}
}
