package tui

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// Bounds of what can be scrolled back.
const (
	mostKept    = 5000
	mostText    = 16 << 20 // bytes of those lines
	longestLine = 8 << 10  // bytes of one: nobody reads more of it here
)

// A line is one that an app wrote, fit to be shown, or a note of our own.
type line struct {
	time  velos.Time
	level velos.Level
	app   uint32
	inst  int
	seq   uint64
	name  string // of the app, and the instance where there are several
	err   bool   // from stderr
	text  string
	hit   bool // the expression matches
	note  bool
}

// A tape is the lines that are shown, how, and where.
type tape struct {
	lines  []*line
	bytes  int // of their text
	merged bool
	about  uint32
	only   int         // lines of this instance; -1 all
	level  velos.Level // this and above; 0 is all
	search string
	re     *regexp.Regexp
	hide   bool // only lines that match
	wrap   bool
	stamp  stamp
	left   int   // columns that are scrolled away
	end    *line // the last that is seen; nil follows
	mark   *line // that was jumped to
	unseen int   // lines behind end, when it was drawn
	tall   int   // rows of the pane
	seen   []*line
	shown  []*line // by row of the pane, for the mouse
}

// A stamp is how the time of a line is shown.
type stamp int

const (
	stampClock stamp = iota
	stampMillis
	stampNone
	stamps
)

func newTape() tape { return tape{only: -1} }

// begin forgets everything: other lines are to be shown.
func (t *tape) begin(merged bool, about uint32) {
	t.lines, t.bytes, t.end, t.mark, t.left, t.merged, t.about = nil, 0, nil, nil, 0, merged, about
}

// hear takes in lines. They come in order of each app; of several apps the
// time decides.
func (t *tape) hear(m *model, list []velos.Entry, dropped int) {
	if dropped > 0 {
		t.note(m.clock, strconv.Itoa(dropped)+" lines came faster than they can be shown")
	}
	from := len(t.lines)
	for i := range list {
		if l := t.made(m, &list[i]); l != nil {
			t.lines = append(t.lines, l)
			t.bytes += len(l.text)
		}
	}
	older := func(i, j int) bool { return t.lines[i].time < t.lines[j].time }
	if !sort.SliceIsSorted(t.lines[max(0, from-1):], func(i, j int) bool { return older(max(0, from-1)+i, max(0, from-1)+j) }) {
		sort.SliceStable(t.lines, older)
	}
	t.bound()
}

// surplus is how many of n items, oldest first, are too many: more than most
// and some slack, or with so many bytes too much in all.
func surplus(n, most, slack, bytes int, size func(i int) int) int {
	over := n - most
	if over <= slack {
		over = 0
	}
	for i := 0; bytes > 0 && i < n; i++ {
		bytes -= size(i)
		over = max(over, i+1)
	}
	return over
}

// bound forgets the oldest lines.
func (t *tape) bound() {
	if over := surplus(len(t.lines), mostKept, mostKept/10, t.bytes-mostText, func(i int) int { return len(t.lines[i].text) }); over > 0 {
		for _, l := range t.lines[:over] {
			t.bytes -= len(l.text)
		}
		t.lines = slices.Clone(t.lines[over:])
	}
}

// shortened is the beginning of a very long line, and how much there is of it.
func shortened(s string) string {
	if len(s) <= longestLine {
		return s
	}
	return strings.ToValidUTF8(s[:longestLine], "") + " [" + view.Bytes(int64(len(s)-longestLine)) + " more]"
}

func (t *tape) made(m *model, e *velos.Entry) *line {
	a := m.byID[e.App]
	l := &line{time: e.Time, level: e.Level, app: e.App, inst: e.Inst, seq: e.Seq, err: e.Src == velos.Stderr}
	if a != nil {
		l.name = a.name
		if len(a.Instances) > 1 {
			l.name += ":" + strconv.Itoa(e.Inst)
		}
	}
	if e.Missed > 0 {
		l.note, l.text = true, strconv.FormatUint(e.Missed, 10)+" lines skipped"
		return l
	}
	// Colours of the program's own would compete with those of levels and
	// matches.
	l.text = strings.ReplaceAll(shortened(view.Clean(e.Msg, false)), "\t", "    ")
	l.hit = t.re != nil && t.re.MatchString(l.text)
	return l
}

