package view

import (
	"bytes"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

func fixtureSummary() digest.Summary {
	s := digest.Summary{Process: "api", From: fixtureNow - 3_600_000, To: fixtureNow, Lines: 5450, Health: 81, LastErrorAt: fixtureNow - 120_000,
		LastError: "Error: connect ECONNREFUSED 10.0.0.5:5432\n    at Socket.connect (net.js:1140:16)", LastRestart: fixtureNow - 600_000,
		Deductions: []digest.Deduction{{Points: 6, Reason: "1.28 errors per 1,000 events"}, {Points: 8, Reason: "1 anomaly"}, {Points: 5, Reason: "1 restart"}},
		Top:        fixturePatterns(), Anomalies: fixtureEpisodes()[:1]}
	s.ByLevel = [velos.Fatal + 1]uint64{velos.Info: 5420, velos.Warn: 23, velos.Err: 7}
	return s
}

func fixturePatterns() []digest.Pattern {
	return []digest.Pattern{
		{ID: 0xabc, Template: "Cache miss for key <*>", Count: 847, Frequency: 14.12, Level: velos.Info, First: fixtureNow - 3_600_000, Last: fixtureNow - 1000, Sample: "Cache miss for key user"},
		{ID: 0xdef, Template: "Connection to <IP>:<PORT> timeout", Count: 12, Frequency: .2, Level: velos.Err, First: fixtureNow - 900_000, Last: fixtureNow - 60_000, Trend: digest.Rising, Sample: "Connection to 10.0.0.5:5432 timeout"},
	}
}

func fixtureEpisodes() []digest.Episode {
	at := fixtureNow - 300_000
	return []digest.Episode{
		{Anomaly: digest.Anomaly{Metric: digest.ErrorRate, Current: 7, Mean: .5, StdDev: .71, Sigma: 4.22, Time: at, Severity: digest.Warning}, Until: at + 60_000},
		{Anomaly: digest.Anomaly{Metric: digest.Silence, Current: 0, Mean: 200.4, StdDev: 14.2, Sigma: 26.1, Time: at, Severity: digest.Critical}, Until: at},
	}
}

func fixtureFolds() []digest.Fold {
	at := fixtureNow - 7_200_000
	return []digest.Fold{
		{Template: "Connection to <IP>:<PORT> failed", Count: 847, First: at + 300_000, Last: at + 2_820_000, Level: velos.Err, Sample: "Connection to 192.168.1.5:5432 failed"},
		{Template: "shutting down <*>", Count: 1, First: at, Last: at, Level: velos.Info, Sample: "shutting down \x1b[2Jworker-7"},
	}
}

// digestGoldens adds what logs come to, in every form.
func digestGoldens(add func(string, func(*bytes.Buffer))) {
	for name, format := range map[string]Format{"txt": Human, "json": JSON, "ai": AI} {
		o := Options{Format: format, Now: fixtureNow}
		add("summary."+name, func(b *bytes.Buffer) { Summaries(b, []digest.Summary{fixtureSummary()}, "last 1h", o) })
		add("patterns."+name, func(b *bytes.Buffer) { Patterns(b, []Found[digest.Pattern]{{App: "api", List: fixturePatterns()}}, o) })
		add("anomalies."+name, func(b *bytes.Buffer) { Anomalies(b, []Found[digest.Episode]{{App: "api", List: fixtureEpisodes()}}, o) })
		add("dedupe."+name, func(b *bytes.Buffer) {
			f := NewFolds(b, []string{"api"}, false, o)
			for _, x := range fixtureFolds() {
				f.Add("api", &x)
			}
			f.Close()
		})
	}
}

func TestSeveralAppsAreNamed(t *testing.T) {
	var b bytes.Buffer
	o := Options{Now: fixtureNow}
	Patterns(&b, []Found[digest.Pattern]{{App: "api", List: fixturePatterns()}, {App: "worker\x1b[2J", List: fixturePatterns()[:1]}}, o)
	if s := b.String(); !strings.Contains(s, "\nworker  ") || strings.Contains(s, "\x1b") {
		t.Errorf("got\n%s", s)
	}
	b.Reset()
	f := NewFolds(&b, []string{"api", "worker"}, false, o)
	f.Add("api", &fixtureFolds()[0])
	if s := b.String(); !strings.HasPrefix(s, "api    | Connection") {
		t.Errorf("got\n%s", s)
	}
	b.Reset()
	Summaries(&b, []digest.Summary{fixtureSummary(), {Process: "worker", Health: 100}}, "", o)
	if s := b.String(); !strings.Contains(s, "\n\nProcess: worker | Period: - to - | Health: 100/100\nLines: 0 | Errors: 0 | Warnings: 0\n") {
		t.Errorf("got\n%s", s)
	}
}

func TestNothingFoundIsSaid(t *testing.T) {
	var b bytes.Buffer
	for _, o := range []Options{{}, {Format: JSON}, {Format: AI}} {
		Patterns(&b, nil, o)
		Anomalies(&b, nil, o)
		NewFolds(&b, nil, false, o).Close()
	}
	if got, want := b.String(), "nothing found\nnothing unusual\n[]\n[]\n[]\n{\"cols\":[\"n\",\"per_min\",\"trend\",\"level\",\"first\",\"last\",\"template\"],\"rows\":[]}\n[]\n[]\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestALongTemplateIsCutForATerminalOnly(t *testing.T) {
	s := fixtureSummary()
	s.Top[0].Template = strings.Repeat("very long ", 50)
	for _, o := range []Options{{Now: fixtureNow, TTY: true, Width: 80}, {Now: fixtureNow}} {
		var b bytes.Buffer
		Summaries(&b, []digest.Summary{s}, "last 1h", o)
		long := false
		for line := range strings.Lines(b.String()) {
			long = long || strings.Contains(line, "very long") && len([]rune(line)) > 80
		}
		if long == o.TTY {
			t.Errorf("with %+v:\n%s", o, b.String())
		}
	}
}
