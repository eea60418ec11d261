package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/digest"
)

// grouping is how well messages were grouped.
type grouping struct {
	Set      string  `json:"set"`
	Lines    int     `json:"lines"`
	Events   int     `json:"true_templates"`
	Found    int     `json:"found_templates"`
	GA       float64 `json:"GA"`
	FGA      float64 `json:"FGA"`
	PA       float64 `json:"PA"`
	PAStrict float64 `json:"PA_strict"`
}

// A sample is a labelled log.
type sample struct {
	name                     string
	content, event, template []string
	raw                      []string // empty when it cannot be rebuilt
}

func samples(dir string) ([]sample, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "templates", "*_structured.csv"))
	if err != nil {
		return nil, err
	}
	var list []sample
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, err
		}
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		r.LazyQuotes = true
		rows, err := r.ReadAll()
		f.Close()
		if err != nil || len(rows) < 2 {
			return nil, fmt.Errorf("read %s: %v", p, err)
		}
		name, _, _ := strings.Cut(filepath.Base(p), "_2k")
		s := sample{name: strings.TrimSuffix(name, ".log_structured.csv")}
		head := rows[0]
		at := func(row []string, key string) string {
			if i := slices.Index(head, key); i >= 0 && i < len(row) {
				return row[i]
			}
			return ""
		}
		form := layout(head)
		for _, row := range rows[1:] {
			s.content = append(s.content, at(row, "Content"))
			s.event = append(s.event, at(row, "EventId"))
			s.template = append(s.template, at(row, "EventTemplate"))
			if form != "" {
				s.raw = append(s.raw, rebuild(form, func(key string) string { return at(row, key) }))
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// layouts are the headers of the public sets of labelled logs, by their
// columns. A set with other columns has no raw lines.
var layouts = []string{
	"<Date> <Time> <Pid> <Level> <Component>: <Content>",
	"<Date> <Time> <Level> [<Process>] <Component>: <Content>",
	"<Date> <Time> <Level> <Component>: <Content>",
	"<Date> <Time> - <Level>  [<Node>:<Component>@<Id>] - <Content>",
	"<LogId> <Node> <Component> <State> <Time> <Flag> <Content>",
	"<Month> <Date> <Time> <Level> <Component>[<PID>]: <Content>",
	"<Time>|<Component>|<Pid>|<Content>",
	"<Date> <Day> <Time> <Component> sshd[<Pid>]: <Content>",
	"[<Time>] <Program> - <Content>",
	"<Logrecord> <Date> <Time> <Pid> <Level> <Component> [<ADDR>] <Content>",
	"<Date> <Time>  <Pid>  <Tid> <Level> <Component>: <Content>",
	"[<Time>] [<Level>] <Content>",
	"<Date> <Time>, <Level>                  <Component>    <Content>",
	"<Month>  <Date> <Time> <User> <Component>[<PID>] (<Address>): <Content>",
	"<Label> <Timestamp> <Date> <Node> <Time> <NodeRepeat> <Type> <Component> <Level> <Content>",
	"<Label> <Timestamp> <Date> <User> <Month> <Day> <Time> <Location> <Component>[<PID>]: <Content>",
}

var field = regexp.MustCompile(`<(\w+)>`)

// layout finds the header that has exactly these columns.
func layout(head []string) string {
	var want []string
	for _, key := range head {
		if key != "LineId" && !strings.HasPrefix(key, "Event") {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	for _, l := range layouts {
		var have []string
		for _, m := range field.FindAllStringSubmatch(l, -1) {
			have = append(have, m[1])
		}
		slices.Sort(have)
		if slices.Equal(have, want) {
			return l
		}
	}
	return ""
}

// rebuild puts a row's columns back into the line that they were cut from.
func rebuild(layout string, value func(string) string) string {
	line := field.ReplaceAllStringFunc(layout, func(f string) string { return value(f[1 : len(f)-1]) })
	return strings.Replace(strings.Replace(line, "[]", "", 1), " ()", "", 1)
}

// group mines lines and compares with the truth.
func group(name string, lines, event, template []string, raw, show bool) grouping {
	cut := func(b []byte) []byte { return b }
	if raw {
		cut = digest.Message
	}
	m := digest.NewMiner(digest.Similarity)
	for _, l := range lines {
		m.Add(cut([]byte(l)), 0, 0)
	}
	all, find := m.Finder()
	g := grouping{Set: name, Lines: len(lines), Found: len(all)}
	truth, found := map[string][]int{}, map[int][]int{}
	pa, strict := 0, 0
	for i, l := range lines {
		truth[event[i]] = append(truth[event[i]], i)
		t := find(cut([]byte(l)))
		found[t] = append(found[t], i)
		if t < 0 {
			continue
		}
		text := all[t].Template
		if plain(text) == strings.TrimSpace(template[i]) {
			strict++
		}
		// A raw line's template may have more before the message.
		if a, b := normal(text), normal(template[i]); a == b || raw && strings.HasSuffix(a, " "+b) {
			pa++
		}
	}
	right, rightGroups := 0, 0
	for _, list := range found {
		if slices.Equal(list, truth[event[list[0]]]) {
			right += len(list)
			rightGroups++
		}
	}
	g.Events = len(truth)
	n := float64(len(lines))
	g.GA, g.PA, g.PAStrict = float64(right)/n, float64(pa)/n, float64(strict)/n
	if rightGroups > 0 {
		p, r := float64(rightGroups)/float64(len(found)), float64(rightGroups)/float64(len(truth))
		g.FGA = 2 * p * r / (p + r)
	}
	if show {
		differences(all, lines, event, template, found, truth)
	}
	return g
}

// differences writes to stderr which groups and texts are not the true ones.
func differences(all []digest.Pattern, lines, event, template []string, found map[int][]int, truth map[string][]int) {
	for t, list := range found {
		text := "nothing"
		if t >= 0 {
			text = all[t].Template
		}
		if slices.Equal(list, truth[event[list[0]]]) {
			if normal(text) != normal(template[list[0]]) {
				fmt.Fprintf(os.Stderr, "text of %d lines\n  found %q\n  true  %q\n", len(list), text, template[list[0]])
			}
			continue
		}
		parts := map[string]int{}
		for _, i := range list {
			parts[event[i]]++
		}
		fmt.Fprintf(os.Stderr, "group of %d lines\n  found %q\n", len(list), text)
		for e, n := range parts {
			fmt.Fprintf(os.Stderr, "  %s, %d of its %d: %q\n", e, n, len(truth[e]), template[truth[e][0]])
		}
	}
}

var (
	typed = regexp.MustCompile(`<(NUM|IP|PORT|UUID|PATH|TIME|HEX|URL|HOST|EMAIL)>`)
	// joined are placeholders with nothing but marks between them.
	joined = regexp.MustCompile(`<\*>(?:[-.,:;/_+@#%&=|()\[\]{}"'\s]*<\*>)+`)
	blank  = regexp.MustCompile(`\s+`)
)

// plain is a template with one kind of placeholder.
func plain(t string) string { return strings.TrimSpace(typed.ReplaceAllString(t, "<*>")) }

// normal is a template in which neighbouring placeholders are one: whether an
// address is <IP>:<PORT> or <*> is taste.
func normal(t string) string {
	return strings.TrimSpace(blank.ReplaceAllString(joined.ReplaceAllString(plain(t), "<*>"), " "))
}
