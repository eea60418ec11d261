package wire

import "github.com/velospm/velos"

// A LeaseWord is what an agent or a person says of an app's lease. From an
// agent whose app it is, it is also a sign of life, and the app goes on with
// the agent's present process.
type LeaseWord struct {
	ID   uint32
	Keep bool         // the app outlives its agent from now on
	Bind bool         // it does no more
	TTL  velos.Millis // another TTL; 0: as it was
}

// Fields implements velos.Record.
func (w *LeaseWord) Fields(f velos.Fields) {
	velos.Int(f, "id", &w.ID)
	f.Bool("keep", &w.Keep)
	f.Bool("bind", &w.Bind)
	velos.Int(f, "ttl", &w.TTL)
}

// A Grant lets an agent act on an app that is not its own.
type Grant struct {
	ID     uint32
	Agent  string // velos.AnyAgent: any
	Revoke bool   // it may no more
}

// Fields implements velos.Record.
func (g *Grant) Fields(f velos.Fields) {
	velos.Int(f, "id", &g.ID)
	f.String("agent", &g.Agent)
	f.Bool("revoke", &g.Revoke)
}

// Trash answers ProcessTrash, the app that was deleted last coming first.
type Trash struct{ Apps []velos.Trashed }

// Fields implements velos.Record.
func (t *Trash) Fields(f velos.Fields) { velos.List(f, "trash", &t.Apps) }

// Restore asks for a deleted app to be an app again.
type Restore struct {
	ID    uint32 // the one that it had
	Start bool   // and to be started, if it ran when it was deleted
	Wait  bool
}

// Fields implements velos.Record.
func (r *Restore) Fields(f velos.Fields) {
	velos.Int(f, "id", &r.ID)
	f.Bool("start", &r.Start)
	f.Bool("wait", &r.Wait)
}
