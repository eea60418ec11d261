//go:build linux

package rig

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Figure is one line of a report. Empty fields are left out.
type Figure struct {
	What   string
	Velos  string
	Base   string // the same done by hand: the floor that the machine allows
	PM2    string
	Ratio  string // PM2 to Velos
	Target string
	Met    bool // when there is a Target
}

func (f Figure) cells() []string {
	verdict := ""
	if f.Target != "" {
		verdict = Missed
		if f.Met {
			verdict = "met"
		}
	}
	return []string{f.What, f.Velos, f.Target, verdict, f.Base, f.PM2, f.Ratio}
}

// Missed is the verdict on a figure that does not reach its target.
const Missed = "MISSED"

var columns = []string{"figure", "Velos", "target", "verdict", "by hand", "PM2", "PM2 / Velos"}

// FiguresVar names a file to which the figures are appended as well.
const FiguresVar = "VELOS_BENCH_FIGURES"

type report struct{ figures []Figure }

// Add puts a figure into the report.
func (r *report) Add(f Figure) { r.figures = append(r.figures, f) }

func (r *report) print() {
	var rows [][]string
	for _, f := range r.figures {
		rows = append(rows, f.cells())
	}
	Table(os.Stdout, rows)
	name := os.Getenv(FiguresVar)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer f.Close()
	for _, row := range rows {
		fmt.Fprintln(f, strings.Join(row, "\t"))
	}
}

// Table prints rows of a report with a heading.
func Table(to *os.File, rows [][]string) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// Median is the middle of a list, which it sorts.
func Median(list []time.Duration) time.Duration { return Percentile(list, 50) }

// Percentile is the value below which p of a hundred lie.
func Percentile(list []time.Duration, p int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)-1, len(list)*p/100)]
}

// Ratio says how many times b is a.
func Ratio(b, a float64) string {
	if a <= 0 || b <= 0 {
		return ""
	}
	if b/a >= 100 {
		return fmt.Sprintf("%.0f", b/a)
	}
	return fmt.Sprintf("%.2f", b/a)
}

// Time prints a duration with three significant digits.
func Time(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

// KiB prints bytes as KiB.
func KiB(n int64) string { return fmt.Sprintf("%d KiB", (n+512)>>10) }
