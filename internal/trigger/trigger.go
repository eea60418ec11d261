// Package trigger notices that files have changed: whole trees of them, for
// many apps, with one goroutine. A storm of changes is one report. What follows
// from a report is the business of its callers; times are in package cron.
package trigger

import (
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A Query says what to watch for one app.
type Query struct {
	Base   string        // absolute: names in reports and patterns start from here
	Paths  []string      // directories with all below them, and files; relative to Base
	Ignore []string      // patterns as in a .gitignore; they follow Defaults
	Except []string      // absolute paths that are left out with all below them
	Delay  time.Duration // a report waits until nothing has changed for so long
}

// Defaults are what is ignored unless a pattern with ! says otherwise: what
// the specification names, and what editors leave behind for a moment.
var Defaults = []string{"node_modules", ".git", "*.log", "*.swp", "*.swx", "*~", "4913", ".#*", "#*#"}

// Options are a Watcher's ties. Both are called by its goroutine and must not
// block.
type Options struct {
	Changed func(id uint32, c Change)
	Note    func(id uint32, text string) // something that the user should know of
}

// A Watcher has a goroutine and a descriptor while it watches anything.
type Watcher struct {
	o    Options
	done sync.WaitGroup

	mu       sync.Mutex
	requests []request
	ears     *ears // nil while there is no goroutine
	closed   bool
}

// A request is a Watch, or a Forget when it has no query.
type request struct {
	id uint32
	q  *Query
}

// New is a Watcher that watches nothing yet.
func New(o Options) *Watcher { return &Watcher{o: o} }

// Watch begins to watch for an app, or watches something else from now on.
func (w *Watcher) Watch(id uint32, q Query) { w.ask(request{id, &q}) }

// Forget ends it. A report may be on its way.
func (w *Watcher) Forget(id uint32) { w.ask(request{id: id}) }

func (w *Watcher) ask(r request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || r.q == nil && w.ears == nil {
		return
	}
	w.requests = append(w.requests, r)
	if w.ears != nil {
		w.ears.wake()
		return
	}
	w.ears = newEars()
	w.ears.wake()
	w.done.Add(1)
	go w.run(w.ears)
}

// Close ends all watching.
func (w *Watcher) Close() {
	w.mu.Lock()
	w.closed = true
	if w.ears != nil {
		w.ears.wake()
	}
	w.mu.Unlock()
	w.done.Wait()
}

// A watch is what the goroutine knows of a Query.
type watch struct {
	id     uint32
	q      Query
	rules  rules
	roots  []*root
	gather gather
	poll   *poll // nil while the system tells of changes
}

// A root is one of a Query's paths.
type root struct {
	path   string
	only   string // it is a file: its name in the directory that is watched
	absent bool   // it is not there: looked for now and then
}

// again is how often a root that is not there is looked for.
const again = time.Second

// run is the goroutine. It ends when there is nothing left to watch.
func (w *Watcher) run(e *ears) {
	defer w.done.Done()
	defer e.close()
	watches := map[uint32]*watch{}
	for {
		w.mu.Lock()
		requests := w.requests
		w.requests = nil
		if w.closed || len(requests) == 0 && len(watches) == 0 {
			w.ears = nil
			w.mu.Unlock()
			return
		}
		e.rest(until(watches, e)) // a request that comes from here on wakes it
		w.mu.Unlock()
		for _, r := range requests {
			w.take(watches, e, r)
		}
		if len(requests) > 0 {
			continue // what is due next may be another time now
		}
		w.heard(watches, e, e.wait())
		w.tend(watches, e, time.Now())
	}
}

func (w *Watcher) take(watches map[uint32]*watch, e *ears, r request) {
	if old := watches[r.id]; old != nil {
		e.forget(old)
		delete(watches, r.id)
	}
	if r.q == nil {
		return
	}
	v := &watch{id: r.id, q: *r.q, rules: compile(r.q.Base, r.q.Ignore)}
	for _, p := range r.q.Paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(r.q.Base, p)
		}
		v.roots = append(v.roots, &root{path: filepath.Clean(p), absent: true})
	}
	watches[r.id] = v
	w.listen(e, v, false)
}

// listen listens to the roots of v that are not listened to yet. Report says
// that what is found there is news.
func (w *Watcher) listen(e *ears, v *watch, report bool) {
	if v.poll != nil {
		return
	}
	if err := e.listen(v, report); err != nil {
		w.look(e, v, err)
	}
}

// look has v's files looked at now and then, since the system does not tell.
func (w *Watcher) look(e *ears, v *watch, why error) {
	e.forget(v)
	v.poll = &poll{}
	v.poll.scan(v)
	w.o.Note(v.id, "watch: "+why.Error()+"; files are looked at every few seconds instead")
}

// heard takes what the system tells. Some of it may have got lost: then every
// tree may have changed, and has directories that nobody listens to.
func (w *Watcher) heard(watches map[uint32]*watch, e *ears, lost bool) {
	for _, v := range watches {
		if lost && v.poll == nil {
			v.gather.lose(time.Now())
			e.forget(v)
			w.listen(e, v, false)
		}
	}
	for v, why := range e.failed {
		delete(e.failed, v)
		w.look(e, v, why)
	}
}

// until is when something is due; zero: not before the system tells something.
func until(watches map[uint32]*watch, e *ears) (t time.Time) {
	sooner := func(u time.Time) {
		if t.IsZero() || u.Before(t) {
			t = u
		}
	}
	for _, v := range watches {
		if !v.gather.first.IsZero() {
			sooner(v.gather.due(v.q.Delay))
		}
		if v.poll != nil {
			sooner(v.poll.next)
		} else if v.missing() {
			sooner(e.looked.Add(again))
		}
	}
	return t
}

func (v *watch) missing() bool {
	for _, r := range v.roots {
		if r.absent {
			return true
		}
	}
	return false
}

// tend does what is due.
func (w *Watcher) tend(watches map[uint32]*watch, e *ears, now time.Time) {
	look := !now.Before(e.looked.Add(again))
	for _, v := range watches {
		switch {
		case v.poll != nil && !now.Before(v.poll.next):
			v.poll.scan(v)
		case v.poll == nil && look && v.missing():
			w.listen(e, v, true)
		}
		if !v.gather.first.IsZero() && !now.Before(v.gather.due(v.q.Delay)) {
			if c, ok := v.gather.take(); ok {
				w.o.Changed(v.id, c)
			}
		}
	}
	if look {
		e.looked = now
	}
}

// name is path as reports and patterns have it.
func (v *watch) name(path string) string {
	if rest, ok := strings.CutPrefix(path, v.q.Base); ok && len(rest) > 0 && filepath.ToSlash(rest)[0] == '/' {
		return filepath.ToSlash(rest[1:])
	}
	return filepath.ToSlash(path)
}

// leaves reports whether a path below a root of v is left out. A file that is
// itself a root never is.
func (v *watch) leaves(r *root, path, name string, dir bool) bool {
	for _, x := range v.q.Except {
		if rest, ok := strings.CutPrefix(path, x); ok && (rest == "" || filepath.ToSlash(rest)[0] == '/') {
			return true
		}
	}
	if r.only != "" {
		return filepath.Base(path) != r.only
	}
	switch path { // no files of anybody's
	case "/proc", "/sys", "/dev":
		return true
	}
	return v.rules.ignore(name, dir)
}
