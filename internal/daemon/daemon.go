// Package daemon is velosd answering: it wires the rooms below it together,
// accepts connections, hands each request to the supervisor, the logs or the
// journal, saves state and ends in order. It supervises nothing itself.
package daemon

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/journal"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/lease"
	"github.com/velospm/velos/internal/level"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/proc"
	"github.com/velospm/velos/internal/supervise"
	"github.com/velospm/velos/internal/wire"
)

// maxJournal is where the event journal starts a new file; one old file is
// kept beside it.
const maxJournal = 1 << 20

// A Daemon is everything one velosd holds while it lives.
type Daemon struct {
	home     home.Home
	lock     *home.Lock
	line     *keeper.Line // nil when no keeper has started us
	manager  manager      // of services, that has started us or the keeper
	heir     bool         // we were executed in the place of another velosd
	journal  *journal.Journal
	children *child.Host
	store    *logs.Store
	machine  *supervise.Host
	sup      *supervise.Supervisor
	saver    *saver
	helper   *helper
	crier    crier
	leases   *lease.Watch
	listener atomic.Pointer[wire.Listener]

	trashing sync.Mutex // the files of the trash: who looks through them removes what is half there

	began    time.Time
	requests atomic.Uint64
	tidy     *tidy

	sessions sync.WaitGroup
	conns    conns
	audited  audit.Log
	rules    rules
	look     func(pid int, w *seen)                  // nil: lookAt
	hold     func(pid int) (agent int, start uint64) // nil: holderOf
	// unrecorded says that the last order is not in the audit record.
	unrecorded atomic.Bool
	recover    sync.WaitGroup // survivors being ended
	astray     astray

	signals chan os.Signal
	endOnce sync.Once
	ending  chan struct{} // closed when somebody asked for the end
	// What to become instead of ending; written before ending is closed.
	successor string
	leaving   bool // end without the apps: the keeper holds them for the next daemon
	upgrading atomic.Bool
}

// Main is velosd: it returns the exit code of the process.
func Main() int {
	child.Pass()
	if len(os.Args) > 1 {
		return argument(os.Args[1:])
	}
	restartLean()
	h, err := home.Find(os.Getenv)
	if err != nil {
		return fail(err)
	}
	kept := keeper.Daemon()
	if keeper.Supported() && !kept {
		return keep(h)
	}
	line, lock, err := attach(h, kept)
	if err != nil {
		return fail(err)
	}
	d, err := openWith(h, line, lock)
	if err != nil {
		return fail(err)
	}
	d.run()
	return 0
}

// argument answers whoever runs velosd by hand.
func argument(args []string) int {
	a := args[0]
	if a == checkArg {
		return selfCheck(strings.Join(args[1:], ""))
	}
	if a == "--version" || a == "-v" {
		_, _ = os.Stdout.WriteString("velosd " + velos.Version + "\n")
		return 0
	}
	return fail(&velos.Error{Code: velos.Invalid, Message: "velosd takes no arguments, not " + a,
		Hint: "VELOS_HOME says where it lives; use velos to talk to it"})
}

func fail(err error) int {
	say("velosd: " + err.Error())
	if hint := velos.HintOf(err); hint != "" {
		say("  hint: " + hint)
	}
	return velos.CodeOf(err).Exit()
}

// open is openWith without a keeper, for systems that have none.
func open(h home.Home) (*Daemon, error) {
	if err := h.Prepare(); err != nil {
		return nil, err
	}
	lock, err := h.Lock()
	if err != nil {
		return nil, err
	}
	return openWith(h, nil, lock)
}

// openWith raises every room of the home whose lock we have, the listener
// last: whoever can connect is answered.
func openWith(h home.Home, line *keeper.Line, lock *home.Lock) (*Daemon, error) {
	d := &Daemon{home: h, line: line, lock: lock, heir: heir(), began: time.Now(), signals: heed(), ending: make(chan struct{}),
		manager: findManager(os.Getenv, os.Getpid(), line.PID())}
	state, notes, err := home.Read(h.StateFile())
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := d.raise(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd " + velos.Version + " started", PID: os.Getpid(), Actor: velos.Policy})
	for _, n := range notes {
		say(n)
		d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: n, Actor: velos.Policy})
	}
	if err := d.inherit(); err != nil {
		say("velosd: " + err.Error())
	}
	if err := d.machine.OpenNotify(); err != nil { // programs then cannot say how they are, and nothing else is amiss
		say("velosd: " + err.Error())
	}
	release := d.saver.hold() // half of what is remembered is less than the old file has
	d.restore(state)
	release()
	d.leases.Begin()
	fault.Here("adopt.restored")
	listener, err := wire.Listen(h.Socket())
	if err != nil {
		d.lower()
		return nil, err
	}
	d.listener.Store(listener)
	return d, nil
}

