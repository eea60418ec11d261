package otel

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
)

// Cursors say how far deliveries have come, in a file that outlives this
// process. Without the file nothing of the past is sent.
type cursors struct {
	path string
	mu   sync.Mutex
	data struct {
		Version int               `json:"version"`
		Events  *uint64           `json:"events,omitempty"` // the newest event whose spans were delivered
		Lines   map[uint32]uint64 `json:"lines"`            // the newest line of each app; nil: not begun
		Names   map[uint32]string `json:"names,omitempty"`  // of the same apps
	}
}

const (
	mostCursors = 8 << 20 // bytes of the file
	mostAbsent  = 1000    // apps that are not there
)

// readCursors takes the file. A damaged one, as a machine that lost its power
// leaves behind, is set aside: who waits for a person's hand sends nothing.
func readCursors(h home.Home, notice func(string)) (*cursors, error) {
	c := &cursors{path: filepath.Join(h.Dir, "otel.json")}
	c.data.Version = 1
	if st, err := os.Stat(c.path); err == nil && st.Size() > mostCursors {
		return nil, invalid(c.path+": larger than such a file can be", "remove it to begin with what is written from now on")
	}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, &velos.Error{Code: velos.Failed, Message: "otel: " + err.Error(), Cause: err}
	}
	if err := json.Unmarshal(b, &c.data); err != nil {
		fresh := &cursors{path: c.path}
		fresh.data.Version = 1
		if err := os.Rename(c.path, c.path+".damaged"); err != nil {
			return nil, &velos.Error{Code: velos.Failed, Message: "otel: " + err.Error(), Cause: err}
		}
		notice(c.path + " was damaged and is kept as " + filepath.Base(c.path) + ".damaged; what is sent begins with what is written from now on")
		return fresh, nil
	}
	if c.data.Version != 1 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "otel: " + c.path + " is of another version", Hint: "remove it to begin with what is written from now on"}
	}
	return c, nil
}

// events is where the spans go on; newest is where they begin at first.
func (c *cursors) events(newest uint64) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data.Events == nil || *c.data.Events > newest { // the journal began anew
		n := newest
		if c.data.Events != nil {
			n = 0
		}
		c.data.Events = &n
	}
	return *c.data.Events
}

func (c *cursors) setEvents(n uint64) error {
	c.mu.Lock()
	c.data.Events = &n
	c.mu.Unlock()
	return c.save()
}

// lines is where the lines of apps go on. At first they begin with what is
// written from now on; those of an app that came later, with its first, or
// where those of an earlier app of its name ended, whose log it goes on with.
// What is not wanted is passed over.
func (c *cursors) lines(apps []velos.App, wanted func(name string) bool) (at map[uint32]uint64, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = c.data.Lines == nil
	now, names := make(map[uint32]uint64, len(apps)), make(map[uint32]string, len(apps))
	for i := range apps {
		a := &apps[i]
		n, known := c.data.Lines[a.ID]
		switch {
		case !known && first, !wanted(a.Spec.Name):
			n = a.Log.Seq
		case !known:
			n = c.inherited(a)
		case n > a.Log.Seq: // the log began anew
			n = 0
		}
		now[a.ID], names[a.ID] = n, a.Spec.Name
	}
	// An app that is away for a moment, its disk not being there, comes back.
	for id, n := range c.data.Lines {
		if _, there := now[id]; !there && len(now) < len(apps)+mostAbsent {
			now[id] = n
			if name, ok := c.data.Names[id]; ok {
				names[id] = name
			}
		}
	}
	c.data.Lines, c.data.Names = now, names
	return maps.Clone(now), first
}

// inherited is where an app begins that was not there before. What it has not
// written itself is of earlier apps of its name; the newest of them may have
// left lines that were not sent.
func (c *cursors) inherited(a *velos.App) uint64 {
	own, last := a.Log.Seq-min(a.Log.Lines, a.Log.Seq), uint32(0)
	for id, name := range c.data.Names {
		if name == a.Spec.Name && id < a.ID {
			last = max(last, id)
		}
	}
	if last == 0 {
		return own
	}
	return min(own, c.data.Lines[last])
}

func (c *cursors) setLines(new map[uint32]uint64) error {
	c.mu.Lock()
	for id, n := range new {
		c.data.Lines[id] = n
	}
	c.mu.Unlock()
	return c.save()
}

// save replaces the file: whoever looks finds the old one or the new one.
func (c *cursors) save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := json.Marshal(&c.data)
	if err == nil {
		tmp := c.path + ".tmp"
		if err = os.WriteFile(tmp, append(b, '\n'), 0o600); err == nil {
			err = os.Rename(tmp, c.path)
		}
	}
	if err != nil {
		return &velos.Error{Code: velos.Failed, Message: "otel: " + err.Error(), Hint: "what was delivered would be delivered again", Cause: err}
	}
	return nil
}
