package digest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/velospm/velos"
)

// Similarity is the default of the threshold of the same name: how many of
// the constant words of two patterns have to be equal for them to be looked
// at as one template. 1 joins nothing; less joins more.
const Similarity = 0.85

// Bounds of a Miner.
const (
	mostNodes     = 4096    // patterns, then they are made templates
	mostTemplates = 2048    // that are kept then; the others are the least recent
	mostBytes     = 2 << 20 // of texts and tokens
	mostIDs       = 8192    // of patterns that are known to belong to a template
	mostTried     = 32      // templates that a new pattern is compared with
)

// A Miner finds the templates of messages. Whatever comes in, it keeps a few
// thousand of them. It is not safe for concurrent use.
type Miner struct {
	similarity float64
	lex        lexer
	byID       map[uint64]*node
	nodes      []*node
	bytes      int
	fits       map[uint64][]*node // templates by length and first and last constant
	clock      timeline
	total      uint64 // messages
	forgotten  uint64 // messages whose template was dropped
	scratch    []cell
}

// NewMiner returns a Miner with a threshold of similarity; 0 is the default.
func NewMiner(similarity float64) *Miner {
	if similarity <= 0 {
		similarity = Similarity
	}
	return &Miner{similarity: similarity, byID: map[uint64]*node{}}
}

// A node is a pattern: what is known about messages that are equal but for
// their variables. After a clean-up it is a template, and has cells of its own.
type node struct {
	text   []byte // of the first message
	tokens []token
	cells  []cell // nil: those of the tokens
	fixed  int    // tokens that are masked and were always the same
	seen
}

// seen is how often, when, and at which levels.
type seen struct {
	lines       uint64
	first, last velos.Time
	levels      [velos.Fatal + 1]uint32
	line        histogram
}

func (s *seen) add(o *seen) {
	s.lines += o.lines
	s.first, s.last = earlier(s.first, o.first), max(s.last, o.last)
	for i, n := range o.levels {
		s.levels[i] += n
	}
	s.line.add(&o.line)
}

