package config

import (
	"errors"
	"strings"
)

// errShell is what Split says to a line that only a shell understands.
type errShell struct{ operator string }

func (e *errShell) Error() string { return e.operator + " has a meaning to a shell only" }

// Split cuts a command line into words as a POSIX shell does with quotes and
// backslashes, and does nothing else of what a shell does: what a shell would
// act on outside quotes is an error.
func Split(line string) ([]string, error) {
	var words []string
	var b strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if inWord {
				words = append(words, b.String())
				b.Reset()
				inWord = false
			}
			continue
		case c == '\'':
			n := strings.IndexByte(line[i+1:], '\'')
			if n < 0 {
				return nil, errors.New("a quote ' is not closed")
			}
			b.WriteString(line[i+1 : i+1+n])
			i += n + 1
		case c == '"':
			n, err := splitDouble(line[i+1:], &b)
			if err != nil {
				return nil, err
			}
			i += n
		case c == '\\':
			if i+1 == len(line) {
				return nil, errors.New("a backslash stands at the end")
			}
			i++
			b.WriteByte(line[i])
		case strings.IndexByte("&|;<>`$()", c) >= 0:
			return nil, &errShell{operator(line[i:])}
		case c == '#' && !inWord:
			return nil, &errShell{"#"}
		default:
			b.WriteByte(c)
		}
		inWord = true
	}
	if inWord {
		words = append(words, b.String())
	}
	return words, nil
}

func operator(s string) string {
	for _, o := range []string{"&&", "||", ">>", "<<"} {
		if strings.HasPrefix(s, o) {
			return o
		}
	}
	return s[:1]
}

// splitDouble reads what stands in double quotes and returns its length with
// the closing quote.
func splitDouble(s string, b *strings.Builder) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`", s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == '`' || c == '$':
			return 0, &errShell{string(c)}
		default:
			b.WriteByte(c)
		}
	}
	return 0, errors.New(`a quote " is not closed`)
}

// splitWords is Split with a problem that suggests what to do. asShell is how
// to ask for a shell here.
func splitWords(line, asShell string) ([]string, *problem) {
	words, err := Split(line)
	var sh *errShell
	switch {
	case errors.As(err, &sh):
		return nil, wrong(err.Error(), asShell+" gives the line to /bin/sh; or quote it")
	case err != nil:
		return nil, wrong(err.Error(), "close it, or put a backslash before it")
	}
	return words, nil
}

// join is the command line that a POSIX shell splits into words again.
func join(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.IndexFunc(w, unsafeInShell) >= 0 {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return strings.Join(out, " ")
}

func unsafeInShell(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-./:=,@%+", r)
}
