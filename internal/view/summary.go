package view

import (
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// Summaries shows what the logs of apps come to. Period says how the time was
// asked for, such as "last 1h"; "" shows it as times.
func Summaries(w io.Writer, list []digest.Summary, period string, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		rows := make([]summaryJSON, len(list))
		for i := range list {
			rows[i] = summaryOf(&list[i])
		}
		array(&b, rows)
	case AI:
		rows := make([]summaryAI, len(list))
		for i := range list {
			rows[i] = o.summaryAI(&list[i])
		}
		b.b = append(encode(rows), '\n')
	default:
		for i := range list {
			if i > 0 {
				b.str("\n")
			}
			o.summary(&b, &list[i], period)
		}
	}
	return b.to(w)
}

// summary is one summary for people.
func (o Options) summary(b *buffer, s *digest.Summary, period string) {
	if period == "" {
		period = o.clock(s.From) + " to " + o.clock(s.To)
	}
	health := strconv.Itoa(s.Health) + "/100"
	sgr := green
	if s.Health < 50 {
		sgr = red
	} else if s.Health < 80 {
		sgr = yellow
	}
	b.str("Process: ", o.paint(bold, Text(s.Process)), " | Period: ", period, " | Health: ", o.paint(sgr, health), "\n")
	b.str("Lines: ", thousands(s.Lines), " | Errors: ", thousands(s.Errors()), " | Warnings: ", thousands(s.ByLevel[velos.Warn]), "\n")
	if len(s.Deductions) > 0 {
		b.str("Health is less for: ", deductions(s), "\n")
	}
	if len(s.Top) > 0 {
		b.str("Top patterns:\n")
	}
	for i := range s.Top {
		p := &s.Top[i]
		b.str("  ", strconv.Itoa(i+1), `. "`, o.paint(LevelColor(p.Level), o.cut(Text(p.Template), 32)), `" (x`, strconv.FormatUint(p.Count, 10), ", trend: ", p.Trend.String(), ")\n")
	}
	if s.LastError != "" {
		first, more, _ := strings.Cut(s.LastError, "\n")
		b.str(`Last error: "`, o.paint(red, o.cut(Text(first), 28)), `"`)
		if n := strings.Count(more, "\n"); more != "" {
			b.str(" and ", plural(n+1, "more line"))
		}
		if s.LastErrorAt != 0 {
			b.str(" (", minutesAgo(s.LastErrorAt, o.Now), ")")
		}
		b.str("\n")
	}
	if s.LastRestart != 0 {
		b.str("Last restart: ", o.clock(s.LastRestart), " (", minutesAgo(s.LastRestart, o.Now), ")\n")
	}
	for i := range s.Anomalies {
		b.str("Anomaly: ", o.anomaly(&s.Anomalies[i]), "\n")
	}
}

// cut shortens a text to the width of a terminal, less what stands around it.
func (o Options) cut(s string, around int) string {
	if !o.TTY || o.Width <= around+20 {
		return s
	}
	if r := []rune(s); len(r) > o.Width-around {
		return string(r[:o.Width-around-1]) + "…"
	}
	return s
}

func deductions(s *digest.Summary) string {
	var list []string
	for _, d := range s.Deductions {
		list = append(list, d.Reason+" (-"+strconv.Itoa(d.Points)+")")
	}
	return strings.Join(list, ", ")
}

// anomaly is "error_rate 3.2σ above normal (7/min vs avg 0.5/min)", and when.
func (o Options) anomaly(e *digest.Episode) string {
	where := "above"
	if e.Metric == digest.Silence {
		where = "below"
	}
	s := e.Metric + " " + short(e.Sigma) + "σ " + where + " normal (" + short(e.Current) + "/min vs avg " + short(e.Mean) + "/min)"
	if e.Severity == digest.Critical {
		s = o.paint(red, s)
	}
	if e.Time != 0 {
		s += " at " + o.clock(e.Time)
	}
	if e.Until > e.Time {
		s += ", until " + o.clock(e.Until)
	}
	return s
}