// note puts a line of our own among the others.
func (t *tape) note(at time.Time, text string) {
	t.lines = append(t.lines, &line{time: velos.TimeOf(at), note: true, text: text})
}

// find looks for another expression. An empty one looks for nothing.
func (t *tape) find(text string) error {
	re, err := expression(text)
	if err != nil {
		return err
	}
	t.search, t.re, t.mark = text, re, nil
	for _, l := range t.lines {
		l.hit = re != nil && !l.note && re.MatchString(l.text)
	}
	return nil
}

// expression compiles what somebody types. Without a capital letter in it, it
// ignores case. Nil matches everything.
func expression(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	if text == strings.ToLower(text) {
		text = "(?i)" + text
	}
	return regexp.Compile(text)
}

// visible are the lines that instance, level and expression let through.
func (t *tape) visible() []*line {
	t.seen = t.seen[:0]
	for _, l := range t.lines {
		if !l.note && !t.merged && t.only >= 0 && l.inst != t.only {
			continue
		}
		if l.note && !t.hide || (t.level == 0 || l.level >= t.level) && (!t.hide || t.re == nil || l.hit) {
			t.seen = append(t.seen, l)
		}
	}
	return t.seen
}

// hits counts lines that match.
func (t *tape) hits() (n int) {
	for _, l := range t.visible() {
		if l.hit {
			n++
		}
	}
	return n
}

// scroll moves by so many lines; at the end it follows again.
func (t *tape) scroll(by int) {
	list := t.visible()
	t.stop(list, t.past(list)-1+by)
}

// past is the place behind the last line that is seen. The line that was held
// may have been left out, or forgotten.
func (t *tape) past(list []*line) int {
	at := len(list)
	if t.end != nil {
		at = 0
		for i, l := range list {
			if l == t.end || l.time <= t.end.time {
				at = i + 1
			}
			if l == t.end {
				break
			}
		}
	}
	return min(max(at, min(t.tall, len(list))), len(list))
}

// stop makes the line at a place the last that is seen.
func (t *tape) stop(list []*line, at int) {
	if at >= len(list)-1 || len(list) <= t.tall {
		t.follow()
		return
	}
	at = max(at, min(t.tall, len(list))-1, 0)
	t.end = list[at]
}

// follow shows new lines as they come.
func (t *tape) follow() { t.end = nil }

// pause holds what is seen, or lets it go on.
func (t *tape) pause() {
	if list := t.visible(); t.end == nil && len(list) > 0 {
		t.end = list[len(list)-1]
		return
	}
	t.follow()
	t.mark = nil
}

// jump goes to the next line that is meant, or with by -1 to the one before,
// and around the end. From nowhere, it goes to the newest. It reports whether
// there is one, and whether it went around.
func (t *tape) jump(by int, meant func(*line) bool) (found, around bool) {
	list := t.visible()
	at := slices.Index(list, t.mark)
	if t.mark == nil || at < 0 {
		at, by = len(list), -1
		if t.end != nil {
			at = t.past(list)
		}
	}
	for n := 1; n <= len(list); n++ {
		i := at + by*n
		around = around || i < 0 || i >= len(list)
		i = ((i % len(list)) + len(list)) % len(list)
		if meant(list[i]) {
			t.mark = list[i]
			t.show(list, i)
			return true, around
		}
	}
	return false, false
}

// show makes the line at a place seen, in the middle if it was not.
func (t *tape) show(list []*line, at int) {
	last := t.past(list) - 1
	if at <= last && at > last-t.tall && (t.end != nil || at > last-t.tall+1) {
		if t.end == nil && len(list) > 0 {
			t.end = list[len(list)-1] // what was jumped to stays where it is
		}
		return
	}
	end := min(max(at+t.tall/2, t.tall-1), len(list)-1)
	t.end = list[end]
}
