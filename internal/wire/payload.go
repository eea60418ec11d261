package wire

import "github.com/velospm/velos"

// A Target is an app, or one of its instances. ID 0 is all apps where a
// command allows that.
type Target struct {
	ID   uint32
	Inst int // -1: all instances
}

// All is the target that stands for every instance of app id.
func All(id uint32) Target { return Target{ID: id, Inst: -1} }

// Fields implements velos.Record.
func (t *Target) Fields(f velos.Fields) {
	velos.Int(f, "id", &t.ID)
	inst(f, &t.Inst)
}

// inst visits an instance number. On the wire it is one higher, so that a
// missing key means all of them.
func inst(f velos.Fields, p *int) {
	n := *p + 1
	if f.Decodes() {
		n = 0
	}
	velos.Int(f, "instance", &n)
	if n < 0 {
		f.Misfit("instance")
	}
	if n-1 != *p {
		*p = n - 1
	}
}

// Start asks for a new app, which Spec describes, or starts the known app ID.
// With a Spec, ID and Inst mean nothing.
type Start struct {
	ID   uint32
	Spec *velos.Spec
	Wait bool         // answer when the outcome is known
	Hold bool         // with a new Spec: register the app and start nothing
	More bool         // with Hold: the next order follows at once, so this one need not be on disk before it is answered
	Inst int          // of the known app; -1: all
	Keep bool         // an agent's app outlives it
	TTL  velos.Millis // its lease ends when nothing is heard of the agent for that long; 0: as long as it lives
}

// Fields implements velos.Record.
func (s *Start) Fields(f velos.Fields) {
	velos.Int(f, "id", &s.ID)
	velos.Object(f, "config", &s.Spec)
	f.Bool("wait", &s.Wait)
	f.Bool("hold", &s.Hold)
	f.Bool("more", &s.More)
	inst(f, &s.Inst)
	f.Bool("keep", &s.Keep)
	velos.Int(f, "ttl", &s.TTL)
}

// Started answers Start.
type Started struct {
	ID  uint32
	PID int // of the first instance; 0 when it does not run yet
	App velos.App
}

// Fields implements velos.Record.
func (s *Started) Fields(f velos.Fields) {
	velos.Int(f, "id", &s.ID)
	velos.Int(f, "pid", &s.PID)
	f.Nest("app", true, &s.App)
}

// Stop asks for instances to end.
type Stop struct {
	Target
	Signal  int          // 0: as configured
	Timeout velos.Millis // before it is killed; 0: as configured
	Wait    bool
}

// Fields implements velos.Record.
func (s *Stop) Fields(f velos.Fields) {
	s.Target.Fields(f)
	velos.Int(f, "signal", &s.Signal)
	velos.Int(f, "timeout", &s.Timeout)
	f.Bool("wait", &s.Wait)
}

// Restart asks for instances to end and to begin again.
type Restart struct {
	Target
	Wait bool
	Spec *velos.Spec // not nil: replaces the Spec first
}

// Fields implements velos.Record.
func (r *Restart) Fields(f velos.Fields) {
	r.Target.Fields(f)
	f.Bool("wait", &r.Wait)
	velos.Object(f, "config", &r.Spec)
}

// Reload asks for instances to be replaced, a few at a time, each one's
// successor being ready before it goes.
type Reload struct {
	Target
	Parallel int         // slots at a time; 0: 1
	Spec     *velos.Spec // not nil: what the successors run
}

// Fields implements velos.Record.
func (r *Reload) Fields(f velos.Fields) {
	r.Target.Fields(f)
	velos.Int(f, "parallel", &r.Parallel)
	velos.Object(f, "config", &r.Spec)
}

// Reloaded answers Reload.
type Reloaded struct {
	// Restarted says that the app's runs cannot overlap: they were restarted
	// one by one instead. Why says why they cannot.
	Restarted bool
	Why       string
	App       velos.App
}

// Fields implements velos.Record.
func (r *Reloaded) Fields(f velos.Fields) {
	f.Bool("restarted", &r.Restarted)
	f.String("why", &r.Why)
	f.Nest("app", true, &r.App)
}

// Scale asks for another number of instances.
type Scale struct {
	ID    uint32
	Count int  // the number, or with By the difference
	By    bool // Count is added to what there is
}

// Fields implements velos.Record.
func (s *Scale) Fields(f velos.Fields) {
	velos.Int(f, "id", &s.ID)
	velos.Int(f, "count", &s.Count)
	f.Bool("by", &s.By)
}

// History asks for the Specs that an app had before.
type History struct {
	ID   uint32 // 0: of all apps
	Last int    // only the newest of each; 0: all that are kept
}

// Fields implements velos.Record.
func (h *History) Fields(f velos.Fields) {
	velos.Int(f, "id", &h.ID)
	velos.Int(f, "last", &h.Last)
}

// Formers answers History, oldest first for each app.
type Formers struct{ List []velos.Former }

