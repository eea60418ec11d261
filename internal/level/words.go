package level

import (
	"bytes"

	"github.com/velospm/velos"
)

// ofWords judges a message by its words: the most serious that is neither
// quoted, nor part of a name (error.html, /errors, error-service), nor denied
// ("no errors", "failed=0"), nor the name of something harmless ("error
// handler").
//
// In escaped text, a JSON string's, a quote has a backslash before it.
func ofWords(b []byte, escaped bool) velos.Level {
	if !suspicious(b) {
		return velos.LevelNone
	}
	worst := velos.LevelNone
	denied := 0 // so many words from here on are denied
	quoted := false
	before, age := "", 0 // the last word that matters, and how far back it is
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '"' && (escaped || i == 0 || b[i-1] != '\\') {
			quoted = !quoted
		}
		if !letter(c) && !digit(c) {
			continue
		}
		start := i
		for i < len(b) && (letter(b[i]) || digit(b[i]) || b[i] == '_') {
			i++
		}
		word := b[start:i]
		i--
		denied--
		if glued(b, start, i+1) {
			continue
		}
		kind := meaning(word)
		switch kind {
		case "":
			if age++; age > 1 {
				before = ""
			}
			continue
		case "no":
			denied = 3
		case "not":
			if before != "could" {
				denied = 3
			}
		case "level":
			denied = 5
		case "such":
			denied = 0 // no such file
		}
		l := weight(kind, before, b[i+1:], word)
		if l > worst && denied <= 0 && !quoted && !harmless(kind, b[i+1:]) {
			worst = l
		}
		before, age = kind, 0
	}
	return worst
}

// suspicious reports whether any word begins like one that matters. Nearly
// all lines end here: it is most of what a line without a level costs.
func suspicious(b []byte) bool {
	for i := 0; i+3 < len(b); i++ {
		if opening[b[i]]>>(b[i+1]&31)&1 == 0 {
			continue
		}
		if i > 0 && letter(b[i-1]) && !upper(b[i]) {
			continue
		}
		switch uint32(b[i]|0x20)<<16 | uint32(b[i+1]|0x20)<<8 | uint32(b[i+2]|0x20) {
		case 'e'<<16 | 'r'<<8 | 'r', 'e'<<16 | 'x'<<8 | 'c', 'f'<<16 | 'a'<<8 | 'i', 'c'<<16 | 'r'<<8 | 'a', 'a'<<16 | 'b'<<8 | 'o',
			'u'<<16 | 'n'<<8 | 'h', 'u'<<16 | 'n'<<8 | 'c', 's'<<16 | 'e'<<8 | 'g', 'u'<<16 | 'n'<<8 | 'a', 'c'<<16 | 'o'<<8 | 'r',
			'd'<<16 | 'e'<<8 | 'a', 'u'<<16 | 'n'<<8 | 'r', 'f'<<16 | 'a'<<8 | 't', 'p'<<16 | 'a'<<8 | 'n', 'w'<<16 | 'a'<<8 | 'r',
			'd'<<16 | 'e'<<8 | 'p', 'c'<<16 | 'o'<<8 | 'u', 'c'<<16 | 'a'<<8 | 'n', 'm'<<16 | 'e'<<8 | 'm', 'e'<<16 | 'x'<<8 | 'i',
			'd'<<16 | 'e'<<8 | 's':
			return true
		case 'r'<<16 | 'e'<<8 | 'f', 'd'<<16 | 'e'<<8 | 'n', 'd'<<16 | 'i'<<8 | 'e', 'k'<<16 | 'i'<<8 | 'l', 'o'<<16 | 'o'<<8 | 'm',
			'b'<<16 | 'r'<<8 | 'o':
			return true
		case 't'<<16 | 'i'<<8 | 'm', 's'<<16 | 'u'<<8 | 'c', 'u'<<16 | 'n'<<8 | 'e':
			// timed, such, unexpected: time and success are everywhere.
			if c := b[i+3] | 0x20; c == 'h' || c == 'x' || c == 'e' && i+4 < len(b) && b[i+4]|0x20 == 'd' {
				return true
			}
		}
		if b[i] == 'E' && upper(b[i+1]) && upper(b[i+2]) { // errno
			return true
		}
	}
	return false
}

// opening says of the first letter of such words which letters may follow, as
// bits: nearly all words are ruled out by their first two letters.
var opening = func() (o [256]uint32) {
	for _, pair := range [...]string{"er", "ex", "fa", "cr", "ab", "un", "se", "co", "de", "pa", "wa", "ca", "me", "re", "di", "ki", "oo", "br", "ti", "su"} {
		bit := uint32(1) << (pair[1] & 31)
		o[pair[0]] |= bit
		o[pair[0]-'a'+'A'] |= bit
	}
	o['E'] = 1<<32 - 1 // errno
	return o
}()

