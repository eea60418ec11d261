package supervise

import (
	"os/exec"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/notify"
)

// within fails when f does not return soon.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(what + " takes for ever")
	}
}

func TestAHostEndsThoughARunCouldNotBeKilled(t *testing.T) {
	h := NewHost(nil, nil, nil, home.Home{Dir: t.TempDir()})
	spec := testSpec()
	spec.Health = &velos.Probe{TCP: "127.0.0.1:1", Interval: velos.MaxDelay}
	spec.Ready = &velos.Probe{TCP: "127.0.0.1:1", Interval: velos.MaxDelay}
	p := &program{host: h, seat: Seat{1, 0, 0}, spec: &spec, quit: make(chan struct{})}
	h.enrol(p)
	h.watch(p, time.Now())
	within(t, "the end", h.Close)
}

func TestAProgramIsHeardThatSpeaksBeforeItsStartHasReturned(t *testing.T) {
	h := NewHost(nil, nil, nil, home.Home{Dir: t.TempDir()})
	spec := testSpec()
	spec.WaitReady = true
	cmd := exec.Command("/bin/sh", "-c", "echo; read line")
	cmd.Env = []string{"VELOS_ID=1:0:1:x"}
	if _, err := cmd.StdinPipe(); err != nil { // it waits for a line that never comes
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil { // before it runs, the system may not show its environment yet
		t.Fatal(err)
	}
	p := &program{host: h, seat: Seat{1, 0, 0}, mark: "1:0:1:x", spec: &spec, quit: make(chan struct{})}
	h.enrol(p)
	heard := make(chan struct{})
	go func() { h.onNotify(notify.Message{PID: cmd.Process.Pid, Ready: true}); close(heard) }()
	select {
	case <-heard:
		t.Fatal("a word was taken before it was known who runs")
	default:
	}
	close(h.known)
	within(t, "a word", func() { <-heard })
	if l, ok := p.kept.next(); !ok || l.Kind != Ready {
		t.Errorf("heard %v", l)
	}
}

// A socket that a program is passed was open before it ran: it is nothing that
// its successor would have to say.
func TestARunThatWasPassedItsSocketsIsTakenOverAsOneThatOpensNone(t *testing.T) {
	h := NewHost(nil, nil, nil, home.Home{Dir: t.TempDir()})
	defer h.Close()
	spec := testSpec()
	spec.Listen = []string{"tcp://127.0.0.1:0"}
	at := Seat{1, 0, 0}
	if _, _, err := h.primary.Passed(clusterSeat(at), spec.Listen, false); err != nil {
		t.Fatal(err)
	}
	defer h.primary.Release(at.ID)
	p, _ := h.adopted(record{Seat: at}, nil, &spec)
	if l, ok := p.kept.next(); ok {
		t.Errorf("heard %v", l)
	}
}
