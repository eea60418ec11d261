//go:build unix

package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// mostPages bounds a chain of calls.
const mostPages = 400

// follow gives every answer of a chain.
func (s *session) follow(first reply, each func(reply)) (pages int) {
	s.Helper()
	for r, more := first, true; more; pages++ {
		if pages == mostPages {
			s.Fatalf("no end after %d calls: %s", pages, r.text)
		}
		each(r)
		r, more = s.next(r)
	}
	return pages
}

var (
	serial  = regexp.MustCompile(`\bn(\d+)\b`)
	repeats = regexp.MustCompile(` ×(\d+) until `)
)

// A tally says how often each line was told.
type tally map[int]int

func (t tally) text(lines string) {
	for _, l := range strings.Split(lines, "\n") {
		m := serial.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		t[n]++
	}
}

func (t tally) entries(r reply) {
	list, _ := r.data["entries"].([]any)
	for _, e := range list {
		t.text(e.(map[string]any)["msg"].(string))
	}
}

func (t tally) whole(s *session, what string, from, to int) {
	s.Helper()
	for n := from; n <= to; n++ {
		if t[n] != 1 {
			s.Errorf("%s: line %d was told %d times", what, n, t[n])
			return
		}
	}
	if len(t) != to-from+1 {
		s.Errorf("%s: %d lines were told; want %d", what, len(t), to-from+1)
	}
}

// chatter is a program that writes so many lines, and then waits: each with a
// number, of words that are no repeats of each other.
func (h *house) chatter(lines int) string {
	return h.write("chatter"+strconv.Itoa(lines)+".sh", `#!/bin/sh
i=0
while [ $i -lt `+strconv.Itoa(lines)+` ]; do
	i=$((i + 1))
	case $((i % 4)) in
	0) echo "n$i GET /users/$i served" ;;
	1) echo "n$i ERROR the payment $i was refused by the bank" ;;
	2) echo "n$i cache miss" ;;
	3) echo "n$i a rather long line that says little of what it is about but takes its room $i" ;;
	esac
done
echo "the end"
exec sleep 1000
`)
}

func TestWhatIsLeftOutOfALogIsToldByTheNextCallsOnce(t *testing.T) {
	h := newHouse(t)
	s := h.open("reader", "velos-mcp", "mcp-server")
	const lines = 120
	s.must("process_start", args{"script": h.chatter(lines), "name": "talk"})
	s.must("process_wait", args{"name_or_id": "talk", "until": "log=the end"})
	beginning := "talk#0.0.1"

	for what, a := range map[string]args{
		"newest first":                   {},
		"a page is a few lines":          {"lines": 7},
		"a page is a small budget":       {"lines": 100, "budget": 60},
		"from the beginning":             {"since": beginning},
		"from the beginning, a few":      {"since": beginning, "lines": 11},
		"from the beginning, in budgets": {"since": beginning, "lines": 2000, "budget": 90},
		"since an age":                   {"since": "1h", "lines": 40},
		"since an age, small":            {"since": "1h", "budget": 50},
	} {
		a["name_or_id"], a["each"] = "talk", true
		told := tally{}
		pages := s.follow(s.must("log_read", a), func(r reply) { told.text(r.str("lines")) })
		told.whole(s, what, 1, lines)
		delete(a, "each")
		a["format"] = "json"
		told = tally{}
		if n := s.follow(s.must("log_read", a), told.entries); n < 2 && pages > 30 {
			t.Errorf("%s as objects: %d pages, as text %d", what, n, pages)
		}
		told.whole(s, what+", as objects", 1, lines)
	}

	// Every fourth line is an error; the others are none of its level.
	for what, a := range map[string]args{
		"errors":                     {"level": "error", "lines": 9},
		"errors from the beginning":  {"level": "error", "lines": 9, "since": beginning},
		"errors, in a small budget":  {"level": "ERROR", "lines": 200, "budget": 50},
		"search":                     {"pattern": "ERROR"},
		"search, a few":              {"pattern": "ERROR", "lines": 4},
		"search, in a small budget":  {"pattern": `payment "?\d+`, "lines": 70, "budget": 50},
		"search since an age, a few": {"pattern": "refused by", "since": "30m", "until": "2099-01-02 15:04", "level": "error", "lines": 10},
	} {
		a["name_or_id"], a["each"] = "talk", true
		tool := "log_read"
		if a["pattern"] != nil {
			tool = "log_search"
		}
		for _, format := range []string{"text", "json"} {
			a["format"] = format
			told := tally{}
			s.follow(s.must(tool, a), func(r reply) {
				told.text(r.str("lines"))
				told.entries(r)
			})
			for n := range told {
				if n%4 != 1 {
					t.Errorf("%s: line %d was told", what, n)
				}
			}
			for n := 1; n <= lines; n += 4 {
				if told[n] != 1 {
					t.Fatalf("%s, %s: line %d was told %d times", what, format, n, told[n])
				}
			}
		}
	}
}

