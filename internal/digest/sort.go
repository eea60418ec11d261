package digest

import (
	"bytes"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/level"
)

// A sort is what a line looks like from its first bytes, for the grouping.
type sort uint8

const (
	text      sort = iota
	blank          // nothing but blanks
	indented       // begins with a blank
	closer         // } ] )
	object         // a JSON object, whole or begun
	pairs          // logfmt
	starter        // the first line of a crash: panic:, Exception in thread
	traceback      // Traceback (most recent call last):
	exception      // java.io.IOException: text, ValueError: text
	frame          // of a stack, or a line that only goes with one
	rubyFrame      // app/x.rb:10:in `show'
	bridge         // During handling of the above exception …
	statement      // SELECT … of SQL
	clause         // FROM … of SQL
	item           // - of a list
	art            // hardly any letter: banners and rules
	colon          // text that ends with a colon; set by the Grouper
)

// sortOf sorts a line, and reads the head of one that may have one.
func sortOf(line []byte) (sort, head) {
	var h head
	if len(line) == 0 {
		return blank, h
	}
	c := line[0]
	if c == ' ' || c == '\t' {
		if len(trimmed(line)) == 0 {
			return blank, h
		}
		return indented, h
	}
	if c == '\r' && len(line) == 1 {
		return blank, h
	}
	if s := bySymbol(line); s != text {
		return s, h
	}
	if s := byWord(line); s != text {
		return s, h
	}
	if exceptional(line) {
		return exception, h
	}
	h = headed(line)
	if h.timed || h.leveled {
		return text, h
	}
	switch {
	case logfmtLine(line):
		return pairs, h
	case place(line):
		return starter, h
	case ruby(line):
		return rubyFrame, h
	case sparse(line):
		return art, h
	}
	return sqlSort(line), h
}

// bySymbol sorts lines that begin with a mark.
func bySymbol(line []byte) sort {
	switch line[0] {
	case '{':
		return object
	case '}', ']', ')':
		return closer
	case '#':
		if len(line) > 2 && class[line[1]]&digit != 0 {
			return frame
		}
	case '*':
		if bytes.HasPrefix(line, []byte("** (")) {
			return exception
		}
	case '.':
		if bytes.HasPrefix(line, []byte("... ")) {
			return frame
		}
	case '"':
		if len(line) > 1 && line[1] == '}' {
			return closer
		}
	case '-':
		if len(line) > 2 && line[1] == ' ' && class[line[2]]&digit == 0 {
			return item
		}
		if bytes.HasPrefix(line, []byte("--- End of ")) || bytes.HasPrefix(line, []byte("---> ")) {
			return frame
		}
	case '^':
		return frame
	}
	return text
}

// opened says what the first words of a line mean.
var opened = [...]struct {
	begin string
	sort  sort
}{
	{"Traceback (most recent call last)", traceback},
	{"panic: ", starter}, {"fatal error: ", starter}, {"Exception in thread ", starter}, {"PHP Fatal error: ", starter},
	{"PHP Parse error: ", starter}, {"Fatal error: ", starter}, {"Unhandled exception", starter}, {"Uncaught ", starter},
	{"Unhandled ", starter}, {"SIGSEGV: ", starter}, {"runtime: goroutine stack exceeds", starter},
	{"at ", frame}, {"Caused by:", frame}, {"Suppressed: ", frame}, {"goroutine ", frame}, {"created by ", frame},
	{"stack backtrace:", frame}, {"note: run with ", frame}, {"note: Some details are omitted", frame}, {"File \"", frame}, {"Node.js v", frame},
	{"[signal ", frame}, {"Stack trace:", frame}, {"stack traceback:", frame}, {"Backtrace:", frame}, {"Stacktrace:", frame}, {"[Previous exception]", frame},
	{"[stacktrace]", frame}, {"[previous exception]", frame}, {"Last message", frame}, {"State: ", frame}, {"Initial Call: ", frame}, {"Ancestors: ", frame}, {"Function: ", frame},
	{"from ", frame}, {"Require stack:", frame}, {"thrown in ", frame},
	{"During handling of the above exception", bridge}, {"The above exception was the direct cause", bridge},
}

