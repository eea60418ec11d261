package cli

import (
	"slices"

	"github.com/velospm/velos"
)

// arrange finds the order in which orders are given: those about the apps
// that one comes behind before it. Circles are cut anywhere. For each order it
// tells which of the others those are; they all come earlier in the sequence.
func arrange(orders []order) (sequence []int, behind [][]int) {
	behind = make([][]int, len(orders))
	seen := make([]bool, len(orders))
	var walk func(i int)
	walk = func(i int) {
		seen[i] = true
		for j := range orders {
			if j == i || !slices.Contains(orders[i].behind, orders[j].app) {
				continue
			}
			if !seen[j] {
				walk(j)
			}
			if slices.Contains(sequence, j) {
				behind[i] = append(behind[i], j)
			}
		}
		sequence = append(sequence, i)
	}
	for i := range orders {
		if !seen[i] {
			walk(i)
		}
	}
	return sequence, behind
}

// dependencies are the names of the apps that one needs.
func dependencies(sp *velos.Spec) []string {
	var names []string
	for _, d := range sp.DependsOn {
		names = append(names, d.Name)
	}
	return names
}

// dependents are the names of those targets that need an app.
func dependents(list []target, app *velos.App) []string {
	var names []string
	for _, t := range list {
		if slices.Contains(dependencies(&t.app.Spec), app.Spec.Name) {
			names = append(names, t.app.Spec.Name)
		}
	}
	return names
}

// needed adds to a plan what its apps depend on and what does not run: known
// apps, since files bring their own along.
func (p *plan) needed() {
	for i := 0; i < len(p.steps); i++ {
		st := p.steps[i]
		sp := st.spec
		if sp == nil {
			sp = &st.app.Spec
		}
		if st.done != "" || !sp.Autostart && st.app == nil {
			continue // it is not started now
		}
		for _, d := range sp.DependsOn {
			t, ok := p.twin(d.Name)
			if !ok || p.starts(d.Name) || satisfied(t, d.Condition) {
				continue
			}
			p.steps = append(p.steps, step{app: t.app, inst: -1, note: ", which " + sp.Name + " needs"})
		}
	}
}

// starts reports whether a step of the plan is about an app.
func (p *plan) starts(name string) bool {
	return slices.ContainsFunc(p.steps, func(st step) bool {
		return st.app != nil && st.app.Spec.Name == name || st.spec != nil && st.spec.Name == name
	})
}

// satisfied reports whether there is no need to start an app for one that
// depends on it.
func satisfied(t target, c velos.Condition) bool {
	for i := range t.app.Instances {
		in := &t.app.Instances[i]
		x := in.LastExit
		switch {
		case in.Status == velos.Errored:
			if c != velos.OnExited || x == nil {
				return false
			}
		case in.Status != velos.Stopped:
		case c == velos.OnExited && x != nil && !x.Asked:
		case c != velos.OnExitedOK || x == nil || x.Code != 0 || x.Signal != "" || x.Unknown || x.Error != "":
			return false
		}
	}
	return true
}
