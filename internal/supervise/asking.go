package supervise

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/probe"
)

// watch asks a run, as its Spec wants, whether it is ready and whether it is
// well, until the run is over. Each question has a goroutine of its own: one
// that is slow delays nobody else.
func (h *Host) watch(p *program, began time.Time) {
	if r := p.spec.Ready; r != nil && r.Log == "" {
		h.asking.Add(1)
		go func() {
			defer h.asking.Done()
			p.askReady(r)
		}()
	}
	p.look(p.spec.Health, began)
}

// look has the run asked again and again whether it is well; nil: no more.
func (p *program) look(q *velos.Probe, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blind != nil {
		close(p.blind)
		p.blind = nil
	}
	if q == nil {
		return
	}
	blind := make(chan struct{})
	p.blind = blind
	p.host.asking.Add(1)
	go func() {
		defer p.host.asking.Done()
		p.askHealth(q, began, blind)
	}()
}

// Adjust implements Child.
func (p *program) Adjust(spec *velos.Spec) {
	if p.env == nil && spec.Health != nil { // it has had no probe until now
		if files, err := EnvFiles(spec); err == nil {
			p.env, _ = environ(spec, files, p.seat.Inst, p.mark, p.agent)
		}
	}
	p.look(spec.Health, time.Now())
}

// await has a text in the run's output make it ready.
func (h *Host) await(p *program) {
	r := p.spec.Ready
	if r == nil || r.Log == "" {
		return
	}
	text, err := probe.Expand(r.Log, p.lookup)
	if err != nil {
		p.tell(News{Unready, err.Error()})
		return
	}
	if l := h.Log(p.seat.ID); l != nil {
		p.cancel = l.Await(p.seat.place(), text, func() { h.ready(p) })
	}
}

func (p *program) askReady(q *velos.Probe) {
	pace := probe.ReadyPace(q)
	for p.pause(pace.Interval, nil) {
		err := p.ask(q, pace.Timeout)
		if err == nil {
			p.host.ready(p)
			return
		}
		p.tell(News{Unready, err.Error()})
	}
}

func (p *program) askHealth(q *velos.Probe, began time.Time, blind <-chan struct{}) {
	pace := probe.HealthPace(q)
	var w probe.Watch
	for {
		d := pace.Interval
		if w.Health() == velos.HealthStarting {
			d = min(d, time.Second) // somebody may wait for it
		}
		if !p.pause(d, blind) {
			return
		}
		err := p.ask(q, pace.Timeout)
		select {
		case <-blind: // another probe has its place
			return
		default:
		}
		sick := w.Take(pace, err, time.Since(began))
		switch {
		case err == nil:
			p.tell(News{Kind: Well})
		case sick:
			p.tell(News{Sick, strconv.Itoa(w.Failures()) + " times in a row, last: " + err.Error()})
		default:
			p.tell(News{Unwell, err.Error()})
		}
	}
}

// pause waits; false: the run is over, or the question is not wanted any more.
func (p *program) pause(d time.Duration, blind <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.quit:
		return false
	case <-blind:
		return false
	case <-t.C:
		return true
	}
}

func (p *program) ask(q *velos.Probe, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() { // ends with ctx
		select {
		case <-p.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	return probe.Check(ctx, q, p.lookup, p.command)
}

// maxWords bounds what is kept of what a probe's command writes.
const maxWords = 4 << 10

// command runs a probe's command beside the program: in its directory and its
// environment.
func (p *program) command(ctx context.Context, argv []string) (text string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", &velos.Error{Code: velos.Busy, Message: err.Error(), Cause: err}
	}
	defer r.Close()
	path, err := lookPath(argv[0], p.spec.Cwd, p.lookup)
	if err == nil {
		var c *child.Process
		c, err = p.host.children.Start(child.Command{Path: path, Args: argv, Dir: p.spec.Cwd, Env: p.env, Stdout: int(w.Fd()), Stderr: int(w.Fd())})
		_ = w.Close()
		if err == nil {
			return verdict(ctx, c, r)
		}
	} else {
		_ = w.Close()
	}
	return "", err
}

// verdict waits for the end of a probe's command.
func verdict(ctx context.Context, c *child.Process, r *os.File) (string, error) {
	deadline, _ := ctx.Deadline()
	_ = r.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) })
	defer stop()
	b, _ := io.ReadAll(io.LimitReader(r, maxWords))
	var x child.Exit
	select {
	case x = <-c.Exited():
	case <-ctx.Done():
		_ = c.Kill()
		return string(b), ctx.Err()
	}
	_ = c.Kill() // what it has left behind
	switch {
	case x.Signal != "":
		return string(b), &velos.Error{Code: velos.Failed, Message: "killed by " + x.Signal}
	case x.Code != 0:
		return string(b), &velos.Error{Code: velos.Failed, Message: "exit code " + strconv.Itoa(x.Code)}
	}
	return string(b), nil
}

// lookPath finds a command as the program's shell would.
func lookPath(name, dir string, lookup func(string) (string, bool)) (string, error) {
	if strings.Contains(name, "/") {
		if name[0] != '/' {
			name = dir + "/" + name
		}
		return name, nil
	}
	path, ok := lookup("PATH")
	if !ok {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	for _, d := range strings.Split(path, ":") {
		if d == "" {
			continue
		}
		if st, err := os.Stat(d + "/" + name); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return d + "/" + name, nil
		}
	}
	return "", &velos.Error{Code: velos.Invalid, Message: name + " is not in the program's PATH"}
}
