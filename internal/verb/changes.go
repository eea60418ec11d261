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
}

// Changes lists what happened after an event, newest last, at most so many.
// after 0 is all that is known.
func Changes(ctx context.Context, conn *client.Client, apps []velos.App, q wire.EventsQuery, most int) (Changed, error) {
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
	at := map[string]int{}
	for e, err := range conn.Events(ctx, q) {
		if err != nil {
			return c, err
		}
		if c.Events == 0 && q.ID == 0 && q.After > 0 && q.Since == 0 && e.Seq > q.After+1 {
			c.Missed = e.Seq - q.After - 1
		}
		c.Events++
		c.Cursor.Event = max(c.Cursor.Event, e.Seq)
		e = m.Event(e)
		text := changeOf(&e)
		if text == "" {
			continue
		}
		ch := Change{Time: e.Time, Seq: e.Seq, App: nameOf(&e), Text: view.Text(text), By: view.By(e.Actor), Count: 1}
		key := ch.App + "\x00" + ch.Text + "\x00" + ch.By
		if i, ok := at[key]; ok {
			ch.Count += c.List[i].Count
			c.List[i].Count = 0
		}
		at[key] = len(c.List)
		c.List = append(c.List, ch)
	}
	kept := c.List[:0]
	for _, ch := range c.List {
		if ch.Count > 0 {
			kept = append(kept, ch)
		}
	}
	c.List = kept
	if most > 0 && len(c.List) > most {
		c.Older = len(c.List) - most
		c.List = c.List[c.Older:]
	}
	return c, nil
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