// openings are the first bytes of these.
var openings = func() (b [256]bool) {
	for _, o := range opened {
		b[o.begin[0]] = true
	}
	return b
}()

// byWord sorts lines by their first words.
func byWord(line []byte) sort {
	if !openings[line[0]] {
		return text
	}
	for i := range opened {
		o := &opened[i]
		if o.begin[0] != line[0] || !bytes.HasPrefix(line, []byte(o.begin)) {
			continue
		}
		switch {
		case o.begin == "goroutine " && !bytes.HasSuffix(bytes.TrimRight(line, "\r"), []byte("]:")),
			o.begin == "at " && bytes.IndexByte(line, '(') < 0 && bytes.IndexByte(line, ':') < 0,
			o.begin == "from " && bytes.IndexByte(line, ':') < 0:
			continue
		}
		return o.sort
	}
	if line[0] == 't' && bytes.HasPrefix(line, []byte("thread '")) && bytes.Contains(line, []byte("panicked at")) {
		return starter
	}
	return text
}

// headed reads the head of a line: is there a timestamp, is there a level.
func headed(line []byte) head {
	h := head{line: line}
	c := line[0]
	switch {
	case class[c]&upper != 0 && len(line) > 6 && (line[5] == ' ' && run(line, 1) == 4 || line[1] == ',' && line[3] == '['):
		h.timed, h.leveled = true, true // klog, Ruby
		return h
	case class[c]&digit != 0:
		if n := run(line, 0); n == 10 || n == 13 || ipv4(line, 0) > 0 && bytes.Contains(line[:min(len(line), 120)], []byte(" - ")) {
			h.timed = true // an epoch; an access log
			return h
		} else if n > 0 && n < 8 && n+3 < len(line) && line[n] == ':' && line[n+2] == ' ' {
			h.timed = class[line[n+1]]&upper != 0 // redis
			return h
		}
	case c == '=':
		h.timed = bytes.Contains(line[:min(len(line), 24)], []byte(" REPORT===="))
		return h
	case c == '[' && len(line) > 12:
		if n := bytes.IndexByte(line[:12], ']'); n > 1 && n+2 < len(line) && line[n+1] == ' ' && stamp(line, n+2, len(line)) > 0 {
			h.timed = true // [GIN] 2025/01/02
			return h
		}
		if line[2] == ' ' && stamp(line, 3, len(line)) > 0 {
			h.timed, h.leveled = true, true // [I 2025-01-02 …]
			return h
		}
	case class[c]&(upper|lower) == 0 && c != '<' && c != '[':
		return h
	}
	for range 4 {
		next := h.item()
		if next == h.at || h.timed && h.leveled {
			break
		}
		h.at = next
	}
	if !h.leveled && !h.timed {
		h.leveled = labelled(line)
	}
	return h
}

// labelled reports npm ERR!, ERRO[0012] and WARNING:logger:text.
func labelled(line []byte) bool {
	if bytes.HasPrefix(line, []byte("npm ")) {
		return true
	}
	n := 0
	for n < len(line) && n < 12 && class[line[n]]&upper != 0 {
		n++
	}
	return n > 2 && n < len(line) && (line[n] == '[' || line[n] == ':') && level.Word(line[:n]) != velos.LevelNone
}

// logfmtLine reports a line of pairs that begins with one.
func logfmtLine(line []byte) bool {
	n := 0
	for n < len(line) && n < 24 && (class[line[n]]&alnum != 0 || line[n] == '_' || line[n] == '.') {
		n++
	}
	return n > 0 && n < len(line) && line[n] == '=' && (bytes.Contains(line, []byte(" level=")) || bytes.Contains(line, []byte(" msg=")) ||
		bytes.HasPrefix(line, []byte("level=")) || bytes.HasPrefix(line, []byte("severity=")))
}

