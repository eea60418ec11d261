package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A fake is a daemon without processes: it speaks the protocol and keeps a
// list.
type fake struct {
	home     string
	mu       sync.Mutex
	apps     []velos.App
	next     uint32
	calls    []string // command names in the order of arrival
	starts   []wire.Start
	restarts []wire.Restart
	reloads  []wire.Reload
	scales   []wire.Scale
	apart    map[string]string // name: why its runs cannot overlap
	stops    []wire.Stop
	signals  []wire.Signal
	queries  []wire.Logs
	lines    []velos.Entry
	live     []velos.Entry // written once somebody follows
	events   []velos.Event
	files    *wire.Files
	formers  []velos.Former
	crash    map[string]string // name: message
	version  string
	pid      int
	hang     bool
	dying    int // connections that are accepted and never answered
	listener *wire.Listener
	open     map[*wire.Conn]bool
	happened chan struct{} // closed when there is another event or live line
}

func newFake(t *testing.T, names ...string) *fake {
	dir, err := os.MkdirTemp("/tmp", "velos-cli-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &fake{home: dir, crash: map[string]string{}, version: velos.Version, pid: 1 << 30, happened: make(chan struct{})}
	for _, n := range names {
		sp := velos.NewSpec()
		sp.Name, sp.Script, sp.Cwd = n, "/srv/"+n+".js", "/srv"
		d.add(sp, velos.Online)
	}
	d.listen(t)
	t.Cleanup(func() { d.die() })
	return d
}

func (d *fake) listen(t *testing.T) {
	l, err := wire.Listen(filepath.Join(d.home, "velos.sock"))
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.listener, d.open = l, map[*wire.Conn]bool{}
	d.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			if d.listener == l && d.dying == 0 {
				d.open[c] = true
				go d.serve(c)
			} else {
				d.dying--
				c.Close()
			}
			d.mu.Unlock()
		}
	}()
}

// die closes the socket and every connection, as a daemon that is killed.
func (d *fake) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener != nil {
		d.listener.Close()
	}
	d.listener = nil
	for c := range d.open {
		c.Close()
	}
}

// happen adds an event and live lines.
func (d *fake) happen(e velos.Event, lines ...velos.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.Seq = uint64(len(d.events) + 1)
	d.events = append(d.events, e)
	d.live = append(d.live, lines...)
	close(d.happened)
	d.happened = make(chan struct{})
}

func (d *fake) add(sp velos.Spec, status velos.Status) *velos.App {
	d.next++
	a := velos.App{ID: d.next, Spec: sp, Generation: 1}
	for i := range max(1, sp.Instances) {
		a.Instances = append(a.Instances, velos.Instance{Inst: i})
	}
	set(&a, -1, status)
	d.apps = append(d.apps, a)
	return &d.apps[len(d.apps)-1]
}

func set(a *velos.App, inst int, s velos.Status) {
	for i := range a.Instances {
		in := &a.Instances[i]
		if inst >= 0 && in.Inst != inst {
			continue
		}
		in.Status, in.PID, in.Started, in.Since = s, 0, velos.TimeOf(now)-60_000, velos.TimeOf(now)-60_000
		if s == velos.Online {
			in.PID = 1000 + int(a.ID)*10 + in.Inst
		}
	}
	a.Status = velos.Overall(a.Instances)
}

func (d *fake) serve(c *wire.Conn) {
	defer func() {
		c.Close()
		d.mu.Lock()
		delete(d.open, c)
		d.mu.Unlock()
	}()
	r := wire.NewReader(c)
	var mu sync.Mutex
	cancels := map[uint32]chan struct{}{}
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			return
		}
		payload := bytes.Clone(req.Payload)
		if req.Command == wire.CancelStream {
			mu.Lock()
			if ch := cancels[req.ID]; ch != nil {
				close(ch)
				delete(cancels, req.ID)
			}
			mu.Unlock()
			continue
		}
		cancel := make(chan struct{})
		mu.Lock()
		cancels[req.ID] = cancel
		mu.Unlock()
		go func() {
			send := func(s wire.Status, rec velos.Record) {
				mu.Lock()
				defer mu.Unlock()
				c.Write(wire.AppendResponse(nil, req.ID, s, rec))
			}
			if d.hang {
				<-cancel
				send(wire.Failure, &velos.Error{Code: velos.Cancelled, Message: "cancelled"})
				return
			}
			d.answer(req.Command, payload, send, cancel)
		}()
	}
}

func (d *fake) answer(c wire.Command, p []byte, send func(wire.Status, velos.Record), cancel chan struct{}) {
	d.mu.Lock()
	d.calls = append(d.calls, c.String())
	d.mu.Unlock()
	switch c {
	case wire.LogRead, wire.LogStream, wire.LogSearch:
		d.logs(c, p, send, cancel)
		return
	case wire.EventList:
		d.history(p, send, cancel)
		return
	case wire.MetricsStream:
		d.mu.Lock()
		send(wire.Streaming, d.figures())
		for _, a := range d.apps {
			send(wire.Streaming, &wire.Metrics{ID: a.ID, Name: a.Spec.Name, Time: velos.TimeOf(now), Instances: a.Instances})
		}
		d.mu.Unlock()
		<-cancel
		send(wire.OK, nil)
		return
	}
	d.mu.Lock()
	rec, err := d.do(c, p)
	d.mu.Unlock()
	if err != nil {
		e, ok := err.(*velos.Error)
		if !ok {
			e = &velos.Error{Code: velos.Failed, Message: err.Error()}
		}
		send(wire.Failure, e)
		return
	}
	send(wire.OK, rec)
}

