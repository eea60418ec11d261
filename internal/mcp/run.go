package mcp

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type runIn struct {
	Command string  `json:"command,omitempty" about:"command line, such as npm test; not through a shell"`
	Args    words   `json:"args,omitempty"`
	Cwd     string  `json:"cwd,omitempty"`
	Env     vars    `json:"env,omitempty"`
	Timeout float64 `json:"timeout_s,omitempty" about:"its whole tree is ended then; a run of over 50 s answers with a handle"`
	Handle  string  `json:"handle,omitempty" about:"of a run that goes on, instead of command"`
	Budget  int     `json:"budget,omitempty" about:"tokens of output, default 1500"`
}

type runOut struct {
	Outcome  string `json:"outcome"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Exit     string `json:"exit,omitempty"`
	Output   string `json:"output"`
	Handle   string `json:"handle,omitempty"`
	Dropped  int    `json:"dropped_lines,omitempty"`
	Next     string `json:"next,omitempty"` // has the lines that were dropped
}

func processRun(c *call, in *runIn) (answer, error) {
	once, from, err := c.begin(in)
	if err != nil {
		return answer{}, err
	}
	ctx, stop := c.within(in.Timeout, longest)
	defer stop()
	killed := in.Timeout > 0 && in.Timeout <= longest.Seconds()
	if in.Timeout > 0 && !killed {
		c.s.runs.limit(c, once.App.ID, in.Timeout)
	}
	defer c.progress("running")()
	t := tail{budget: budget(in.Budget, 1500), veil: view.NewVeil(&once.App)}
	t.veil.Before = verb.Before(c, c.conn)
	ran, err := once.Through(ctx, nil, t.add, c.goOn)
	if err != nil {
		return answer{}, err
	}
	if ran.Exit == nil && (killed || c.Err() != nil && errors.Is(c.Err(), context.Canceled)) {
		if ran, err = once.Stop(c, t.add); err != nil {
			return answer{}, err
		}
	}
	out := runOut{Output: t.text(), Dropped: t.dropped}
	text := c.ended(&out, &ran, t.veil.Mask())
	if t.dropped > 0 {
		bound := from
		if bound.Line = t.first; t.first == 0 { // not one line was kept
			bound.Line = ran.Cursor.Line + 1
		}
		out.Next = again("log_read", "name_or_id", once.App.Spec.Name, "since", from.String(), "before", bound.String())
		text += "\n" + strconv.Itoa(t.dropped) + " earlier lines left out; next: " + out.Next
	}
	if ran.Exit != nil {
		if err := c.s.runs.over(c, once, t.dropped > 0); err != nil {
			return answer{}, err
		}
	}
	if out.Output != "" {
		text += untrusted + out.Output
	}
	return answer{text: text, data: out}, nil
}

// ended says in the answer and in words how a run has ended, or that it has not.
func (c *call) ended(out *runOut, ran *verb.Ran, m view.Mask) string {
	if ran.Exit == nil {
		out.Outcome, out.Handle = "running", ran.Cursor.String()
		return "still running; next: " + again("process_run", "handle", out.Handle)
	}
	if out.Exit = m.String(view.Text(ran.Exit.String())); ran.Asked || ran.Exit.Asked && c.s.runs.late(ran.Cursor.ID) {
		out.Outcome = verb.TimedOut
		return "timed out: ended with everything that it has started"
	}
	code := verb.Code(ran.Exit)
	out.ExitCode = &code
	if out.Outcome = "exited"; ran.Exit.Asked {
		out.Outcome = verb.Stopped
		return "told to stop by somebody else: " + out.Exit
	}
	if ran.Exit.Signal == "" && !ran.Exit.Unknown && ran.Exit.Error == "" {
		return out.Exit // which says the code
	}
	return "exit code " + strconv.Itoa(code) + ": " + out.Exit
}

// begin starts a run, or finds one that goes on. The cursor is where its output
// begins that was not handed out yet.
func (c *call) begin(in *runIn) (*verb.Once, verb.Cursor, error) {
	switch {
	case in.Handle != "" && (in.Command != "" || len(in.Args) > 0 || len(in.Env) > 0 || in.Cwd != ""):
		return nil, verb.Cursor{}, invalid("process_run: a handle is of a run that goes on, and command, args, cwd and env begin another one", "handle alone, or command without it")
	case in.Handle != "":
		cur, err := verb.ParseCursor(in.Handle)
		if err != nil {
			return nil, cur, err
		}
		a, _, _, err := c.app(cur.App)
		if err != nil {
			return nil, cur, &velos.Error{Code: velos.CodeOf(err), Message: "process_run: there is no run " + quoted(cur.App) + " any more", Hint: "what has ended was told once, to the call that saw it end", Cause: err}
		}
		if cur, err = cursorFor(a, "handle", in.Handle); err != nil {
			return nil, cur, err
		}
		once, err := verb.Resume(c.conn, *a, cur)
		return once, cur, err
	case strings.TrimSpace(in.Command) == "":
		return nil, verb.Cursor{}, invalid("process_run: command is missing", "command=\"npm test\", or handle of a run that goes on")
	}
	sp, err := c.spec(&Program{Script: in.Command, Args: in.Args, Cwd: in.Cwd, Env: in.Env})
	if err != nil {
		return nil, verb.Cursor{}, err
	}
	once, err := verb.Begin(c, c.conn, sp)
	if once != nil && err != nil { // the daemon is gone, and it may have begun
		var conn *client.Client
		if conn, err = c.goOn(c); err == nil {
			err = once.Over(c, conn)
		}
	}
	if err != nil {
		return nil, verb.Cursor{}, err
	}
	return once, verb.Cursor{App: once.App.Spec.Name, ID: once.App.ID}, nil
}

// runs are the one-shot commands that a server still has to do with.
type runs struct {
	mu     sync.Mutex
	limits map[uint32]*limit
	kept   []leftover
}

// A leftover is a run that has ended, and whose output was not all told.
type leftover struct {
	context.Context // of the agent, beyond its call
	once            *verb.Once
}

// A limit ends a run that no call waits for.
type limit struct {
	timer *time.Timer
	over  bool // the time was up
}

// mostKept bounds the runs whose output can still be read.
const mostKept = 8

// limit has a run ended in so many seconds, whoever waits for it then.
func (r *runs) limit(c *call, id uint32, seconds float64) {
	const most = 24 * time.Hour
	d := most
	if seconds < most.Seconds() {
		d = time.Duration(seconds * float64(time.Second))
	}
	ctx, s := context.WithoutCancel(c.Context), c.s // as the agent, but longer than its call
	l := &limit{}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limits == nil {
		r.limits = map[uint32]*limit{}
	}
	if old := r.limits[id]; old != nil {
		old.timer.Stop()
	}
	r.limits[id] = l
	l.timer = time.AfterFunc(d, func() {
		r.mu.Lock()
		l.over = true
		r.mu.Unlock()
		ctx, stop := context.WithTimeout(ctx, longest)
		defer stop()
		if conn, err := s.daemon(ctx); err == nil {
			_, _ = conn.Stop(ctx, wire.Stop{Target: wire.All(id)}) // one that is gone has ended by itself
		}
	})
}

// late reports whether a run was ended because its time was up.
func (r *runs) late(id uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limits[id] != nil && r.limits[id].over
}

// over clears a run away that has ended: at once, or when its output was left
// out in part, after others.
func (r *runs) over(ctx context.Context, once *verb.Once, keep bool) error {
	r.mu.Lock()
	if l := r.limits[once.App.ID]; l != nil {
		l.timer.Stop()
		delete(r.limits, once.App.ID)
	}
	old := leftover{ctx, once}
	if keep {
		r.kept = append(r.kept, leftover{context.WithoutCancel(ctx), once})
		if old = (leftover{}); len(r.kept) > mostKept {
			old, r.kept = r.kept[0], r.kept[1:]
		}
	}
	r.mu.Unlock()
	if old.once == nil {
		return nil
	}
	if err := old.once.End(old); !keep {
		return err
	}
	return nil // an old one that somebody else has deleted
}

// end clears all away with the server. What still runs is the agent's: its
// lease says how long. A daemon that does not answer is not waited for.
func (r *runs) end() {
	r.mu.Lock()
	kept := r.kept
	for _, l := range r.limits {
		l.timer.Stop()
	}
	r.limits, r.kept = nil, nil
	r.mu.Unlock()
	if len(kept) == 0 {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, l := range kept {
			if l.once.End(l) != nil {
				return
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}

// A tail keeps the end of what was written, within a budget.
type tail struct {
	budget  int // bytes
	veil    *view.Veil
	lines   []string
	numbers []uint64 // of the lines
	size    int
	dropped int
	first   uint64 // number of the first line that is kept
	end     string // the end of the newest line, where not even that one fits
}

// add takes a line. Where lines are missing what came before them goes, too:
// what is kept has no gaps.
func (t *tail) add(e *velos.Entry) {
	if e.Missed > 0 {
		t.dropped += int(e.Missed) + len(t.lines)
		t.lines, t.numbers, t.size, t.first, t.end = nil, nil, 0, 0, ""
		return
	}
	line := t.veil.Text(e)
	t.lines, t.numbers = append(t.lines, line), append(t.numbers, e.Seq)
	for t.size += len(line) + 1; t.size > t.budget && len(t.lines) > 0; t.dropped++ {
		t.size -= len(t.lines[0]) + 1
		t.lines, t.numbers = t.lines[1:], t.numbers[1:]
	}
	if t.first, t.end = 0, ""; len(t.numbers) > 0 {
		t.first = t.numbers[0]
	} else {
		t.end = "… " + strings.ToValidUTF8(line[len(line)-t.budget:], "")
	}
}

func (t *tail) text() string { return strings.Join(t.lines, "\n") + t.end }
