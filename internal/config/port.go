package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// AutoPort is the port of an app that has one chosen for it.
const AutoPort = "auto"

// readPort takes a number, or auto.
func readPort(d *draft, n *node) *problem {
	v, ok := n.integer()
	switch {
	case n.kind == isString && n.text == AutoPort:
		d.port = AutoPort
		return nil
	case n.kind == isString:
		if _, err := strconv.Atoi(n.text); err == nil {
			return wrong("must be a number, not a string", "write it without quotes")
		}
		return wrong(`must be a number or "auto", not `+shown(n.text), "such as port = 3000")
	case n.kind != isInteger:
		return wrong(`must be a number or "auto", not `+n.kind.String(), "such as port = 3000")
	case !ok || v < 1 || v > velos.MaxPort:
		return wrong("must be from 1 to 65535, not "+n.text, `"auto" is one that nobody has`)
	}
	d.port = strconv.Itoa(int(v))
	return nil
}

// resolvePort gives an app its port. A PORT that a profile or the app itself
// says beats a port of [defaults]; said twice in the same place it is an error.
func (d *draft) resolvePort(env Environ) *problem {
	if d.port == "" || strings.HasPrefix(d.spec.EnvFrom[velos.PortVar], velos.FromProfile) {
		return nil
	}
	if d.spec.EnvFrom[velos.PortVar] == velos.FromFile {
		table := d.at["env"]
		inEnv := table != nil && !d.inherited["env"] && table.child(velos.PortVar) != nil
		switch {
		case inEnv && d.inherited["port"]:
			return nil
		case inEnv || d.inherited["port"]:
			return wrong("env sets PORT, too", "leave one of them out").in("port")
		}
	}
	return d.givePort(env)
}

// givePort sets PORT.
func (d *draft) givePort(env Environ) *problem {
	s := &d.spec
	if n := s.Instances; n > 1 && s.Mode != velos.Cluster && len(s.Listen) == 0 && s.IncrementVar != "" && s.IncrementVar != velos.PortVar {
		return wrong("all "+strconv.Itoa(n)+" instances would have this port: increment_var counts "+s.IncrementVar,
			"leave increment_var out, and each has one more than the one before").in("port")
	}
	if d.port != AutoPort {
		d.set(velos.PortVar, d.port, velos.FromPort)
		return nil
	}
	if env.Port == nil {
		return wrong("nobody chooses ports here", "write a number").in("port")
	}
	n, err := env.Port(s, env.found.portTaken)
	if err != nil {
		return (&problem{code: velos.CodeOf(err), what: err.Error(), hint: velos.HintOf(err)}).in("port")
	}
	d.set(velos.PortVar, strconv.Itoa(n), velos.FromAuto)
	env.found.takePorts(n, s.PortRow())
	return nil
}

// givePort is what a port that was set comes to.
func (e *edit) givePort(env Environ) *problem {
	switch {
	case e.port == "": // unset
		return nil
	case e.changed["env."+velos.PortVar]:
		return wrong("env.PORT is set, too", "leave one of them out").in("port")
	}
	return e.draft.givePort(env)
}

// claimPorts notes what ports the apps of a file have, where one is to be
// chosen: it must be none of them, whichever app comes first.
func (f *findings) claimPorts(drafts []*draft, env Environ) {
	if f == nil || !slices.ContainsFunc(drafts, func(d *draft) bool { return d.port == AutoPort }) {
		return
	}
	for _, d := range drafts {
		row := d.spec.Instances
		if d.instances != "" {
			row = env.Cores()
		}
		for _, said := range []string{d.port, d.env[velos.PortVar]} {
			if n, err := strconv.Atoi(said); err == nil {
				f.takePorts(n, row)
			}
		}
	}
}

func (f *findings) takePorts(first, row int) {
	if f == nil {
		return
	}
	if f.ports == nil {
		f.ports = map[int]bool{}
	}
	for n := first; n < first+row && n <= velos.MaxPort; n++ {
		f.ports[n] = true
	}
}

func (f *findings) portTaken(n int) bool { return f != nil && f.ports[n] }

// checkPorts sees to it that no two apps of a file have been given the same
// port.
func checkPorts(drafts []*draft, specs []velos.Spec) *problem {
	var owner map[int]int
	for i := range specs {
		s := &specs[i]
		for n, row := s.Port(), s.PortRow(); row > 0; n, row = n+1, row-1 {
			if owner == nil {
				owner = map[int]int{}
			}
			at, taken := owner[n]
			if !taken {
				owner[n] = i
				continue
			}
			p := wrong(strconv.Itoa(n)+" is the port of app "+bare(specs[at].Name)+", too", `give one of them another; "auto" is one that nobody has`).in("port")
			if s.PortRow() > 1 || specs[at].PortRow() > 1 {
				p.hint += ". In fork mode each instance takes one"
			}
			p.locate(drafts[i])
			return p
		}
	}
	return nil
}

// withPort says a port as the key that it was given by, and not as a variable.
func withPort(list []Setting, s *velos.Spec) []Setting {
	n := s.Port()
	if n == 0 {
		return list
	}
	list = slices.DeleteFunc(list, func(one Setting) bool { return one.Key == "env."+velos.PortVar })
	value := strconv.Itoa(n)
	if s.EnvFrom[velos.PortVar] == velos.FromAuto {
		value = strconv.Quote(AutoPort)
	}
	at := slices.IndexFunc(list, func(one Setting) bool { return strings.HasPrefix(one.Key, "env.") })
	if at < 0 {
		at = len(list)
	}
	return slices.Insert(list, at, Setting{Key: "port", Value: value})
}
