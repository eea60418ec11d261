package home

import (
	"iter"

	"github.com/velospm/velos"
)

// StateVersion is the version of a state file that this program writes. A
// file with a higher one is left alone.
const StateVersion = 1

// A State is what the daemon remembers over its own restarts, or what velos
// save has kept.
type State struct {
	Version       int
	SavedAt       velos.Time // in the file too: Unix milliseconds, as everywhere else
	DaemonVersion string
	BootID        string // of the system's run: pids of another run mean nothing
	NextID        uint32 // ids are never used twice
	Apps          []Saved
	// Each gives Write the apps one after another, instead of Apps: a list of
	// hundreds would be garbage after each write. An app is valid until the next.
	Each iter.Seq[*Saved]
}

// Fields implements velos.Record.
func (s *State) Fields(f velos.Fields) {
	s.head(f)
	velos.List(f, "processes", &s.Apps)
}

func (s *State) head(f velos.Fields) {
	velos.Int(f, "version", &s.Version)
	velos.Int(f, "saved_at", &s.SavedAt)
	f.String("daemon_version", &s.DaemonVersion)
	f.String("boot_id", &s.BootID)
	velos.Int(f, "next_id", &s.NextID)
}

// head is the first line of a state file.
type head struct{ *State }

func (h head) Fields(f velos.Fields) { h.head(f) }

// Saved is one app of a State.
type Saved struct {
	ID           uint32
	Spec         velos.Spec
	Status       velos.Status // what it should be: online or stopped
	Generation   int
	Created      velos.Time
	RestartCount int
	Lease        *velos.Lease
	Runs         []Run
}

// Fields implements velos.Record.
func (s *Saved) Fields(f velos.Fields) {
	velos.Int(f, "id", &s.ID)
	f.Nest("config", true, &s.Spec)
	velos.Str(f, "status", &s.Status)
	velos.Int(f, "generation", &s.Generation)
	velos.Int(f, "created_at", &s.Created)
	velos.Int(f, "restart_count", &s.RestartCount)
	velos.Object(f, "lease", &s.Lease)
	velos.List(f, "runs", &s.Runs)
}

// A Run is what is remembered of one instance, enough to recognise its process
// when a new daemon finds it alive.
type Run struct {
	Inst     int
	Side     int // of its seat: see supervise.Seat
	Wanted   bool
	PID      int
	Start    uint64 // clock ticks after boot; with PID and BootID it names one process
	Restarts int
	Strikes  int
	Status   velos.Status
	RetryAt  velos.Time // when a pause before a restart ends
	LastExit *velos.Exit
	// Generation is that of the Spec that the run was started with; after a
	// daemon that died in a reload it may be higher than the app's.
	Generation int
}

// Fields implements velos.Record.
func (r *Run) Fields(f velos.Fields) {
	velos.Int(f, "instance", &r.Inst)
	velos.Int(f, "side", &r.Side)
	f.Bool("wanted", &r.Wanted)
	velos.Int(f, "pid", &r.PID)
	velos.Int(f, "start_ticks", &r.Start)
	velos.Int(f, "restart_count", &r.Restarts)
	velos.Int(f, "unstable_restarts", &r.Strikes)
	velos.Str(f, "status", &r.Status)
	velos.Int(f, "retry_at", &r.RetryAt)
	velos.Object(f, "last_exit", &r.LastExit)
	velos.Int(f, "generation", &r.Generation)
}
