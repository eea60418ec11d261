package daemon

import (
	"os"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/wire"
)

// lockPatience is how long a new keeper waits for one that is just ending: its
// daemon has taken the socket away, but it still holds the lock.
const lockPatience = 3 * time.Second

// settledDaemon is the age at which a daemon's death is no loop. One that dies
// of what it finds at its start is far younger; one that is killed now and
// then from outside must be back at once.
const settledDaemon = 500 * time.Millisecond

// keep is this program in its other role: the parent of the daemon. It holds
// the lock, so that nobody else becomes the daemon while ours is restarted.
func keep(h home.Home) int {
	if keeper.Resumed() {
		return keeper.Run(keeper.Options{Lock: -1, Settled: settledDaemon, Resting: rest}) // the former program's descriptors come with its state
	}
	if err := h.Prepare(); err != nil {
		return fail(err)
	}
	starter := os.Getppid()
	lock, err := takeLock(h, func() bool { return os.Getppid() != starter })
	if err != nil {
		return fail(err)
	}
	return keeper.Run(keeper.Options{Lock: lock.FD(), Settled: settledDaemon, Resting: rest})
}

// takeLock is h.Lock with patience, as long as there is nobody who answers and
// somebody who waits for us: a command that was served meanwhile ends, and
// another one may have ended the daemon since.
func takeLock(h home.Home, unwanted func() bool) (lock *home.Lock, err error) {
	lock, err = h.Lock()
	for end := time.Now().Add(lockPatience); velos.CodeOf(err) == velos.Conflict && time.Now().Before(end); {
		if pid, ok := h.Idle(); ok {
			wakeKeeper(pid) // its daemon has left or died: it starts the next one, and ours is not needed
			break
		}
		if c, e := wire.Dial(h.Socket()); e == nil {
			_ = c.Close()
			break // the other one serves
		}
		time.Sleep(20 * time.Millisecond)
		if unwanted() {
			break
		}
		lock, err = h.Lock()
	}
	return lock, err
}

// rest lets whoever wants a daemon know that the keeper holds its start back.
func rest(lock int) { _ = home.Rest(lock, os.Getpid()) }

// attach is the daemon's side of it: its line to the keeper, and the lock.
// Where there is no keeper it takes the lock itself.
func attach(h home.Home, kept bool) (*keeper.Line, *home.Lock, error) {
	if err := h.Prepare(); err != nil {
		return nil, nil, err
	}
	if !kept {
		lock, err := h.Lock()
		return nil, lock, err
	}
	line, err := keeper.Dial(keeper.LineFD)
	if err != nil {
		return nil, nil, err
	}
	state, err := line.State()
	if err == nil && !state.Locked {
		err = &velos.Error{Code: velos.Failed, Message: "start velosd: the keeper holds no lock"}
	}
	if err != nil {
		return nil, nil, err
	}
	lock, err := home.Inherit(keeper.LockFD)
	if err == nil && !lock.Holds(h) { // the home was removed or moved under the keeper
		lock, err = h.Lock()
	}
	return line, lock, err
}

// inherit takes over what the keeper holds for us: first the ends it knows of,
// so that whoever has ended is adopted with its true code, then the pipes and
// the records of runs. The apps claim theirs when they are restored.
func (d *Daemon) inherit() error {
	if d.line == nil {
		return nil
	}
	state, err := d.line.State()
	if err != nil {
		return err
	}
	told := make(chan struct{}, state.Pending+1)
	err = d.line.Follow(func(x keeper.Exit) {
		d.machine.Told(x)
		select {
		case told <- struct{}{}:
		default:
		}
	}, d.orphaned)
	if err != nil {
		return err
	}
	if n := hear(told, state.Pending, time.Second); n < state.Pending {
		say("velosd: the keeper announced " + itoa(state.Pending) + " ends and told " + itoa(n))
	}
	list, err := d.line.List()
	if err != nil {
		return err
	}
	fault.Here("adopt.listed")
	d.machine.Inherit(list)
	return nil
}

// hear counts what is told until it is enough or the time is over.
func hear(told <-chan struct{}, enough int, limit time.Duration) (n int) {
	late := time.After(limit)
	for ; n < enough; n++ {
		select {
		case <-told:
		case <-late:
			return n
		}
	}
	return n
}

// orphaned is told when the keeper is gone. The apps go on as our children;
// only the next crash of the daemon would cost more.
func (d *Daemon) orphaned(err error) {
	say("velosd: " + err.Error())
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Actor: velos.Policy,
		Cause: "the keeper is gone: if velosd is killed now, apps lose their output"})
}

// park and unpark are the log room's way to the keeper. A line that is broken
// has said so once. New pipes go there together with the records of the runs
// before, and before anybody writes to them: see supervise.Host.Rest.
func (d *Daemon) park(name string, fd int) { _ = d.line.Hold(name, fd) }
func (d *Daemon) unpark(name string)       { _ = d.line.Drop(name) }