// Fields implements velos.Record.
func (o *Formers) Fields(f velos.Fields) { velos.List(f, "formers", &o.List) }

// Update replaces an app's Spec without a restart.
type Update struct {
	ID   uint32
	Spec velos.Spec
}

// Fields implements velos.Record.
func (u *Update) Fields(f velos.Fields) {
	velos.Int(f, "id", &u.ID)
	f.Nest("config", true, &u.Spec)
}

// Signal sends a signal to instances.
type Signal struct {
	Target
	Signal int
}

// Fields implements velos.Record.
func (s *Signal) Fields(f velos.Fields) {
	s.Target.Fields(f)
	velos.Int(f, "signal", &s.Signal)
}

// Rename gives an app another name.
type Rename struct {
	ID   uint32
	Name string
}

// Fields implements velos.Record.
func (r *Rename) Fields(f velos.Fields) {
	velos.Int(f, "id", &r.ID)
	f.String("name", &r.Name)
}

// List asks for all apps.
type List struct {
	Mine bool // say which of them are the caller's own
}

// Fields implements velos.Record.
func (l *List) Fields(f velos.Fields) { f.Bool("mine", &l.Mine) }

// Apps answers ProcessList.
type Apps struct{ Apps []velos.App }

// Fields implements velos.Record.
func (a *Apps) Fields(f velos.Fields) { velos.List(f, "apps", &a.Apps) }

// Done answers what changes something.
type Done struct {
	Success bool
	PID     int        // of the first instance, where one was started
	App     *velos.App // as it is now; nil where there is no one app
}

// Fields implements velos.Record.
func (d *Done) Fields(f velos.Fields) {
	f.Bool("success", &d.Success)
	velos.Int(f, "pid", &d.PID)
	velos.Object(f, "app", &d.App)
}

// Logs asks for lines of one app.
type Logs struct {
	ID    uint32
	Query velos.Query
}

// Fields implements velos.Record. The Query lies beside the id, with the
// instance as every Target has it and "pattern" as another word for "grep".
func (l *Logs) Fields(f velos.Fields) {
	q := &l.Query
	velos.Int(f, "id", &l.ID)
	inst(f, &q.Inst)
	velos.Int(f, "src", &q.Src)
	velos.Int(f, "level", &q.Level)
	velos.Int(f, "since", &q.Since)
	velos.Int(f, "until", &q.Until)
	velos.Int(f, "after", &q.After)
	velos.Int(f, "lines", &q.Last)
	f.String("grep", &q.Grep)
	if f.Has("pattern") {
		f.String("pattern", &q.Grep)
	}
	f.Bool("follow", &q.Follow)
}

// Entries is one frame of a stream of log lines.
type Entries struct{ Entries []velos.Entry }

// Fields implements velos.Record.
func (e *Entries) Fields(f velos.Fields) { velos.List(f, "entries", &e.Entries) }

// A File is one log file of an app, for a reader that opens it itself. After a
// rotation its path and number are those of another file: the inode tells.
type File struct {
	Path   string
	Src    velos.Stream // AnyStream: both are in it
	Number int          // of rotations since it was written; 0 is the live one
	Inode  uint64
	Size   int64 // how far it holds lines that are accounted for
	Raw    bool  // lines as they were written, not JSON
	Packed bool
}

// Fields implements velos.Record.
func (l *File) Fields(f velos.Fields) {
	f.String("path", &l.Path)
	velos.Int(f, "src", &l.Src)
	velos.Int(f, "number", &l.Number)
	velos.Int(f, "inode", &l.Inode)
	velos.Int(f, "size", &l.Size)
	f.Bool("raw", &l.Raw)
	f.Bool("packed", &l.Packed)
}

// Files is all files of an app, oldest first for each stream.
type Files struct {
	Files  []File
	Seq    uint64 // of the newest line
	Memory bool   // a file takes no lines: the newest are in memory only
}

// Fields implements velos.Record.
func (l *Files) Fields(f velos.Fields) {
	velos.List(f, "files", &l.Files)
	velos.Int(f, "seq", &l.Seq)
	f.Bool("memory", &l.Memory)
}

// EventsQuery asks for events.
type EventsQuery struct {
	ID     uint32     // 0: of all apps and the daemon
	After  uint64     // only events with a higher Seq
	Since  velos.Time // inclusive
	Last   int        // only the newest; 0: all
	Follow bool       // go on with events as they happen
}

// Fields implements velos.Record.
func (q *EventsQuery) Fields(f velos.Fields) {
	velos.Int(f, "id", &q.ID)
	velos.Int(f, "after", &q.After)
	velos.Int(f, "since", &q.Since)
	velos.Int(f, "lines", &q.Last)
	f.Bool("follow", &q.Follow)
}

// Events is one frame of a stream of events.
type Events struct{ Events []velos.Event }

// Fields implements velos.Record.
func (e *Events) Fields(f velos.Fields) { velos.List(f, "events", &e.Events) }

