package supervise

import (
	"path/filepath"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/trigger"
)

// A sentry watches the files of all apps.
type sentry struct {
	*trigger.Watcher
	tells map[uint32]func(string, Sight) // guarded by the Host's mu
}

// Watch implements Machine.
func (h *Host) Watch(id uint32, spec *velos.Spec, tell func(string, Sight)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.sentry
	if spec == nil {
		if s.tells[id] != nil {
			delete(s.tells, id)
			s.Forget(id)
		}
		return
	}
	if s.Watcher == nil {
		s.tells = map[uint32]func(string, Sight){}
		s.Watcher = trigger.New(trigger.Options{
			Changed: func(id uint32, c trigger.Change) { h.sighted(id, c.String(), Altered) },
			Note:    func(id uint32, text string) { h.sighted(id, text, Aside) },
		})
	}
	s.tells[id] = tell
	s.Watcher.Watch(id, h.query(spec))
}

func (h *Host) sighted(id uint32, text string, what Sight) {
	h.mu.Lock()
	tell := h.sentry.tells[id]
	h.mu.Unlock()
	if tell != nil {
		tell(text, what)
	}
}

// query is what to watch for an app: never what we write ourselves.
func (h *Host) query(s *velos.Spec) trigger.Query {
	q := trigger.Query{Base: s.Cwd, Paths: s.WatchPaths, Ignore: s.WatchIgnore, Delay: s.WatchDelay.Std(), Except: []string{h.home.Dir}}
	if q.Delay == 0 {
		q.Delay = velos.DefaultWatchDelay.Std()
	}
	if len(q.Paths) == 0 {
		q.Paths = []string{s.Cwd}
	}
	for _, f := range [...]string{s.LogFile, s.OutFile, s.ErrFile} {
		if f != "" {
			q.Except = append(q.Except, filepath.Clean(f))
		}
	}
	return q
}

// blind ends all watching.
func (h *Host) blind() {
	h.mu.Lock()
	w := h.sentry.Watcher
	h.mu.Unlock()
	if w != nil {
		w.Close()
	}
}