// earlier is the first of two times; 0 is no time.
func earlier(a, b velos.Time) velos.Time {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// level is the most frequent one, the most serious of several such.
func (s *seen) level() velos.Level {
	best := velos.Info
	for l := velos.Debug; l <= velos.Fatal; l++ {
		if n := s.levels[l]; n > s.levels[best] || n == s.levels[best] && n > 0 && l > best {
			best = l
		}
	}
	return best
}

// Add counts a message.
func (m *Miner) Add(message []byte, at velos.Time, l velos.Level) {
	at = min(max(at, 0), latest)
	m.lex.scan(message)
	m.total++
	n := m.byID[m.lex.id]
	if n == nil {
		n = m.miss()
	}
	n.first = earlier(n.first, at)
	n.last = max(n.last, at)
	n.lines++
	n.levels[min(l, velos.Fatal)]++
	m.clock.count(&n.line, at)
	if n.fixed > 0 {
		n.compare(m.lex.line, m.lex.tokens)
	}
}

// miss finds the template of a message whose pattern is new, or makes a node.
func (m *Miner) miss() *node {
	if len(m.nodes) >= mostNodes || m.bytes > mostBytes {
		m.compact()
	}
	if n := m.template(); n != nil {
		if len(m.byID) >= mostIDs {
			m.forgetIDs()
		}
		m.byID[m.lex.id] = n
		return n
	}
	n := &node{text: bytes.Clone(m.lex.line), tokens: slices.Clone(m.lex.tokens)}
	n.fix()
	m.byID[m.lex.id] = n
	m.nodes = append(m.nodes, n)
	m.bytes += n.size()
	return n
}

func (n *node) size() int { return len(n.text) + 8*len(n.tokens) + 16*len(n.cells) }

// forgetIDs keeps the ids of patterns that are nodes themselves.
func (m *Miner) forgetIDs() {
	for id, n := range m.byID {
		if n.cells != nil {
			delete(m.byID, id)
		}
	}
}

// template looks for a template that covers the message.
func (m *Miner) template() *node {
	if len(m.fits) == 0 {
		return nil
	}
	m.scratch = appendCells(m.scratch[:0], m.lex.line, m.lex.tokens)
	c := m.scratch
	if len(c) == 0 {
		return nil
	}
	first, last := c[0].key, c[len(c)-1].key
	for i, ends := range [4][2]uint64{{first, last}, {first, 0}, {0, last}, {0, 0}} {
		if i == 1 && last == 0 || i == 2 && first == 0 || i == 3 && (first == 0 || last == 0) {
			continue
		}
		for _, n := range m.fits[bucket(len(c), ends[0], ends[1])] {
			if same(n.cells, c) {
				return n
			}
		}
	}
	return nil
}

func bucket(n int, first, last uint64) uint64 { return mix(mix(uint64(n), first), last) }

// same reports whether cells are the template's, but for its variables.
func same(template, cells []cell) bool {
	constants := 0
	for i, t := range template {
		if t.key != 0 {
			constants++
			if t.key != cells[i].key {
				return false
			}
		}
	}
	return constants > 0
}

// compact makes templates of the patterns, and drops the least recent.
func (m *Miner) compact() {
	found := clusters(m.nodes, m.similarity)
	slices.SortStableFunc(found, func(a, b *cluster) int { return cmp.Compare(b.last(), a.last()) })
	ids := make(map[*node]*node, len(m.nodes))
	m.nodes, m.bytes = nil, 0
	m.fits = map[uint64][]*node{}
	for _, c := range found {
		if len(m.nodes) >= mostTemplates || m.bytes > mostBytes/2 {
			m.forgotten += c.lines
			continue
		}
		n := c.node(&m.clock)
		m.nodes = append(m.nodes, n)
		m.bytes += n.size()
		for _, member := range c.members {
			ids[member] = n
		}
		if k := len(n.cells); k > 0 {
			b := bucket(k, n.cells[0].key, n.cells[k-1].key)
			if len(m.fits[b]) < mostTried {
				m.fits[b] = append(m.fits[b], n)
			}
		}
	}
	old := m.byID
	m.byID = make(map[uint64]*node, len(m.nodes))
	for id, member := range old {
		if n := ids[member]; n != nil && len(m.byID) < mostIDs {
			m.byID[id] = n
		}
	}
}

func (c *cluster) last() velos.Time {
	var t velos.Time
	for _, n := range c.members {
		t = max(t, n.last)
	}
	return t
}

// node makes one node of a cluster.
func (c *cluster) node(clock *timeline) *node {
	best := c.best()
	n := &node{text: best.text, tokens: best.tokens, cells: c.cells, fixed: best.fixed, seen: c.seen(clock)}
	if len(c.members) > 1 {
		for i := range n.tokens {
			n.tokens[i].fixed = false
		}
		n.fixed = 0
	}
	return n
}

// seen sums up the members.
func (c *cluster) seen(clock *timeline) seen {
	s := c.members[0].seen
	clock.align(&s.line)
	for _, n := range c.members[1:] {
		clock.align(&n.line)
		s.add(&n.seen)
	}
	return s
}

// best is the member that the template is shown by: the most frequent one of
// its shape.
func (c *cluster) best() *node {
	var best *node
	for _, n := range c.members {
		if len(n.shape()) == len(c.cells) && (best == nil || n.lines > best.lines) {
			best = n
		}
	}
	if best == nil {
		best = c.members[0]
	}
	return best
}

func (n *node) shape() []cell {
	if n.cells != nil {
		return n.cells
	}
	return appendCells(nil, n.text, n.tokens)
}

// fix marks the words that have one digit directly behind letters: eth0,
// tty2, HttpServer2. As long as the digit is always the same it is shown.
func (n *node) fix() {
	for i := range n.tokens {
		t := &n.tokens[i]
		if t.masked && oneDigit(n.text[t.from:t.to]) {
			t.fixed = true
			n.fixed++
		}
	}
}

func oneDigit(word []byte) bool {
	for i, c := range word {
		if class[c]&digit != 0 && (i == 0 || class[word[i-1]]&letters == 0 || i+1 < len(word) && class[word[i+1]]&digit != 0) {
			return false
		}
	}
	return true
}

// compare gives up fixed digits that differ in another line of the pattern.
func (n *node) compare(line []byte, tokens []token) {
	for i := range n.tokens {
		t := &n.tokens[i]
		if t.fixed && (len(tokens) != len(n.tokens) || !bytes.Equal(n.text[t.from:t.to], line[tokens[i].from:tokens[i].to])) {
			t.fixed = false
			n.fixed--
		}
	}
}
