// Package child runs operating system processes: it starts them, knows their
// trees, signals them and hears of their end. It does not know why a process
// runs, never starts one again, reads none of its output and waits for nothing
// on behalf of a caller.
//
// A Host is the one parent of everything that a daemon runs. Each process leads
// a session of its own. Whatever of its tree leaves that session still belongs
// to it: on Linux the daemon is a subreaper, so that every orphan comes to the
// Host. Whose it is tells its control group, where the daemon may make one for
// each run; else its session and process group, what earlier looks have shown,
// the VELOS_ID in its environment, or the output pipe that it holds. Without
// control groups one case is left: a process that left session, group,
// environment and pipe behind before anybody looked, while several apps are old
// enough to have made it. It is nobody's then, and is not killed. On macOS
// orphans go to launchd; there the group and the VELOS_ID must do.
//
// A Host also takes over what a former daemon has started: as a child, when the
// daemon has replaced its own program, else as a foster child, whose parent is
// now the keeper. The keeper hears how those end, and tells; Linux itself tells
// since 6.15. Where nobody does, the end is known and the code is not.
package child

import (
	"time"

	"github.com/velospm/velos"
)

// A Command is what to run. Everything is complete: no PATH is searched and
// nothing is added to Env.
type Command struct {
	Path string
	Args []string // with the program's name first
	Dir  string   // "": the daemon's own
	Env  []string // NAME=VALUE, the whole environment
	// Stdout and Stderr are descriptors for the program to write to, -1 for
	// none. They stay the caller's to close. Standard input is empty.
	Stdout, Stderr int
	// Extra descriptors become 3, 4, … of the program. They stay the caller's.
	Extra []int
	// Passed says that Extra begins with sockets for the program to find as
	// systemd passes them; Env says how many. LISTEN_PID is added.
	Passed bool
	// Rights are what it has otherwise than the daemon; nil is nothing.
	Rights *Rights
	// Bounds are written into the run's control group, which must be one that
	// can have them.
	Bounds []Bound
	// Mark is the value of VELOS_ID in Env: it tells whose an orphan is.
	Mark string
}

// A Bound is a file of a control group and what is written into it:
// memory.max, cpu.max or pids.max.
type Bound struct{ File, Value string }

// An Exit is how a process ended.
type Exit struct {
	Code    int    // when Signal is empty and Unknown is false
	Signal  string // SIGKILL, …; empty when it exited by itself
	Core    bool
	OOM     bool // the kernel killed something of its tree, which was out of the memory that its group may have
	Unknown bool // nobody could tell
	Time    time.Time
	// Leftover says that members of its tree live on. Gone is closed when
	// they do not any more.
	Leftover bool
}

// A Process is one run of a Command.
type Process struct {
	host    *Host
	pid     int
	start   uint64
	started time.Time
	mark    string
	pipes   [2]uint64 // what stdout and stderr are, 0 when there is nothing to know it by

	exited chan Exit
	gone   chan struct{}

	// What follows is the Host's, under its mutex.
	reaped bool // the root has ended and its pid is no longer ours
	exit   Exit
	closed bool   // gone is closed
	tell   func() // of Notify; may be nil
	told   bool   // Exited has its value
	// strange: the number of root, group and session was given to somebody
	// else since; it says nothing about the tree any more.
	strange bool
	orphans int // members of its tree that have become our children, or the keeper's
	cgroup  *cgroup
	foster  *foster // nil for our own children
}

// Options change how a Host works.
type Options struct {
	// NoCgroup keeps the Host from using control groups where it could.
	NoCgroup bool
	// Keeper is the process that gets the children and orphans of former
	// daemons, 0 when there is none. It tells of their ends: see Reaped.
	Keeper int
	// Heir says that this program was executed in the place of one that had
	// children: they are ours.
	Heir bool
}

// An Adoption names a run of a former daemon, by what a Process said of itself.
type Adoption struct {
	PID    int
	Start  uint64 // StartTicks
	Mark   string
	Cgroup string // empty when it had none
	Began  time.Time
}

// PID is the root's process id. It stays the same after the end.
func (p *Process) PID() int { return p.pid }

// Started is when the process was started.
func (p *Process) Started() time.Time { return p.started }

// StartTicks is the root's start in ticks of proc.TicksPerSecond, 0 when it
// ended before it could be read. With PID it names the process for good.
func (p *Process) StartTicks() uint64 { return p.start }

// Mark is the value of VELOS_ID that it was started with.
func (p *Process) Mark() string { return p.mark }

// Exited delivers one value, at the root's end.
func (p *Process) Exited() <-chan Exit { return p.exited }

// Gone is closed when the root and its whole tree have ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

func fault(code velos.Code, cause error, hint string, message ...string) error {
	text := ""
	for _, m := range message {
		text += m
	}
	return &velos.Error{Code: code, Message: text, Hint: hint, Cause: cause}
}
