package velos

// MaxFormer is how many former Specs of an app are kept.
const MaxFormer = 10

// A Former is a Spec that an app had, and what took its place.
type Former struct {
	ID         uint32 `json:"id"`
	Generation int    `json:"generation"`
	Since      Time   `json:"since"`
	Until      Time   `json:"until"`
	Cause      string `json:"cause"` // why another one followed: changed, reloaded, scaled, renamed
	By         Actor  `json:"by"`    // who brought that
	Spec       Spec   `json:"config"`
}

// Fields implements Record. What writes to disk clears the Spec's FileEnv
// first.
func (o *Former) Fields(f Fields) {
	Int(f, "id", &o.ID)
	Int(f, "generation", &o.Generation)
	Int(f, "since", &o.Since)
	Int(f, "until", &o.Until)
	f.String("cause", &o.Cause)
	f.Nest("by", true, &o.By)
	f.Nest("config", true, &o.Spec)
}
