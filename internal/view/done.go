package view

import (
	"io"
	"strconv"

	"github.com/velospm/velos"
)

// A Result is what an order came to for one app.
type Result struct {
	Verb string     // the order: start, stop, restart, …
	Did  string     // what happened: started, already online, deleted, …
	App  *velos.App // as it is now; nil when it is gone or unknown
	ID   uint32     // when App is nil
	Name string     // when App is nil
	Inst int        // the instance it was about; -1 for all
	Err  error      // nil when the order was carried out
}

func (r *Result) name() string {
	if r.App != nil {
		return r.App.Spec.Name
	}
	return r.Name
}

type resultJSON struct {
	ID     uint32       `json:"id"`
	Name   string       `json:"name"`
	Inst   int          `json:"instance"`
	Verb   string       `json:"verb"`
	Did    string       `json:"did"`
	OK     bool         `json:"ok"`
	Status velos.Status `json:"status,omitempty"`
	PID    int          `json:"pid"`
	App    *appJSON     `json:"app"`
	Error  *ErrorJSON   `json:"error,omitempty"`
}

type resultAI struct {
	Name   string `json:"n"`
	Did    string `json:"d"`
	Status string `json:"s,omitempty"`
	PID    int    `json:"p,omitempty"`
	URL    string `json:"at,omitempty"`
	Error  string `json:"e,omitempty"`
}

// Done shows what an order came to. People see the failures elsewhere (see
// Error), programs see them here.
func Done(w io.Writer, results []Result, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		list := make([]resultJSON, len(results))
		for i := range results {
			list[i] = o.resultJSON(&results[i])
		}
		array(&b, list)
	case AI:
		list := make([]resultAI, len(results))
		for i := range results {
			list[i] = o.resultAI(&results[i])
		}
		b.b = append(encode(list), '\n')
	default:
		for i := range results {
			o.resultLine(&b, &results[i])
		}
	}
	return b.to(w)
}

func (o Options) resultJSON(r *Result) resultJSON {
	j := resultJSON{ID: r.ID, Name: r.name(), Inst: r.Inst, Verb: r.Verb, Did: r.Did, OK: r.Err == nil}
	if r.App != nil {
		a := o.appJSON(r.App)
		j.App, j.ID, j.Status, j.PID = &a, a.ID, a.Status, a.PID
	}
	if r.Err != nil {
		e := ErrorOf(r.Err)
		j.Error = &e
	}
	return j
}

func (o Options) resultAI(r *Result) resultAI {
	j := resultAI{Name: r.name(), Did: r.Did}
	if r.App != nil {
		o.All = true
		a := o.appAI(r.App)
		j.Status, j.PID, j.URL = a.Status, a.PID, a.URL
	}
	if r.Err != nil {
		j.Error = Text(r.Err.Error())
	}
	return j
}

func (o Options) resultLine(b *buffer, r *Result) {
	if r.Err != nil {
		return
	}
	name := Text(r.name())
	if r.Inst >= 0 {
		name += ":" + strconv.Itoa(r.Inst)
	}
	b.str(o.paint(bold, name), ": ", Text(r.Did))
	if a := r.App; a != nil {
		b.str(" (id ", strconv.Itoa(int(a.ID)), r.pids())
		if n := len(a.Instances); n > 1 && r.Inst < 0 {
			b.str(", ", strconv.Itoa(n), " instances")
		}
		b.str(")")
	}
	b.str("\n")
}

// Failure shows an error together with what did succeed, in --json or --ai.
func Failure(w io.Writer, err error, results []Result, o Options) error {
	var b buffer
	first := ErrorOf(Split(err)[0])
	if o.Format == JSON {
		list := make([]resultJSON, len(results))
		for i := range results {
			list[i] = o.resultJSON(&results[i])
		}
		b.b = append(encode(struct {
			Error   ErrorJSON    `json:"error"`
			Results []resultJSON `json:"results"`
		}{first, list}), '\n')
		return b.to(w)
	}
	list := make([]resultAI, len(results))
	for i := range results {
		list[i] = o.resultAI(&results[i])
	}
	b.b = append(encode(struct {
		Error   ErrorJSON  `json:"error"`
		Results []resultAI `json:"results"`
	}{first, list}), '\n')
	return b.to(w)
}

// mostPids is how many pids a line shows.
const mostPids = 4

// pids lists the first processes of those the order was about.
func (r *Result) pids() string {
	s, n := "", 0
	for i := range r.App.Instances {
		in := &r.App.Instances[i]
		if in.PID == 0 || r.Inst >= 0 && r.Inst != in.Inst {
			continue
		}
		if n++; n > mostPids {
			return s + " …"
		}
		if n == 1 {
			s = ", pid"
		}
		s += " " + strconv.Itoa(in.PID)
	}
	return s
}
