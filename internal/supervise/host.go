package supervise

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/cluster"
	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/level"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/notify"
	"github.com/velospm/velos/internal/proc"
	"github.com/velospm/velos/internal/usage"
)

// A Host is the Machine of the running system: programs are forked by a
// child.Host, and what they write goes to a logs.Store.
type Host struct {
	children *child.Host
	store    *logs.Store
	line     *keeper.Line // nil when there is no keeper
	sampler  *usage.Sampler
	runs     atomic.Uint64
	primary  *cluster.Primary // of the apps' sockets and channels
	notify   *notify.Socket   // nil when programs cannot reach us
	home     home.Home
	workers  atomic.Uint64  // of clusters, so far
	asking   sync.WaitGroup // goroutines that ask runs how they are
	epoch    string         // part of every mark: no two programs of one process give the same

	looking   sync.Mutex // of listeners and table
	listeners proc.Listeners
	table     proc.Table

	mu       sync.Mutex
	sentry   sentry
	programs map[Seat]*program // live runs
	notified int               // what a former daemon had for notify, -1: nothing
	readies  map[Seat]bool     // runs that had said that they are ready, until Settled
	logs     map[uint32]*logs.Log
	parked   map[uint32]estate   // what former daemons left, until it is claimed
	records  map[Seat]record     // of live runs, as the keeper holds them
	holds    map[Seat]bool       // whom the keeper knows to have the place of an instance
	exits    map[int]keeper.Exit // told and not acknowledged yet
	settled  bool                // everybody who could be adopted was
	known    chan struct{}       // closed with settled
	null     int                 // what is parked where only the name matters
	ends     map[int]string      // of roots whose run is not past yet, as parked
	past     []past
	late     map[int]keeper.Exit // ends that former daemons have parked, until they are claimed
}

// NewHost is a Machine on top of children and store. With a line, what a run
// needs to be taken over by a later daemon is parked with the keeper.
func NewHost(children *child.Host, store *logs.Store, line *keeper.Line, d home.Home) *Host {
	h := &Host{children: children, store: store, line: line, home: d, notified: -1, programs: map[Seat]*program{}, sampler: usage.New(), null: -1,
		known: make(chan struct{}), epoch: strconv.FormatInt(time.Now().UnixNano(), 36),
		logs: map[uint32]*logs.Log{}, records: map[Seat]record{}, holds: map[Seat]bool{}, ends: map[int]string{}}
	h.primary = cluster.New(cluster.Options{
		Park:   func(name string, fd int) { _ = line.Park(name, fd) },
		Unpark: func(name string) { _ = line.Drop(name) },
		Tell:   h.heard,
		Script: (&drainScript{home: d}).put,
	})
	if line != nil {
		var err error
		if h.null, err = openNull(); err == nil {
			children.BeforeReap(h.ending)
		}
	}
	return h
}

// Log is the output of an app; nil when the app is not known.
func (h *Host) Log(id uint32) *logs.Log {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logs[id]
}

// Open implements Machine.
func (h *Host) Open(id uint32, spec *velos.Spec, known bool) error {
	p, err := policy(spec)
	if err != nil {
		return err
	}
	p.Known = known
	l, err := h.store.Log(id, p)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.logs[id] = l
	h.mu.Unlock()
	return nil
}

// Change implements Machine.
func (h *Host) Change(id uint32, spec *velos.Spec) error {
	l := h.Log(id)
	if l == nil {
		return nil
	}
	p, err := policy(spec)
	if err != nil {
		return err
	}
	return l.SetPolicy(p)
}

// Forget implements Machine.
func (h *Host) Forget(id uint32) {
	h.mu.Lock()
	l := h.logs[id]
	delete(h.logs, id)
	h.unhold(id)
	h.primary.Release(id)
	h.mu.Unlock()
	if l != nil {
		_ = l.Remove() // what cannot be removed is swept at the next start
	}
}

