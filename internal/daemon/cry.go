package daemon

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
)

// A crier has velos notify run when something has happened that somebody may
// want to hear of. One runs at a time, and there is a pause before the next: a
// crash loop is told by one program that looks at the journal, and not by one
// for each crash. The daemon itself sends nothing, and waits for nobody.
type crier struct {
	mu    sync.Mutex
	apps  []uint32 // that had news since the last look
	from  uint64   // the newest event before those
	busy  bool
	force bool
}

const (
	criesApart = 3 * time.Second
	mostApps   = 64      // beyond that it is asked whether anybody wants any news
	mostConfig = 1 << 20 // of the home's configuration
)

// newsworthy reports whether an event can be news. Being online is, for an app
// that was down.
func newsworthy(e *velos.Event) bool {
	switch e.Kind {
	case velos.KindWarning, "alarm":
		return true
	case velos.KindExit:
		return e.Exit != nil && !e.Exit.Asked
	case velos.KindState:
		return e.To == velos.Errored || e.To == velos.Online || e.To == velos.Stopping && e.Actor.Kind == velos.Policy.Kind
	case velos.KindOrder:
		return e.Actor.Kind == velos.Policy.Kind
	}
	return false
}

// cry takes down that an app has news, and returns at once.
func (d *Daemon) cry(id uint32, before uint64) {
	c := &d.crier
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.apps) == 0 {
		c.from = before
	}
	if len(c.apps) < mostApps && !slices.Contains(c.apps, id) {
		c.apps = append(c.apps, id)
	}
	if !c.busy {
		c.busy = true
		go d.criers()
	}
}

// catchUp tells what a former daemon has left untold.
func (d *Daemon) catchUp() {
	if _, err := os.Lstat(d.home.NoticesFile()); err != nil || !d.sup.Notifies(0) && !d.notifiesAll() {
		return
	}
	c := &d.crier
	c.mu.Lock()
	defer c.mu.Unlock()
	c.force = true
	if !c.busy {
		c.busy = true
		go d.criers()
	}
}

// criers runs while there are news.
func (d *Daemon) criers() {
	c := &d.crier
	for {
		c.mu.Lock()
		apps, from, force := c.apps, c.from, c.force
		c.apps, c.force = nil, false
		if len(apps) == 0 && !force {
			c.busy = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if !force && !slices.ContainsFunc(apps, d.sup.Notifies) && (len(apps) < mostApps || !d.sup.Notifies(0)) && !d.notifiesAll() {
			continue
		}
		if !d.notify(from) {
			c.mu.Lock()
			c.busy = false
			c.mu.Unlock()
			return
		}
	}
}

// notify runs velos notify to its end, and pauses. False: the daemon ends.
func (d *Daemon) notify(from uint64) bool {
	p, err := d.helper.start(-1, "notify", "--after", strconv.FormatUint(from, 10))
	if err != nil {
		say("velosd: notify: " + err.Error())
	} else {
		lowPriority(p.PID())
		select {
		case x := <-p.Exited():
			if x.Code != 0 || x.Signal != "" {
				say("velosd: notify: " + ended(x))
			}
		case <-d.ending: // it goes on with what it has
			return false
		}
	}
	t := time.NewTimer(criesApart)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.ending:
		return false
	}
}

// notifiesAll reports whether the home's own configuration has notifications.
// It is velos that reads it; here it matters whether there is any.
func (d *Daemon) notifiesAll() bool {
	f, err := os.Open(d.home.ConfigFile())
	if err != nil {
		return false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostConfig))
	return err == nil && bytes.Contains(b, []byte("notify"))
}
