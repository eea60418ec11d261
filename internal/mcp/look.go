package mcp

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/crash"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type crashIn struct {
	Target
	Format
}

type crashOut struct {
	Text   string `json:"text,omitempty"`
	Cause  string `json:"cause,omitempty"`
	Port   int    `json:"port,omitempty"`
	Report fields `json:"report,omitempty"`
	Source string `json:"source"`
}

// fields are an object that is described elsewhere.
type fields map[string]any

func crashReport(c *call, in *crashIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	r, err := c.report(a, inst)
	if err != nil {
		return answer{}, err
	}
	out := crashOut{Cause: string(r.Cause), Port: r.Port, Source: source}
	if in.json() {
		if err := json.Unmarshal(view.Value(view.CrashJSON(&r)), &out.Report); err != nil {
			return answer{}, err
		}
		return answer{data: out}, nil
	}
	out.Text = reportText(c.s.view(), &r)
	links := []sdk.Content{}
	if r.Exit != nil {
		links = append(links, logLink(a))
	}
	return answer{text: out.Text, data: out, links: links}, nil
}

// report is why an app ended, with what to do in words of tools.
func (c *call) report(a *velos.App, inst int) (crash.Report, error) {
	r, err := verb.Crash(c, c.conn, a, inst)
	r.Next = r.Calls()
	return r, err
}

// reportText is a crash report in at most 400 tokens: what is ours first, the
// program's own words behind a mark.
func reportText(o view.Options, r *crash.Report) string {
	if r.Exit == nil {
		return view.Text(r.App) + " has not crashed: no run ended without being asked to"
	}
	lines := []string{view.Text(r.App) + " " + view.Fit(view.Text(r.Exit.String()), 60) + " at " + o.Clock(r.Exit.Time) + ", now " + string(r.Status)}
	add := func(key, value string) {
		if value != "" {
			lines = append(lines, key+": "+value)
		}
	}
	add("cause", string(r.Cause))
	if r.Port > 0 {
		holder := view.Fit(view.Text(r.Holder), 40)
		if holder == "" {
			holder = "nobody now"
		}
		add("port "+strconv.Itoa(r.Port)+" held by", holder)
	}
	if r.Cause == crash.Memory && r.Peak > 0 {
		limit := ""
		if r.Limit > 0 {
			limit = " of " + view.ShortBytes(r.Limit)
		}
		add("memory peak", view.ShortBytes(r.Peak)+limit)
	}
	if r.Strikes > 0 {
		add("quick ends in a row", strconv.Itoa(r.Strikes)+" of "+strconv.Itoa(r.Allowed))
	}
	if r.Same > 0 {
		add("the same before", strconv.Itoa(r.Same)+"×, first "+o.Clock(r.First))
	}
	add("changed since the last good run", view.Fit(view.CrashChanged(r), 40))
	moments := r.Timeline[max(0, len(r.Timeline)-4):]
	var times []string
	for i := range moments {
		m := &moments[i]
		s := o.Clock(m.Time) + " " + view.Fit(view.Text(m.Text), 30)
		if m.Count > 1 {
			s += " ×" + strconv.Itoa(m.Count)
		}
		times = append(times, s)
	}
	add("timeline", strings.Join(times, "; "))
	add("next", view.Fit(strings.Join(r.Next, "; "), 70))
	ours := strings.Join(lines, "\n")
	return ours + untrusted + said(r, mostReport-reserve-view.Weight(ours))
}

// mostReport is what a report may cost in tokens, and reserve what is between
// its parts.
const (
	mostReport = 400
	reserve    = 45
)

// said is what the program itself has to say of its end, as far as there is
// room: what says most comes first.
func said(r *crash.Report, room int) string {
	var lines []string
	all := true
	add := func(text string, most int) {
		if room < 4 {
			all = false
			return
		}
		short := view.Fit(text, min(most, room))
		all = all && short == text
		room -= view.Weight(short) + 1
		lines = append(lines, short)
	}
	if r.Subject != "" && r.Port == 0 {
		add("subject: "+r.Subject, 50)
	}
	if r.Frame != "" {
		add("frame: "+r.Frame, 50)
	}
	if r.Message != "" {
		add(r.Message, 90)
	}
	shown, others := 0, 0
	for i := range r.Stack {
		if f := &r.Stack[i]; !f.Own || shown == 5 {
			others++
		} else {
			shown++
			add("  "+f.Text, 45)
		}
	}
	if len(r.Stack) == 0 {
		from := max(0, len(r.Text)-6)
		for all = all && from == 0; from < len(r.Text); from++ {
			if l := r.Text[from]; l != r.Message && strings.TrimSpace(l) != "" {
				add(l, 55)
			}
		}
	}
	switch {
	case others > 0:
		lines = append(lines, "  + "+strconv.Itoa(others)+" more frames (format=json has them)")
	case !all:
		lines = append(lines, "  (format=json has all)")
	}
	return strings.Join(lines, "\n")
}

type changesIn struct {
	Since  string `json:"since,omitempty" about:"cursor, age or time; default: the newest"`
	Before string `json:"before,omitempty" about:"cursor"`
	Lines  int    `json:"lines,omitempty" about:"default 20"`
	Format
}

type changesOut struct {
	Text    string        `json:"text,omitempty"`
	Changes []verb.Change `json:"changes,omitzero"`
	Older   int           `json:"older,omitempty"`
	Missed  uint64        `json:"missed,omitempty"`
	Cursor  string        `json:"cursor,omitempty"` // where to read on; not of older changes
	Next    string        `json:"next,omitempty"`
}

