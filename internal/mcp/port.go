package mcp

import (
	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
)

// environ is what settings are read with: ports are chosen beside the apps
// that there are.
func (c *call) environ() config.Environ {
	env := c.s.o.Env
	env.Port = func(s *velos.Spec, taken func(int) bool) (int, error) {
		apps, err := c.apps()
		if err != nil {
			return 0, err
		}
		return verb.ChoosePort(s, apps, taken)
	}
	return env
}

// portWord is the key port of a Spec, or nil.
func portWord(s *velos.Spec) any {
	switch n := s.Port(); {
	case n == 0:
		return nil
	case s.EnvFrom[velos.PortVar] == velos.FromAuto:
		return config.AutoPort
	default:
		return n
	}
}
