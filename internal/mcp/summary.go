package mcp

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

type summaryIn struct {
	Target
	Period string `json:"period,omitempty" about:"default 1h"`
	Format
}

type summaryOut struct {
	Text        string            `json:"text,omitempty"`
	Process     string            `json:"process_name,omitempty"`
	Period      []velos.Time      `json:"period,omitempty"`
	Total       *uint64           `json:"total_lines,omitempty"`
	ByLevel     map[string]uint64 `json:"by_level,omitzero"`
	Patterns    []patternRow      `json:"top_patterns,omitzero"`
	Anomalies   []anomalyRow      `json:"anomalies,omitzero"`
	LastError   string            `json:"last_error,omitempty"`
	LastRestart velos.Time        `json:"last_restart,omitempty"`
	Health      *int              `json:"health_score,omitempty"`
	Source      string            `json:"source"`
}

type patternRow struct {
	Pattern string `json:"pattern"`
	Count   uint64 `json:"count"`
	Level   string `json:"level"`
	Trend   string `json:"trend"`
}

type anomalyRow struct {
	Metric   string     `json:"metric"`
	Current  float64    `json:"current"`
	Mean     float64    `json:"mean"`
	Sigma    float64    `json:"sigma"`
	Severity string     `json:"severity"`
	Time     velos.Time `json:"ts"`
}

// history is how much of what was before a period tells what is normal: as
// long as the period, and at least an hour.
const history = velos.Time(3_600_000)

// mostAnalysed bounds the lines that one summary reads.
const mostAnalysed = 200_000

// analyse sums up what an app wrote in a period.
func (c *call) analyse(a *velos.App, inst int, period velos.Millis, most int) (digest.Summary, error) {
	now := c.s.now()
	from := now - velos.Time(period)
	v, err := verb.Veil(c, c.conn, a)
	if err != nil {
		return digest.Summary{}, err
	}
	o := verb.Reading(&a.Spec)
	o.Since = from
	if inst < 0 {
		if err := verb.Counted(c, c.conn, a, &o, from-verb.Remembered, 0, now); err != nil {
			return digest.Summary{}, err
		}
	}
	an := digest.NewAnalysis(o)
	for e, err := range c.conn.Logs(c, a.ID, velos.Query{Inst: inst, Since: from - max(velos.Time(period), history), Last: most}) {
		if err != nil {
			return digest.Summary{}, err
		}
		if e.Missed == 0 {
			an.Add(&digest.Line{Time: e.Time, Level: e.Level, From: uint64(e.Inst)<<2 | uint64(e.Src), Text: []byte(v.Text(&e))})
		}
	}
	an.Close()
	f := digest.Facts{Name: a.Spec.Name, Offline: a.Status == velos.Errored || a.Status == velos.WaitingRestart}
	for e, err := range c.conn.Events(c, wire.EventsQuery{ID: a.ID, Since: from, Last: 500}) {
		if err != nil {
			return digest.Summary{}, err
		}
		if e.Kind == velos.KindExit && e.Exit != nil && e.Exit.Unwanted() {
			f.Restarts++
			f.LastRestart = e.Time
		}
	}
	return an.Summary(f, from, now), nil
}

func (c *call) period(text string, usual velos.Millis) (velos.Millis, error) {
	if text == "" {
		return usual, nil
	}
	m, ok := verb.Age(strings.TrimPrefix(strings.TrimPrefix(text, "last "), "last_"))
	if !ok || m <= 0 {
		return 0, invalid(strconv.Quote(text)+" is no length of time", "such as 15m, 1h or 2d")
	}
	return m, nil
}

func logSummary(c *call, in *summaryIn) (answer, error) {
	a, inst, _, err := c.app(in.Name)
	if err != nil {
		return answer{}, err
	}
	period, err := c.period(in.Period, 3_600_000)
	if err != nil {
		return answer{}, err
	}
	s, err := c.analyse(a, inst, period, mostAnalysed)
	if err != nil {
		return answer{}, err
	}
	if !in.json() {
		text := c.s.summaryText(&s, period)
		return answer{text: text, data: summaryOut{Text: text, Source: source}}, nil
	}
	out := summaryOut{Process: view.Text(s.Process), Period: []velos.Time{s.From, s.To}, Total: &s.Lines, ByLevel: map[string]uint64{}, Patterns: []patternRow{}, Anomalies: []anomalyRow{}, LastError: s.LastError,
		LastRestart: s.LastRestart, Health: &s.Health, Source: source}
	for l := velos.Debug; l <= velos.Fatal; l++ {
		out.ByLevel[l.String()] = s.ByLevel[l]
	}
	for _, p := range s.Top {
		out.Patterns = append(out.Patterns, patternRow{p.Template, p.Count, p.Level.String(), p.Trend.String()})
	}
	for _, e := range s.Anomalies {
		out.Anomalies = append(out.Anomalies, anomalyRow{e.Metric, e.Current, e.Mean, e.Sigma, e.Severity.String(), e.Time})
	}
	return answer{data: out}, nil
}

