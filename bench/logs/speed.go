package main

import (
	"hash/fnv"
	"regexp"
	"runtime"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// speed is what one core does with all raw lines, again and again with other
// digits.
type speed struct {
	Lines        int     `json:"lines"`
	Bytes        int     `json:"bytes_per_line"`
	Pipeline     float64 `json:"pipeline_lines_per_s"` // level, events, header, templates, counts per minute
	PipelineMB   float64 `json:"pipeline_MB_per_s"`
	Regexp       float64 `json:"regexp_lines_per_s"` // the same task with regular expressions: levels, masks, a map
	Ratio        float64 `json:"ratio"`
	Allocations  float64 `json:"allocations_per_line"`
	TemplateOnly float64 `json:"templates_lines_per_s"`
}

const (
	corpus     = 256_000 // lines
	regexpPart = 16      // the regexp version gets this part of them
)

// corpusOf repeats lines, with other digits each time, until there are enough.
func corpusOf(lines []string) [][]byte {
	if len(lines) == 0 {
		return nil
	}
	out := make([][]byte, 0, corpus)
	r := uint32(1)
	for i := 0; len(out) < corpus; i++ {
		b := []byte(lines[i%len(lines)])
		if i >= len(lines) {
			for k, c := range b {
				if c >= '0' && c <= '9' {
					if r = r*1664525 + 1013904223; r>>28 > 10 {
						b[k] = '0' + byte(r>>24)%10
					}
				}
			}
		}
		out = append(out, b)
	}
	return out
}

func measure(lines []string) speed {
	all := corpusOf(lines)
	if all == nil {
		return speed{}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := speed{Lines: len(all)}
	for _, l := range all {
		s.Bytes += len(l)
	}
	bytes := s.Bytes
	s.Bytes /= len(all)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := float64(len(all))
	s.Pipeline = n / best(func() {
		a := digest.NewAnalysis(digest.Options{})
		for i, l := range all {
			a.Add(&digest.Line{Time: velos.Time(1_700_000_000_000 + i), Text: l})
		}
		a.Close()
	})
	runtime.ReadMemStats(&after)
	s.Allocations = float64(after.Mallocs-before.Mallocs) / (runs * n)
	s.PipelineMB = s.Pipeline * float64(bytes) / n / 1e6
	s.TemplateOnly = n / best(func() {
		m := digest.NewMiner(0)
		for _, l := range all {
			m.Add(digest.Message(l), 0, velos.Info)
		}
	})
	part := all[:len(all)/regexpPart]
	s.Regexp = float64(len(part)) / best(func() { byRegexp(part) })
	s.Ratio = s.Pipeline / s.Regexp
	return s
}

const runs = 3

// best is the shortest of some runs, in seconds of one core.
func best(f func()) float64 {
	least := 0.0
	for range runs {
		start := clock()
		f()
		if d := (clock() - start).Seconds(); least == 0 || d < least {
			least = d
		}
	}
	return least
}

// What a plain implementation would use: a rule for each level, and a mask for
// each kind of variable.
var (
	rules = []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(fatal|panic|critical)\b`),
		regexp.MustCompile(`(?i)\b(error|err|exception|fail(ed|ure)?)\b`),
		regexp.MustCompile(`(?i)\b(warn(ing)?|deprecated)\b`),
		regexp.MustCompile(`(?i)\b(debug|trace|verbose)\b`),
	}
	masks = []*regexp.Regexp{
		regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?`),
		regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`),
		regexp.MustCompile(`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+)?`),
		regexp.MustCompile(`0x[0-9a-fA-F]+`),
		regexp.MustCompile(`\d+`),
	}
)

func byRegexp(lines [][]byte) int {
	type entry struct {
		n      int
		sample []byte
	}
	seen := map[uint64]*entry{}
	serious := 0
	for _, l := range lines {
		for i, r := range rules {
			if r.Match(l) {
				if i < 2 {
					serious++
				}
				break
			}
		}
		text := l
		for _, m := range masks {
			text = m.ReplaceAll(text, []byte("<*>"))
		}
		h := fnv.New64a()
		h.Write(text)
		e := seen[h.Sum64()]
		if e == nil {
			e = &entry{sample: text}
			seen[h.Sum64()] = e
		}
		e.n++
	}
	return serious + len(seen)
}

// footprint is what an app's analysis keeps after names that are all
// different.
type footprint struct {
	Names     int     `json:"distinct_names"`
	Kept      float64 `json:"kept_MiB"`  // after a collection
	Most      float64 `json:"most_MiB"`  // after a collection, at any time
	Peak      float64 `json:"peak_MiB"`  // garbage included
	Templates int     `json:"templates"` // of the messages, which have three
	Speed     float64 `json:"lines_per_s"`
}

const names = 200_000

func memory() footprint {
	f := footprint{Names: names}
	heap := func(collect bool) float64 {
		if collect {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	runtime.GC()
	base := heap(true)
	a := digest.NewAnalysis(digest.Options{})
	r := uint64(7)
	var line []byte
	start, paused := clock(), time.Duration(0)
	for i := range names {
		name := make([]byte, 0, 12)
		for range 6 + i%7 {
			r = r*6364136223846793005 + 1442695040888963407
			name = append(name, 'a'+byte(r>>59)%26)
		}
		switch i % 3 {
		case 0:
			line = append(append(append(line[:0], "user "...), name...), " logged in from 10.0.0.1"...)
		case 1:
			line = append(append(append(line[:0], "cache miss for key "...), name...), ", loading it from the database"...)
		default:
			line = append(append(append(line[:0], "could not send mail to "...), name...), ": mailbox is full"...)
		}
		a.Add(&digest.Line{Time: velos.Time(1_700_000_000_000 + 10*i), Text: line})
		if i%1000 == 999 {
			t := clock()
			f.Peak = max(f.Peak, heap(false)-base)
			f.Most = max(f.Most, heap(true)-base)
			paused += clock() - t
		}
	}
	a.Close()
	f.Speed = names / (clock() - start - paused).Seconds()
	f.Kept = heap(true) - base
	f.Templates = len(a.Templates())
	runtime.KeepAlive(a)
	return f
}
