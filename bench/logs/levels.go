package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// levelled is how well lines of one file were classified. A line is an error
// when its level is error or fatal.
type levelled struct {
	File      string             `json:"file"`
	Lines     int                `json:"lines"`
	Accuracy  float64            `json:"accuracy"`
	Precision float64            `json:"error_precision"`
	Recall    float64            `json:"error_recall"`
	Contexts  int                `json:"left_out_need_context,omitempty"`
	ByFormat  map[string]float64 `json:"accuracy_of_formats_below_1,omitempty"`
}

type labelled struct {
	Line, Level, Format string
	NeedsContext        bool `json:"needs_context"`
}

func levels(dir string, show bool) ([]levelled, error) {
	var list []levelled
	type tally struct{ n, right, found, wanted, both int }
	counts := map[string]*tally{}
	formats := map[string]map[string]*tally{}
	err := jsonl(filepath.Join(dir, "levels", "*.jsonl"), func(file string, c labelled) {
		if counts[file] == nil {
			counts[file], formats[file] = &tally{}, map[string]*tally{}
			list = append(list, levelled{File: file})
		}
		if c.NeedsContext {
			list[len(list)-1].Contexts++
			return
		}
		got := level.Classify([]byte(c.Line), velos.AnyStream)
		want, _ := velos.ParseLevel(c.Level)
		f := formats[file][c.Format]
		if f == nil {
			f = &tally{}
			formats[file][c.Format] = f
		}
		for _, t := range []*tally{counts[file], f} {
			t.n++
			if got == want {
				t.right++
			}
			if got >= velos.Err {
				t.found++
			}
			if want >= velos.Err {
				t.wanted++
			}
			if got >= velos.Err && want >= velos.Err {
				t.both++
			}
		}
		if show && got != want {
			fmt.Fprintf(os.Stderr, "level of %s: found %s, true %s: %.150s\n", c.Format, got, want, strings.TrimSpace(c.Line))
		}
	})
	for i := range list {
		l, t := &list[i], counts[list[i].File]
		l.Lines = t.n
		l.Accuracy, l.Precision, l.Recall = part(t.right, t.n), part(t.both, t.found), part(t.both, t.wanted)
		l.ByFormat = map[string]float64{}
		for name, f := range formats[l.File] {
			if f.right < f.n {
				l.ByFormat[name] = part(f.right, f.n)
			}
		}
	}
	return list, err
}

func part(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}
