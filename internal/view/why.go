package view

import (
	"io"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Report is what is known about why an app is as it is.
type Report struct {
	App    velos.App
	Inst   int           // the instance in question; -1 picks the most alarming one
	Events []velos.Event // of this app, oldest first
	Stderr []velos.Entry // the last lines it wrote there
	Veil   *Veil         // nil: what the app has now is hidden
}

const (
	whyEvents = 6
	whyLines  = 5
	whyWidth  = 80 // of a terminal that does not say how wide it is
)

// Why explains on one screen: 24 lines of 80 columns.
func Why(w io.Writer, r Report, o Options) error {
	var b buffer
	if r.Veil == nil {
		r.Veil = NewVeil(&r.App)
	}
	m := r.Veil.Mask()
	r.App = m.App(&r.App) // from here on nothing holds a secret of the app's own
	inst := Worst(&r.App, r.Inst)
	f := o.findings(r, m, inst)
	switch o.Format {
	case JSON:
		b.b = append(encode(o.whyJSON(r, inst, f)), '\n')
	case AI:
		b.b = append(encode(o.whyAI(r, inst, f)), '\n')
	default:
		o.whyPage(&b, r, inst, f)
	}
	return b.to(w)
}

// findings are what a report comes to.
type findings struct {
	reason   string
	order    *velos.Event
	timeline []velos.Event
	lines    []string
	todo     []string
}

func (o Options) findings(r Report, m Mask, i *velos.Instance) findings {
	var f findings
	if i == nil {
		f.todo = []string{"velos start " + Text(r.App.Spec.Name)}
		return f
	}
	f.reason = i.Reason
	for n := range r.Events {
		e := m.Event(r.Events[n])
		switch {
		case e.Kind == velos.KindOrder:
		case e.Inst >= 0 && e.Inst != i.Inst:
		case e.Kind == velos.KindExit, e.Kind == velos.KindWarning, e.Kind == velos.KindAlarm, e.Kind == velos.KindState && (e.To == velos.Starting || e.To == velos.Online || e.To == velos.Errored):
			f.timeline = append(f.timeline, e)
		}
	}
	if last := LastOrder(r.Events); last != nil {
		e := m.Event(*last)
		f.order = &e
	}
	f.timeline = f.timeline[max(0, len(f.timeline)-whyEvents):]
	for n := range r.Stderr {
		if e := &r.Stderr[n]; e.Missed == 0 && (e.Inst == i.Inst || len(r.App.Instances) == 1) {
			if s := r.Veil.Text(e); strings.TrimSpace(s) != "" {
				f.lines = append(f.lines, s)
			}
		}
	}
	f.lines = f.lines[max(0, len(f.lines)-whyLines):]
	f.todo = advice(&r.App, i)
	return f
}

// advice is built from what we know ourselves, never from what the program
// wrote.
func advice(a *velos.App, i *velos.Instance) []string {
	name := Text(a.Spec.Name)
	logs := "velos logs " + name + " --err -n 50"
	x := i.LastExit
	switch {
	case i.Status != velos.Online && x != nil && x.Killed:
		return []string{"it ignored " + Text(a.Spec.StopSignal) + ": handle the signal, or raise kill_timeout (" + Span(a.Spec.KillTimeout) + ")", logs}
	case waits(i) && (x == nil || x.Asked || x.Signal == "" && x.Code == 0 && !x.Unknown):
		return []string{"nothing: it waits for its time; velos restart " + name + " runs it now"}
	case waits(i):
		return []string{logs, "velos restart " + name + " runs it again now"}
	case i.Status == velos.Stopped && (x == nil || x.Asked):
		return []string{"velos start " + name}
	case i.Health == velos.Unhealthy:
		return []string{"it does not answer its health probe: velos info " + name + " shows what is asked", logs}
	case x != nil && x.OverMemory():
		return []string{"it was started anew because it had more than max_memory (" + Bytes(a.Spec.MaxMemory) + "): find what it keeps, or raise the limit: velos restart " + name + " --max-memory SIZE", logs}
	case i.Status == velos.Online && i.Strikes == 0 && (x == nil || x.Asked || i.Restarts == 0):
		return []string{"nothing: it runs"}
	case x != nil && x.Error != "":
		return []string{"mend what the last exit names, then: velos restart " + name}
	case x != nil && x.Signal == "SIGKILL" && !x.Asked:
		return []string{"look whether the system killed it for memory: dmesg | grep -i oom", logs}
	case x != nil && x.Signal == "" && x.Code == 127:
		return []string{"a command it runs is not in its PATH: velos info " + name, logs}
	case i.Status == velos.Errored:
		return []string{logs, "when it is mended: velos restart " + name}
	case x != nil && x.Signal == "" && x.Code == 0 && a.Spec.Autorestart == velos.Always && i.Strikes > 0:
		return []string{"it ends by itself without an error; if it should: autorestart = \"on-failure\"", logs}
	case i.Status == velos.Stopped:
		return []string{logs, "velos start " + name}
	}
	return []string{logs, "velos events " + name}
}

// room is how many columns are left of a page of whyWidth, or of the
// terminal, behind those that are taken. 0 is no limit: nobody wants half a
// line in a pipe.
func (o Options) room(taken int) int {
	wide := o.Width
	if wide == 0 && o.TTY {
		wide = whyWidth
	}
	if wide == 0 {
		return 0
	}
	return max(1, wide-taken)
}

func (o Options) whyPage(b *buffer, r Report, i *velos.Instance, f findings) {
	a := r.App
	name, status, since := Text(a.Spec.Name), a.Status, a.Updated
	if i != nil {
		status, since = i.Status, i.Since
		if len(a.Instances) > 1 {
			name += ":" + strconv.Itoa(i.Inst)
		}
	}
	b.str(o.paint(bold, name), " is ", o.paint(StatusColor(status), string(status)), " since ", o.clock(since), " (", ago(since, o.Now), ")")
	if len(a.Instances) > 1 {
		b.str(", ", o.census(&a))
	}
	b.str("\n")
	line := func(key, value string) {
		if value != "" {
			b.str("  ", o.paint(dim, key), strings.Repeat(" ", max(1, 12-len(key))), cut(Text(value), o.room(14)), "\n")
		}
	}
	line("why", f.reason)
	more := 0
	if i != nil {
		o.whyInstance(line, &a, i)
		more = o.whyServing(line, &a, i) + o.whyTriggers(line, &a, i)
	}
	if f.order != nil {
		line("last order", orderText(f.order)+", "+ago(f.order.Time, o.Now))
	}
	line("command", CommandLine(&a.Spec))
	o.section(b, "timeline")
	// What is said above takes its lines from here: a screen has no more.
	events := f.timeline[max(0, len(f.timeline)-max(1, whyEvents-more)):]
	for n := range events {
		e := &events[n]
		b.str("  ", o.clock(e.Time), "  ", o.paint(eventColor(e), cut(Text(eventText(e)), o.room(12))), "\n")
	}
	if len(f.timeline) == 0 {
		b.str("  nothing has happened yet\n")
	}
	if len(f.lines) > 0 {
		o.section(b, "last lines of stderr")
	}
	for _, s := range f.lines {
		b.str("  ", cut(strings.ReplaceAll(s, "\t", "  "), o.room(2)), "\n")
	}
	o.section(b, "what to do")
	for _, s := range f.todo {
		b.str("  ", cut(s, o.room(2)), "\n")
	}
}

func (o Options) section(b *buffer, title string) { b.str(o.paint(dim, title), "\n") }

func (o Options) whyInstance(line func(key, value string), a *velos.App, i *velos.Instance) {
	if x := i.LastExit; x != nil {
		line("last exit", x.String()+", at "+o.clock(x.Time))
	}
	if i.PID != 0 {
		line("process", "pid "+strconv.Itoa(i.PID)+", up "+Span(uptime(i, o.Now))+", "+percent(i.Usage.CPU)+" cpu, "+Bytes(i.Usage.Memory))
	}
	if i.Restarts > 0 || i.Strikes > 0 {
		line("restarts", strconv.Itoa(i.Restarts)+" in all"+strikes(&a.Spec, i.Strikes))
	}
	switch {
	case i.RetryAt > o.Now:
		line("next", "started again in "+Span(velos.Millis(i.RetryAt-o.Now))+", at "+o.clock(i.RetryAt))
	case i.Status == velos.Errored && o.nextRun(i) != "":
		line("next", "started again "+o.nextRun(i))
	case i.Status == velos.Errored && a.Spec.Watch:
		line("next", "started again when a file changes")
	case i.Status == velos.Errored:
		line("next", "nothing: it is not started again by itself")
	}
}

// whyServing shows where an instance can be found and how it does, and
// returns how many lines that took.
func (o Options) whyServing(line func(key, value string), a *velos.App, i *velos.Instance) int {
	serves := ""
	if i.PID != 0 {
		serves = URL(Addresses(&velos.App{Spec: a.Spec, Instances: []velos.Instance{*i}}))
	}
	if a.Spec.Mode == velos.Cluster && serves != "" {
		serves += " (cluster)"
	}
	if n := leaving(a); n > 0 {
		serves = strings.TrimPrefix(serves+"; "+plural(n, "old run")+" finishing connections", "; ")
	}
	waits := ""
	if i.Status == velos.Starting && (a.Spec.WaitReady || a.Spec.Ready != nil) {
		waits = "ready: " + readiness(&a.Spec)
	}
	n := 0
	for _, l := range [...][2]string{{"serves", serves}, {"waits for", waits}, {"health", health(i)}, {"says", i.Said}} {
		if l[1] != "" {
			n++
		}
		line(l[0], l[1])
	}
	return n
}

// whyTriggers shows what may restart an instance, and when cron does, and
// returns how many lines that took.
func (o Options) whyTriggers(line func(key, value string), a *velos.App, i *velos.Instance) int {
	n := 0
	next := ""
	if i.RetryAt <= o.Now && i.Status != velos.Errored { // else there is such a line
		next = o.nextRun(i)
	}
	for _, l := range [...][2]string{{"triggers", triggers(&a.Spec)}, {"next run", next}} {
		if l[1] != "" {
			n++
		}
		line(l[0], l[1])
	}
	return n
}

// strikes says how many ends in a row were quick ones, and how many of them
// are too many.
func strikes(c *velos.Spec, n int) string {
	early := " in a row before " + Span(c.MinUptime)
	switch limit := strconv.Itoa(c.MaxRestarts); {
	case n == 0:
		return ""
	case c.MaxRestarts < 0:
		return "; " + plural(n, "end") + early
	case n > c.MaxRestarts:
		return "; given up: " + plural(n, "end") + early + ", max_restarts " + limit
	default:
		return "; " + strconv.Itoa(n) + " of " + limit + " allowed ends" + early
	}
}

// census counts instances by status: "2 online, 1 errored".
func (o Options) census(a *velos.App) string {
	var parts []string
	for _, s := range []velos.Status{velos.Online, velos.Starting, velos.Stopping, velos.WaitingRestart, velos.Errored, velos.Stopped} {
		n := 0
		for i := range a.Instances {
			if a.Instances[i].Status == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+string(s))
		}
	}
	return strings.Join(parts, ", ")
}