// short is a figure with one decimal where that says something.
func short(f float64) string {
	if f >= 100 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	if f > 0 && f < .1 {
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

// thousands is 5450 as 5,450.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// minutesAgo is an age; minutes are spelled as in "2min ago".
func minutesAgo(t, now velos.Time) string {
	if d := now - t; t != 0 && d >= 60_000 && d < 3_600_000 {
		return strconv.Itoa(int(d/60_000)) + "min ago"
	}
	return ago(t, now)
}

// summaryJSON is a summary in --json.
type summaryJSON struct {
	Process     string            `json:"process_name"`
	Period      periodJSON        `json:"period"`
	Lines       uint64            `json:"total_lines"`
	ByLevel     map[string]uint64 `json:"by_level"`
	Top         []patternJSON     `json:"top_patterns"`
	Anomalies   []anomalyJSON     `json:"anomalies"`
	LastError   *string           `json:"last_error"`
	LastErrorAt velos.Time        `json:"last_error_at,omitempty"`
	LastRestart *velos.Time       `json:"last_restart"`
	Health      int               `json:"health_score"`
	Deductions  []deductionJSON   `json:"deductions"`
}

type periodJSON struct {
	From velos.Time `json:"from"`
	To   velos.Time `json:"to"`
}

type deductionJSON struct {
	Points int    `json:"points"`
	Reason string `json:"reason"`
}

func summaryOf(s *digest.Summary) summaryJSON {
	j := summaryJSON{Process: s.Process, Period: periodJSON{s.From, s.To}, Lines: s.Lines, ByLevel: map[string]uint64{},
		Top: []patternJSON{}, Anomalies: []anomalyJSON{}, LastErrorAt: s.LastErrorAt, Health: s.Health, Deductions: []deductionJSON{}}
	for l := velos.Debug; l <= velos.Fatal; l++ {
		j.ByLevel[l.String()] = s.ByLevel[l]
	}
	for i := range s.Top {
		j.Top = append(j.Top, patternOf("", &s.Top[i]))
	}
	for i := range s.Anomalies {
		j.Anomalies = append(j.Anomalies, anomalyOf("", &s.Anomalies[i]))
	}
	if s.LastError != "" {
		j.LastError = &s.LastError
	}
	if s.LastRestart != 0 {
		j.LastRestart = &s.LastRestart
	}
	for _, d := range s.Deductions {
		j.Deductions = append(j.Deductions, deductionJSON(d))
	}
	return j
}

// summaryAI is a summary for agents: readable keys, and facts as phrases.
type summaryAI struct {
	App       string   `json:"app"`
	Health    int      `json:"health"`
	Less      string   `json:"less_for,omitempty"`
	Minutes   int      `json:"minutes"`
	Lines     uint64   `json:"lines"`
	Errors    uint64   `json:"errors"`
	Warnings  uint64   `json:"warnings"`
	Top       []string `json:"top,omitempty"`
	LastError string   `json:"last_error,omitempty"`
	Ago       string   `json:"ago,omitempty"`
	Restart   string   `json:"last_restart,omitempty"`
	Anomalies []string `json:"anomalies,omitempty"`
}

// mostForAgents is how many lines of the last error an agent gets.
const mostForAgents = 6

func (o Options) summaryAI(s *digest.Summary) summaryAI {
	j := summaryAI{App: Text(s.Process), Health: s.Health, Less: deductions(s), Minutes: int(math.Round(s.Minutes())), Lines: s.Lines,
		Errors: s.Errors(), Warnings: s.ByLevel[velos.Warn]}
	for i := range s.Top {
		j.Top = append(j.Top, patternAI(&s.Top[i]))
	}
	if s.LastError != "" {
		lines := strings.SplitN(s.LastError, "\n", mostForAgents+1)
		j.LastError = Lines(strings.Join(lines[:min(len(lines), mostForAgents)], "\n"))
		j.Ago = strings.TrimSuffix(ago(s.LastErrorAt, o.Now), " ago")
	}
	if s.LastRestart != 0 {
		j.Restart = ago(s.LastRestart, o.Now)
	}
	o.Color = false
	for i := range s.Anomalies {
		j.Anomalies = append(j.Anomalies, o.anomaly(&s.Anomalies[i]))
	}
	return j
}

// patternAI is "x12 rising error Connection to <IP>:<PORT> timeout".
func patternAI(p *digest.Pattern) string {
	s := "x" + strconv.FormatUint(p.Count, 10)
	if p.Trend != digest.Stable {
		s += " " + p.Trend.String()
	}
	if p.Level != velos.Info {
		s += " " + p.Level.String()
	}
	return s + " " + Text(p.Template)
}

// fold is when the repeats of a message were: "x847, first: 10:05, last: 10:47".
func (o Options) fold(f *digest.Fold) string {
	layout := "15:04"
	first, last := f.First.Std().In(o.loc()), f.Last.Std().In(o.loc())
	if f.Last-f.First < 60_000*5 {
		layout = time.TimeOnly
	}
	if first.Format(time.DateOnly) != last.Format(time.DateOnly) {
		layout = "2006-01-02 15:04"
	}
	s := "x" + strconv.FormatUint(f.Count, 10)
	if f.Last != 0 {
		s += ", first: " + first.Format(layout) + ", last: " + last.Format(layout)
	}
	return s
}