// exceptional reports a.b.SomeException and ValueError, with or without a
// message behind a colon.
func exceptional(line []byte) bool {
	n := 0
	for n < len(line) && (class[line[n]]&alnum != 0 || line[n] == '.' || line[n] == '_' || line[n] == '$' || line[n] == '\\' || line[n] == ':' && n > 0 && n+1 < len(line) && (line[n+1] == ':' || line[n-1] == ':')) {
		n++
	}
	if n < 5 || n < len(line) && line[n] != ':' && line[n] != '\r' && !bytes.HasPrefix(line[n:], []byte(" (")) && !bytes.HasPrefix(line[n:], []byte(" [")) {
		return false
	}
	w := line[:n]
	if bytes.HasSuffix(w, []byte("Error")) || bytes.HasSuffix(w, []byte("Exception")) {
		return true
	}
	// KeyboardInterrupt, java.lang.Throwable, requests.exceptions.Timeout
	dots := bytes.Count(w, []byte("."))
	return dots >= 2 && n < len(line) && line[n] == ':' && (bytes.Contains(w, []byte("exceptions.")) || bytes.HasSuffix(w, []byte("Throwable")) || bytes.HasSuffix(w, []byte("Failure"))) ||
		bytes.HasSuffix(w, []byte("KeyboardInterrupt")) || bytes.HasSuffix(w, []byte("StopIteration"))
}

// place reports the place that Node shows before the source: /srv/app.js:3,
// node:internal/modules/cjs/loader:1080.
func place(line []byte) bool {
	if line[0] != '/' && !bytes.HasPrefix(line, []byte("node:")) && !bytes.HasPrefix(line, []byte("file://")) {
		return false
	}
	i := bytes.LastIndexByte(line, ':')
	return i > 0 && run(line, i+1) > 0 && i+1+run(line, i+1) == len(bytes.TrimRight(line, "\r")) && bytes.IndexByte(line, ' ') < 0
}

// ruby reports app/x.rb:10:in `show'; a message behind it makes it the head of
// an exception.
func ruby(line []byte) bool {
	i := bytes.Index(line, []byte(":in `"))
	if i < 0 {
		i = bytes.Index(line, []byte(":in '"))
	}
	if i < 4 || class[line[i-1]]&digit == 0 {
		return false
	}
	return !bytes.Contains(line[i+5:], []byte("': "))
}

// sparse reports a line in which hardly anything is a letter or a digit.
func sparse(line []byte) bool {
	n := 0
	for _, c := range line {
		if class[c]&alnum != 0 {
			n++
		}
	}
	return len(line) > 2 && n*5 < len(line)
}

// sqlSort tells statements and clauses of SQL from other text.
func sqlSort(line []byte) sort {
	n := 0
	for n < len(line) && n < 10 && class[line[n]]&upper != 0 {
		n++
	}
	if n < 2 || n < len(line) && line[n] != ' ' {
		return text
	}
	switch string(line[:n]) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "DROP", "MERGE", "EXPLAIN":
		return statement
	case "FROM", "WHERE", "AND", "OR", "JOIN", "LEFT", "RIGHT", "INNER", "OUTER", "FULL", "CROSS", "ORDER", "GROUP", "HAVING", "LIMIT",
		"OFFSET", "SET", "VALUES", "ON", "UNION", "RETURNING", "USING", "INTO":
		return clause
	}
	return text
}

// framed reports an indented line of a stack.
func framed(line []byte) bool {
	t := bytes.TrimLeft(line, " \t")
	return bytes.HasPrefix(t, []byte("at ")) || bytes.HasPrefix(t, []byte("File \"")) || bytes.HasPrefix(t, []byte("from "))
}

// call reports a function of a Go dump: main.run(0x1, …).
func call(line []byte) bool {
	end := bytes.TrimRight(line, "\r")
	return len(end) > 3 && end[len(end)-1] == ')' && bytes.IndexByte(end, '(') > 0 && bytes.IndexByte(end, '.') > 0
}
