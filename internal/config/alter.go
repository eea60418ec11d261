package config

import (
	"strings"

	"github.com/velospm/velos"
)

// An Alteration is what flags of a restart change about an app that is known:
// KEY=VALUE pairs and keys that get their defaults back, as Set and Unset take
// them. Flags names the flag of each key, for messages.
type Alteration struct {
	Set, Unset []string
	Flags      map[string]string
}

// Alter is a Spec with an alteration. The old Spec stays as it is.
func Alter(verb string, old *velos.Spec, a *Alteration, env Environ) (velos.Spec, error) {
	e := newEdit(old, env)
	p := e.alter(a)
	if p == nil {
		p = e.resolve(env)
	}
	if p == nil {
		p = invalidField(e.draft.spec.Validate())
	}
	if p != nil {
		return velos.Spec{}, p.typed(a.Flags).error(verb + " " + shown(old.Name))
	}
	env.note([]*draft{e.draft}, []velos.Spec{e.draft.spec})
	return e.draft.spec, nil
}

func (e *edit) alter(a *Alteration) *problem {
	for _, key := range a.Unset {
		if p := e.unset(key).in(key); p != nil {
			return p
		}
	}
	for _, pair := range a.Set {
		key, value, _ := strings.Cut(pair, "=")
		if p := e.set(key, value).in(key); p != nil {
			return p
		}
	}
	return nil
}
