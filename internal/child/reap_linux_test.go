package child

import (
	"os"
	"syscall"
	"testing"

	"github.com/velospm/velos/internal/proc"
)

func TestAnEndIsToldWhileTheRootIsStillThere(t *testing.T) {
	h := open(t, Options{})
	type end struct {
		pid    int
		status uint32
		state  byte
	}
	told := make(chan end, 8)
	h.BeforeReap(func(p *Process, status uint32) {
		st, _ := proc.One(p.PID())
		told <- end{p.PID(), status, st.State}
	})
	for script, want := range map[string]syscall.WaitStatus{"exit 7": 7 << 8, "exit 0": 0, "kill -9 $$": 9, "kill -TERM $$": 15} {
		p, err := h.Start(Command{Path: "/bin/sh", Args: []string{"sh", "-c", "sleep 0.1; " + script}, Env: os.Environ(), Stdout: -1, Stderr: -1, Mark: "1"})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Exited()
		if got := <-told; got.pid != p.PID() || syscall.WaitStatus(got.status) != want || got.state != 'Z' {
			t.Errorf("%s: told %+v in state %q; want pid %d, status %#x, a zombie", script, got, string(got.state), p.PID(), want)
		}
	}
}
