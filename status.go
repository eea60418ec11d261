package velos

import "strings"

// A Status is what an instance is doing.
type Status string

// The statuses. Metrics number them 0 stopped, 1 online, 2 errored,
// 3 starting, 4 stopping, 5 waiting_restart.
const (
	Stopped        Status = "stopped"
	Starting       Status = "starting"
	Online         Status = "online"
	Stopping       Status = "stopping"
	WaitingRestart Status = "waiting_restart"
	Errored        Status = "errored"
)

// Usage is what a process tree takes.
type Usage struct {
	CPU    float64 `json:"cpu_percent"` // percent of one core between the last two samples
	Memory int64   `json:"memory_bytes"`
	Peak   int64   `json:"memory_peak_bytes"`
	Procs  int     `json:"processes"`
}

// Fields implements Record.
func (u *Usage) Fields(f Fields) {
	f.Float("cpu_percent", &u.CPU)
	f.Int("memory_bytes", &u.Memory)
	f.Int("memory_peak_bytes", &u.Peak)
	Int(f, "processes", &u.Procs)
}

// An Exit is how a run of a program ended.
type Exit struct {
	Time   Time   `json:"ts"`
	PID    int    `json:"pid"`
	Code   int    `json:"code"`             // valid when Signal is empty and Unknown is false
	Signal string `json:"signal,omitempty"` // SIGKILL, …; empty when it exited by itself
	Core   bool   `json:"core_dumped,omitempty"`
	OOM    bool   `json:"oom,omitempty"` // the kernel killed it: its control group was out of memory
	// Unknown means that nobody could tell: the code is never invented.
	Unknown bool   `json:"unknown,omitempty"`
	Asked   bool   `json:"asked"`  // it was told to stop
	Killed  bool   `json:"killed"` // it did not stop in time and was killed by us
	Uptime  Millis `json:"uptime_ms"`
	// Error is why the program could not be started at all; then there is
	// no code and no PID.
	Error string `json:"error,omitempty"`
	// Cause is why it was ended although nobody had ordered that: too much
	// memory, a probe that failed, a watchdog. Our own words.
	Cause string `json:"cause,omitempty"`
	// Runtime is what ran, node or python, where Code means something to it only.
	Runtime string `json:"runtime,omitempty"`
	// Peak is the most memory that was seen, in bytes, where that may be why.
	Peak int64 `json:"memory_peak_bytes,omitempty"`
}

// Fields implements Record.
func (e *Exit) Fields(f Fields) {
	Int(f, "ts", &e.Time)
	Int(f, "pid", &e.PID)
	Int(f, "code", &e.Code)
	f.String("signal", &e.Signal)
	f.Bool("core_dumped", &e.Core)
	f.Bool("oom", &e.OOM)
	f.Bool("unknown", &e.Unknown)
	f.Bool("asked", &e.Asked)
	f.Bool("killed", &e.Killed)
	Int(f, "uptime_ms", &e.Uptime)
	f.String("error", &e.Error)
	f.String("cause", &e.Cause)
	f.String("runtime", &e.Runtime)
	f.Int("memory_peak_bytes", &e.Peak)
}

// An Instance is one of an app's processes, as it is now.
type Instance struct {
	Inst     int    `json:"instance"`
	Status   Status `json:"status"`
	Wanted   bool   `json:"wanted"` // it should be running
	PID      int    `json:"pid"`    // 0 when there is none
	Since    Time   `json:"since"`  // when Status was entered
	Started  Time   `json:"started_at"`
	Restarts int    `json:"restart_count"`
	Strikes  int    `json:"unstable_restarts"` // ends before min_uptime in a row
	RetryAt  Time   `json:"retry_at,omitempty"`
	Reason   string `json:"reason,omitempty"` // why Status was entered
	LastExit *Exit  `json:"last_exit"`
	Usage    Usage  `json:"usage"`

	Generation int       `json:"generation,omitempty"`  // of the Spec that the run was started with
	Ports      Addresses `json:"ports,omitempty"`       // what its tree listens on
	Said       string    `json:"status_text,omitempty"` // STATUS= of the run's own; hostile text
	Health     Health    `json:"health,omitempty"`
	HealthText string    `json:"health_text,omitempty"` // why the last probe failed
	// NextRun is when cron starts it again, or starts it at all.
	NextRun Time `json:"next_run,omitempty"`
	// Leaving: another run has taken this one's place, and it finishes its
	// connections.
	Leaving bool `json:"leaving,omitempty"`
}

