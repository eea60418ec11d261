package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// detected is how well incidents were told from everyday life.
type detected struct {
	Traces    int     `json:"traces"`
	Incidents int     `json:"incidents"`
	Found     int     `json:"found"`
	Recall    float64 `json:"recall"`
	Days      float64 `json:"metric_days"`
	False     int     `json:"false_alarms"`
	PerDay    float64 `json:"false_alarms_per_day"`
	Drops     int     `json:"drops"`
	DropsSeen int     `json:"drops_found"`
}

type trace struct {
	Name, Metric string
	Values       []float64
	Labels       []struct {
		From, To int
		Kind     string
	}
}

const (
	apart = 5  // minutes between two alarms that are not the same
	after = 15 // minutes behind an incident in which an alarm is not false
)

// anomalies replays all traces. A label of kind learn is neither an incident
// nor a place for a false alarm; a drop is counted by itself, because silence
// is another alarm.
func anomalies(dir string, sigma float64, show bool) (detected, error) {
	var r detected
	err := filepath.WalkDir(filepath.Join(dir, "anomaly"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".json") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		var t trace
		if err := json.Unmarshal(b, &t); err != nil {
			return fmt.Errorf("read %s: %w", p, err)
		}
		r.add(&t, sigma, show)
		return nil
	})
	if os.IsNotExist(err) {
		err = nil
	}
	if r.Incidents > 0 {
		r.Recall = float64(r.Found) / float64(r.Incidents)
	}
	if r.Days > 0 {
		r.PerDay = float64(r.False) / r.Days
	}
	return r, err
}

func (r *detected) add(t *trace, sigma float64, show bool) {
	r.Traces++
	r.Days += float64(len(t.Values)) / (24 * 60)
	d := digest.NewDetector(t.Metric, sigma)
	alarms := map[int]digest.Anomaly{}
	for i, v := range t.Values {
		if a, ok := d.Add(velos.Time(i)*60_000, v); ok {
			alarms[i] = a
		}
	}
	for _, l := range t.Labels {
		hit := false
		for i := l.From; i <= l.To; i++ {
			_, ok := alarms[i]
			hit = hit || ok
		}
		switch l.Kind {
		case "learn":
		case "drop":
			r.Drops++
			if hit {
				r.DropsSeen++
			}
		default:
			r.Incidents++
			if hit {
				r.Found++
			} else if show {
				fmt.Fprintf(os.Stderr, "anomaly of %s at %d missed\n", t.Name, l.From)
			}
		}
	}
	r.False += t.false(alarms, show)
}

// false counts alarms outside all labels, those close together once.
func (t *trace) false(alarms map[int]digest.Anomaly, show bool) int {
	n, before := 0, -apart-1
	for i := range t.Values {
		a, ok := alarms[i]
		if !ok {
			continue
		}
		expected := false
		for _, l := range t.Labels {
			expected = expected || i >= l.From && i <= l.To+after
		}
		if expected {
			continue
		}
		if i-before > apart {
			n++
			if show {
				fmt.Fprintf(os.Stderr, "false alarm of %s at %d: %+v\n", t.Name, i, a)
			}
		}
		before = i
	}
	return n
}
