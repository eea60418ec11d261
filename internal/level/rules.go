package level

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/velospm/velos"
)

// Rules are a user's own, compiled and in the order in which they are asked.
// They are used by one goroutine at a time.
type Rules struct{ list []rule }

type rule struct {
	priority int
	level    velos.Level
	literal  []byte
	program  *program // nil: the literal is all
}

// NewRules makes rules ready; nil when there are none. A Program is numbers:
// the first step, how many there are, and for each its operation, two
// operands, how many numbers of ranges follow, and these.
func NewRules(list []velos.LevelRule) (*Rules, error) {
	if len(list) == 0 {
		return nil, nil
	}
	rs := &Rules{}
	for i := range list {
		r := rule{priority: list[i].Priority, literal: []byte(list[i].Literal)}
		r.level, _ = velos.ParseLevel(list[i].Level) // Validate has seen to it
		ok := len(r.literal) > 0
		if len(list[i].Program) > 0 {
			r.program, ok = parse(list[i].Program)
		}
		if !ok {
			return nil, &velos.Error{Code: velos.Invalid, Message: "rules: the pattern is not compiled as this velosd understands it",
				Hint: "client and daemon may be of different versions; see velos version"}
		}
		rs.list = append(rs.list, r)
	}
	slices.SortStableFunc(rs.list, func(a, b rule) int { return cmp.Compare(b.priority, a.priority) })
	return rs, nil
}

// Clone is the same rules for another goroutine.
func (rs *Rules) Clone() *Rules {
	if rs == nil {
		return nil
	}
	c := &Rules{list: slices.Clone(rs.list)}
	for i := range c.list {
		if p := c.list[i].program; p != nil {
			c.list[i].program = ready(p.start, p.steps)
		}
	}
	return c
}

// Classify is the level of a line, asked of the rules and of Classify; nil are
// no rules. Rules see as much of a line as that does, without colours.
func (rs *Rules) Classify(line []byte, src velos.Stream) velos.Level {
	if rs == nil {
		return Classify(line, src)
	}
	if len(line) > most {
		line = line[:most]
	}
	if bytes.IndexByte(line, 0x1b) >= 0 {
		var plain [most]byte
		line = Strip(plain[:], line)
	}
	asked := false
	for i := range rs.list {
		r := &rs.list[i]
		if r.priority < velos.Overriding && !asked {
			asked = true
			if l := Stated(line); l != velos.LevelNone {
				return l
			}
		}
		if contains(line, r.literal) && (r.program == nil || r.program.match(line)) {
			return r.level
		}
	}
	return Classify(line, src)
}
