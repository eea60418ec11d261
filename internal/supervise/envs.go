package supervise

import (
	"hash/maphash"
	"maps"

	"github.com/velospm/velos"
)

// envs lets apps with the same environment share one map: with hundreds of
// apps started from one shell that is most of what a Spec takes. Maps in a
// Spec are never written to.
type envs struct {
	seed maphash.Seed
	maps map[uint64]map[string]string
}

// spare is how many environments that nobody has any more may be kept beside
// two for each app.
const spare = 16

// share gives a Spec the map that another one with the same environment has.
func (e *envs) share(s *velos.Spec, apps map[uint32]*app) {
	if len(s.Env) == 0 {
		return
	}
	if e.maps == nil || len(e.maps) > 2*len(apps)+spare {
		e.gather(apps)
	}
	sum := e.sum(s.Env)
	if m, ok := e.maps[sum]; ok && maps.Equal(m, s.Env) {
		s.Env = m
		return
	}
	e.maps[sum] = s.Env
}

// gather builds the table anew, of what the apps have now.
func (e *envs) gather(apps map[uint32]*app) {
	e.seed, e.maps = maphash.MakeSeed(), map[uint64]map[string]string{}
	for _, a := range apps {
		if env := a.spec.Load().Env; len(env) > 0 {
			e.maps[e.sum(env)] = env
		}
	}
}

func (e *envs) sum(env map[string]string) (sum uint64) {
	for k, v := range env { // addition: the order of a map is not fixed
		sum += maphash.String(e.seed, k) ^ maphash.String(e.seed, v)<<1
	}
	return sum
}
