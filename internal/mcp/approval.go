package mcp

import (
	"context"
	"errors"
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
}

type auditOut struct {
	Text string `json:"text"`
}

// auditLimit is how many orders are told at most.
const auditLimit = 200

func auditQuery(c *call, in *auditIn) (answer, error) {
	q := audit.Query{Agent: in.Agent, Op: in.Op, Last: min(in.Limit, auditLimit)}
	if q.Last <= 0 {
		q.Last = 20
	}
	var err error
	if q.Since, err = c.moment(in.Since); err != nil {
		return answer{}, err
	}
	apps, err := c.apps() // what the caller may see
	if err != nil {
		return answer{}, err
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
	mask := view.MaskOf(pointers(apps)...)
	var b strings.Builder
	for i := range list {
		b.WriteString(c.s.view().Clock(list[i].Time) + " " + mask.String(view.AuditText(&list[i], c.s.view())) + "\n")
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if text == "" {
		text = "no orders on record"
	}
	return answer{text: text, data: auditOut{Text: text}}, nil
}

func pointers(apps []velos.App) []*velos.App {
	list := make([]*velos.App, len(apps))
	for i := range apps {
		list[i] = &apps[i]
	}
	return list
}
