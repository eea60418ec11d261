package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/lease"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/proc"
	"github.com/velospm/velos/internal/project"
	"github.com/velospm/velos/internal/wire"
)

// remoteTTL is the TTL of a lease whose agent has no process that is known: one
// that comes over HTTP.
const remoteTTL = velos.Millis(8 * time.Hour / time.Millisecond)

// A holder is an agent's own process. Like seen it is looked for once.
type holder struct {
	once  sync.Once
	pid   int // 0: it is not known
	start uint64
}

func (c *call) holder() (pid int, start uint64) {
	if c.said.Remote || c.said.Channel != "" && c.said.Channel != mcpChannel && c.said.Channel != cliChannel {
		return 0, 0 // whoever is behind this door is no ancestor of it
	}
	h := &c.session.holds
	h.once.Do(func() {
		find := holderOf
		if c.d.hold != nil {
			find = c.d.hold
		}
		h.pid, h.start = find(c.peer.PID)
	})
	return h.pid, h.start
}

const cliChannel = "cli"

// holderOf is the process of the agent behind a client: the highest of those,
// one above the other, that carry an agent's mark, where there are any, and
// else the client. The client itself is not meant, and neither is a shell that
// was started for one command: those end long before the agent does, which is
// then their parent.
func holderOf(client int) (pid int, start uint64) {
	top := 0
	for at, n := client, 0; n < maxAncestors && at > 1 && at != os.Getpid(); n++ {
		st, err := proc.One(at)
		if err != nil {
			break
		}
		if marked(at) {
			top = at
		} else if top != 0 {
			break
		}
		at = st.PPID
	}
	if top == 0 {
		top = client
	}
	for at, n := top, 0; n < maxAncestors && at > 1 && at != os.Getpid(); n++ {
		st, err := proc.One(at)
		if err != nil {
			break
		}
		if at != client && !oneCommand(proc.Arguments(at, 8)) {
			return at, st.Start
		}
		at = st.PPID
	}
	return 0, 0
}

func marked(pid int) bool {
	var sign policy.Sign
	proc.Variables(pid, policy.Longest, sign.Look)
	return !sign.No && (sign.Agent != "" || sign.Said)
}

// oneCommand reports whether that is a shell that runs one line: sh -c LINE,
// zsh -lc LINE.
func oneCommand(args []string) bool {
	if len(args) < 2 {
		return false
	}
	switch strings.TrimPrefix(filepath.Base(args[0]), "-") {
	case "sh", "bash", "zsh", "dash", "ash", "ksh", "fish", "busybox":
	default:
		return false
	}
	for _, a := range args[1:] {
		if !strings.HasPrefix(a, "-") {
			if a == "sh" || a == "ash" { // of busybox
				continue
			}
			return false
		}
		if a == "--command" || !strings.HasPrefix(a, "--") && strings.Contains(a, "c") {
			return true
		}
	}
	return false
}

// alive reports whether a process is that very one, and no corpse.
func alive(pid int, start uint64) bool {
	st, err := proc.One(pid)
	return err == nil && st.Start == start && st.State != 'Z'
}

func newLeases(d *Daemon) *lease.Watch {
	return lease.New(lease.Options{Each: d.sup.Leases, Of: d.sup.Lease, Set: d.sup.SetLease, Alive: alive, Grace: d.rules.grace,
		Gone: func(id uint32, l *velos.Lease, grace time.Duration) {
			d.event(velos.Event{Kind: velos.KindConfig, App: d.sup.Name(id), ID: id, Inst: -1, Actor: velos.Policy,
				Cause: "its lease has ended: " + l.Cause + "; stopped in " + velos.MillisOf(grace).String() + " unless it is kept"})
		},
		Stop: func(id uint32, l *velos.Lease) { go d.endLease(id, l) }})
}

// endLease stops an app that its agent has left behind, if it runs.
func (d *Daemon) endLease(id uint32, l *velos.Lease) {
	a, err := d.sup.Info(id)
	if err != nil {
		return
	}
	for i := range a.Instances {
		if a.Instances[i].Wanted {
			_ = d.sup.Release(id, "its lease has ended: "+l.Cause) // what is stuck is in the journal
			return
		}
	}
}

