package wire

import "github.com/velospm/velos"

// A Caller is what a client says of itself beside a request. The daemon adds it
// to what it sees: an announcement can make its caller more of an agent, never
// less.
type Caller struct {
	Channel string // the door: cli, mcp, api, web
	Agent   string // name of the agent that asks; empty: none that the client knows of
	Client  string // program and version on the other side of the door
	TTY     bool   // it has a terminal; heeded where the daemon cannot see that
}

// Fields implements velos.Record.
func (c *Caller) Fields(f velos.Fields) {
	f.String("channel", &c.Channel)
	f.String("agent", &c.Agent)
	f.String("client", &c.Client)
	f.Bool("tty", &c.TTY)
}

// An Approval is an order of an agent that a person is asked to allow, or has
// allowed: the same order passes then, once.
type Approval struct {
	ID      string
	Actor   velos.Actor       // who wants it
	Op      string            // the verb
	App     string            // what it is about; empty: more than one app
	Args    map[string]string // as in the audit record
	Asked   velos.Time
	Expires velos.Time
	Allowed bool
}

// Fields implements velos.Record.
func (a *Approval) Fields(f velos.Fields) {
	f.String("id", &a.ID)
	f.Nest("actor", true, &a.Actor)
	f.String("op", &a.Op)
	f.String("app", &a.App)
	f.Map("args", &a.Args)
	velos.Int(f, "asked_at", &a.Asked)
	velos.Int(f, "expires_at", &a.Expires)
	f.Bool("allowed", &a.Allowed)
}

// Approvals answers ApprovalList.
type Approvals struct{ Approvals []Approval }

// Fields implements velos.Record.
func (a *Approvals) Fields(f velos.Fields) { velos.List(f, "approvals", &a.Approvals) }

// Elicitation is how an answer was got by a client that asked its user itself.
const Elicitation = "elicitation"

// An ApprovalWord allows an order, or does not.
type ApprovalWord struct {
	ID    string
	Allow bool
	How   string // Elicitation, or empty: a person at a terminal says so
}

// Fields implements velos.Record.
func (w *ApprovalWord) Fields(f velos.Fields) {
	f.String("id", &w.ID)
	f.Bool("allow", &w.Allow)
	f.String("how", &w.How)
}
