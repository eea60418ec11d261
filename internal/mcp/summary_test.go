package mcp

import (
	"os"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// The file is what story.mjs counts the tokens of.
func TestASummaryIsShort(t *testing.T) {
	at := velos.Time(1_795_860_312_000)
	s := &Server{o: Options{Loc: time.UTC, Now: func() time.Time { return at.Std().Add(time.Minute) }}}
	d := digest.Summary{Process: "api", Health: 87, Lines: 5450, LastError: "ECONNREFUSED 10.0.0.5:5432", LastErrorAt: at}
	d.Top = []digest.Pattern{{Template: "Connection to <IP>:<PORT> timeout", Count: 12, Trend: digest.Rising}, {Template: "Cache miss for key <KEY>", Count: 847, Trend: digest.Stable}}
	d.Anomalies = []digest.Episode{{Anomaly: digest.Anomaly{Metric: "error_rate", Current: 7, Mean: 0.5, Severity: digest.Warning}}}
	d.ByLevel[velos.Warn+1], d.ByLevel[velos.Warn] = 7, 23
	want, err := os.ReadFile("testdata/peers/summary.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.summaryText(&d, 3_600_000); got+"\n" != string(want) {
		t.Errorf("got\n%s", got)
	}
}
