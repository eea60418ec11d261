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
	adds int
}

// prune bounds what deleted apps leave behind: the table is forgotten, and
// built anew, after so many additions.
const prune = 4096

func (e *envs) share(s *velos.Spec) {
	if len(s.Env) == 0 {
		return
	}
	if e.adds++; e.maps == nil || e.adds > prune {
		e.seed, e.maps, e.adds = maphash.MakeSeed(), map[uint64]map[string]string{}, 0
	}
	var sum uint64
	for k, v := range s.Env { // addition: the order of a map is not fixed
		sum += maphash.String(e.seed, k) ^ maphash.String(e.seed, v)<<1
	}
	if m, ok := e.maps[sum]; ok && maps.Equal(m, s.Env) {
		s.Env = m
		return
	}
	e.maps[sum] = s.Env
}
