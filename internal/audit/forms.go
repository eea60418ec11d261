package audit

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

const (
	// shortest is the length from which a value is a secret that can be found
	// again in other words: what is shorter would turn all text to dust.
	shortest = 8
	// shortestLine is that of one line of a value that has several.
	shortestLine = 16
)

// Forms adds to seen the texts by which a value turns up in what programs
// write: as it is, in JSON, escaped for an address as the usual libraries do,
// in base64 wherever it stands there, and line by line.
func Forms(seen map[string]bool, value string) {
	if len(strings.TrimSpace(value)) < shortest {
		return
	}
	for _, v := range []string{value, strings.TrimSpace(value)} {
		if seen[v] {
			continue
		}
		seen[v] = true
		base64Forms(seen, v)
		if unescaped(v) {
			continue // nothing in it is escaped by anybody
		}
		for _, j := range jsonForms(v) {
			seen[j] = true
			seen[escape(j, false, false)] = true // an object that holds another one as text
		}
		percentForms(seen, v)
	}
	if !strings.Contains(value, "\n") {
		return
	}
	for line := range strings.SplitSeq(value, "\n") {
		line = strings.TrimSpace(line)
		if len(line) >= shortestLine && !strings.HasPrefix(line, "-----") { // which every key says
			seen[line] = true
		}
	}
}

func unescaped(v string) bool {
	for i := range len(v) {
		c := v[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~') {
			return false
		}
	}
	return true
}

func jsonForms(v string) []string {
	list := []string{escape(v, false, false), escape(v, true, false), escape(v, false, true), escape(v, true, true)}
	return append(list, strings.ReplaceAll(list[0], "/", `\/`))
}

// escape is v as it stands in JSON; ascii escapes all other characters as well,
// and html what would mean something in a page.
func escape(v string, ascii, html bool) string {
	b := make([]byte, 0, len(v)+8)
	unit := func(u rune) {
		b = append(b, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	for _, r := range v {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ', html && (r == '<' || r == '>' || r == '&'):
			unit(r)
		case ascii && r >= 1<<16:
			unit(0xd800 + (r-1<<16)>>10)
			unit(0xdc00 + (r-1<<16)&0x3ff)
		case ascii && r >= 0x80:
			unit(r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// kept are the characters, besides letters and digits, that ways of escaping
// for an address leave as they are: of a query and all strict ones, of a path
// in Go, of encodeURIComponent and encodeURI in JavaScript, of quote in Python.
var kept = [...]string{"-_.~", "-_.~$&+:=@", "-_.~!*'()", "-_.~!*'();,/?:@&=+$#", "-_.~/"}

func percentForms(seen map[string]bool, v string) {
	const upper = "0123456789ABCDEF"
	for _, keep := range kept {
		for _, hex := range [...]string{upper, digits} {
			b := make([]byte, 0, 2*len(v))
			for i := range len(v) {
				c := v[i]
				if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(keep, c) >= 0 {
					b = append(b, c)
				} else {
					b = append(b, '%', hex[c>>4], hex[c&15])
				}
			}
			seen[string(b)] = true
			seen[strings.ReplaceAll(string(b), "%20", "+")] = true
		}
	}
}

// base64Forms adds v alone, and what there is of it in any text that holds it:
// three bytes become four characters, so it can begin at three places. The
// characters that it shares with what stands beside it are not a part.
func base64Forms(seen map[string]bool, v string) {
	for _, e := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		alone := e.EncodeToString([]byte(v))
		seen[alone] = true
		seen[alone+strings.Repeat("=", (4-len(alone)%4)%4)] = true
		for before := range 3 {
			text := e.EncodeToString([]byte("\x00\x00\x00"[:before] + v))
			if before > 0 {
				text = text[before+1:]
			}
			if (before+len(v))%3 > 0 {
				text = text[:len(text)-1]
			}
			seen[text] = true
		}
	}
}