// mostChanges bounds the changes of one answer.
const mostChanges = 500

func changes(c *call, in *changesIn) (answer, error) {
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	q := wire.EventsQuery{}
	if strings.Contains(in.Since, "#") {
		cur, err := verb.ParseCursor(in.Since)
		if err != nil {
			return answer{}, err
		}
		q.After = cur.Event
	} else if q.Since, err = c.moment(in.Since); err != nil {
		return answer{}, err
	}
	var before verb.Cursor
	if in.Before != "" {
		if before, err = verb.ParseCursor(in.Before); err == nil && before.Event == 0 {
			err = invalid("before: "+quoted(in.Before)+" stands before everything", "the cursor of a next call")
		}
		if err != nil {
			return answer{}, err
		}
	}
	most := min(in.Lines, mostChanges)
	if most == 0 {
		most = 20
	}
	ch, err := verb.ChangesBefore(c, c.conn, apps, q, before.Event, most)
	if err != nil {
		return answer{}, err
	}
	out := changesOut{Older: ch.Older, Missed: ch.Missed}
	if in.Before == "" {
		out.Cursor = ch.Cursor.String()
	}
	if ch.Before > 0 {
		since := in.Since
		if q.Since > 0 {
			since = at(q.Since)
		}
		out.Next = again("changes", "since", since, "before", verb.Cursor{Event: ch.Before}.String(), "lines", number(in.Lines), "format", in.Format.Format)
	}
	if in.json() {
		out.Changes = append([]verb.Change{}, ch.List...)
		return answer{data: out}, nil
	}
	var lines []string
	if ch.Missed > 0 {
		lines = append(lines, strconv.FormatUint(ch.Missed, 10)+" events before are forgotten")
	}
	if ch.Older > 0 {
		lines = append(lines, strconv.Itoa(ch.Older)+" older left out; next: "+out.Next)
	}
	o := c.s.view()
	for i := range ch.List {
		e := &ch.List[i]
		s := o.Clock(e.Time) + " " + e.App + ": " + e.Text
		if e.App == "" {
			s = o.Clock(e.Time) + " velosd: " + e.Text
		}
		if e.Count > 1 {
			s += " ×" + strconv.Itoa(e.Count)
		}
		if e.By != "" {
			s += " by " + e.By
		}
		lines = append(lines, s)
	}
	if len(ch.List) == 0 {
		lines = append(lines, "nothing has changed")
	}
	if out.Cursor != "" {
		lines = append(lines, "cursor "+out.Cursor)
	}
	out.Text = strings.Join(lines, "\n")
	return answer{text: out.Text, data: out}, nil
}

type portsIn struct {
	Port int `json:"port,omitempty" about:"who has this one, of any program"`
}

type portsOut struct {
	Ports []verb.Port `json:"ports"`
}

func ports(c *call, in *portsIn) (answer, error) {
	if in.Port > 65535 {
		return answer{}, invalid("a port is a number from 1 to 65535", "leave it out for all")
	}
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	verb.Look(c, c.conn, apps)
	list := verb.Ports(apps, in.Port)
	lines := []string{"port app pid address cwd"}
	for i := range list {
		p := &list[i]
		p.Address, p.Cwd, p.Program, p.App = view.Text(p.Address), view.Text(p.Cwd), view.Text(p.Program), view.Text(p.App)
		who := word(p.App)
		if who == "" {
			who = "(" + p.Program + ", no app)"
		}
		lines = append(lines, strings.TrimSpace(strconv.Itoa(p.Port)+" "+who+" "+strconv.Itoa(p.PID)+" "+p.Address+" "+p.Cwd))
	}
	if len(list) == 0 {
		lines = []string{map[bool]string{true: "no process listens on a port", false: "nobody listens there"}[in.Port == 0] + ", as far as can be seen"}
	}
	return answer{text: strings.Join(lines, "\n"), data: portsOut{append([]verb.Port{}, list...)}}, nil
}

type metricsIn struct {
	Name string `json:"name_or_id,omitempty" about:"default: the sum over all"`
}

type metricsOut struct {
	CPU      float64 `json:"cpu"`
	Mem      int64   `json:"mem"`
	Restarts int     `json:"restarts"`
	Uptime   int64   `json:"uptime"`
	Apps     int     `json:"processes"`
}

func metrics(c *call, in *metricsIn) (answer, error) {
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	if in.Name != "" {
		a, inst, err := verb.Find(apps, in.Name)
		if err != nil {
			return answer{}, err
		}
		one := *a
		if inst >= 0 { // alone
			one.Leaving = nil
			one.Instances = slices.DeleteFunc(slices.Clone(a.Instances), func(i velos.Instance) bool { return i.Inst != inst })
		}
		apps = []velos.App{one}
	}
	out := metricsOut{Apps: len(apps)}
	for i := range apps {
		u := apps[i].Usage()
		out.CPU += u.CPU
		out.Mem += u.Memory
		out.Restarts += apps[i].Restarts()
		out.Uptime = max(out.Uptime, int64(uptime(&apps[i], c.s.now()))/1000)
	}
	out.CPU = float64(int(out.CPU*10)) / 10
	return answer{text: strconv.FormatFloat(out.CPU, 'f', -1, 64) + "% cpu, " + view.ShortBytes(out.Mem) + ", " + strconv.Itoa(out.Restarts) + " restarts, up " +
		view.ShortSpan(velos.Millis(out.Uptime*1000)), data: out}, nil
}
