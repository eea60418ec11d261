// Command logs measures the Smart Log Engine against labelled cases and prints
// one JSON object. Its argument is the directory of the cases; the forms of
// the files are described in docs/LOGS.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

var show = flag.Bool("show", false, "write what is wrong to stderr")

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: logs [-show] DIR\n\nDIR has levels/*.jsonl, multiline/*.jsonl, anomaly/**/*.json, templates/*_structured.csv.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	r, err := run(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		os.Exit(1)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		os.Exit(1)
	}
}

// A report is all figures. Kinds of which the directory has no cases are left
// out.
type report struct {
	Templates *mined     `json:"templates,omitempty"`
	Levels    []levelled `json:"levels,omitempty"`
	Events    *grouped   `json:"events,omitempty"`
	Anomalies *detected  `json:"anomalies,omitempty"`
	Speed     *speed     `json:"speed,omitempty"`
	Memory    footprint  `json:"memory"`
}

// mined is the figures of the templates, for messages and for raw lines.
type mined struct {
	Content     []grouping `json:"content"`
	ContentMean grouping   `json:"content_mean"`
	Raw         []grouping `json:"raw,omitempty"`
	RawMean     *grouping  `json:"raw_mean,omitempty"`
}

func run(dir string) (*report, error) {
	if s, err := os.Stat(dir); err != nil || !s.IsDir() {
		return nil, fmt.Errorf("%s: not a directory", dir)
	}
	var r report
	logs, err := samples(dir)
	if err != nil {
		return nil, err
	}
	var lines []string
	if len(logs) > 0 {
		r.Templates = &mined{}
		for _, s := range logs {
			r.Templates.Content = append(r.Templates.Content, group(s.name, s.content, s.event, s.template, false, *show))
			if len(s.raw) > 0 {
				r.Templates.Raw = append(r.Templates.Raw, group(s.name, s.raw, s.event, s.template, true, false))
				lines = append(lines, s.raw...)
			} else {
				lines = append(lines, s.content...)
			}
		}
		r.Templates.ContentMean = mean(r.Templates.Content)
		if len(r.Templates.Raw) > 0 {
			m := mean(r.Templates.Raw)
			r.Templates.RawMean = &m
		}
	}
	if r.Levels, err = levels(dir, *show); err != nil {
		return nil, err
	}
	g, err := events(dir, *show)
	if err != nil {
		return nil, err
	}
	if g.Streams > 0 {
		r.Events = &g
	}
	d, err := anomalies(dir, 0, *show)
	if err != nil {
		return nil, err
	}
	if d.Traces > 0 {
		r.Anomalies = &d
	}
	if len(lines) > 0 {
		s := measure(lines)
		r.Speed = &s
	}
	r.Memory = memory()
	return &r, nil
}

// mean is over data sets, each as heavy as the other.
func mean(list []grouping) grouping {
	m := grouping{Set: "mean"}
	n := float64(len(list))
	for _, g := range list {
		m.Lines += g.Lines
		m.Events += g.Events
		m.Found += g.Found
		m.GA += g.GA / n
		m.FGA += g.FGA / n
		m.PA += g.PA / n
		m.PAStrict += g.PAStrict / n
	}
	return m
}
