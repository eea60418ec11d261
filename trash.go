package velos

// A Trashed app was deleted, and can be brought back for a while.
type Trashed struct {
	ID         uint32 `json:"id"`
	Spec       Spec   `json:"config"` // without the values of env files
	Generation int    `json:"generation"`
	Created    Time   `json:"created_at"`
	Running    bool   `json:"running"` // when it was deleted
	Deleted    Time   `json:"deleted_at"`
	Expires    Time   `json:"expires_at"`
	Lease      *Lease `json:"lease,omitempty"`
	By         Actor  `json:"actor"` // who deleted it
}

// Fields implements Record.
func (t *Trashed) Fields(f Fields) {
	Int(f, "id", &t.ID)
	f.Nest("config", true, &t.Spec)
	Int(f, "generation", &t.Generation)
	Int(f, "created_at", &t.Created)
	f.Bool("running", &t.Running)
	Int(f, "deleted_at", &t.Deleted)
	Int(f, "expires_at", &t.Expires)
	Object(f, "lease", &t.Lease)
	f.Nest("actor", true, &t.By)
}
