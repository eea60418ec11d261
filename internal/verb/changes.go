package verb

import (
	"context"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// A Change is something that happened, or the same thing several times.
type Change struct {
	Time  velos.Time `json:"ts"` // of the last time
	Seq   uint64     `json:"seq"`
	App   string     `json:"app,omitempty"` // "" is the daemon
	Text  string     `json:"text"`
	By    string     `json:"by,omitempty"`
	Count int        `json:"count"`
}

// Changed is what has happened since a cursor.
type Changed struct {
	List   []Change
	Older  int // changes that are left out, the oldest
	Events int // that there were, each counted
	Cursor Cursor
	// Missed: the journal has forgotten events behind the cursor.
	Missed uint64
	// Before is where what is left out ends: the first event that is counted in
	// List. 0: nothing is left out.
	Before uint64
}

// Changes lists what happened after an event, newest last, at most so many.
// after 0 is all that is known.
func Changes(ctx context.Context, conn *client.Client, apps []velos.App, q wire.EventsQuery, most int) (Changed, error) {
	return ChangesBefore(ctx, conn, apps, q, 0, most)
}

// ChangesBefore lists of them what happened before an event; 0 is no bound.
func ChangesBefore(ctx context.Context, conn *client.Client, apps []velos.App, q wire.EventsQuery, before uint64, most int) (Changed, error) {
	list := make([]*velos.App, len(apps))
	for i := range apps {
		list[i] = &apps[i]
	}
	m := view.MaskOf(list...)
	if q.After > 0 {
		if newest, err := Newest(ctx, conn); err == nil && newest < q.After {
			q.After = 0 // the cursor is of another journal: nothing of this one is known
		}
	}
	c := Changed{Cursor: Cursor{Event: q.After}}
	var all []Change
	for e, err := range conn.Events(ctx, q) {
		if err != nil {
			return c, err
		}
		if before > 0 && e.Seq >= before {
			break
		}
		if c.Events == 0 && q.ID == 0 && q.After > 0 && q.Since == 0 && e.Seq > q.After+1 {
			c.Missed = e.Seq - q.After - 1
		}
		c.Events++
		c.Cursor.Event = max(c.Cursor.Event, e.Seq)
		e = m.Event(e)
		if text := changeOf(&e); text != "" {
			all = append(all, Change{Time: e.Time, Seq: e.Seq, App: nameOf(&e), Text: view.Text(text), By: view.By(e.Actor), Count: 1})
		}
	}
	from := newest(all, most)
	if c.List = together(all[from:]); from > 0 {
		c.Older, c.Before = len(together(all[:from])), all[from].Seq
	}
	return c, nil
}

func (c *Change) key() string { return c.App + "\x00" + c.Text + "\x00" + c.By }

// newest is where the newest changes begin that are so many different ones; 0
// is no bound.
func newest(all []Change, most int) int {
	seen := map[string]bool{}
	for i := len(all) - 1; i >= 0 && most > 0; i-- {
		if seen[all[i].key()] = true; len(seen) > most {
			return i + 1
		}
	}
	return 0
}

// together makes one of those that are equal, where the last of them stood.
func together(all []Change) []Change {
	last, count := map[string]int{}, map[string]int{}
	for i := range all {
		last[all[i].key()] = i
		count[all[i].key()]++
	}
	var list []Change
	for i := range all {
		if k := all[i].key(); last[k] == i {
			ch := all[i]
			ch.Count = count[k]
			list = append(list, ch)
		}
	}
	return list
}

func nameOf(e *velos.Event) string {
	name := view.Text(e.App)
	if e.Inst > 0 {
		name += ":" + strconv.Itoa(e.Inst)
	}
	return name
}

// changeOf is an event in a few words that are the same each time it happens;
// "" is nothing that anybody has to know: of a run that was asked for once
// that it came and went, of an order what its outcome says as well.
func changeOf(e *velos.Event) string {
	once := strings.HasPrefix(e.App, velos.RunPrefix)
	switch e.Kind {
	case velos.KindState:
		if once {
			return ""
		}
		switch e.To {
		case velos.Online:
			if e.Cause != "" {
				return "online: " + e.Cause
			}
			return "online"
		case velos.Errored:
			return "errored: given up, it is not started again"
		case velos.Stopped:
			return "stopped"
		}
		return ""
	case velos.KindExit:
		if e.Exit == nil || e.Exit.Asked && !e.Exit.Killed {
			return "" // the stop that was asked for says it
		}
		x := *e.Exit
		x.Uptime = 0
		return x.String()
	case velos.KindOrder:
		if e.Cause == "start" || e.Cause == "delete" {
			return ""
		}
		return "order: " + e.Cause
	case velos.KindConfig:
		if once {
			return ""
		}
	case velos.KindAlarm:
		return "alarm: " + e.Cause
	}
	return strings.TrimSpace(e.Cause)
}