// meaning sorts a word into the few classes that matter; "" for all others.
func meaning(w []byte) string {
	var low [16]byte
	if len(w) > len(low) {
		return ofName(w)
	}
	for i, c := range w {
		low[i] = lower(c)
	}
	switch string(low[:len(w)]) {
	case "no", "not", "without", "0", "zero", "never", "any", "previous", "recovered", "ignored", "ignoring", "ignore",
		"disabled", "skipped", "suppressed", "resolved", "fixed", "avoid", "prevent", "if", "handled", "handling", "debugging":
		if string(low[:len(w)]) == "not" && len(w) == 3 {
			return "not"
		}
		return "no"
	case "error", "errors", "exception", "exceptions", "failure", "failures", "fail", "fails", "failed", "crash", "crashed",
		"aborted", "aborting", "unhandled", "uncaught", "segfault", "unable", "corrupted", "deadlock", "unreachable":
		return "error"
	case "fatal", "panic", "panicked":
		return "fatal"
	case "warning", "warnings", "warn", "deprecated", "deprecation":
		return "warning"
	case "level":
		return "level"
	case "could", "cannot":
		return "could"
	case "out":
		return "out"
	case "connection", "permission", "access":
		return "subject"
	case "refused", "denied", "reset":
		return "refusal"
	case "broken":
		return "broken"
	case "pipe":
		return "pipe"
	case "such":
		return "such"
	case "file", "host", "module", "directory":
		return "thing"
	case "timed":
		return "timed"
	case "unexpected":
		return "unexpected"
	case "end", "token", "eof":
		return "end"
	case "for":
		return "for"
	case "died", "oomkilled":
		return "error"
	case "of":
		return "of"
	case "memory", "descriptors":
		return "memory"
	case "exit", "exited":
		return "exit"
	case "status", "code":
		return "code"
	}
	return ofName(w)
}

// ofName knows KeyError, IOException and ECONNREFUSED.
func ofName(w []byte) string {
	if len(w) > 5 && upper(w[0]) && (bytes.HasSuffix(w, []byte("Error")) || bytes.HasSuffix(w, []byte("Exception"))) {
		return "name"
	}
	if len(w) > 9 && upper(w[0]) && bytes.HasSuffix(w, []byte("Warning")) {
		return "caution"
	}
	if len(w) >= 5 && w[0] == 'E' && capitals(w) {
		switch string(w) {
		case "ECONNREFUSED", "ECONNRESET", "EADDRINUSE", "EACCES", "ENOENT", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENOTFOUND",
			"EMFILE", "ENOSPC", "EPERM", "ENOMEM", "EADDRNOTAVAIL", "ENETUNREACH":
			return "errno"
		}
	}
	return ""
}

// pair is the class that has to stand before a word that says little alone:
// connection refused, broken pipe.
func pair(kind string) string {
	switch kind {
	case "memory":
		return "of"
	case "refusal":
		return "subject"
	case "pipe":
		return "broken"
	case "thing":
		return "such"
	case "end":
		return "unexpected"
	}
	return "timed" // out
}

// weight is the level of a class of words after another, before rest.
func weight(kind, before string, rest, word []byte) velos.Level {
	switch kind {
	case "error", "errno":
		if before == "for" && lower(word[len(word)-1]) == 's' {
			return velos.LevelNone // listening for errors
		}
		return velos.Err
	case "fatal":
		return velos.Fatal
	case "warning":
		return velos.Warn
	case "name": // of a class; an error when it heads a message
		if len(rest) > 0 && rest[0] == ':' || len(rest) == 0 || string(rest) == ")" {
			return velos.Err
		}
	case "caution": // DeprecationWarning: text
		if len(rest) > 0 && rest[0] == ':' {
			return velos.Warn
		}
	case "not":
		if before == "could" {
			return velos.Err
		}
	case "memory", "refusal", "pipe", "thing", "end", "out":
		if before == pair(kind) {
			return velos.Err
		}
	case "could":
		if lower(word[1]) == 'a' { // cannot
			return velos.Err
		}
	case "code":
		rest = bytes.TrimLeft(rest, ":= ")
		if before == "exit" && len(rest) > 0 && digit(rest[0]) && rest[0] != '0' {
			return velos.Err
		}
	}
	return velos.LevelNone
}

// glued reports a word that is part of a path, an address or a longer name.
func glued(b []byte, start, end int) bool {
	if start > 0 && bytes.IndexByte([]byte("./-@#$\\"), b[start-1]) >= 0 || start > 1 && b[start-1] == ':' && b[start-2] != ' ' {
		return true
	}
	if end+1 < len(b) {
		switch b[end] {
		case '/', '-', '@', '#', '\\', '$':
			return true
		case '.', ':':
			return letter(b[end+1]) || digit(b[end+1])
		}
	}
	return false
}

// harmless looks at what follows a word: "=0", ": none", "handler".
func harmless(kind string, rest []byte) bool {
	text := bytes.TrimLeft(rest, " ")
	if len(text) > 0 && (text[0] == '=' || text[0] == ':') {
		text = bytes.TrimLeft(text[1:], " =")
		n := 0
		for n < len(text) && n < 8 && (letter(text[n]) || digit(text[n]) || text[n] == '<' || text[n] == '>') {
			n++
		}
		switch string(text[:n]) {
		case "0", "none", "None", "null", "nil", "<nil>", "false", "NULL":
			// "error: null pointer" is no denial.
			return n == len(text) || bytes.IndexByte([]byte(",;)]} \\\""), text[n]) >= 0 && (text[n] != ' ' || rest[0] == '=')
		}
		return false
	}
	if kind == "errno" || kind == "name" || len(rest) == 0 || rest[0] != ' ' {
		return false
	}
	n := 0
	for n < len(text) && letter(text[n]) {
		n++
	}
	var low [16]byte
	if n == 0 || n > len(low) {
		return false
	}
	for i, c := range text[:n] {
		low[i] = lower(c)
	}
	switch string(low[:n]) {
	case "handler", "handlers", "handling", "page", "pages", "log", "logs", "rate", "rates", "budget", "count", "counts", "counter", "queue",
		"template", "templates", "mapper", "mapping", "mappings", "type", "types", "reporter", "reporting", "tracker", "tracking", "chain",
		"table", "list", "banner", "filter", "filters", "report", "reports", "threshold", "channel", "class", "classes", "middleware",
		"metrics", "stats", "correction", "boundary", "monitor", "monitoring", "message", "messages", "over", "recovery", "level", "free", "tolerance":
		return true
	}
	return false
}