// leased is what an app's lease becomes when somebody starts it: an agent's
// new app is the agent's, and what an agent has left behind belongs to whoever
// takes it up.
func (c *call) leased(id uint32, isNew, keep bool, ttl velos.Millis) {
	who := c.by()
	old := c.d.sup.Lease(id)
	if who.Agent == "" {
		if old.Over() { // a person has taken it up
			c.d.leases.Change(id, func(old *velos.Lease) *velos.Lease { return people(old) })
		}
		return
	}
	mine := old != nil && old.Agent != "" && (old.Agent == who.Agent || old.Over())
	if !isNew && !mine {
		return
	}
	pid, start := c.holder()
	c.d.leases.Change(id, func(old *velos.Lease) *velos.Lease {
		l := velos.Lease{}
		if old != nil {
			l = *old
		}
		if old == nil || old.Agent != who.Agent || !old.Binds() || old.Gone != 0 || !alive(old.PID, old.Start) {
			l.Agent, l.PID, l.Start = who.Agent, pid, start
		}
		if l.Keep = l.Keep || keep; ttl > 0 {
			l.TTL = ttl
		}
		if l.PID == 0 && l.TTL == 0 {
			l.TTL = remoteTTL
		}
		return lease.Renewed(&l, time.Now())
	})
}

// people is the lease of an app that is people's: nothing but grants.
func people(l *velos.Lease) *velos.Lease {
	if l == nil || len(l.Grants) == 0 {
		return nil
	}
	return &velos.Lease{Grants: l.Grants}
}

// heard is a sign of life of whoever asks for anything.
func (c *call) heard() {
	if c.d.leases == nil || !c.d.leases.Timed() {
		return
	}
	if who := c.actor(); who.Agent != "" {
		pid, start := c.holder()
		c.d.leases.Heard(who.Agent, pid, start)
	}
}

// setLease keeps an app beyond its agent's end, or takes that back; from the
// agent it is also a sign of life.
func (c *call) setLease(context.Context) (velos.Record, error) {
	var q wire.LeaseWord
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	says := q.Keep || q.Bind || q.TTL > 0 // else it is but a sign of life
	w := about("lease", wire.All(q.ID), false, says)
	if w.Verb = "lease"; q.Keep {
		w.Verb = "keep"
	}
	if q.TTL > 0 {
		w.args = map[string]string{"ttl": q.TTL.String()}
	}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	spec, ok := c.d.sup.Spec(q.ID)
	if !ok {
		_, err := c.d.sup.Info(q.ID)
		return nil, err
	}
	old := c.d.sup.Lease(q.ID)
	if old == nil || old.Agent == "" {
		if q.Bind || q.TTL > 0 {
			return nil, &velos.Error{Code: velos.Invalid, Message: w.Verb + " " + spec.Name + ": no agent has started it, so it has no lease", Hint: "it runs until somebody stops it"}
		}
		return c.done(q.ID, nil) // people's apps are kept anyway
	}
	c.leased(q.ID, false, q.Keep, q.TTL)
	if says {
		c.d.leases.Change(q.ID, func(old *velos.Lease) *velos.Lease {
			if old == nil {
				return nil // a person has taken up what was left behind
			}
			l := *old
			if l.Keep = q.Keep || l.Keep && !q.Bind; q.TTL > 0 {
				l.TTL = q.TTL
			}
			return lease.Renewed(&l, time.Now())
		})
	}
	if says {
		c.d.event(velos.Event{Kind: velos.KindConfig, App: spec.Name, ID: q.ID, Inst: -1, Actor: c.by(), Cause: leaseCause(&q)})
	}
	return c.done(q.ID, nil)
}

func leaseCause(q *wire.LeaseWord) string {
	switch {
	case q.Keep:
		return "kept: it outlives its agent"
	case q.Bind:
		return "bound to its agent again"
	}
	return "lease renewed"
}