// raise opens the rooms from the ground up.
func (d *Daemon) raise() error {
	var err error
	if d.journal, err = journal.Open(d.home.EventsFile(), maxJournal); err != nil {
		return err
	}
	if d.children, err = child.OpenWith(child.Options{Keeper: d.line.PID(), Heir: d.heir}); err != nil {
		return err
	}
	d.helper = newHelper(d.children, d.home)
	d.rules.d, d.rules.compile, d.audited.Path = d, d.helper.rules, d.home.AuditFile()
	d.store, err = logs.Open(d.home.LogDir(), logs.Options{
		Classify: level.Classify,
		Notice:   d.logNotice,
		Unusual:  d.helper.examine,
		Compress: d.helper.compress,
		Expand:   d.helper.expand,
		Park:     d.park,
		Unpark:   d.unpark,
	})
	if err != nil {
		return err
	}
	d.machine = supervise.NewHost(d.children, d.store, d.line, d.home)
	d.saver = newSaver()
	d.tidy = newTidy()
	d.sup = supervise.New(supervise.Options{Machine: d.machine, Event: d.event, Changed: d.changed, Sampled: d.sampled, Age: proc.Age, Former: d.former})
	d.leases = newLeases(d)
	past := 0 // runs that this state knows to be over
	d.saver.run(func() *home.State {
		past = d.machine.Past()
		s, _ := d.state()
		return s
	}, func(s *home.State) error {
		if !d.lock.Holds(d.home) { // another daemon's state may be there by now: see watchHome
			return &velos.Error{Code: velos.Failed, Message: "write the state: " + d.home.Dir + " was removed or moved"}
		}
		err := home.Write(d.home.StateFile(), s)
		if err == nil {
			d.machine.Bury(past)
		}
		return err
	})
	return nil
}

// run serves until somebody asks for the end, then ends in order: no new
// connections, apps down, state written, rooms closed, lock last.
func (d *Daemon) run() {
	d.writePID()
	go d.accept(d.listener.Load())
	if err := d.line.Ready(); err != nil {
		say("velosd: " + err.Error())
	}
	d.tellReady()
	d.catchUp()
	stop := d.pulse(d.sup.Alive)
	d.waitForEnd()
	stop()
	if d.successor != "" {
		say("velosd: become " + d.successor + ": " + d.become(d.successor).Error())
		os.Exit(1) // the keeper starts the new program
	}
	if d.leaving {
		d.tellLeaving()
		d.depart()
	}
	d.tellStopping()
	d.lower()
}

func (d *Daemon) writePID() {
	if err := os.WriteFile(d.home.PIDFile(), []byte(itoa(os.Getpid())+"\n"), 0o600); err != nil {
		say("velosd: write " + d.home.PIDFile() + ": " + err.Error())
	}
}

// lower is the end of everything that open raised.
func (d *Daemon) lower() {
	d.saver.freeze() // what ran is saved as running, unless velos kill has stopped it
	if l := d.listener.Load(); l != nil {
		_ = l.Close() // removes the socket: a starter must not wait for it
	}
	d.leases.Close()
	d.sup.Close()
	d.machine.Close()
	d.recover.Wait()
	d.conns.closeAll()
	d.sessions.Wait()
	d.tidy.stop()
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "velosd ended", PID: os.Getpid(), Actor: velos.Policy})
	for _, c := range []func() error{d.store.Close, d.journal.Close, d.children.Close} {
		if err := c(); err != nil {
			say("velosd: " + err.Error())
		}
	}
	if d.lock.Holds(d.home) { // else the file is another daemon's
		_ = os.Remove(d.home.PIDFile())
	}
	_ = d.line.Close()
	_ = d.lock.Close()
	signal.Stop(d.signals)
}

// end asks for the end; only the first call counts.
func (d *Daemon) end() { d.endOnce.Do(func() { close(d.ending) }) }

func (d *Daemon) event(e velos.Event) {
	if !newsworthy(&e) {
		d.journal.Add(e)
		return
	}
	before := d.journal.Seq()
	d.journal.Add(e)
	d.cry(e.ID, before)
}

func (d *Daemon) changed() {
	d.saver.touch()
	d.tidy.touch()
}

// former keeps a Spec that was replaced. One that cannot be kept is said, and
// holds up nothing.
func (d *Daemon) former(o *velos.Former) {
	if err := d.home.Keep(o); err != nil {
		say("velosd: " + err.Error())
	}
}

// sampled is called when the sampler has looked at the apps by itself.
func (d *Daemon) sampled() {
	d.tidy.sampled()
	d.watchHome()
}

// logNotice takes what the logs room has to say to the journal.
func (d *Daemon) logNotice(app uint32, text string) {
	d.event(velos.Event{Kind: velos.KindLog, App: d.sup.Name(app), ID: app, Inst: -1, Cause: text, Actor: velos.Policy})
}