func (d *fake) history(p []byte, send func(wire.Status, velos.Record), cancel chan struct{}) {
	var q wire.EventsQuery
	wire.Decode(p, &q)
	for last := q.After; ; {
		d.mu.Lock()
		happened := d.happened
		var list []velos.Event
		for _, e := range d.events {
			if (q.ID == 0 || q.ID == e.ID) && e.Seq > last {
				list = append(list, e)
			}
		}
		if n := len(d.events); n > 0 {
			last = d.events[n-1].Seq
		}
		d.mu.Unlock()
		if q.Last > 0 {
			list, q.Last = list[max(0, len(list)-q.Last):], 0
		}
		send(wire.Streaming, &wire.Events{Events: list})
		if !q.Follow {
			break
		}
		select {
		case <-happened:
			continue
		case <-cancel:
		}
		break
	}
	send(wire.OK, nil)
}

func (d *fake) logs(c wire.Command, p []byte, send func(wire.Status, velos.Record), cancel chan struct{}) {
	l := wire.Logs{Query: velos.Query{Inst: -1}}
	wire.Decode(p, &l)
	q := l.Query
	pick := func(from []velos.Entry) (list []velos.Entry) {
		for _, e := range from {
			if e.App == l.ID && (q.Inst < 0 || e.Inst == q.Inst) && (q.Src == 0 || q.Src == e.Src) && e.Level >= q.Level && e.Seq > q.After &&
				e.Time >= q.Since && (q.Until == 0 || e.Time < q.Until) && (bytes.Contains(e.Msg, []byte(q.Grep)) || e.Missed > 0) || e.App == l.ID && e.Missed > 0 && e.Seq > q.After {
				list = append(list, e)
			}
		}
		return list
	}
	d.mu.Lock()
	d.queries = append(d.queries, l)
	list, live, happened := pick(d.lines), pick(d.live), d.happened
	d.mu.Unlock()
	if q.Last > 0 {
		list = list[max(0, len(list)-q.Last):]
	}
	if len(list) > 0 {
		send(wire.Streaming, &wire.Entries{Entries: list})
	}
	for shown := 0; c == wire.LogStream; {
		send(wire.Streaming, &wire.Entries{Entries: live[shown:]})
		shown = len(live)
		select {
		case <-happened:
			d.mu.Lock()
			happened, live = d.happened, pick(d.live)
			d.mu.Unlock()
			continue
		case <-cancel:
		}
		break
	}
	send(wire.OK, nil)
}

func (d *fake) figures() *wire.Metrics {
	return &wire.Metrics{Time: velos.TimeOf(now), Daemon: wire.DaemonMetrics{PID: d.pid, Apps: len(d.apps), Events: uint64(len(d.events))}}
}

func (d *fake) find(id uint32) (*velos.App, error) {
	for i := range d.apps {
		if d.apps[i].ID == id {
			return &d.apps[i], nil
		}
	}
	return nil, &velos.Error{Code: velos.NotFound, Message: "no app with this id"}
}

func (d *fake) do(c wire.Command, p []byte) (velos.Record, error) {
	switch c {
	case wire.DaemonPing:
		return &wire.Pong{Version: d.version, PID: d.pid, Protocol: velos.Protocol, Apps: len(d.apps), Uptime: 61_000, RSS: 2 << 20}, nil
	case wire.ProcessList:
		return &wire.Apps{Apps: slices.Clone(d.apps)}, nil
	case wire.MetricsGet:
		return d.figures(), nil
	case wire.ProcessStart:
		var s wire.Start
		wire.Decode(p, &s)
		d.starts = append(d.starts, s)
		return d.start(s)
	case wire.ProcessHistory:
		return &wire.Formers{List: d.formers}, nil
	case wire.LogFiles:
		if d.files != nil {
			return d.files, nil
		}
		return nil, &velos.Error{Code: velos.Unsupported, Message: "there are no files"}
	case wire.StateSave:
		return &wire.StatePath{Path: d.home + "/saved.json", Count: len(d.apps)}, nil
	case wire.StateLoad:
		return &wire.StatePath{Path: d.home + "/saved.json", Count: 2}, nil
	case wire.DaemonShutdown:
		os.Remove(filepath.Join(d.home, "velos.sock"))
		return &wire.Done{Success: true}, nil
	case wire.LogReopen:
		return &wire.Done{Success: true}, nil
	}
	return d.change(c, p)
}