// MinutesQuery asks how much an app wrote in each minute.
type MinutesQuery struct {
	ID    uint32
	Since velos.Time // inclusive
	Until velos.Time // exclusive; 0: now
}

// Fields implements velos.Record.
func (q *MinutesQuery) Fields(f velos.Fields) {
	velos.Int(f, "id", &q.ID)
	velos.Int(f, "since", &q.Since)
	velos.Int(f, "until", &q.Until)
}

// Minutes is one frame of a stream of minutes.
type Minutes struct{ Minutes []velos.Minute }

// Fields implements velos.Record.
func (m *Minutes) Fields(f velos.Fields) { velos.List(f, "minutes", &m.Minutes) }

// A Finding is an event that a helper of the daemon has found out.
type Finding struct {
	ID    uint32     // of the app
	Kind  velos.Kind // velos.KindAlarm: nothing else may be said by others than the daemon
	Cause string
	Alarm *velos.Alarm
}

// Fields implements velos.Record.
func (n *Finding) Fields(f velos.Fields) {
	velos.Int(f, "id", &n.ID)
	velos.Str(f, "kind", &n.Kind)
	f.String("cause", &n.Cause)
	velos.Object(f, "alarm", &n.Alarm)
}

// MetricsQuery asks for figures.
type MetricsQuery struct {
	ID       uint32       // 0: the daemon's only, or in a stream those of every app
	Interval velos.Millis // of a stream; 0: as the daemon likes
}

// Fields implements velos.Record.
func (q *MetricsQuery) Fields(f velos.Fields) {
	velos.Int(f, "id", &q.ID)
	velos.Int(f, "interval_ms", &q.Interval)
}

// Metrics are the figures of one app, and of the daemon.
type Metrics struct {
	ID        uint32
	Name      string
	Time      velos.Time
	Instances []velos.Instance
	Daemon    DaemonMetrics
}

// Fields implements velos.Record.
func (m *Metrics) Fields(f velos.Fields) {
	velos.Int(f, "id", &m.ID)
	f.String("name", &m.Name)
	velos.Int(f, "ts", &m.Time)
	velos.List(f, "instances", &m.Instances)
	f.Nest("daemon", m.Daemon != (DaemonMetrics{}), &m.Daemon)
}

// DaemonMetrics are the daemon's own figures.
type DaemonMetrics struct {
	Uptime    velos.Millis
	PID       int
	RSS       int64 // resident memory in bytes
	Anon      int64 // anonymous memory in bytes
	CPU       velos.Millis
	Apps      int
	Instances int
	Clients   int // connections
	Requests  uint64
	Events    uint64 // number of the newest event
}

// Fields implements velos.Record.
func (d *DaemonMetrics) Fields(f velos.Fields) {
	velos.Int(f, "uptime", &d.Uptime)
	velos.Int(f, "pid", &d.PID)
	f.Int("rss", &d.RSS)
	f.Int("anon", &d.Anon)
	velos.Int(f, "cpu_ms", &d.CPU)
	velos.Int(f, "apps", &d.Apps)
	velos.Int(f, "instances", &d.Instances)
	velos.Int(f, "clients", &d.Clients)
	velos.Int(f, "requests", &d.Requests)
	velos.Int(f, "events", &d.Events)
}

// A StatePath names a file of saved apps and how many it holds. In a request
// the empty path is the daemon's own.
type StatePath struct {
	Path  string
	Count int
}

// Fields implements velos.Record.
func (s *StatePath) Fields(f velos.Fields) {
	f.String("path", &s.Path)
	velos.Int(f, "count", &s.Count)
}

// Pong answers DaemonPing.
type Pong struct {
	Version  string
	Uptime   velos.Millis
	PID      int
	Protocol int
	Apps     int
	RSS      int64 // resident memory in bytes
	Anon     int64 // anonymous memory in bytes
	Requests uint64
	Keeper   int // pid of the daemon's keeper; 0: it has none
}

// Fields implements velos.Record.
func (p *Pong) Fields(f velos.Fields) {
	f.String("version", &p.Version)
	velos.Int(f, "uptime", &p.Uptime)
	velos.Int(f, "pid", &p.PID)
	velos.Int(f, "protocol", &p.Protocol)
	velos.Int(f, "apps", &p.Apps)
	f.Int("rss", &p.RSS)
	f.Int("anon", &p.Anon)
	velos.Int(f, "requests", &p.Requests)
	velos.Int(f, "keeper", &p.Keeper)
}

// Shutdown asks the daemon to end.
type Shutdown struct {
	Leave bool // the apps go on without it, for the next daemon
}

// Fields implements velos.Record.
func (s *Shutdown) Fields(f velos.Fields) { f.Bool("leave", &s.Leave) }

// Upgrade asks the daemon to become another program, in the same process.
type Upgrade struct {
	Path string // of a velosd, absolute
}

// Fields implements velos.Record.
func (u *Upgrade) Fields(f velos.Fields) { f.String("path", &u.Path) }