// summaryText is a summary in ninety tokens or so.
func (s *Server) summaryText(d *digest.Summary, period velos.Millis) string {
	lines := []string{view.Text(d.Process) + " last " + period.String() + ": health " + strconv.Itoa(d.Health) + ", " + strconv.FormatUint(d.Lines, 10) + " lines, " +
		strconv.FormatUint(d.Errors(), 10) + " errors, " + strconv.FormatUint(d.ByLevel[velos.Warn], 10) + " warnings"}
	for i := range d.Anomalies {
		e := &d.Anomalies[i]
		lines = append(lines, "anomaly: "+e.Metric+" "+short(e.Current)+"/min, normal "+short(e.Mean)+", "+e.Severity.String())
	}
	if d.LastRestart > 0 {
		lines = append(lines, "last crash "+s.view().Clock(d.LastRestart))
	}
	var said []string
	for i := range d.Top {
		p := &d.Top[i]
		row := strconv.FormatUint(p.Count, 10) + "× " + cut(p.Template, 100)
		if p.Trend != digest.Stable {
			row += ", " + p.Trend.String()
		}
		said = append(said, row)
	}
	if d.LastError != "" {
		said = append(said, "last error "+toMinute(s.view().Clock(d.LastErrorAt))+": "+cut(telling(d.LastError), 200))
	}
	text := strings.Join(lines, "\n")
	if len(said) > 0 {
		text += untrusted + strings.Join(said, "\n")
	}
	return text
}

// toMinute leaves the seconds of a clock out: two tokens that tell nothing in a
// summary.
func toMinute(clock string) string {
	if i := strings.LastIndexByte(clock, ':'); i > 0 && strings.Count(clock, ":") == 2 {
		return clock[:i]
	}
	return clock
}

// telling is the line of an event that says what it is: a stack may begin with
// others.
func telling(text string) string {
	first := ""
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		low := strings.ToLower(l)
		for _, w := range []string{"error", "exception", "panic", "fatal"} {
			if strings.Contains(low, w) {
				return l
			}
		}
		if first == "" {
			first = l
		}
	}
	return first
}

func plural(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return strconv.Itoa(n) + " " + many
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', 2, 64) }

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

type healthOut struct {
	Overall   string      `json:"overall"`
	Processes []healthRow `json:"processes"`
}

type healthRow struct {
	Name   string   `json:"name"`
	Score  int      `json:"score"`
	Issues []string `json:"issues"`
}

type noIn struct{}

// recent is what a health check looks at.
const (
	recent      = velos.Millis(900_000)
	recentLines = 3000
)

func healthCheck(c *call, _ *noIn) (answer, error) {
	apps, err := c.apps()
	if err != nil {
		return answer{}, err
	}
	out := healthOut{Overall: "healthy", Processes: []healthRow{}}
	var text []string
	well := 0
	for i := range apps {
		r, err := c.healthOf(&apps[i])
		if err != nil {
			return answer{}, err
		}
		out.Processes = append(out.Processes, r)
		switch {
		case r.Score < 50:
			out.Overall = "unhealthy"
		case r.Score < 80 && out.Overall == "healthy":
			out.Overall = "degraded"
		}
		if len(r.Issues) == 0 {
			well++
			continue
		}
		text = append(text, r.Name+" "+strconv.Itoa(r.Score)+": "+strings.Join(r.Issues, "; "))
	}
	if well > 0 {
		text = append(text, strconv.Itoa(well)+" without issues")
	}
	return answer{text: strings.Join(append([]string{out.Overall}, text...), "\n"), data: out}, nil
}

// healthOf is the score of one app. One that was told to stop is well.
func (c *call) healthOf(a *velos.App) (healthRow, error) {
	s, err := c.analyse(a, -1, recent, recentLines)
	if err != nil {
		return healthRow{}, err
	}
	r := healthRow{Name: view.Text(a.Spec.Name), Score: s.Health, Issues: []string{}}
	if a.Status == velos.Errored || a.Status == velos.WaitingRestart {
		r.Issues = append(r.Issues, string(a.Status))
	}
	for _, d := range s.Deductions {
		r.Issues = append(r.Issues, d.Reason)
	}
	for i := range a.Instances {
		if in := &a.Instances[i]; in.Health == velos.Unhealthy {
			r.Issues = append(r.Issues, "instance "+strconv.Itoa(in.Inst)+" fails its health probe")
			r.Score = min(r.Score, 40)
		}
	}
	if a.Status == velos.Errored {
		r.Score = min(r.Score, 20)
	}
	return r, nil
}
