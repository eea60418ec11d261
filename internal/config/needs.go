package config

import (
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// dependsOn is the problem of an app's depends_on.
func (d *draft) dependsOn(what, hint string) *problem {
	p := wrong(what, hint).in("depends_on")
	p.locate(d)
	return p
}

func find(drafts []*draft, name string) *draft {
	for _, d := range drafts {
		if d.spec.Name == name {
			return d
		}
	}
	return nil
}

// checkNeeds looks at what the apps of a file say of each other.
func checkNeeds(drafts []*draft) *problem {
	for _, d := range drafts {
		if d.inherited["depends_on"] { // said to all: each means the others
			d.spec.DependsOn = slices.DeleteFunc(d.spec.DependsOn, func(n velos.Dependency) bool { return n.Name == d.spec.Name })
		}
		for _, n := range d.spec.DependsOn {
			other := find(drafts, n.Name)
			switch {
			case other == nil:
			case n.Condition == velos.OnHealthy && other.spec.Health == nil:
				return d.dependsOn(n.Name+" has no health, so it would never be healthy", "give "+n.Name+` a health = { … }, or leave condition out`)
			case n.Condition == velos.OnExitedOK && other.spec.Autorestart == velos.Always && !slices.Contains(other.spec.StopExitCodes, 0),
				n.Condition == velos.OnExited && other.spec.Autorestart == velos.Always && len(other.spec.StopExitCodes) == 0:
				return d.dependsOn(n.Name+" is started again whenever it ends", "give "+n.Name+` an autorestart = "on-failure"`)
			}
		}
	}
	if ring := circle(drafts); ring != nil {
		return find(drafts, ring[0]).dependsOn("goes round in a circle: "+strings.Join(ring, " → "), "leave one of these out")
	}
	return nil
}

// circle is the first chain of dependencies that leads back to where it
// began: a, b, a.
func circle(drafts []*draft) []string {
	done := map[string]bool{}
	var path []string
	var walk func(d *draft) []string
	walk = func(d *draft) []string {
		name := d.spec.Name
		if i := slices.Index(path, name); i >= 0 {
			return append(slices.Clone(path[i:]), name)
		}
		if done[name] {
			return nil
		}
		done[name] = true
		path = append(path, name)
		for _, n := range d.spec.DependsOn {
			// An app that depends on itself is told so in plainer words.
			if other := find(drafts, n.Name); other != nil && other != d {
				if ring := walk(other); ring != nil {
					return ring
				}
			}
		}
		path = path[:len(path)-1]
		return nil
	}
	for _, d := range drafts {
		if ring := walk(d); ring != nil {
			return ring
		}
	}
	return nil
}

// needed adds to names of apps those that they depend on, as far as the file
// has them.
func needed(drafts []*draft, names []string) []string {
	names = slices.Clone(names)
	for i := 0; i < len(names); i++ {
		d := find(drafts, names[i])
		if d == nil {
			continue
		}
		for _, n := range d.spec.DependsOn {
			if !slices.Contains(names, n.Name) {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// Missing is the error for the first app that another one depends on and that
// neither the file has nor known reports; nil when there is none. Only apps
// that were asked for count.
func (f *File) Missing(known func(name string) bool) error {
	for i := range f.Specs {
		d := find(f.drafts, f.Specs[i].Name)
		for _, n := range f.Specs[i].DependsOn {
			if slices.Contains(f.Names, n.Name) || known(n.Name) {
				continue
			}
			hint := didYouMean(n.Name, f.Names, "add [apps."+bare(n.Name)+"] to the file, or start it before")
			return d.doc.error(d.dependsOn("there is no app "+shown(n.Name), hint))
		}
	}
	return nil
}
