package digest

import "bytes"

// Similarity is the default of the threshold of the same name.
const Similarity = 0.85

// A node is a pattern, or after a clean-up a template: what is known about
// lines that look alike.
type node struct {
	text   []byte // of the first line
	tokens []token
	lines  uint64
	fixed  int // tokens that are masked and were always the same
}

// A Miner finds the templates of messages.
type Miner struct {
	lex        lexer
	nodes      map[uint64]*node
	list       []*node
	similarity float64
	texts      map[*node]*Template
}

// NewMiner returns a Miner.
func NewMiner(similarity float64) *Miner {
	return &Miner{nodes: map[uint64]*node{}, similarity: similarity}
}

// Add counts a message.
func (m *Miner) Add(text []byte) {
	m.lex.scan(text)
	n := m.nodes[m.lex.id]
	if n == nil {
		n = &node{}
		n.text = append(n.text, m.lex.line...)
		n.tokens = append(n.tokens, m.lex.tokens...)
		n.fix()
		m.nodes[m.lex.id] = n
		m.list = append(m.list, n)
	}
	n.lines++
	if n.fixed > 0 {
		n.compare(m.lex.line, m.lex.tokens)
	}
}

// fix marks the words that have one digit directly behind letters: eth0,
// tty2, HttpServer2. As long as the digit is always the same it is shown.
func (n *node) fix() {
	for i := range n.tokens {
		t := &n.tokens[i]
		if t.masked && single(n.text[t.from:t.to]) {
			t.fixed = true
			n.fixed++
		}
	}
}

func single(word []byte) bool {
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

// A Template is the shape of messages.
type Template struct {
	Text  string
	Lines uint64
}

// Templates groups what was added.
func (m *Miner) Templates() []*Template {
	m.texts = map[*node]*Template{}
	var out []*Template
	for _, c := range clusters(m.list, m.similarity) {
		t := &Template{Lines: c.lines, Text: c.String()}
		for _, n := range c.members {
			m.texts[n] = t
		}
		out = append(out, t)
	}
	return out
}

// Find returns the template of a message that was added.
func (m *Miner) Find(text []byte) *Template {
	m.lex.scan(text)
	return m.texts[m.nodes[m.lex.id]]
}
