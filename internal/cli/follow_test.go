package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// A tail is one logs -f against the fake.
type tail struct {
	t         *testing.T
	out, errs locked
	stop      context.CancelFunc
	done      chan int
}

func (d *fake) tail(t *testing.T, args string) *tail {
	ctx, stop := context.WithCancel(t.Context())
	f := &tail{t: t, stop: stop, done: make(chan int, 1)}
	go func() {
		f.done <- Run(ctx, World{Out: &f.out, Err: &f.errs, Vars: map[string]string{"VELOS_HOME": d.home}, Now: func() time.Time { return now }}, strings.Fields(args))
	}()
	return f
}

func (f *tail) shows(what string) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.HasSuffix(f.out.String(), what); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("got:\n%s\nwant at the end:\n%s\nstderr: %s", f.out.String(), what, f.errs.String())
		}
	}
}

// ends waits for the end of the command.
func (f *tail) ends(code int) {
	f.t.Helper()
	select {
	case got := <-f.done:
		if got != code {
			f.t.Errorf("exit code %d, want %d: %s", got, code, f.errs.String())
		}
	case <-time.After(time.Minute):
		f.t.Fatal("it goes on")
	}
}

func (d *fake) born(name, namespace string, line string) {
	sp := velos.NewSpec()
	sp.Name, sp.Namespace, sp.Script, sp.Cwd = name, namespace, "/srv/"+name+".js", "/srv"
	d.mu.Lock()
	a := d.add(sp, velos.Online)
	a.Created = velos.TimeOf(now)
	id := a.ID
	d.mu.Unlock()
	d.happen(velos.Event{Kind: velos.KindConfig, App: name, ID: id, Inst: -1, Cause: "added"},
		velos.Entry{Seq: 7, App: id, Time: velos.TimeOf(now) - 1, Msg: []byte("of another app that had this name")},
		velos.Entry{Seq: 8, App: id, Time: velos.TimeOf(now), Msg: []byte(line)})
}

func TestFollowersPickUpAppsThatAreAddedLater(t *testing.T) {
	for _, words := range []string{"", "all", "ns:web", "/^w/", "worker ns:web"} {
		d := newFake(t, "worker")
		d.apps[0].Spec.Namespace = "web"
		d.happen(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd started"}, velos.Entry{Seq: 1, App: 1, Msg: []byte("one")})
		f := d.tail(t, "logs -f -n 0 "+words)
		f.shows("worker | one\n")
		d.born("w2", "web", "first of all")
		f.shows("w2     | first of all\n")
		if words != "" && words != "all" {
			d.born("other", "else", "not wanted")
			d.born("w3", "web", "three")
			f.shows("w3     | three\n")
		}
		f.stop()
		f.ends(0)
		if out := f.out.String() + f.errs.String(); strings.Contains(out, "another") || strings.Contains(out, "not wanted") || strings.Contains(out, "velos:") {
			t.Errorf("%s: got:\n%s", words, out)
		}
	}
}

func TestAFollowerOfNothingWaitsForTheFirstApp(t *testing.T) {
	d := newFake(t)
	f := d.tail(t, "logs -f")
	d.happen(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd started"})
	d.born("api", "default", "hello")
	f.shows("api | hello\n")
	f.stop()
	f.ends(0)
}

func TestAFollowerGoesOnBehindTheLastLineWhenTheDaemonComesBack(t *testing.T) {
	for _, words := range []string{"", "api"} {
		d := newFake(t, "api")
		line := func(seq uint64, text string) velos.Entry {
			return velos.Entry{Seq: seq, App: 1, Time: velos.TimeOf(now), Msg: []byte(text)}
		}
		d.lines = []velos.Entry{line(1, "old")}
		d.live = []velos.Entry{line(2, "two")}
		f := d.tail(t, "logs -f "+words)
		f.shows("api | old\napi | two\n")
		for i := range 3 {
			d.die()
			d.happen(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd started"}, line(uint64(3+i), "line"))
			d.listen(t)
			f.shows("two\n" + strings.Repeat("api | line\n", i+1))
		}
		if n := strings.Count(f.errs.String(), "\n"); n != 3 || strings.Count(f.errs.String(), "velosd was away") != 3 {
			t.Errorf("stderr:\n%s", f.errs.String())
		}
		f.stop()
		f.ends(0)
	}
}

func TestAFollowerOfEventsGoesOnWhenTheDaemonComesBack(t *testing.T) {
	d := newFake(t, "api")
	d.happen(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "first"})
	f := d.tail(t, "events -f --ai")
	f.shows("first\"}\n")
	d.die()
	d.happen(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "second"})
	d.listen(t)
	f.shows("second\"}\n")
	f.stop()
	f.ends(0)
	if n := strings.Count(f.out.String(), "\n"); n != 2 || strings.Count(f.errs.String(), "\n") != 1 {
		t.Errorf("got:\n%s%s", f.out.String(), f.errs.String())
	}
}

func TestAFollowerEndsWhenTheDaemonIsGone(t *testing.T) {
	d := newFake(t, "api")
	d.live = []velos.Entry{{Seq: 1, App: 1, Msg: []byte("one")}}
	f := d.tail(t, "logs -f -n 0")
	f.shows("one\n")
	d.die()
	f.ends(7)
	if got := f.errs.String(); !strings.HasPrefix(got, "velos: velosd has ended\n") {
		t.Errorf("stderr: %s", got)
	}
}

func TestRawFollowersSayOnStderrWhatWasSkipped(t *testing.T) {
	d := withLines(t)
	f := d.tail(t, "logs api -f -n 0 --raw")
	f.shows("live 1\nlive error\n")
	f.stop()
	f.ends(0)
	if got := f.errs.String(); got != "velos: api: 7 lines skipped\n" {
		t.Errorf("stderr: %q", got)
	}
}
