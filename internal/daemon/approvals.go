package daemon

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

const (
	maxApprovals = 64
	approvalLife = 10 * time.Minute
)

// approvals are the orders of agents that wait for a person's word. Each is
// bound to who asked and to every byte of what was asked, is good for one time,
// and is forgotten after a while and with the daemon.
type approvals struct {
	mu   sync.Mutex
	list []approval
}

type approval struct {
	wire.Approval
	key uint64
}

// seed makes keys that nobody can aim at.
var seed = maphash.MakeSeed()

// key is what an approval is bound to. The pid is not in it: an agent repeats
// its command in another process.
func (c *call) key(who *velos.Actor) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range []string{who.Agent, who.Channel, who.Client, strconv.Itoa(who.UID), c.command.String()} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	h.Write(c.payload)
	return h.Sum64()
}

// pass is nil when the order was allowed, which is used up by that; else the
// error that says how it can be. An order that is asked for again keeps its id.
func (a *approvals) pass(c *call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := velos.TimeOf(time.Now())
	a.expire(now)
	r := c.deed
	key := c.key(&r.Actor)
	i := slices.IndexFunc(a.list, func(p approval) bool { return p.key == key })
	if i >= 0 && a.list[i].Allowed {
		r.Approval = a.list[i].ID
		a.list = slices.Delete(a.list, i, i+1)
		return nil
	}
	if i < 0 {
		if len(a.list) >= maxApprovals {
			a.list = slices.Delete(a.list, 0, 1)
		}
		i = len(a.list)
		a.list = append(a.list, approval{key: key, Approval: wire.Approval{ID: a.freeID(), Actor: r.Actor, Op: r.Op, App: r.App, Args: r.Args,
			Asked: now, Expires: now + velos.Time(approvalLife.Milliseconds())}})
	}
	what := r.Op
	if r.App != "" {
		what += " " + r.App
	}
	id := a.list[i].ID
	return &velos.Error{Code: velos.NeedsApproval, Approval: id,
		Message: what + `: needs the approval of a person, by [agents] mode = "confirm" in ` + c.d.home.ConfigFile(),
		Hint:    "ask the user to run: velos approve " + id + "\nthen give the same order again within 10 minutes"}
}

// expire forgets what nobody has answered or used in time.
func (a *approvals) expire(now velos.Time) {
	a.list = slices.DeleteFunc(a.list, func(p approval) bool { return p.Expires <= now })
}

func (a *approvals) freeID() string {
	for {
		id := strconv.FormatUint(uint64(rand.Uint32()), 16)
		if len(id) < 4 {
			continue
		}
		id = id[:4]
		if !slices.ContainsFunc(a.list, func(p approval) bool { return p.ID == id }) {
			return id
		}
	}
}

// answer allows an order, or takes it off the list.
func (a *approvals) answer(w *wire.ApprovalWord) (wire.Approval, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expire(velos.TimeOf(time.Now()))
	i := slices.IndexFunc(a.list, func(p approval) bool { return p.ID == w.ID })
	if i < 0 {
		return wire.Approval{}, &velos.Error{Code: velos.NotFound, Message: "no order waits for approval " + strconv.Quote(w.ID),
			Hint: "velos approve --list shows what waits; after 10 minutes it is forgotten"}
	}
	p := &a.list[i]
	p.Allowed = w.Allow
	answer := p.Approval
	if !w.Allow {
		a.list = slices.Delete(a.list, i, i+1)
	}
	return answer, nil
}

func (c *call) approvals(context.Context) (velos.Record, error) {
	a := &c.d.rules.waiting
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expire(velos.TimeOf(time.Now()))
	out := &wire.Approvals{}
	for i := range a.list {
		out.Approvals = append(out.Approvals, a.list[i].Approval)
	}
	return out, nil
}

// approve takes the word of a person: somebody at a terminal who is no agent,
// or a door for agents that has asked its user itself.
func (c *call) approve(context.Context) (velos.Record, error) {
	var q wire.ApprovalWord
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	verb := "deny"
	if q.Allow {
		verb = "approve"
	}
	w := wish{inst: -1, args: map[string]string{"id": q.ID}}
	w.Verb = verb
	if q.How != "" {
		w.args["how"] = q.How
	}
	who := c.begin(&w)
	switch elicited := who.Channel == mcpChannel && q.How == wire.Elicitation; {
	case elicited:
	case who.Agent != "":
		return nil, &velos.Error{Code: velos.Denied, Message: verb + ": agents cannot approve, and this command is run by " + who.Agent,
			Hint: "ask the user to run it in a terminal of their own"}
	case q.Allow && !who.TTY:
		return nil, &velos.Error{Code: velos.Denied, Message: verb + ": only a person at a terminal can approve", Hint: "run it in a terminal"}
	}
	a, err := c.d.rules.waiting.answer(&q)
	if err != nil {
		return nil, err
	}
	c.deed.App, c.deed.Approval = a.App, a.ID
	return &a, nil
}