func TestRepeatsAreCountedInOnePageOnly(t *testing.T) {
	h := newHouse(t)
	s := h.open("reader", "velos-mcp", "mcp-server")
	const lines = 400
	h.write("same.sh", `#!/bin/sh
i=0
while [ $i -lt 200 ]; do
	i=$((i + 1))
	echo "request $i was served in $i ms"
	echo "worker number $i went away without a word of what it had done"
done
echo "the end"
exec sleep 1000
`)
	s.must("process_start", args{"script": h.dir + "/same.sh", "name": "same"})
	s.must("process_wait", args{"name_or_id": "same", "until": []string{"log=the end"}})
	for what, a := range map[string]args{
		"from the beginning":    {"since": "same#0.0.1", "lines": 37},
		"newest first":          {"lines": 41},
		"search, a small page":  {"pattern": "request|worker", "lines": 50},
		"search, all":           {"pattern": "request|worker", "lines": 2000},
		"newest, a small price": {"lines": 300, "budget": 50},
	} {
		a["name_or_id"] = "same"
		tool := "log_read"
		if a["pattern"] != nil {
			tool = "log_search"
		}
		told := 0
		s.follow(s.must(tool, a), func(r reply) {
			for _, l := range strings.Split(r.str("lines"), "\n") {
				switch m := repeats.FindStringSubmatch(l); {
				case m != nil:
					n, _ := strconv.Atoi(m[1])
					told += n
				case strings.Contains(l, "request") || strings.Contains(l, "worker"):
					told++
				}
			}
		})
		if told != lines {
			t.Errorf("%s: %d lines are counted; want %d", what, told, lines)
		}
	}
}

func TestALineThatIsLongerThanTheBudgetIsToldByTheNextCall(t *testing.T) {
	h := newHouse(t)
	s := h.open("reader", "velos-mcp", "mcp-server")
	long := strings.Repeat("abcdefghi ", 6400) // just below the longest that there is
	h.write("long.sh", "#!/bin/sh\necho n1 before\necho 'n2 "+long+"'\necho n3 behind\nexec sleep 1000\n")
	s.must("process_start", args{"script": h.dir + "/long.sh", "name": "long"})
	s.must("process_wait", args{"name_or_id": "long", "until": "log=n3"})
	for what, a := range map[string]args{
		"newest first":       {},
		"from the beginning": {"since": "long#0.0.1"},
		"search":             {"pattern": "^n[0-9]"},
		"as objects":         {"format": "json", "budget": 400},
	} {
		a["name_or_id"] = "long"
		tool := "log_read"
		if a["pattern"] != nil {
			tool = "log_search"
		}
		whole := tally{}
		s.follow(s.must(tool, a), func(r reply) {
			if r.str("lines") == "" && r.data["entries"] == nil {
				return
			}
			if n := len(r.text); n > 3*22_000+2000 {
				t.Errorf("%s: an answer of %d bytes", what, n)
			}
			list := strings.Split(r.str("lines"), "\n")
			if entries, ok := r.data["entries"].([]any); ok {
				for _, e := range entries {
					list = append(list, e.(map[string]any)["msg"].(string))
				}
			}
			for _, l := range list {
				if strings.HasSuffix(l, "…") {
					continue
				}
				if m := serial.FindStringSubmatch(l); m != nil {
					n, _ := strconv.Atoi(m[1])
					if whole[n]++; n == 2 && !strings.Contains(l, long[:len(long)-1]) {
						t.Errorf("%s: the long line has %d bytes", what, len(l))
					}
				}
			}
		})
		whole.whole(s, what, 1, 3)
	}
}

func TestLinesThatARunHasLeftOutCanBeRead(t *testing.T) {
	h := newHouse(t)
	s := h.open("runner", "velos-mcp", "mcp-server")
	h.write("build.sh", `#!/bin/sh
i=0
while [ $i -lt 500 ]; do
	i=$((i + 1))
	echo "n$i compiling part $i of many"
done
exit 3
`)
	r := s.must("process_run", args{"command": h.dir + "/build.sh", "budget": 200})
	if r.data["exit_code"] != 3.0 || r.data["dropped_lines"] == nil || !strings.Contains(r.text, "earlier lines left out; next: log_read") {
		t.Fatalf("%s", r.text)
	}
	told := tally{}
	told.text(r.str("output"))
	if len(told) == 0 || told[500] != 1 {
		t.Errorf("the end of the output is missing: %s", r.text)
	}
	s.follow(r, func(p reply) {
		if p.tool == "log_read" {
			told.entries(p)
			text := p.str("lines")
			if repeats.MatchString(text) { // that many lines in a row
				for _, l := range strings.Split(text, "\n") {
					first := serial.FindStringSubmatch(l)
					if m := repeats.FindStringSubmatch(l); m != nil && first != nil {
						n, _ := strconv.Atoi(m[1])
						from, _ := strconv.Atoi(first[1])
						for k := range n {
							told[from+k]++
						}
					}
				}
				return
			}
			told.text(text)
		}
	})
	told.whole(s, "a run", 1, 500)

	// A run that fits leaves nothing, and those that do not are not kept for ever.
	s.must("process_run", args{"command": "echo hello"})
	for range 9 {
		s.must("process_run", args{"command": h.dir + "/build.sh", "budget": 60})
	}
	list, _ := s.must("process_list", args{"format": "json"}).data["processes"].([]any)
	if len(list) != 8 {
		t.Errorf("%d runs are left: %v", len(list), list)
	}
	s.Close()
	h.until("the runs are cleared away with their server", func() bool { return !strings.Contains(h.velos("list"), "run-") })
}

