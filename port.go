package velos

import "strconv"

// PortVar is the variable that programs learn their port from.
const PortVar = "PORT"

// MaxPort is the highest port.
const MaxPort = 65535

// Port is the port that an app was given by the key port or by --port; 0: it
// was given none. A PORT among its variables that is from somewhere else is not
// one.
func (s *Spec) Port() int {
	if from := s.EnvFrom[PortVar]; from != FromPort && from != FromAuto {
		return 0
	}
	n, _ := strconv.Atoi(s.Env[PortVar])
	return n
}

// Counter is the variable whose number rises by one with each instance, if
// there is one: increment_var, or PORT of an app that was given a port. Workers
// of a cluster share their port, and so do those that are given sockets.
func (s *Spec) Counter() string {
	if s.IncrementVar != "" || s.Mode == Cluster || len(s.Listen) > 0 || s.Port() == 0 {
		return s.IncrementVar
	}
	return PortVar
}

// PortRow is how many ports in a row the instances take, from Port on.
func (s *Spec) PortRow() int {
	switch {
	case s.Port() == 0:
		return 0
	case s.Counter() == PortVar:
		return max(s.Instances, 1)
	}
	return 1
}