// Fields implements Record.
func (i *Instance) Fields(f Fields) {
	Int(f, "instance", &i.Inst)
	Str(f, "status", &i.Status)
	f.Bool("wanted", &i.Wanted)
	Int(f, "pid", &i.PID)
	Int(f, "since", &i.Since)
	Int(f, "started_at", &i.Started)
	Int(f, "restart_count", &i.Restarts)
	Int(f, "unstable_restarts", &i.Strikes)
	Int(f, "retry_at", &i.RetryAt)
	f.String("reason", &i.Reason)
	Object(f, "last_exit", &i.LastExit)
	f.Nest("usage", i.Usage != (Usage{}), &i.Usage)
	Int(f, "generation", &i.Generation)
	Str(f, "ports", &i.Ports)
	f.String("status_text", &i.Said)
	Str(f, "health", &i.Health)
	f.String("health_text", &i.HealthText)
	f.Bool("leaving", &i.Leaving)
	Int(f, "next_run", &i.NextRun)
}

// Addresses are what a run listens on, such as tcp://0.0.0.0:3000 and
// unix:/run/x.sock, one a line: a list that can be compared.
type Addresses string

// AddressesOf puts a list together.
func AddressesOf(list []string) Addresses { return Addresses(strings.Join(list, "\n")) }

// List takes them apart.
func (a Addresses) List() []string {
	if a == "" {
		return nil
	}
	return strings.Split(string(a), "\n")
}

// LogInfo says where an app's output is and how much there was.
type LogInfo struct {
	Out     string `json:"out"` // path
	Err     string `json:"err"` // path; equal to Out when merged
	Lines   uint64 `json:"lines"`
	Errors  uint64 `json:"errors"`  // lines of level error and above
	Dropped uint64 `json:"dropped"` // lines that no file took, the disk being full
	Bytes   int64  `json:"bytes"`   // of all files on disk
	Seq     uint64 `json:"seq"`     // of the newest line
}

// Fields implements Record.
func (l *LogInfo) Fields(f Fields) {
	f.String("out", &l.Out)
	f.String("err", &l.Err)
	Int(f, "lines", &l.Lines)
	Int(f, "errors", &l.Errors)
	Int(f, "dropped", &l.Dropped)
	f.Int("bytes", &l.Bytes)
	Int(f, "seq", &l.Seq)
}

// An App is a Spec and what has become of it. The specification calls it
// ProcessInfo.
type App struct {
	ID         uint32     `json:"id"`
	Spec       Spec       `json:"config"`
	Generation int        `json:"generation"` // rises when the Spec changes
	Status     Status     `json:"status"`     // the most alarming of its instances'
	Created    Time       `json:"created_at"`
	Updated    Time       `json:"updated_at"`
	Instances  []Instance `json:"instances"`
	Leaving    []Instance `json:"leaving,omitempty"` // runs beside those: old ones that finish, new ones that a reload tries
	Log        LogInfo    `json:"log"`
	Lease      *Lease     `json:"lease,omitempty"` // whose it is; nil: people's
	Mine       bool       `json:"mine,omitempty"`  // it is of whoever asked for a list and wanted to know
	Coming     *Spec      `json:"-"`               // while a reload brings another one: what its runs have already. Readers hide its secrets too
}

// Fields implements Record.
func (a *App) Fields(f Fields) {
	Int(f, "id", &a.ID)
	f.Nest("config", true, &a.Spec)
	Int(f, "generation", &a.Generation)
	Str(f, "status", &a.Status)
	Int(f, "created_at", &a.Created)
	Int(f, "updated_at", &a.Updated)
	List(f, "instances", &a.Instances)
	List(f, "leaving", &a.Leaving)
	f.Nest("log", true, &a.Log)
	Object(f, "lease", &a.Lease)
	f.Bool("mine", &a.Mine)
	Object(f, "coming", &a.Coming)
}

// alarm orders statuses from the quietest to the most alarming.
var alarm = map[Status]int{Stopped: 0, Online: 1, Stopping: 2, Starting: 3, WaitingRestart: 4, Errored: 5}

// Overall is the most alarming status of the instances; Stopped when there
// are none.
func Overall(list []Instance) Status {
	worst := Stopped
	for i := range list {
		if alarm[list[i].Status] > alarm[worst] {
			worst = list[i].Status
		}
	}
	return worst
}

// Restarts is the sum over all instances.
func (a *App) Restarts() int {
	n := 0
	for i := range a.Instances {
		n += a.Instances[i].Restarts
	}
	return n
}

// Usage is the sum over all instances; the peak is the sum of peaks.
func (a *App) Usage() Usage {
	var u Usage
	for i := range a.Instances {
		v := a.Instances[i].Usage
		u.CPU += v.CPU
		u.Memory += v.Memory
		u.Peak += v.Peak
		u.Procs += v.Procs
	}
	return u
}
