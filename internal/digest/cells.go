package digest

import "bytes"

// A cell is a word of a pattern where patterns are compared: a run of
// variables is one cell, and so is a run of equal masked words.
type cell struct {
	key   uint64 // of the constant; 0 is a variable
	token uint16 // the first of the cell
	trait trait
}

// A trait says why a constant may be a value after all.
type trait uint8

const (
	weak    trait = 1 << iota // behind =, quoted, in brackets, or with marks or digits in it
	ctx                       // behind a word such as user, host, id
	prep                      // behind a word such as for, from, to
	caps                      // ALL CAPITALS
	digits                    // there are digits in it
	measure                   // a unit behind a number
	name                      // ctx, behind one of those that have the most values
)

const soft = weak | ctx | prep

// appendCells sorts the tokens of a line, for the clusters.
func appendCells(list []cell, line []byte, tokens []token) []cell {
	var at brackets
	from := 0
	value := -1 // the cell of a quoted value: tag="View Lock" is one
	for i, t := range tokens {
		gap := line[from:t.from]
		at.skip(gap)
		word := line[t.from:t.to]
		from = int(t.to)
		if value >= 0 && at.quote && bytes.IndexByte(gap, '"') < 0 {
			if v := &list[value]; v.key != 0 {
				v.key = mix(v.key, keyOf(t, word))
			}
			continue
		}
		value = -1
		c := cell{token: uint16(i)}
		switch {
		case t.kind != constant:
		case t.fixed:
			c.key, c.trait = hash(word), weak
		case t.masked:
			c.key, c.trait = masked(word), weak|digits
		default:
			c.key = hash(word)
		}
		if n := len(list); n > 0 && list[n-1].key == c.key && (c.key == 0 || t.masked) {
			continue
		}
		if c.key != 0 {
			c.trait |= at.trait() | traits(word)
			if i > 0 && line[tokens[i-1].to-1] != '.' {
				c.trait |= behind(line, tokens[i-1], t)
			}
		}
		if n := len(gap); n > 1 && at.quote && gap[n-1] == '"' && gap[n-2] == '=' {
			value = len(list)
		}
		list = append(list, c)
	}
	return list
}

// keyOf is what a token is compared by.
func keyOf(t token, word []byte) uint64 {
	switch {
	case t.kind != constant:
		return variable
	case t.masked && !t.fixed:
		return masked(word)
	}
	return hash(word)
}

// brackets knows where between two words a line stands.
type brackets struct {
	depth, single int
	quote, equals bool
}

func (at *brackets) skip(gap []byte) {
	at.equals = false
	for _, c := range gap {
		switch c {
		case '(', '[', '{', '<':
			at.depth++
		case ')', ']', '}', '>':
			at.depth = max(0, at.depth-1)
		case '"', '`':
			at.quote = !at.quote
		case '\'':
			at.single++
		case '=':
			at.equals = true
			continue
		case ' ':
			continue
		}
		at.equals = false
	}
}

func (at *brackets) trait() trait {
	if at.depth > 0 || at.quote || at.equals || at.single%2 == 1 {
		return weak
	}
	return 0
}

// traits are those of the word alone.
func traits(w []byte) trait {
	var sorts uint8
	marks := false
	for _, c := range w {
		sorts |= class[c]
		switch c {
		case '.', '/', '@', '$', '\\':
			marks = true
		case '_':
			marks = marks || sorts&lower != 0
		}
	}
	switch {
	case len(w) <= 2 && w[0] != 'a' && w[0] != 'I' && (len(w) == 1 || w[1] == '+' || w[1] == '-'):
		return weak // x, y+
	case sorts&letters == upper && len(w) > 1 && !marks:
		return caps // RUNNING, TASK_ABORT
	case marks || sorts&digit != 0:
		return weak
	}
	return 0
}

// behind are the traits of a word after another.
func behind(line []byte, before, t token) trait {
	gap := line[before.to:t.from]
	for _, c := range gap {
		if c != ' ' && c != ':' && c != '=' && c != '"' && c != '\'' && c != '[' && c != '<' && c != '(' {
			return 0
		}
	}
	if before.kind == number && unit(line[t.from:t.to]) {
		return measure
	}
	if before.kind != constant {
		return 0
	}
	word := line[before.from:before.to]
	if named(word) {
		switch string(word) {
		case "user", "User", "username", "account", "login", "host":
			if gap[0] == ' ' && gap[len(gap)-1] == ' ' {
				return ctx | name
			}
		}
		return ctx
	}
	if preposition(word) && class[line[t.from]]&upper == 0 {
		return prep
	}
	return 0
}

// named reports nouns behind which a name stands.
func named(w []byte) bool {
	var low [12]byte
	if len(w) > len(low) {
		return false
	}
	for i, c := range w {
		if class[c]&upper != 0 {
			c |= 0x20
		}
		low[i] = c
	}
	switch string(low[:len(w)]) {
	case "user", "users", "username", "host", "hostname", "port", "id", "file", "path", "name", "key", "node", "server", "client", "job", "task",
		"thread", "session", "device", "table", "topic", "queue", "service", "container", "pod", "worker", "process", "module", "class",
		"method", "version", "address", "uid", "pid", "account", "customer", "order", "role", "group", "domain", "bucket", "database", "schema",
		"index", "channel", "tenant", "email", "login", "package", "plugin", "image", "volume", "interface", "namespace", "token", "directory",
		"folder", "partition", "cluster", "region", "zone", "shard", "replica", "component", "tag", "label", "url", "uri", "ip":
		return true
	}
	return false
}

func preposition(w []byte) bool {
	switch string(w) {
	case "for", "from", "to", "by", "on", "at", "in", "of", "with", "as", "via", "into", "For", "From", "To", "By":
		return true
	}
	return false
}
