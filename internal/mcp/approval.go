package mcp

import (
	"context"
	"errors"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// callerOf is what the daemon gets to know of the client: everybody who comes
// through this door is an agent.
func callerOf(info *sdk.Implementation) wire.Caller {
	by := wire.Caller{Channel: "mcp"}
	if info != nil {
		by.Agent, by.Client = info.Name, strings.TrimSpace(info.Name+" "+info.Version)
	}
	return by
}

// as is a context whose calls are those of the client.
func (s *Server) as(ctx context.Context, info *sdk.Implementation) context.Context {
	by := callerOf(info)
	by.Remote = s.remote.Load()
	return client.As(ctx, by)
}

// approved deals with an order that a person has to allow first. Where the
// client can ask its user it does, and a yes is handed to the daemon; where it
// cannot, the model is told what to do.
func (c *call) approved(t *tool, err error) (answer, error) {
	var e *velos.Error
	if !errors.As(err, &e) || e.Approval == "" {
		return answer{}, err
	}
	what, _, _ := strings.Cut(e.Message, ": needs the approval")
	if q := c.confirm("Allow this agent: " + view.Text(what) + "?"); q != nil {
		return answer{ask: q}, nil
	}
	if !c.answered() {
		return answer{}, err
	}
	yes := c.confirmed()
	if _, e := c.conn.AnswerApproval(c, wire.ApprovalWord{ID: e.Approval, Allow: yes, How: wire.Elicitation}); e != nil {
		return answer{}, e
	}
	if !yes {
		return answer{}, &velos.Error{Code: velos.Denied, Message: what + ": the user said no", Hint: "ask what to do instead"}
	}
	return t.call(c) // what needs another word is told to the model
}

type auditIn struct {
	Name  string `json:"name_or_id,omitempty"`
	Since string `json:"since,omitempty" about:"a moment or an age, 1h"`
	Agent string `json:"agent,omitempty" about:"its name; any, none"`
	Op    string `json:"op,omitempty" about:"such as stop"`
	Limit int    `json:"limit,omitempty" about:"default 20"`
	// Before is the number of an order, as a next call has it.
	Before int `json:"before,omitempty"`
}

type auditOut struct {
	Text string `json:"text"`
	Next string `json:"next,omitempty"`
}

// auditLimit is how many orders are told at most.
const auditLimit = 200

func auditQuery(c *call, in *auditIn) (answer, error) {
	most := min(in.Limit, auditLimit)
	if most == 0 {
		most = 20
	}
	q := audit.Query{Agent: in.Agent, Op: in.Op, Last: most + 1, Before: uint64(in.Before)}
	var err error
	if q.Since, err = c.moment(in.Since); err != nil {
		return answer{}, err
	}
	apps, err := c.apps() // what the caller may see
	if err != nil {
		return answer{}, err
	}
	if c.s.o.Bounded == nil || c.s.o.Bounded() {
		if q.Keep, err = c.about(apps); err != nil {
			return answer{}, err
		}
	}
	if q.App = in.Name; in.Name != "" {
		if a, _, _, err := c.app(in.Name); err == nil { // one that is deleted is asked for by its name
			q.App = a.Spec.Name
		}
	}
	list, err := audit.Read(c.s.o.AuditFile, q)
	if err != nil {
		return answer{}, err
	}
	out := auditOut{}
	var b strings.Builder
	if len(list) > most {
		list = list[1:]
		out.Next = again("audit_query", "name_or_id", in.Name, "since", at(q.Since), "agent", in.Agent, "op", in.Op, "limit", number(in.Limit), "before", strconv.FormatUint(list[0].Seq, 10))
		b.WriteString("older orders left out; next: " + view.Text(out.Next) + "\n")
	}
	mask := view.MaskOf(pointers(apps)...)
	for i := range list {
		b.WriteString(c.s.view().Clock(list[i].Time) + " " + mask.String(view.AuditText(&list[i], c.s.view())) + "\n")
	}
	out.Text = strings.TrimSuffix(b.String(), "\n")
	if out.Text == "" {
		out.Text = "no orders on record"
	}
	return answer{text: out.Text, data: out}, nil
}

// about keeps the orders that are about apps that the caller may see, deleted
// ones too, or about none.
func (c *call) about(apps []velos.App) (func(*audit.Record) bool, error) {
	trash, err := c.conn.Trash(c)
	if err != nil {
		return nil, err
	}
	seen := map[uint32]bool{}
	for i := range apps {
		seen[apps[i].ID] = true
	}
	for i := range trash.Apps {
		seen[trash.Apps[i].ID] = true
	}
	return func(r *audit.Record) bool { return seen[r.ID] || r.ID == 0 && r.App == "" }, nil
}

func pointers(apps []velos.App) []*velos.App {
	list := make([]*velos.App, len(apps))
	for i := range apps {
		list[i] = &apps[i]
	}
	return list
}
