package supervise

import (
	"context"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/logs"
)

// A Machine is where programs run. The real one forks and wires pipes
// (Host); the tests have one whose children live scripted lives.
type Machine interface {
	// Open makes room for an app's output and checks that its log files
	// can be written. A known app had its files before.
	Open(id uint32, spec *velos.Spec, known bool) error
	// Survivors takes over what former daemons have started of an app whose
	// output is open.
	Survivors(id uint32, spec *velos.Spec) []Survivor
	// Pipe makes what a run writes to. Several may be made before the Rest that
	// makes them safe; their Launch comes after that. It does not block.
	Pipe(l *Launch)
	// Launch starts one run. It may take long and runs outside the actors.
	Launch(l *Launch) (Child, error)
	// Hook runs a hook and returns when it is over in every respect: how it
	// failed, nil for code 0. The end of ctx ends it.
	Hook(ctx context.Context, k HookRun) error
	// Rest is called between Pipe and Launch, and when no more launches are
	// waiting.
	Rest()
	// Drain returns when what an ended run wrote has been kept, or when
	// that takes too long.
	Drain(seat Seat)
	// Over says that all that follows from the end of a drained run is
	// published.
	Over(seat Seat)
	// Hold says that the run of a seat is the one that counts for its
	// instance: of two that a later daemon finds, it is the one to go on with.
	Hold(seat Seat)
	// Serve says which runs of an app get new connections from now on,
	// where its sockets are ours.
	Serve(id uint32, seats []Seat)
	// Rested says that an app is down and should be: sockets that were kept
	// open for its next run are closed.
	Rested(id uint32)
	// Addresses finds what the trees of the given roots listen on.
	Addresses(roots []int, set func(root int, a velos.Addresses)) error
	// Change follows a new name or log policy.
	Change(id uint32, spec *velos.Spec) error
	// Forget gives up what Open made; log files stay.
	Forget(id uint32)
	// Output says where an app's output is and how much there was.
	Output(id uint32) velos.LogInfo
	// Watch watches files as a Spec wants it, and calls tell when some have
	// changed, with words for a reason. A nil Spec ends it. Tell does not
	// block, and may be called once more after the end.
	Watch(id uint32, spec *velos.Spec, tell func(text string, what Sight))
	// Sample measures the trees of the given roots.
	Sample(now time.Time, roots []int, set func(root int, u velos.Usage)) error
}

// A Sight is what is told of watched files.
type Sight uint8

// The sights.
const (
	Altered Sight = iota // files have changed
	Aside                // not about the files: how they are watched
)

// A Seat is where a run has its place: an instance of an app, and a side.
// While a reload puts a run in another one's place, both live, one on side 0
// and one on side 1.
type Seat struct {
	ID         uint32
	Inst, Side int
}

// A Launch is what a Machine needs to know to start one run.
type Launch struct {
	Seat
	Spec  *velos.Spec
	Agent string // whose the app is; empty: people's

	outlet outlet // of Pipe
}

// An outlet is what a run writes to, or why there is none.
type outlet struct {
	log       *logs.Log
	out, errs int
	err       error
}

// A Child is one run of a program.
type Child interface {
	PID() int
	Started() time.Time
	StartTicks() uint64
	Signal(sig int, tree bool) error
	Kill() error
	Exited() <-chan child.Exit
	Gone() <-chan struct{}
	// Notify has f called when Exited and when Gone have something to tell.
	// F does not block. What was there before is told at once.
	Notify(f func())
	// Hear has f called with what the run says of itself and what is found
	// out about it. F does not block. What was there before is told at once.
	Hear(f func(News))
	// Finish asks the program to take no more connections and to end those
	// it has; idle ones too, at once, unless patient. False: there is
	// nothing to wait for. Else Finished is heard when it is done.
	Finish(patient bool) bool
	// Adjust has the run asked how it is as another Spec wants it.
	Adjust(spec *velos.Spec)
	// Say sends a message on the program's own channel.
	Say(message string) error
}

// News is what is heard of a run.
type News struct {
	Kind NewsKind
	Text string
}

// A NewsKind says what News is about.
type NewsKind uint8

// The kinds of news.
const (
	Ready    NewsKind = iota // by its own word, or a probe has found it
	Listens                  // it shares a socket; Text: the address
	Finished                 // what Finish asked for is done
	Said                     // STATUS=; Text
	Ends                     // it has begun to end by itself
	Beats                    // WATCHDOG=1
	Misbeats                 // WATCHDOG=trigger
	Well                     // a health probe was answered well
	Unwell                   // Text: what was wrong; it does not count yet
	Sick                     // Text: what was wrong, often enough to act
	Unready                  // a probe for readiness failed; Text
)