func TestWhatIsLeftOutOfChangesAndOrdersIsToldByTheNextCallsOnce(t *testing.T) {
	h := newHouse(t)
	s := h.open("reader", "velos-mcp", "mcp-server")
	begin := s.must("changes", args{}).str("cursor")
	h.write("loop.sh", "#!/bin/sh\nexec sleep 1000\n")
	const apps = 9
	for i := range apps {
		name := "app" + strconv.Itoa(i)
		s.must("process_start", args{"script": h.dir + "/loop.sh", "name": name})
		if i%3 == 0 {
			s.must("process_stop", args{"name_or_id": name})
		}
	}
	all := map[string]int{}
	line := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d (.*)$`)
	count := func(into map[string]int, text string) {
		for _, m := range line.FindAllStringSubmatch(text, -1) {
			into[m[1]]++
		}
	}
	whole := s.must("changes", args{"since": begin, "lines": 500})
	count(all, whole.text)
	if len(all) < 2*apps || whole.str("next") != "" {
		t.Fatalf("%s", whole.text)
	}
	for _, since := range []string{begin, "1h", ""} {
		told := map[string]int{}
		pages := s.follow(s.must("changes", args{"since": since, "lines": 5}), func(r reply) { count(told, r.text) })
		for text := range all {
			if told[text] != 1 {
				t.Errorf("since %q: %q is told %d times", since, text, told[text])
			}
		}
		if pages < 2*apps/5 {
			t.Errorf("since %q: %d pages", since, pages)
		}
	}

	clear(all)
	count(all, s.must("audit_query", args{"limit": 200}).text)
	if len(all) != apps+apps/3 {
		t.Errorf("%d orders are on record: %v", len(all), all)
	}
	for _, a := range []args{{"limit": 3}, {"since": "1h", "limit": 5, "agent": "reader"}} {
		told := map[string]int{}
		s.follow(s.must("audit_query", a), func(r reply) { count(told, r.text) })
		for text := range all {
			if told[text] != 1 {
				t.Errorf("%v: %q is told %d times", a, text, told[text])
			}
		}
	}
}

func TestLinesBehindTheFirstCursorThatRotationRemovedAreCounted(t *testing.T) {
	h := newHouse(t)
	s := h.open("reader", "velos-mcp", "mcp-server")
	script := h.write("burst.sh", `#!/bin/sh
i=0
while [ $i -lt 9000 ]; do
	i=$((i + 1))
	echo "n$i 0123456789012345678901234567890123456789012345678901234567890123456789"
done
exec sleep 600
`)
	h.velos("start", script, "--name", "burst", "--no-autostart", "--max-log-size", "64K", "--max-log-files", "1")
	before := s.must("log_read", args{"name_or_id": "burst"}).str("cursor")
	h.velos("start", "burst")
	s.must("process_wait", args{"name_or_id": "burst", "until": []string{"log=/n9000 /"}, "since": before})
	r := s.must("log_read", args{"name_or_id": "burst", "since": before, "lines": 1, "each": true})
	missed, _ := r.data["missed"].(float64)
	if first := serial.FindStringSubmatch(r.str("lines")); missed == 0 || first == nil || first[1] != strconv.Itoa(int(missed)+1) {
		t.Errorf("missed %v: %s", missed, r.text)
	}
	r = s.must("log_search", args{"name_or_id": "burst", "since": before, "pattern": "n[0-9]*7 ", "lines": 1})
	if r.data["missed"] != missed {
		t.Errorf("searching missed %v, reading %v: %s", r.data["missed"], missed, r.text)
	}
}

func TestACrashNamesWhatHasChangedSinceTheLastGoodRun(t *testing.T) {
	h := newHouse(t)
	s := h.open("doctor", "velos-mcp", "mcp-server")
	script := h.write("flip.sh", "#!/bin/sh\n[ -z \"$BAD\" ] || exit 3\nexec sleep 600\n")
	h.velos("start", script, "--name", "flip")
	s.must("process_wait", args{"name_or_id": "flip"})
	s.ask("config_set", args{"name_or_id": "flip", "changes": args{"env": args{"BAD": "1"}, "max_restarts": 2}})
	if r := s.must("crash_report", args{"name_or_id": "flip"}); !strings.Contains(r.text, "changed since the last good run: max_restarts, env.BAD") && !strings.Contains(r.text, "changed since the last good run: env.BAD, max_restarts") {
		t.Errorf("%s", r.text)
	}
}
