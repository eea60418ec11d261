package digest

import (
	"cmp"
	"slices"
)

// A cluster is a set of patterns that are one template. Its cells are those of
// its most frequent pattern, variables where the patterns differ.
type cluster struct {
	cells   []cell
	members []*node
	lines   uint64
	first   int // the place among all patterns, for an order that is always the same
}

// clusters groups patterns: first those whose constant words are the same,
// then those that differ in few words, of which closed vocabularies (opened,
// closed) are taken apart again.
func clusters(nodes []*node, similarity float64) []*cluster {
	list := make([]*cluster, 0, len(nodes))
	for i, n := range nodes {
		list = append(list, &cluster{cells: n.shape(), members: []*node{n}, lines: n.lines, first: i})
	}
	if similarity >= 1 {
		return list
	}
	list = skeletons(list)
	var done []*cluster
	for _, c := range leaders(list, similarity) {
		done = split(done, c)
	}
	done = open(done)
	done = absorb(done)
	return skeletons(done)
}

// byLines puts the most frequent first.
func byLines(list []*cluster) {
	slices.SortFunc(list, func(a, b *cluster) int {
		return cmp.Or(cmp.Compare(b.lines, a.lines), cmp.Compare(a.first, b.first))
	})
}

// skeletons joins clusters whose constants are the same words in the same
// order, however many variables stand between them.
func skeletons(list []*cluster) []*cluster {
	byLines(list)
	seen := make(map[uint64]*cluster, len(list))
	out := list[:0:0]
	for _, c := range list {
		h, words := uint64(seed), 0
		for _, k := range skeleton(c.cells) {
			h = mix(h, k)
			words++
		}
		if words < 2 {
			// One word says too little: the whole shape has to be the same.
			for _, x := range c.cells {
				h = mix(h, x.key+1)
			}
		}
		if to := seen[h]; to != nil {
			to.members = append(to.members, c.members...)
			to.lines += c.lines
			continue
		}
		seen[h] = c
		out = append(out, c)
	}
	return out
}

// skeleton is the constants of a pattern, without units, and with a list of
// equal entries of up to four words as one entry.
func skeleton(list []cell) []uint64 {
	var keys []uint64
	vars := false
	for _, x := range list {
		vars = vars || x.key == 0 || x.trait&digits != 0
		if x.key == 0 || x.trait&measure != 0 {
			continue
		}
		keys = append(keys, x.key)
		for p := 1; vars && p <= 4 && len(keys) >= 2*p; p++ {
			if n := len(keys); slices.Equal(keys[n-p:], keys[n-2*p:n-p]) {
				keys = keys[:n-p]
				break
			}
		}
	}
	return keys
}

// A family is clusters of one length that differ in few words.
type family []*cluster

// mostLeaders is how many families a pattern is compared with. Those that
// share no word with it in the same place do not count.
const mostLeaders = 512

// leaders gathers clusters around the most frequent ones.
func leaders(list []*cluster, similarity float64) []family {
	factor := (1 - similarity) / (1 - Similarity)
	byWord := map[uint64][]int{} // families by length, place and word of their first
	var out []family
	var tried []int
	for _, c := range list {
		tried = tried[:0]
		for i, x := range c.cells {
			if x.key != 0 {
				tried = append(tried, byWord[at(c, i)]...)
			}
		}
		slices.Sort(tried)
		tried = slices.Compact(tried)
		tried = tried[:min(len(tried), mostLeaders)]
		if i := slices.IndexFunc(tried, func(i int) bool { return near(out[i][0], c, factor) }); i >= 0 {
			out[tried[i]] = append(out[tried[i]], c)
			continue
		}
		for i, x := range c.cells {
			if x.key != 0 {
				if h := at(c, i); len(byWord[h]) < mostLeaders {
					byWord[h] = append(byWord[h], len(out))
				}
			}
		}
		out = append(out, family{c})
	}
	return out
}

// at names a word and its place in a pattern.
func at(c *cluster, i int) uint64 {
	return mix(c.cells[i].key, uint64(i)<<16|uint64(len(c.cells)))
}

// near reports whether a and b differ in so few words that they may be one.
// How many is the similarity's to say: by default no strong word of two,
// one of four, two of six, three of eight, four of ten.
func near(a, b *cluster, factor float64) bool {
	strong, same, cost := 0, 0, 0.0
	for i, x := range a.cells {
		y := b.cells[i]
		if (x.trait|y.trait)&soft == 0 && (x.key != 0 || y.key != 0) {
			strong++
		}
		switch {
		case x.key == y.key:
			if x.key != 0 {
				same++
			}
		case (x.trait|y.trait)&soft != 0:
			cost += .3
		default:
			cost++
		}
	}
	allowed := float64(strong) * .4
	if strong <= 8 {
		allowed = float64(max(0, (strong-1)/2))
	}
	return same > 0 && cost <= allowed*factor+.65
}

// split takes a family apart until each column of it is either the same in all
// members or open: a place for values.
func split(out []*cluster, f family) []*cluster {
	if len(f) == 1 {
		return append(out, f[0])
	}
	best, fewest := -1, 0
	var parts map[uint64]family
	for i := range f[0].cells {
		values := column(f, i)
		if len(values) < 2 || vary(f, i, values) {
			continue
		}
		if best < 0 || len(values) < fewest {
			best, fewest, parts = i, len(values), values
		}
	}
	if best < 0 {
		return append(out, join(f))
	}
	for _, part := range inOrder(parts) {
		out = split(out, part)
	}
	return out
}

// column sorts a family by the value of one column.
func column(f family, i int) map[uint64]family {
	values := map[uint64]family{}
	for _, c := range f {
		k := c.cells[i].key
		values[k] = append(values[k], c)
	}
	return values
}

func inOrder(parts map[uint64]family) []family {
	list := make([]family, 0, len(parts))
	for _, p := range parts {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b family) int { return cmp.Compare(a[0].first, b[0].first) })
	return list
}

// vary decides whether a column's values are an open vocabulary.
func vary(f family, i int, values map[uint64]family) bool {
	if values[0] != nil {
		return true
	}
	var all trait = 0xff
	var some trait
	for _, c := range f {
		all &= c.cells[i].trait
		some |= c.cells[i].trait
	}
	if some&digits != 0 {
		return true
	}
	n, single := len(values), 0
	for _, part := range values {
		var lines uint64
		for _, c := range part {
			lines += c.lines
		}
		if lines == 1 {
			single++
		}
	}
	switch {
	case i == 0:
		// The first word is most often what the message is about.
		return n > 12 || n >= 10 && single*2 >= n
	case all&name != 0:
		return true
	case some&(weak|ctx) != 0 && (n >= 4 || n >= 3 && single > 0):
		return true
	case some&prep != 0 && n >= 4:
		return true
	case all&caps != 0:
		return n >= 6 && single*2 >= n // states are few
	}
	return n > 12 || n >= 3 && single*3 >= n
}

// join makes one cluster of a family.
func join(f family) *cluster {
	byLines(f)
	c := &cluster{cells: slices.Clone(f[0].cells), first: f[0].first}
	for _, m := range f {
		for i := range c.cells {
			if m.cells[i].key != c.cells[i].key {
				c.cells[i].key = 0
			}
		}
		c.members = append(c.members, m.members...)
		c.lines += m.lines
	}
	return c
}
