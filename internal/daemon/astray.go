package daemon

import (
	"slices"
	"sync"

	"github.com/velospm/velos/internal/home"
)

// astray are apps that could not be restored: a log file on a disk that is not
// mounted yet, say. They are not in the list, but no state that we write
// forgets them, and the next daemon tries again. Whoever adds an app of that
// name has given the old one up.
type astray struct {
	mu   sync.Mutex
	apps []home.Saved
}

func (a *astray) add(v home.Saved) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Spec.FileEnv = nil
	a.apps = append(a.apps, v)
}

// list is what is still astray, given who is known.
func (a *astray) list(known interface {
	Lookup(name string) (uint32, bool)
}) []home.Saved {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apps = slices.DeleteFunc(a.apps, func(v home.Saved) bool {
		_, ok := known.Lookup(v.Spec.Name)
		return ok
	})
	return slices.Clone(a.apps)
}
