package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/digest"
)

// grouped is how well lines were grouped into events.
type grouped struct {
	Streams   int     `json:"streams"`
	Events    int     `json:"events"`
	Precision float64 `json:"start_precision"`
	Recall    float64 `json:"start_recall"`
	F1        float64 `json:"start_F1"`
	Exact     float64 `json:"exact_events"`
}

// jsonl decodes each line of the files that a pattern finds.
func jsonl[T any](pattern string, each func(file string, v T)) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for row := range strings.Lines(string(b)) {
			if strings.TrimSpace(row) == "" {
				continue
			}
			var v T
			if err := json.Unmarshal([]byte(row), &v); err != nil {
				return fmt.Errorf("read %s: %w", p, err)
			}
			each(filepath.Base(p), v)
		}
	}
	return nil
}

type stream struct {
	Name   string
	Lines  []string
	Starts []int
}

func events(dir string, show bool) (grouped, error) {
	var g grouped
	hits, found, exact := 0, 0, 0
	err := jsonl(filepath.Join(dir, "multiline", "*.jsonl"), func(_ string, s stream) {
		g.Streams++
		g.Events += len(s.Starts)
		var d digest.Grouper
		var starts []int
		for i, l := range s.Lines {
			if d.Start([]byte(l), 0) {
				starts = append(starts, i)
			}
		}
		found += len(starts)
		for _, at := range starts {
			if slices.Contains(s.Starts, at) {
				hits++
			}
		}
		exact += same(spans(starts, len(s.Lines)), spans(s.Starts, len(s.Lines)))
		if show && !slices.Equal(starts, s.Starts) {
			fmt.Fprintf(os.Stderr, "events of %s\n  found %v\n  true  %v\n", s.Name, starts, s.Starts)
		}
	})
	if g.Events > 0 && found > 0 {
		g.Precision, g.Recall = float64(hits)/float64(found), float64(hits)/float64(g.Events)
		g.F1 = 2 * float64(hits) / float64(found+g.Events)
		g.Exact = float64(exact) / float64(g.Events)
	}
	return g, err
}

// spans are events as first line and end.
func spans(starts []int, n int) [][2]int {
	var list [][2]int
	for i, from := range starts {
		to := n
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		list = append(list, [2]int{from, to})
	}
	return list
}

func same(a, b [][2]int) int {
	n := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return n
}
