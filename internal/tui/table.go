package tui

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// A sortKey says by what the table is sorted.
type sortKey int

const (
	byName sortKey = iota
	byStatus
	byCPU
	byMemory
	byRestarts
	byUptime
	byID
	sortKeys
)

var sortNames = [...]string{"name", "status", "cpu", "memory", "restarts", "uptime", "id"}

// A row is an app, or one of its instances.
type row struct {
	app  *app
	in   *velos.Instance // nil: the app
	old  bool            // beside the app's instances: a run that leaves, or is tried
	last bool            // of the instances
}

func (r *row) target() target {
	if r.in == nil {
		return target{r.app.ID, -1}
	}
	return target{r.app.ID, r.in.Inst}
}

// name is how the row is called on the command line.
func (r *row) name() string {
	if r.in == nil {
		return r.app.name
	}
	return r.app.name + ":" + strconv.Itoa(r.in.Inst)
}

// A table is what the upper part of the screen shows: all rows, and which are
// seen.
type table struct {
	rows   []row
	at     target // the chosen row
	old    bool   // it is one of a run that leaves
	index  int    // its place, where it is when it has gone
	top    int    // the first row that is seen
	tall   int    // rows that are seen
	key    sortKey
	desc   bool
	filter string
	re     *regexp.Regexp
	hidden int // apps that the filter leaves out
	whole  int // rows that there would be without it
}

// refresh makes the rows anew. The chosen one stays chosen, wherever it goes.
func (t *table) refresh(m *model) {
	apps := make([]*app, 0, len(m.apps))
	for _, a := range m.apps {
		if t.re == nil || t.re.MatchString(a.name) || t.re.MatchString(string(a.Status)) || t.re.MatchString(a.Spec.Namespace) {
			apps = append(apps, a)
		}
	}
	t.hidden = len(m.apps) - len(apps)
	now := velos.TimeOf(m.clock)
	slices.SortStableFunc(apps, func(a, b *app) int {
		n := t.compare(a, b, now)
		if t.desc {
			n = -n
		}
		return cmp.Or(n, strings.Compare(a.name, b.name))
	})
	t.whole = 0
	for _, a := range m.apps {
		t.whole += 1 + a.twigs()
	}
	t.rows = t.rows[:0]
	for _, a := range apps {
		t.rows = append(t.rows, row{app: a})
		if a.twigs() == 0 {
			continue
		}
		if len(a.Instances) > 1 {
			for i := range a.Instances {
				t.rows = append(t.rows, row{app: a, in: &a.Instances[i]})
			}
		}
		for i := range a.Leaving {
			t.rows = append(t.rows, row{app: a, in: &a.Leaving[i], old: true})
		}
		t.rows[len(t.rows)-1].last = true
	}
	t.keep()
}

// twigs is how many rows an app has below its own.
func (a *app) twigs() int {
	n := len(a.Leaving)
	if len(a.Instances) > 1 {
		n += len(a.Instances)
	}
	if !a.open {
		return 0
	}
	return n
}

// keep finds the chosen row again; where it has gone, the one in its place is
// chosen.
func (t *table) keep() {
	i := slices.IndexFunc(t.rows, func(r row) bool { return r.target() == t.at && r.old == t.old })
	if i < 0 { // a run that was left has ended
		i = slices.IndexFunc(t.rows, func(r row) bool { return r.target() == t.at && !r.old })
	}
	if i < 0 { // the app may be folded
		i = slices.IndexFunc(t.rows, func(r row) bool { return r.app.ID == t.at.id })
	}
	if i < 0 {
		i = min(t.index, len(t.rows)-1)
	}
	t.choose(i)
}

// choose chooses the row at a place.
func (t *table) choose(i int) {
	if len(t.rows) == 0 {
		t.index, t.at, t.old = 0, target{}, false
		return
	}
	t.index = min(max(i, 0), len(t.rows)-1)
	t.at, t.old = t.rows[t.index].target(), t.rows[t.index].old
	t.reveal()
}

// reveal moves what is seen so that the chosen row is.
func (t *table) reveal() {
	if t.tall <= 0 {
		return
	}
	t.top = min(t.top, t.index)
	t.top = max(t.top, t.index-t.tall+1)
	t.top = max(0, min(t.top, len(t.rows)-t.tall))
}

