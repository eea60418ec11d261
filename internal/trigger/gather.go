package trigger

import (
	"hash/maphash"
	"strconv"
	"strings"
	"time"
)

// A Change is what has changed since the last report.
type Change struct {
	Name  string // the first file that changed, by its path from Base; may be unknown
	Count int    // files that changed
	Lost  bool   // there were more than the system could tell
}

// String is the change in a few words.
func (c Change) String() string {
	switch more := c.Count - 1; {
	case c.Name == "" && c.Count == 0:
		return "files changed, too many at once to name one"
	case c.Name == "" && c.Count == 1:
		return "a file changed"
	case c.Name == "":
		return number(c.Count) + " files changed"
	case c.Lost:
		return c.Name + " and many more files changed"
	case more == 0:
		return c.Name + " changed"
	case more == 1:
		return c.Name + " and 1 more file changed"
	default:
		return c.Name + " and " + number(more) + " more files changed"
	}
}

func number(n int) string {
	if n >= maxFiles-1 {
		return "over " + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// Bounds of what is kept of one storm.
const (
	maxFiles = 1 << 16
	maxNames = 64
	maxName  = 200 // bytes of a name in a report
)

// patience bounds how long a storm that does not end holds up its report.
var patience = 30 * time.Second

// gather collects changes until there were none for a while.
type gather struct {
	// files are hashes of names. True: the file has appeared since the last
	// report, and is no change when it vanishes again.
	files       map[uint64]bool
	names       []string // the first ones
	lost        bool
	first, last time.Time // of the changes; zero: there are none
}

var seed = maphash.MakeSeed()

func hashOf(name string) uint64 { return maphash.String(seed, name) }

// touch notes that something has changed now.
func (g *gather) touch(now time.Time) {
	if g.first.IsZero() {
		g.first = now
	}
	g.last = now
}

// change notes that a file has another content; fresh says that it is new.
func (g *gather) change(name string, fresh bool, now time.Time) {
	g.touch(now)
	h := hashOf(name)
	if _, known := g.files[h]; known || len(g.files) >= maxFiles {
		return
	}
	if g.files == nil {
		g.files = map[uint64]bool{}
	}
	g.files[h] = fresh
	if len(g.names) < maxNames {
		g.names = append(g.names, name)
	}
}

// vanish notes that a file is gone. One that had come only just now has never
// been there: that is how editors save, and what compilers do.
func (g *gather) vanish(name string, now time.Time) {
	if h := hashOf(name); g.files[h] {
		delete(g.files, h)
		return
	}
	g.change(name, false, now)
}

// vanished is vanish for a file of which only the hash is known.
func (g *gather) vanished(h uint64, now time.Time) {
	g.touch(now)
	if g.files == nil {
		g.files = map[uint64]bool{}
	}
	if len(g.files) < maxFiles {
		g.files[h] = false
	}
}

// lose notes that the system could not tell all.
func (g *gather) lose(now time.Time) {
	g.touch(now)
	g.lost = true
}

// due is when the changes are to be reported.
func (g *gather) due(delay time.Duration) time.Time {
	quiet, latest := g.last.Add(delay), g.first.Add(max(patience, 2*delay))
	if latest.Before(quiet) {
		return latest
	}
	return quiet
}

// take is the report; false: in the end nothing has changed.
func (g *gather) take() (c Change, ok bool) {
	c.Count, c.Lost = len(g.files), g.lost
	for _, n := range g.names {
		if _, still := g.files[hashOf(n)]; still {
			c.Name = clean(n)
			break
		}
	}
	*g = gather{}
	return c, c.Count > 0 || c.Lost
}

// clean makes a name fit for a line of text.
func clean(name string) string {
	if len(name) > maxName {
		name = "…" + name[len(name)-maxName:]
	}
	name = strings.ToValidUTF8(name, "?")
	if q := strconv.QuoteToGraphic(name); q != `"`+name+`"` {
		return q
	}
	return name
}
