package verb

import (
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// An Answer is an Outcome as every door shows it.
type Answer struct {
	App       string       `json:"app"`
	Outcome   string       `json:"outcome"`
	Condition string       `json:"condition,omitempty"`
	By        string       `json:"by,omitempty"`
	Status    velos.Status `json:"status,omitempty"`
	PID       int          `json:"pid,omitempty"`
	URL       string       `json:"url,omitempty"`
	Ports     []string     `json:"ports,omitempty"`
	Exit      string       `json:"exit,omitempty"`
	ExitCode  *int         `json:"exit_code,omitempty"`
	Line      string       `json:"line,omitempty"` // of the program: hostile text
	Waited    velos.Millis `json:"waited_ms"`
	Cursor    string       `json:"cursor"`
}

// Answer is the outcome in that shape.
func (o *Outcome) Answer() Answer {
	a := Answer{App: view.Text(o.App.Spec.Name), Outcome: o.Outcome, Condition: view.Text(o.Condition), By: o.By, Line: o.Line, Waited: o.Waited, Cursor: o.Cursor.String()}
	a.Status, a.PID, a.Ports, a.URL = where(&o.App)
	if x := o.Exit; x != nil && (o.Outcome != Met || a.Condition == "exit" || a.Condition == "crash") {
		a.Exit, a.ExitCode = view.MaskOf(&o.App).String(view.Text(x.String())), exitCode(x)
	}
	return a
}

// where is how an app does and where it can be found.
func where(a *velos.App) (status velos.Status, pid int, ports []string, url string) {
	for i := range a.Instances {
		if pid == 0 {
			pid = a.Instances[i].PID
		}
	}
	for _, p := range view.Addresses(a) {
		ports = append(ports, view.Text(p))
	}
	return a.Status, pid, ports, view.Text(view.URL(view.Addresses(a)))
}

// exitCode is an exit code for scripts; nil where there is none.
func exitCode(x *velos.Exit) *int {
	if x.Unknown || x.Error != "" {
		return nil
	}
	n := Code(x)
	return &n
}

// An Ensured is what ensuring came to, as every door shows it.
type Ensured struct {
	App     string       `json:"app"`
	ID      uint32       `json:"id"`
	Outcome string       `json:"outcome"` // already_running, started, replaced
	Status  velos.Status `json:"status"`
	PID     int          `json:"pid,omitempty"`
	URL     string       `json:"url,omitempty"`
	Ports   []string     `json:"ports,omitempty"`
	ReadyBy string       `json:"ready_by,omitempty"`
	Lease   string       `json:"lease,omitempty"` // whose it is, and for how long; left out: people\'s
	Cursor  string       `json:"cursor"`
}

// EnsuredOf is an app in that shape.
func EnsuredOf(outcome string, a *velos.App) Ensured {
	e := Ensured{App: view.Text(a.Spec.Name), ID: a.ID, Outcome: outcome, Cursor: Cursor{App: a.Spec.Name, Line: a.Log.Seq, ID: a.ID}.String()}
	e.Status, e.PID, e.Ports, e.URL = where(a)
	e.Lease = view.Owner(a.Lease, a.Updated)
	if n := a.Spec.Port(); n != 0 && e.URL == "" {
		e.URL = "http://localhost:" + strconv.Itoa(n)
	}
	if a.Status == velos.Online {
		e.ReadyBy = readyBy(&a.Spec)
	}
	return e
}