// chosen is the chosen row; nil when there is none.
func (t *table) chosen() *row {
	if t.index >= len(t.rows) {
		return nil
	}
	return &t.rows[t.index]
}

func (t *table) compare(a, b *app, now velos.Time) int {
	ua, ub := a.Usage(), b.Usage()
	switch t.key {
	case byName:
		return strings.Compare(a.name, b.name)
	case byStatus:
		return cmp.Compare(alarm(b.Status), alarm(a.Status)) // what needs somebody first
	case byCPU:
		return cmp.Compare(ub.CPU, ua.CPU)
	case byMemory:
		return cmp.Compare(ub.Memory, ua.Memory)
	case byRestarts:
		return cmp.Compare(b.Restarts(), a.Restarts())
	case byUptime:
		return cmp.Compare(uptimeOf(b, now), uptimeOf(a, now))
	}
	return cmp.Compare(a.ID, b.ID)
}

// alarm is how much a status needs somebody.
func alarm(s velos.Status) int {
	return slices.Index([]velos.Status{velos.Stopped, velos.Online, velos.Stopping, velos.Starting, velos.WaitingRestart, velos.Errored}, s)
}

// uptimeOf is that of the instance that runs longest.
func uptimeOf(a *app, now velos.Time) (up velos.Millis) {
	for i := range a.Instances {
		up = max(up, uptime(&a.Instances[i], now))
	}
	return up
}

func uptime(in *velos.Instance, now velos.Time) velos.Millis {
	if in.PID == 0 || in.Started == 0 || now < in.Started {
		return 0
	}
	return velos.Millis(now - in.Started)
}

// A face is what is shown of a row.
type face struct {
	status   string
	color    string
	cpu, mem string
	r        *rings
	restarts string
	uptime   string
	pid      string
	health   string
	url      string
}

func (m *model) face(r *row) face {
	now := velos.TimeOf(m.clock)
	if r.in != nil {
		f := m.instanceFace(r.in, now)
		f.r = r.app.insts[r.in.Inst]
		if r.old {
			f.r, f.status, f.color = nil, "new", yellow
			if r.in.Leaving {
				f.status = "leaving"
			}
		}
		return f
	}
	a := r.app
	f := face{uptime: "-"}
	if len(a.Instances) > 0 {
		f = m.instanceFace(&a.Instances[0], now)
	}
	u := a.Usage()
	f.status, f.color = string(a.Status), view.StatusColor(a.Status)
	f.r = &a.rings
	f.restarts = strconv.Itoa(a.Restarts())
	f.cpu, f.mem = "", ""
	if u.Procs > 0 || u.Memory > 0 {
		f.cpu, f.mem = percent(u.CPU), view.Bytes(u.Memory)
	}
	if len(a.Instances) > 1 {
		f.pid = ""
		if up := uptimeOf(a, now); up > 0 {
			f.uptime = seconds(up)
		}
	}
	f.url = shown(view.URL(view.Addresses(&a.App)))
	for i := range a.Instances {
		if h := a.Instances[i].Health; h == velos.Unhealthy || f.health == "" {
			f.health = string(h)
		}
	}
	return f
}

func (m *model) instanceFace(in *velos.Instance, now velos.Time) face {
	f := face{status: string(in.Status), color: view.StatusColor(in.Status), restarts: strconv.Itoa(in.Restarts), uptime: "-", health: string(in.Health)}
	switch {
	case in.PID != 0:
		f.cpu, f.mem, f.pid = percent(in.Usage.CPU), view.Bytes(in.Usage.Memory), strconv.Itoa(in.PID)
		f.uptime = seconds(uptime(in, now))
	case in.RetryAt > now:
		f.uptime = "in " + seconds(velos.Millis(in.RetryAt-now))
	case in.NextRun > now:
		f.uptime = "in " + seconds(velos.Millis(in.NextRun-now))
	}
	f.url = shown(view.URL(in.Ports.List()))
	return f
}

func percent(f float64) string {
	if f >= 9.95 {
		return strconv.FormatFloat(f, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + "%"
}