func (d *fake) start(s wire.Start) (velos.Record, error) {
	var a *velos.App
	if s.ID == 0 {
		a = d.add(*s.Spec, velos.Stopped)
		if s.Hold {
			return &wire.Started{ID: a.ID, App: *a}, nil
		}
	} else {
		var err error
		if a, err = d.find(s.ID); err != nil {
			return nil, err
		}
	}
	if m := d.crash[a.Spec.Name]; m != "" {
		set(a, s.Inst, velos.Errored)
		a.Instances[0].LastExit = &velos.Exit{Code: 1, Time: velos.TimeOf(now), Uptime: 10}
		d.lines = append(d.lines, velos.Entry{Seq: 1, App: a.ID, Time: velos.TimeOf(now), Src: velos.Stderr, Msg: []byte("Error: port 3000 is taken")})
		return nil, &velos.Error{Code: velos.Crashed, Message: m}
	}
	if a.Spec.Autostart || s.ID != 0 {
		set(a, s.Inst, velos.Online)
	}
	return &wire.Started{ID: a.ID, PID: a.Instances[0].PID, App: *a}, nil
}

func (d *fake) change(c wire.Command, p []byte) (velos.Record, error) {
	var t wire.Target
	wire.Decode(p, &t)
	a, err := d.find(t.ID)
	if err != nil {
		return nil, err
	}
	switch c {
	case wire.ProcessInfo:
		b := *a
		for _, e := range slices.Concat(d.lines, d.live) {
			if e.App == a.ID {
				b.Log.Seq = max(b.Log.Seq, e.Seq)
			}
		}
		return &b, nil
	case wire.ProcessStop:
		var s wire.Stop
		wire.Decode(p, &s)
		d.stops = append(d.stops, s)
		set(a, t.Inst, velos.Stopped)
	case wire.ProcessRestart:
		var r wire.Restart
		wire.Decode(p, &r)
		d.restarts = append(d.restarts, r)
		if r.Spec != nil {
			a.Spec = *r.Spec
		}
		set(a, t.Inst, velos.Online)
		a.Instances[0].Restarts++
	case wire.ProcessReload:
		return d.reload(a, p)
	case wire.ProcessScale:
		var s wire.Scale
		wire.Decode(p, &s)
		d.scales = append(d.scales, s)
		if s.By {
			s.Count += a.Spec.Instances
		}
		a.Spec.Instances = s.Count
	case wire.ProcessDelete:
		d.apps = slices.DeleteFunc(d.apps, func(a velos.App) bool { return a.ID == t.ID })
		return &wire.Done{Success: true}, nil
	case wire.ProcessUpdate:
		var u wire.Update
		wire.Decode(p, &u)
		a.Spec = u.Spec
	case wire.ProcessRename:
		var r wire.Rename
		wire.Decode(p, &r)
		a.Spec.Name = r.Name
	case wire.ProcessSignal:
		var s wire.Signal
		wire.Decode(p, &s)
		d.signals = append(d.signals, s)
	}
	b := *a
	return &wire.Done{Success: true, PID: a.Instances[0].PID, App: &b}, nil
}

// reload fails as the daemon does when a successor crashes: the old run goes
// on, and the new one has written a line.
func (d *fake) reload(a *velos.App, p []byte) (velos.Record, error) {
	var r wire.Reload
	wire.Decode(p, &r)
	d.reloads = append(d.reloads, r)
	if m := d.crash[a.Spec.Name]; m != "" {
		old := a.Instances[0].PID
		d.lines = append(d.lines,
			velos.Entry{Seq: 1, App: a.ID, Time: velos.TimeOf(now), PID: old, Src: velos.Stdout, Msg: []byte("GET / 200")},
			velos.Entry{Seq: 2, App: a.ID, Time: velos.TimeOf(now), PID: old + 1, Src: velos.Stderr, Msg: []byte("Error: no such table")})
		return nil, &velos.Error{Code: velos.Crashed, Message: m}
	}
	why, restarted := d.apart[a.Spec.Name]
	if r.Spec != nil {
		a.Spec = *r.Spec
	}
	return &wire.Reloaded{Restarted: restarted, Why: why, App: *a}, nil
}

// run runs velos against the fake and returns what it printed.
func (d *fake) run(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return d.runIn(ctx, d.home, args...)
}

func (d *fake) runIn(ctx context.Context, dir string, args ...string) (string, string, int) {
	var o, e locked
	w := World{Out: &o, Err: &e, Dir: dir, Vars: map[string]string{"VELOS_HOME": d.home, "HOME": d.home, "PATH": os.Getenv("PATH")}, Now: func() time.Time { return now }, Loc: time.UTC}
	code := Run(ctx, w, args)
	return o.String(), e.String(), code
}

// locked is a buffer for several goroutines.
type locked struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// file writes a file into the fake's home, which is the working directory too.
func (d *fake) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(d.home, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (d *fake) app(t *testing.T, name string) velos.App {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.apps {
		if d.apps[i].Spec.Name == name {
			return d.apps[i]
		}
	}
	t.Fatalf("there is no app %s", name)
	return velos.App{}
}
