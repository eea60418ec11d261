package verb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// ending bounds what has to be done after a run: stopping it, reading its last
// words, forgetting it.
const ending = 30 * time.Second

// A Once is a program that runs one time, as an app that is never started
// again and that is forgotten when it has ended.
type Once struct {
	App  velos.App
	conn *client.Client
	read uint64 // the newest line that was handed out
}

// Ran is how a Once is, or was.
type Ran struct {
	Exit   *velos.Exit // nil: it runs on
	Asked  bool        // we have stopped it
	Cursor Cursor
}

// Begin starts a program. What its Spec says of restarts does not matter.
// With the error that the daemon is gone comes a Once that may have begun: see
// Over.
func Begin(ctx context.Context, conn *client.Client, spec velos.Spec) (*Once, error) {
	spec.Autorestart, spec.MinUptime, spec.Instances, spec.Mode = velos.Never, 0, 1, velos.Fork
	spec.Autostart, spec.WaitReady, spec.Ready, spec.Health = true, false, nil, nil
	list, err := conn.List(ctx)
	if err != nil {
		return nil, err
	}
	base := velos.RunPrefix + spec.Name
	for n := 1; n < 1000; n++ {
		spec.Name = base + "-" + strconv.Itoa(n)
		if named(list.Apps, spec.Name) != nil {
			continue
		}
		r, err := conn.Start(ctx, wire.Start{Spec: &spec, Inst: -1, Hold: true})
		if errors.Is(err, velos.ErrConflict) {
			continue // somebody was faster
		}
		if err != nil {
			return nil, err
		}
		o := &Once{App: r.App, conn: conn}
		err = o.start(ctx)
		if err == nil || velos.CodeOf(err) == velos.Unreachable {
			return o, err
		}
		o.End(ctx)
		return nil, err
	}
	return nil, &velos.Error{Code: velos.Conflict, Message: "run " + base + ": there are too many apps of this name", Hint: "velos delete those that nobody needs"}
}

// Resume is a Once that was begun before, read up to a cursor.
func Resume(conn *client.Client, a velos.App, from Cursor) (*Once, error) {
	if !a.Spec.Once() {
		return nil, &velos.Error{Code: velos.Invalid, Message: a.Spec.Name + " is no run", Hint: "only what run has started can be gone on with"}
	}
	o := &Once{App: a, conn: conn}
	if from.Of(&a) {
		o.read = from.Line
	}
	return o, nil
}

// Follow hands out what the program writes until it has ended and everything
// was read, or until ctx ends: then it runs on, which is no error.
func (o *Once) Follow(ctx context.Context, out func(*velos.Entry)) (Ran, error) {
	in, stop := context.WithCancel(ctx)
	defer stop()
	j := &job{conn: o.conn, facts: make(chan fact, 64)}
	id := o.App.ID
	go pump(in, j.facts, o.conn.Logs(in, id, velos.Query{Inst: -1, After: o.read, Follow: true}), func(e velos.Entry) fact {
		e.Msg = slices.Clone(e.Msg)
		return fact{line: &e}
	})
	go pump(in, j.facts, o.conn.Events(in, wire.EventsQuery{ID: id, Follow: true}), func(e velos.Event) fact { return fact{event: &e} })
	ran, goal := Ran{}, uint64(0)
	var late <-chan time.Time
	for ran.Exit == nil || o.read < goal {
		select {
		case <-ctx.Done():
			ran.Cursor, ran.Exit = o.cursor(), nil
			return ran, nil
		case <-late:
			goal = 0 // the disk may have lost lines
		case f := <-j.facts:
			switch {
			case f.err != nil && ctx.Err() == nil:
				return ran, f.err
			case f.line != nil:
				o.read = max(o.read, f.line.Seq)
				out(f.line)
			case f.event != nil && f.event.Kind == velos.KindState && (f.event.To == velos.Stopped || f.event.To == velos.Errored):
				a, err := o.conn.Info(in, wire.All(id))
				if err != nil && ctx.Err() == nil {
					return ran, err
				}
				if x := latest(&a); err == nil && x != nil {
					ran.Exit, goal, late = x, a.Log.Seq, time.After(2*time.Second)
				}
			}
		}
	}
	ran.Cursor = o.cursor()
	return ran, nil
}

// Through is Follow over any number of daemons; begun is what Begin has said.
func (o *Once) Through(ctx context.Context, begun error, out func(*velos.Entry), again func(context.Context) (*client.Client, error)) (ran Ran, err error) {
	if err = begun; err == nil {
		ran, err = o.Follow(ctx, out)
	}
	for tries := 0; err != nil && tries < mostLost && Lost(ctx, err); tries++ {
		conn, e := again(ctx)
		if e != nil {
			return ran, e
		}
		if err = o.Over(ctx, conn); err == nil {
			ran, err = o.Follow(ctx, out)
		}
	}
	return ran, err
}

func (o *Once) start(ctx context.Context) error {
	_, err := o.conn.Start(ctx, wire.Start{ID: o.App.ID, Inst: -1})
	return err
}

// Over goes on over another connection: the daemon of the first one is gone.
// What had not begun yet begins now, and what had does not begin again.
func (o *Once) Over(ctx context.Context, conn *client.Client) error {
	o.conn = conn
	a, err := conn.Info(ctx, wire.All(o.App.ID))
	if err != nil || up(&a) || latest(&a) != nil || a.Status != velos.Stopped {
		return err
	}
	return o.start(ctx)
}

func (o *Once) cursor() Cursor {
	return Cursor{App: o.App.Spec.Name, Line: o.read, ID: o.App.ID}
}

// Stop ends the program with all that it has started, and hands out its last
// words. It is whose ctx says that asks, also when ctx has ended.
func (o *Once) Stop(ctx context.Context, out func(*velos.Entry)) (Ran, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), ending)
	defer stop()
	if _, err := o.conn.Stop(ctx, wire.Stop{Target: wire.All(o.App.ID), Wait: true}); err != nil {
		return Ran{}, err
	}
	ran, err := o.Follow(ctx, out)
	ran.Asked = true
	return ran, err
}

// End forgets the program, with its log files. It ends it first if it runs.
// Ctx is as for Stop.
func (o *Once) End(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), ending)
	defer stop()
	if _, err := o.conn.Delete(ctx, wire.All(o.App.ID)); err != nil {
		return err
	}
	for _, path := range []string{o.App.Log.Out, o.App.Log.Err} {
		if path == "" || !strings.HasPrefix(filepath.Base(path), o.App.Spec.Name) {
			continue // a file that the caller has named is his
		}
		rotated, _ := filepath.Glob(escape(path) + ".*")
		for _, p := range append(rotated, path) {
			_ = os.Remove(p)
		}
	}
	return nil
}

// escape makes a path plain for Glob.
func escape(path string) string {
	return strings.NewReplacer(`[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(path)
}

// Code is an exit code as a shell has it: a signal is 128 and its number.
func Code(x *velos.Exit) int {
	switch {
	case x.Error != "":
		return 127
	case x.Signal != "":
		return 128 + signalNumber(x.Signal)
	case x.Unknown:
		return 1
	}
	return x.Code
}

// signalNumber knows the signals that have the same number everywhere.
func signalNumber(name string) int {
	n := slices.Index([]string{"", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "", "SIGFPE", "SIGKILL", "", "SIGSEGV", "", "SIGPIPE", "SIGALRM", "SIGTERM"}, name)
	return max(n, 0)
}
