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
	j := resultJSON{ID: r.ID, Name: r.name(), Verb: r.Verb, Did: r.Did, OK: r.Err == nil}
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
		j.Status, j.PID = a.Status, a.PID
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
	b.str(o.paint(bold, Text(r.name())), ": ", r.Did)
	if a := r.App; a != nil {
		b.str(" (id ", strconv.Itoa(int(a.ID)))
		pids := 0
		for i := range a.Instances {
			if pid := a.Instances[i].PID; pid != 0 && pids < 4 {
				if pids++; pids == 1 {
					b.str(", pid ")
				} else {
					b.str(" ")
				}
				b.str(strconv.Itoa(pid))
			}
		}
		if n := len(a.Instances); n > 1 {
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