// Output implements Machine.
func (h *Host) Output(id uint32) velos.LogInfo {
	if l := h.Log(id); l != nil {
		return l.Info()
	}
	return velos.LogInfo{}
}

// Drain implements Machine.
func (h *Host) Drain(s Seat) {
	fault.Here("stop.gone")
	h.strike(s)
	h.discharge(s)
	if l := h.Log(s.ID); l != nil {
		l.Settle(s.place())
	}
	fault.Here("stop.drained")
}

// Sample implements Machine.
func (h *Host) Sample(now time.Time, roots []int, set func(int, velos.Usage)) error {
	err := h.sampler.Sample(now, roots, set)
	if err == nil {
		// Who descends from whom is worth remembering for the day a
		// program leaves its group and its parent dies.
		h.children.Observe(h.sampler.Table())
	}
	h.sampler.Release()
	return err
}

// Launch implements Machine.
func (h *Host) Launch(l Launch) (Child, error) {
	log := h.Log(l.ID)
	if log == nil {
		return nil, &velos.Error{Code: velos.NotFound, Message: "start " + l.Spec.Name + ": deleted meanwhile"}
	}
	files, err := EnvFiles(l.Spec)
	if err != nil {
		return nil, wrap("start "+l.Spec.Name, err)
	}
	mark := h.mark(l)
	env, err := environ(l.Spec, files, l.Inst, mark, l.Agent)
	if err != nil {
		return nil, wrap("start "+l.Spec.Name, err)
	}
	if h.notify != nil {
		env = append(env, "NOTIFY_SOCKET="+h.notify.Path())
	}
	out, errs, err := h.pipes(log, l.place())
	if err != nil {
		return nil, wrap("start "+l.Spec.Name, err)
	}
	fault.Here("start.piped")
	path, args := argv(l.Spec)
	c := child.Command{Path: path, Args: args, Dir: l.Spec.Cwd, Env: env, Stdout: out, Stderr: errs, Mark: mark, Bounds: bounds(l.Spec)}
	if c.Rights, err = rights(l.Spec); err == nil {
		err = handOver(c.Rights, out, errs)
	}
	if err != nil {
		closeFD(out)
		if errs != out {
			closeFD(errs)
		}
		log.Settle(l.place())
		return nil, wrap("start "+l.Spec.Name, err)
	}
	p := &program{host: h, seat: l.Seat, mark: mark, spec: l.Spec, agent: l.Agent, quit: make(chan struct{})}
	p.keep(env)
	if err := h.fork(p, &c); err != nil {
		log.Settle(l.place())
		return nil, wrap("start "+l.Spec.Name, err)
	}
	fault.Here("start.forked")
	h.record(l.Seat, p.Process)
	fault.Here("start.recorded")
	log.Began(l.place(), p.PID())
	fault.Here("start.begun")
	h.watch(p, p.Started())
	return p, nil
}

// pipes makes the outputs of a run or of a hook. What is written to them has
// somebody to keep it from the first word, whoever is killed meanwhile.
func (h *Host) pipes(log *logs.Log, place int) (out, errs int, err error) {
	if out, errs, err = log.Pipes(place); err == nil {
		h.Rest()
	}
	return out, errs, err
}

// fork starts p's process, with all that its Spec wants it to have, and closes
// our copies of what it has.
func (h *Host) fork(p *program, c *child.Command) error {
	h.enrol(p)
	closes, err := h.connect(p, c)
	if err == nil {
		h.await(p)
		var started *child.Process
		if started, err = h.children.Start(*c); err == nil {
			h.mu.Lock()
			p.Process = started
			h.mu.Unlock()
		}
	}
	for _, fd := range append(closes, c.Stdout) {
		closeFD(fd)
	}
	if c.Stderr != c.Stdout {
		closeFD(c.Stderr)
	}
	if err != nil {
		h.discharge(p.seat)
	}
	return err
}

