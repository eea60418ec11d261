package digest

import "slices"

// open joins clusters that are equal but for one column, when there are so
// many of them, and so many that were seen once, that the column is a place for
// values.
func open(list []*cluster) []*cluster {
	byLines(list)
	groups := map[uint64]family{}
	var order []uint64
	for _, c := range list {
		for i, x := range c.cells {
			if x.key == 0 {
				continue
			}
			h := uint64(i)*mixer + uint64(len(c.cells))
			words := 0
			for k, y := range c.cells {
				if k != i {
					h = mix(h, y.key)
					if y.key != 0 {
						words++
					}
				}
			}
			if words == 0 {
				continue
			}
			if groups[h] == nil {
				order = append(order, h)
			}
			groups[h] = append(groups[h], c)
		}
	}
	gone := map[*cluster]bool{}
	for _, h := range order {
		f := slices.DeleteFunc(groups[h], func(c *cluster) bool { return gone[c] })
		least := 6
		if len(f) > 1 && f[0].cells[0].key != f[1].cells[0].key {
			least = 10
		}
		single := 0
		for _, c := range f {
			if c.lines == 1 {
				single++
			}
		}
		if len(f) < least || single*2 < len(f) {
			continue
		}
		for _, c := range f {
			gone[c] = true
		}
		list = append(list, join(f))
	}
	return slices.DeleteFunc(list, func(c *cluster) bool { return gone[c] })
}

// absorb gives rare clusters to a frequent template that fits them, if each
// of its variables may be up to three words.
func absorb(list []*cluster) []*cluster {
	byLines(list)
	byFirst := map[uint64][]*cluster{}
	out := list[:0:0]
next:
	for _, c := range list {
		if len(c.cells) == 0 {
			out = append(out, c)
			continue
		}
		for _, key := range [2]uint64{c.cells[0].key, 0} {
			for _, to := range byFirst[key] {
				if covers(to, c) {
					to.members = append(to.members, c.members...)
					to.lines += c.lines
					continue next
				}
			}
			if key == 0 {
				break
			}
		}
		out = append(out, c)
		byFirst[c.cells[0].key] = append(byFirst[c.cells[0].key], c)
	}
	return out
}

// covers reports whether a template may absorb a rare cluster. One percent of
// the template's lines is rare; ten, when four words have to be the same and
// the variables cover at most one constant.
func covers(t, c *cluster) bool {
	if c.lines*10 > t.lines {
		return false
	}
	f := fitting{constants: 4, spare: 1, steps: mostSteps}
	if c.lines*100 <= t.lines {
		f.constants, f.spare = 2, len(c.cells)
	}
	return f.fits(t.cells, c.cells)
}

// A fitting compares a pattern with a template: constants are equal, so many
// at least, each variable covers one to three cells, and so many of these in
// all may be constants.
type fitting struct {
	constants, spare int
	steps            int // that are left: there are very many ways to fit
}

const mostSteps = 500

func (f *fitting) fits(template, cells []cell) bool {
	if f.steps--; f.steps < 0 {
		return false
	}
	was := *f
	for len(template) > 0 && template[0].key != 0 {
		if len(cells) == 0 || cells[0].key != template[0].key {
			f.constants = was.constants
			return false
		}
		template, cells = template[1:], cells[1:]
		f.constants--
	}
	if len(template) == 0 {
		ok := len(cells) == 0 && f.constants <= 0
		f.constants = was.constants
		return ok
	}
	for span := 0; span < 3 && span < len(cells); span++ {
		if cells[span].key != 0 {
			if f.spare--; f.spare < 0 {
				break
			}
		}
		if f.fits(template[1:], cells[span+1:]) {
			return true
		}
	}
	f.constants, f.spare = was.constants, was.spare
	return false
}
