package mcp

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
)

// givePort gives an app another port; null takes away the one that it has.
// The Spec is the caller's own, with changes laid over it already.
func (c *call) givePort(s *velos.Spec, changes map[string]any) error {
	port, asked := changes["port"]
	env, _ := changes["env"].(map[string]any)
	switch _, twice := env[velos.PortVar]; {
	case !asked:
		return nil
	case twice:
		return invalid("port and env.PORT are the same", "leave one of them out")
	case port == nil:
		if s.Port() != 0 {
			delete(s.Env, velos.PortVar)
			delete(s.EnvFrom, velos.PortVar)
		}
		return nil
	}
	apps, err := c.apps()
	if err != nil {
		return err
	}
	delete(s.EnvFrom, velos.PortVar) // whatever it was
	if err := verb.SetPort(s, strings.Trim(shown(port), `"`), apps); err != nil {
		return err
	}
	return s.Validate()
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

// onlyPort takes the variable away from a Spec's keys where they have the key
// port. What that does not say is in the remark.
func onlyPort(m map[string]any, s *velos.Spec) (remark string) {
	word := portWord(s)
	if word == nil {
		return ""
	}
	for _, key := range []string{"env", "env_from"} {
		if of, ok := m[key].(map[string]any); ok {
			delete(of, velos.PortVar)
		}
	}
	if word == config.AutoPort {
		return "# its port is " + strconv.Itoa(s.Port()) + "\n"
	}
	return ""
}