// grant lets an agent act on an app that is not its own. It is a person's word.
func (c *call) grant(context.Context) (velos.Record, error) {
	var q wire.Grant
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := about("grant", wire.All(q.ID), false, false)
	if q.Revoke {
		w.Verb = "revoke"
	}
	if q.Agent != velos.AnyAgent {
		q.Agent = policy.Word(q.Agent)
	}
	w.args = map[string]string{"to": q.Agent}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	if who := c.by(); who.Agent != "" {
		return nil, &velos.Error{Code: velos.Denied, Message: w.Verb + ": agents cannot grant, and this command is run by " + who.Agent,
			Hint: "ask the user to run it in a terminal of their own"}
	}
	spec, ok := c.d.sup.Spec(q.ID)
	switch {
	case !ok:
		_, err := c.d.sup.Info(q.ID)
		return nil, err
	case q.Agent == "":
		return nil, &velos.Error{Code: velos.Invalid, Message: "grant: no agent named", Hint: "* is any agent"}
	}
	c.d.leases.Change(q.ID, func(old *velos.Lease) *velos.Lease { return granted(old, q.Agent, q.Revoke) })
	cause := "granted to "
	if q.Revoke {
		cause = "granted no more to "
	}
	c.d.event(velos.Event{Kind: velos.KindConfig, App: spec.Name, ID: q.ID, Inst: -1, Actor: c.by(), Cause: cause + q.Agent})
	return c.done(q.ID, nil)
}

// maxGrants bounds the agents that are named for one app.
const maxGrants = 32

func granted(old *velos.Lease, agent string, revoke bool) *velos.Lease {
	l := velos.Lease{}
	if old != nil {
		l = *old
	}
	var list []string
	for _, g := range l.Grants {
		if g != agent && !(revoke && agent == velos.AnyAgent) && len(list) < maxGrants {
			list = append(list, g)
		}
	}
	if !revoke {
		list = append(list, agent)
	}
	if l.Grants = list; l.Agent == "" {
		return people(&l)
	}
	return &l
}

// foreign says whose the apps of an order are that are not the agent's own.
func (c *call) foreign(who *velos.Actor, w *wish) {
	if !w.Touches && !w.Takes {
		return
	}
	look := func(id uint32) {
		l := c.d.sup.Lease(id)
		switch {
		case l.Granted(who.Agent):
		case l == nil || l.Agent == "":
			w.People = true
		case !l.Over() && (!l.Keep || l.PID != 0 && alive(l.PID, l.Start)) && !c.own(who, id, l):
			w.Rival = l.Agent // that it is kept takes nothing from its agent
		case l.Keep && !c.own(who, id, l):
			w.People = true // who kept it wants it to be there
		}
	}
	if w.id != 0 {
		look(w.id)
		return
	}
	if len(w.Targets) > 0 {
		for _, id := range c.d.sup.IDs() {
			look(id)
		}
	}
}

// mine marks the apps of whoever asks: an agent's own, or for people those that
// are no agent's.
func (c *call) mine(apps []velos.App) {
	who := c.by()
	for i := range apps {
		a := &apps[i]
		if l := a.Lease; l == nil || l.Agent == "" {
			a.Mine = who.Agent == ""
		} else {
			a.Mine = who.Agent != "" && c.own(&who, a.ID, l)
		}
	}
}

// own reports whether an app is the agent's: it was started by this very
// process, or by a namesake that has ended, or works in the same project.
func (c *call) own(who *velos.Actor, id uint32, l *velos.Lease) bool {
	if l.Agent != who.Agent {
		return false
	}
	pid, start := c.holder()
	if l.PID == 0 || pid == 0 || l.PID == pid && l.Start == start || !alive(l.PID, l.Start) {
		return true
	}
	dir := proc.Directory(c.peer.PID)
	spec, ok := c.d.sup.Spec(id)
	return dir == "" || !ok || project.Root(dir) == project.Root(spec.Cwd)
}
