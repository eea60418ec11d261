package supervise

import (
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// A Machine is where programs run. The real one forks and wires pipes
// (Host); the tests have one whose children live scripted lives.
type Machine interface {
	// Open makes room for an app's output and checks that its log files
	// can be written.
	Open(id uint32, spec *velos.Spec) error
	// Survivors takes over what former daemons have started of an app whose
	// output is open: by instance.
	Survivors(id uint32, spec *velos.Spec) map[int]Survivor
	// Launch starts one run. It may take long and runs outside the actors.
	Launch(l Launch) (Child, error)
	// Rest is called when no more launches are waiting.
	Rest()
	// Drain returns when what an ended run wrote has been kept, or when
	// that takes too long.
	Drain(id uint32, inst int)
	// Over says that all that follows from the end of a drained run is
	// published.
	Over(id uint32, inst int)
	// Change follows a new name or log policy.
	Change(id uint32, spec *velos.Spec) error
	// Forget gives up what Open made; log files stay.
	Forget(id uint32)
	// Output says where an app's output is and how much there was.
	Output(id uint32) velos.LogInfo
	// Sample measures the trees of the given roots.
	Sample(now time.Time, roots []int, set func(root int, u velos.Usage)) error
}

// A Launch is what a Machine needs to know to start one run.
type Launch struct {
	ID   uint32
	Inst int
	Spec *velos.Spec
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
}
