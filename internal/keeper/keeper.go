// Package keeper is the parent of the daemon and the daemon's line to it. The
// keeper starts the daemon, starts it again when it dies, holds descriptors
// that must survive it and remembers how its orphans ended. It knows nothing
// of apps, logs or clients, and reads from nobody but the daemon.
//
// # The line
//
// Daemon and keeper are the two ends of a SOCK_SEQPACKET socket pair; the
// daemon's end is its descriptor 3. One message is one packet: a byte with the
// protocol's version, a byte with the kind, the body. Numbers are little
// endian; a name is the rest of the message, 1 to 120 bytes.
//
//	daemon to keeper
//	H  id u32                    greet: answered by h
//	R                            ready: the daemon's start is over
//	P  name, one descriptor      park under this name; what it replaces is closed
//	M  count u8, count × (length u8, name), count descriptors
//	                             as many parks; only for a keeper that says it knows M
//	D  name                      drop and close
//	L  id u32, after u64         list what was parked after this number: l
//	X  id u32, after u64         exits of strangers after this number: x
//	A  number u64                this exit has been dealt with
//	U  id u32, path              become this program: u
//	B  ms u32                    alive; kill me when this long passes without another; 0: never
//
//	keeper to daemon
//	h  id u32, flags u8, then pid, starts, parked, refused, pending, lost: u32
//	l  id u32, more u8, count u8, last u64, count × (length u8, name), count descriptors
//	x  id u32, more u8, count u8, count × (number u64, pid u32, status u32, time i64, start u64)
//	n                            there is another exit: ask with X
//	u  id u32, errno u32         0: the answer comes from the new program
//
// Only H is answered whatever its version says, with the keeper's own version
// in front: a daemon that was upgraded under an older keeper learns it so. The
// flags of h are 1 for the lock, 2 for a keeper that knows M. All else that the
// keeper does not understand it drops, and counts as refused.
//
// The daemon asks, the keeper answers and never waits for the daemon: it sends
// at most one n until it was asked. Parks and drops have no answer, but are
// done in the order they were sent, before any later question is answered, and
// after the daemon's death too.
package keeper

import "time"

// Version is the version of the line's protocol.
const Version = 1

// Limits of the line.
const (
	MaxName = 120 // bytes in a name

	maxParked  = 64 << 10 // descriptors
	maxExits   = 16 << 10 // exits kept; the oldest go first
	maxPath    = 4096
	maxMessage = 4 << 10 // what the keeper sends; also holds all that it receives but a path
	batch      = 64      // descriptors in one message
)

// Flags of h.
const (
	flagLocked = 1 << iota
	flagMany
)

// Leave is the exit code of a daemon that has ended and leaves what it kept
// running to the next one: the keeper waits for SIGUSR1 before it starts that,
// or for SIGTERM, which is for that one to carry out.
const Leave = 64

const (
	// LineFD is where the daemon finds its end of the line.
	LineFD = 3
	// LockFD is where it finds the lock, if the line says that there is one.
	LockFD = 4
)

// role is the variable that tells the program what it is to be.
const (
	role       = "VELOS_ROLE"
	roleDaemon = "daemon"
	roleKeeper = "keeper:" // and the descriptor with the former keeper's state
)

// Options say how to start the daemon.
type Options struct {
	Path string   // the program; empty: this one
	Args []string // with its name in front; empty: this program's name
	Env  []string // nil: this program's environment
	Lock int      // a descriptor for the daemon to hold too; negative: none

	// Settled is the age at which a daemon's death is no longer part of a
	// loop that needs slowing down; 0: ten seconds.
	Settled time.Duration

	// Resting is called when there is no daemon and the next one is started
	// after a pause, or at once when the keeper gets SIGUSR1. It is given the
	// lock. It may be nil.
	Resting func(lock int)
}

// An Exit is the end of a stranger: a process that became the keeper's child
// because the daemon that had started it died.
type Exit struct {
	Number uint64 // grows by one with each exit
	PID    int
	Status uint32 // as wait4 gives it
	Start  uint64 // the process's start in ticks since boot, 0 if unknown
	Time   time.Time
}

// A Parked is a descriptor that the keeper holds. FD is the receiver's own
// copy, closed on exec.
type Parked struct {
	Name string
	FD   int
}

// State is what the keeper says about itself.
type State struct {
	PID     int
	Starts  int  // daemons started so far, the present one included
	Parked  int  // descriptors held
	Refused int  // messages that were no use, parked descriptors that did not arrive
	Pending int  // exits not acknowledged
	Lost    int  // exits dropped because nobody acknowledged them
	Locked  bool // LockFD is the lock
}

// delay is how long to wait before the next start, after so many lives in a
// row that were shorter than settled.
func delay(strikes int) time.Duration {
	const first, last = 100 * time.Millisecond, 5 * time.Second
	switch {
	case strikes <= 0:
		return 0
	case strikes > 6:
		return last
	}
	return min(first<<(strikes-1), last)
}

// settled is what Options.Settled is by default.
const settled = 10 * time.Second

// DaemonEnv is env with the mark that makes the program be the daemon on this
// line, for a daemon that replaces itself by another program: LineFD and
// LockFD must then be where Dial looks for them.
func DaemonEnv(env []string) []string {
	return append(env[:len(env):len(env)], role+"="+roleDaemon)
}
