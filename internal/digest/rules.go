package digest

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// A Rule is a user's own: lines that match have a level. Higher priorities
// are asked first. From Overriding on, a rule is asked before anything else;
// below, only where a line does not say its level itself.
type Rule struct {
	Pattern  *regexp.Regexp
	Level    velos.Level
	Priority int
}

// Overriding is the priority from which a rule overrides what a line says.
const Overriding = 100

// Rules are in the order in which they are asked.
type Rules []Rule

// NewRules puts rules in order.
func NewRules(list []Rule) Rules {
	r := slices.Clone(list)
	slices.SortStableFunc(r, func(a, b Rule) int { return cmp.Compare(b.Priority, a.Priority) })
	return r
}

// Level is the level of a line. Stamped is what it was given before, without
// the rules; velos.LevelNone if nothing.
func (r Rules) Level(line []byte, stamped velos.Level) velos.Level {
	asked := false
	for i := range r {
		if r[i].Priority < Overriding && !asked {
			asked = true
			if l := level.Stated(line); l != velos.LevelNone {
				return l
			}
		}
		if r[i].Pattern.Match(line) {
			return r[i].Level
		}
	}
	if stamped != velos.LevelNone {
		return stamped
	}
	return level.Classify(line, velos.AnyStream)
}
