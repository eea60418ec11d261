package velos

// DefaultListenTimeout is how long a run may take to become ready when its
// Spec says nothing.
const DefaultListenTimeout Millis = 8000

// A Probe asks a run whether it does its work, in exactly one of four ways.
// Text may name a variable of the run's environment as $NAME, such as
// http://127.0.0.1:$PORT/health.
type Probe struct {
	HTTP string   `json:"http,omitempty"` // a URL of scheme http: status 200 to 399 is well
	TCP  string   `json:"tcp,omitempty"`  // HOST:PORT: a connection is well
	Exec []string `json:"exec,omitempty"` // a command: exit code 0 is well
	Log  string   `json:"log,omitempty"`  // text in a line of the run's output; only for readiness

	Interval    Millis `json:"interval,omitempty"`     // between the end of one and the begin of the next
	Timeout     Millis `json:"timeout,omitempty"`      // of one
	Retries     int    `json:"retries,omitempty"`      // failures in a row that count
	StartPeriod Millis `json:"start_period,omitempty"` // from the start of a run, in which failures do not count
}

// Fields implements Record.
func (p *Probe) Fields(f Fields) {
	f.String("http", &p.HTTP)
	f.String("tcp", &p.TCP)
	f.Strings("exec", &p.Exec)
	f.String("log", &p.Log)
	Int(f, "interval", &p.Interval)
	Int(f, "timeout", &p.Timeout)
	Int(f, "retries", &p.Retries)
	Int(f, "start_period", &p.StartPeriod)
}

// A Health is what the health probe of a run last said.
type Health string

// The states of health; a run without a probe has none.
const (
	HealthStarting Health = "starting" // nothing good yet, and failures do not count yet
	Healthy        Health = "healthy"
	Unhealthy      Health = "unhealthy"
)

// A Dependency is an app that another one needs.
type Dependency struct {
	Name      string    `json:"name"`
	Condition Condition `json:"condition"`
}

// Fields implements Record.
func (d *Dependency) Fields(f Fields) {
	f.String("name", &d.Name)
	Str(f, "condition", &d.Condition)
}

// A Condition says what of a dependency is waited for.
type Condition string

// The conditions. All of them are about every instance of the dependency.
const (
	OnStarted  Condition = "started"   // it has been started
	OnReady    Condition = "ready"     // it is online
	OnHealthy  Condition = "healthy"   // its health probe has said so
	OnExitedOK Condition = "exited_ok" // it has ended with code 0
	OnExited   Condition = "exited"    // it has ended by itself, however that went
)
