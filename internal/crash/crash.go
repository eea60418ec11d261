// Package crash says why a run of a program ended: from how it ended, what
// it wrote last and what happened before, by rules and without guessing. It is
// pure: cleaned lines and events come in, a Report comes out. Text of the
// program stays in fields of its own and never gets into what to do next.
package crash

import (
	"slices"

	"github.com/velospm/velos"
)

// A Line is what the program wrote, cleaned and without secrets.
type Line struct {
	Time  velos.Time
	Inst  int
	PID   int
	Src   velos.Stream
	Level velos.Level
	Text  string
}

// An Input is what is known about an app that crashed.
type Input struct {
	App     *velos.App
	Inst    int           // -1: the one that ended last without being asked
	Events  []velos.Event // of this app, oldest first
	Lines   []Line        // of this app, oldest first; of earlier runs, too
	Project string        // the directory of its own sources; "" is its working directory
}

// A Report is why a run ended.
type Report struct {
	App    string
	Inst   int
	Many   bool // the app has several instances
	Status velos.Status
	Exit   *velos.Exit // nil: it never ended without being asked
	Cause  Cause
	// Subject is what the cause is about: a port, a path, a module, a
	// variable. The program's own words, unless the cause is PortInUse.
	Subject string
	Port    int    // of PortInUse
	Holder  string // of Port: who has it, as far as that can be told
	Message string // what the program said of it, on one line
	Stack   []Frame
	Text    []string // the whole last event, as written
	Frame   string   // the innermost frame inside the project, FILE:LINE
	Peak    int64    // most memory that was seen, in bytes
	Limit   int64    // of memory, 0: none

	Restarts int
	Strikes  int // quick ends in a row
	Allowed  int // of those, -1: any number
	RetryAt  velos.Time

	Fingerprint string     // the same for the same cause at the same place
	Same        int        // earlier runs that ended the same way
	First       velos.Time // the first of them
	Changed     []string   // keys of the configuration, since the last good run
	Timeline    []Moment   // oldest first
	Next        []string   // what to do, from a fixed vocabulary
}

// A Moment is a row of the timeline; equal ones that follow each other are one.
type Moment struct {
	Time  velos.Time `json:"ts"`
	Text  string     `json:"text"`
	Count int        `json:"count"`
}

const (
	mostMoments = 8
	mostText    = 80 // lines of an event
)

// Of makes the report.
func Of(in Input) Report {
	r := Report{App: in.App.Spec.Name, Inst: in.Inst, Many: len(in.App.Instances) > 1, Status: in.App.Status,
		Allowed: in.App.Spec.MaxRestarts, Limit: in.App.Spec.MaxMemory}
	if in.Project == "" {
		in.Project = in.App.Spec.Cwd
	}
	exits := unasked(in.Events, in.Inst)
	r.Exit, r.Inst = lastExit(in, exits)
	if i := instance(in.App, r.Inst); i != nil {
		r.Status, r.Restarts, r.Strikes, r.RetryAt, r.Peak = i.Status, i.Restarts, i.Strikes, i.RetryAt, i.Usage.Peak
	}
	if r.Exit == nil {
		r.Cause = None
		r.Next = next(&r, commands(&r))
		return r
	}
	said := lastWords(in.Lines, r.Exit.PID, in.Project)
	r.Text, r.Message, r.Stack, r.Frame = said.text, said.message, said.stack, said.frame
	r.Cause, r.Subject, r.Port = causeOf(r.Exit, said)
	if r.Exit.Peak > 0 { // of the run that ended, and not of the one after it
		r.Peak = r.Exit.Peak
	}
	if r.Cause == Signalled && r.Exit.OOM {
		r.Cause = Memory
		r.Limit = groupLimit(&in.App.Spec, r.Limit)
	}
	if r.Cause == Signalled && r.Exit.Signal == "SIGKILL" && r.Limit > 0 && r.Peak >= r.Limit/10*9 {
		r.Cause = Memory // the figures say it; else SIGKILL alone could be anybody's
	}
	r.Fingerprint = fingerprint(r.Cause, said)
	for _, e := range exits {
		if e.Exit.PID == r.Exit.PID && e.Exit.Time == r.Exit.Time {
			continue
		}
		words := lastWords(in.Lines, e.Exit.PID, in.Project)
		cause, _, _ := causeOf(e.Exit, words)
		if fingerprint(cause, words) == r.Fingerprint {
			if r.Same++; r.First == 0 {
				r.First = e.Time
			}
		}
	}
	r.Timeline = timeline(in.Events, r.Inst, r.Many)
	r.Next = next(&r, commands(&r))
	return r
}

func instance(a *velos.App, inst int) *velos.Instance {
	for i := range a.Instances {
		if a.Instances[i].Inst == inst {
			return &a.Instances[i]
		}
	}
	return nil
}

// unasked are the ends that nobody asked for: also those of runs that the
// daemon had to end, because an agent asks why they were started anew.
func unasked(events []velos.Event, inst int) []velos.Event {
	var list []velos.Event
	for _, e := range events {
		if e.Kind == velos.KindExit && e.Exit != nil && e.Exit.Unwanted() && (inst < 0 || e.Inst == inst) {
			list = append(list, e)
		}
	}
	return list
}

// lastExit is the newest end that nobody asked for: of the journal, or where
// that has forgotten it, of the instances.
func lastExit(in Input, exits []velos.Event) (*velos.Exit, int) {
	var last *velos.Exit
	inst := max(in.Inst, 0)
	if n := len(exits); n > 0 {
		last, inst = exits[n-1].Exit, exits[n-1].Inst
		if last.Time == 0 {
			x := *last
			x.Time = exits[n-1].Time
			last = &x
		}
	}
	for i := range in.App.Instances {
		x := in.App.Instances[i].LastExit
		if x == nil || !x.Unwanted() || in.Inst >= 0 && in.App.Instances[i].Inst != in.Inst {
			continue
		}
		if last == nil || x.Time > last.Time {
			last, inst = x, in.App.Instances[i].Inst
		}
	}
	return last, inst
}

// timeline is what happened to the instance, and to the whole app.
func timeline(events []velos.Event, inst int, many bool) []Moment {
	var list []Moment
	for i := range events {
		e := &events[i]
		if e.Inst >= 0 && e.Inst != inst && many {
			continue
		}
		text := momentOf(e)
		if text == "" {
			continue
		}
		if n := len(list); n > 0 && list[n-1].Text == text {
			list[n-1].Count++
			continue
		}
		// Starts and ends take turns in a loop: a pair is one, too.
		if n := len(list); n > 1 && list[n-2].Text == text {
			last := list[n-1]
			list = append(list[:n-2], last, Moment{e.Time, text, list[n-2].Count + 1})
			continue
		}
		list = append(list, Moment{e.Time, text, 1})
	}
	return slices.Clone(list[max(0, len(list)-mostMoments):])
}

func momentOf(e *velos.Event) string {
	switch e.Kind {
	case velos.KindExit:
		if e.Exit == nil {
			return ""
		}
		x := *e.Exit
		x.Uptime = 0 // else no two were equal
		if x.OverMemory() {
			x.Cause = "over max_memory"
		}
		return x.String()
	case velos.KindState:
		if e.To == velos.Online || e.To == velos.Errored {
			return string(e.To)
		}
	case velos.KindOrder:
		if e.Actor.Kind == "user" {
			return "order: " + e.Cause
		}
	case velos.KindConfig:
		return "configuration " + e.Cause
	}
	return ""
}