// mark names one run of one daemon. Programs carry it in VELOS_ID, so that
// what left its group and its session can still be told apart.
func (h *Host) mark(l Launch) string {
	return strconv.Itoa(int(l.ID)) + ":" + strconv.Itoa(l.Inst) + ":" +
		strconv.FormatUint(h.runs.Add(1), 10) + ":" + h.epoch
}

// wrap puts what was attempted before an error and keeps its code and hint.
func wrap(what string, err error) error {
	return &velos.Error{Code: velos.CodeOf(err), Message: what + ": " + err.Error(), Hint: velos.HintOf(err), Cause: err}
}

// argv is the program that is executed and its arguments.
func argv(s *velos.Spec) (path string, args []string) {
	switch {
	case s.Shell:
		return "/bin/sh", append([]string{"/bin/sh", "-c", s.Command, "sh"}, s.Args...)
	case s.Interpreter != "":
		args = make([]string, 0, 2+len(s.InterpreterArgs)+len(s.Args))
		args = append(append(args, s.Interpreter), s.InterpreterArgs...)
		return s.Interpreter, append(append(args, s.Script), s.Args...)
	}
	return s.Script, append([]string{s.Script}, s.Args...)
}

// later is room for the variables that are added to environ's: without it the
// first of them would copy the whole environment, for each run.
const later = 8

// agentVariable tells the daemon that who asks was begun by an agent: a program
// that an agent has started is no way to ask as a person.
const agentVariable = "VELOS_AGENT"

// environ is what the program gets: the files' values, the Spec's over them,
// and our own over all.
func environ(s *velos.Spec, files map[string]string, inst int, mark, agent string) ([]string, error) {
	own := map[string]string{
		"VELOS_NAME":        s.Name,
		"VELOS_INSTANCE":    strconv.Itoa(inst),
		"NODE_APP_INSTANCE": strconv.Itoa(inst),
		"VELOS_ID":          mark,
	}
	if agent != "" {
		own[agentVariable] = agent
	}
	if s.Watchdog > 0 {
		own["WATCHDOG_USEC"] = strconv.FormatInt(s.Watchdog.Std().Microseconds(), 10)
	}
	if counter := s.Counter(); counter != "" {
		base, ok := s.Env[counter]
		if !ok {
			base, ok = files[counter]
		}
		n, err := strconv.Atoi(base)
		if ok && err != nil { // in a file: Validate has seen the other
			return nil, &velos.Error{Code: velos.Invalid, Message: "increment_var: " + counter + " in env_file must be a whole number"}
		}
		own[counter] = strconv.Itoa(n + inst)
	}
	list := make([]string, 0, len(s.Env)+len(files)+len(own)+later)
	for k, v := range files {
		if _, ok := s.Env[k]; !ok && own[k] == "" && !reserved(k) {
			list = append(list, k+"="+v)
		}
	}
	for k, v := range s.Env {
		if own[k] == "" && !reserved(k) {
			list = append(list, k+"="+v)
		}
	}
	for k, v := range own {
		list = append(list, k+"="+v)
	}
	return list, nil
}

// reserved are the variables that say what a program gets from whoever has
// started it: what was meant for another one must not reach it.
func reserved(name string) bool {
	switch name {
	case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
		"NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID":
		return true
	}
	return false
}

func policy(s *velos.Spec) (logs.Policy, error) {
	rules, err := level.NewRules(s.Rules)
	p := logs.Policy{
		Name: s.Name, Out: s.OutFile, Err: s.ErrFile, Merge: s.MergeLogs, Raw: s.LogRaw, Rules: rules,
		MaxSize: s.MaxLogSize, MaxFiles: s.MaxLogFiles, MaxTotal: s.MaxLogTotal,
	}
	if s.LogFile != "" {
		p.Out, p.Merge = s.LogFile, true
	}
	return p, err
}