func orderText(e *velos.Event) string {
	if who := by(e.Actor); who != "" {
		return e.Cause + " by " + who
	}
	return e.Cause
}

type whyJSON struct {
	App       appJSON       `json:"app"`
	Inst      int           `json:"instance"`
	Status    velos.Status  `json:"status"`
	Since     velos.Time    `json:"since"`
	Reason    string        `json:"reason"`
	Exit      *velos.Exit   `json:"last_exit"`
	Meaning   string        `json:"exit_meaning"`
	RetryAt   velos.Time    `json:"retry_at"`
	NextRun   velos.Time    `json:"next_run,omitempty"`
	LastOrder *velos.Event  `json:"last_order"`
	Timeline  []velos.Event `json:"timeline"`
	Stderr    []string      `json:"stderr"`
	Health    velos.Health  `json:"health,omitempty"`
	HealthWhy string        `json:"health_text,omitempty"`
	Said      string        `json:"status_text,omitempty"`
	Hints     []string      `json:"hints"`
}

func (o Options) whyJSON(r Report, i *velos.Instance, f findings) whyJSON {
	j := whyJSON{App: o.appJSON(&r.App), Status: r.App.Status, Reason: f.reason, LastOrder: f.order,
		Timeline: append([]velos.Event{}, f.timeline...), Stderr: append([]string{}, f.lines...), Hints: f.todo}
	if i != nil {
		j.Inst, j.Status, j.Since, j.RetryAt, j.NextRun, j.Exit = i.Inst, i.Status, i.Since, i.RetryAt, i.NextRun, i.LastExit
		j.Health, j.HealthWhy, j.Said = i.Health, i.HealthText, i.Said
		if j.Exit != nil {
			j.Meaning = j.Exit.String()
		}
	}
	return j
}

