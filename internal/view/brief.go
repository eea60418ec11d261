package view

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Row is an app in one line, for agents.
type Row struct {
	Name     string  `json:"name"`
	Status   string  `json:"status"`
	CPU      float64 `json:"cpu"`
	Mem      string  `json:"mem"`
	Uptime   string  `json:"uptime"`
	Restarts int     `json:"restarts"`
	URL      string  `json:"url,omitempty"`
	Health   string  `json:"health,omitempty"`
}

// manyApps is how many apps get a row each unless all rows are asked for.
const manyApps = 15

// RowOf is the row of an app.
func RowOf(a *velos.App, now velos.Time) Row {
	u := a.Usage()
	r := Row{Name: Text(a.Spec.Name), Status: string(a.Status), CPU: float64(int(u.CPU*10)) / 10, Mem: ShortBytes(u.Memory), Restarts: a.Restarts(), URL: Text(URL(Addresses(a)))}
	for i := range a.Instances {
		in := &a.Instances[i]
		if in.Health == velos.Unhealthy {
			r.Health = string(in.Health)
		}
		if r.Uptime == "" && in.PID != 0 && in.Started > 0 && now > in.Started {
			r.Uptime = ShortSpan(velos.Millis(now - in.Started))
		}
	}
	if r.Uptime == "" {
		r.Uptime = ShortSpan(0)
	}
	return r
}

// Brief is a header and a row for each app. Of many apps those that are as
// they should be are names only, unless all is said; more says how to say it.
func Brief(rows []Row, all bool, more string) string {
	if len(rows) == 0 {
		return "no processes"
	}
	var b strings.Builder
	var quiet []string
	b.WriteString("name cpu% mem uptime; online unless said\n")
	head := b.Len()
	for i := range rows {
		r := &rows[i]
		if len(rows) > manyApps && !all && r.Status == string(velos.Online) && r.Health == "" && r.CPU < 50 {
			quiet = append(quiet, r.Name)
			continue
		}
		b.WriteString(r.text())
		b.WriteString("\n")
	}
	text := b.String()
	if len(quiet) > 0 {
		if b.Len() == head {
			text = ""
		}
		text += strconv.Itoa(len(quiet)) + " online and quiet (" + more + " for rows): " + strings.Join(quiet, " ")
	}
	return strings.TrimSuffix(text, "\n")
}

// text is the row in whole numbers, and what is not as it is most of the time.
func (r *Row) text() string {
	s := OneWord(r.Name)
	if r.Status == string(velos.Stopped) || r.Status == string(velos.Errored) {
		s += " -"
	} else {
		s += " " + strconv.Itoa(int(r.CPU+0.5)) + " " + whole(r.Mem) + " " + whole(r.Uptime)
	}
	if r.Status != string(velos.Online) {
		s += " " + r.Status
	}
	if r.Restarts > 0 {
		s += " restarts=" + strconv.Itoa(r.Restarts)
	}
	for _, more := range []string{r.URL, r.Health} {
		if more != "" {
			s += " " + more
		}
	}
	return s
}

// whole is a figure with its unit and without its fraction.
func whole(s string) string {
	n, rest, ok := strings.Cut(s, ".")
	if !ok {
		return s
	}
	return n + strings.TrimLeft(rest, "0123456789")
}

// OneWord is a name as one word.
func OneWord(s string) string {
	if strings.ContainsAny(s, " \t") {
		return strconv.Quote(s)
	}
	return s
}