type whyAI struct {
	Name     string   `json:"n"`
	Status   string   `json:"s"`
	For      string   `json:"u"`
	Why      string   `json:"why,omitempty"`
	Exit     string   `json:"x,omitempty"`
	Restarts int      `json:"r,omitempty"`
	Strikes  string   `json:"k,omitempty"`
	Next     string   `json:"next,omitempty"`
	Health   string   `json:"h,omitempty"`
	Said     string   `json:"st,omitempty"`
	URL      string   `json:"at,omitempty"`
	Order    string   `json:"by,omitempty"`
	Stderr   []string `json:"e,omitempty"`
	Hints    []string `json:"do"`
}

// aiLine bounds a line of stderr in --ai, in characters, so that the whole
// answer stays under 400 tokens.
const aiLine = 160

func (o Options) whyAI(r Report, i *velos.Instance, f findings) whyAI {
	j := whyAI{Name: r.App.Spec.Name, Status: shortStatus(r.App.Status), Why: f.reason, Hints: f.todo}
	if i != nil {
		j.Status, j.For, j.Restarts = shortStatus(i.Status), ShortSpan(velos.Millis(max(0, o.Now-i.Since))), i.Restarts
		j.Said, j.URL = cut(Text(i.Said), aiLine), Text(URL(i.Ports.List()))
		if i.Health != velos.Healthy {
			j.Health = cut(Text(health(i)), aiLine)
		}
		if x := i.LastExit; x != nil {
			j.Exit = x.String()
		}
		if i.Strikes > 0 {
			j.Strikes = strconv.Itoa(i.Strikes) + "/" + strconv.Itoa(r.App.Spec.MaxRestarts)
		}
		if i.RetryAt > o.Now {
			j.Next = "in " + Span(velos.Millis(i.RetryAt-o.Now))
		} else if i.NextRun > o.Now {
			j.Next = "in " + Span(velos.Millis(i.NextRun-o.Now))
		}
	}
	if f.order != nil {
		j.Order = orderText(f.order)
	}
	for _, s := range f.lines {
		j.Stderr = append(j.Stderr, cut(s, aiLine))
	}
	return j
}
