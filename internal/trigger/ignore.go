package trigger

import (
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// rules are patterns in order: the last one that matches decides.
type rules []rule

// A rule is one pattern of a .gitignore.
type rule struct {
	parts    []string // between slashes; ** is any number of directories
	not      bool     // what matches is not ignored
	dirs     bool     // it is for directories only
	anchored bool     // it is matched from the base; else the last part of a name is
}

// compile makes rules of Defaults and patterns.
func compile(base string, patterns []string) rules {
	list := make(rules, 0, len(Defaults)+len(patterns))
	for _, p := range Defaults {
		list = list.add(base, p)
	}
	for _, p := range patterns {
		list = list.add(base, p)
	}
	return list
}

func (l rules) add(base, p string) rules {
	var r rule
	if rest, ok := strings.CutPrefix(p, "!"); ok {
		r.not, p = true, rest
	}
	if filepath.IsAbs(p) { // a path of this machine, if it is below the base
		if rest, ok := strings.CutPrefix(p, base+string(filepath.Separator)); ok {
			p = "/" + filepath.ToSlash(rest)
		}
	}
	if rest, ok := strings.CutPrefix(p, "./"); ok {
		p = "/" + rest
	}
	if rest := strings.TrimRight(p, "/"); rest != p {
		r.dirs, p = true, rest
	}
	if p == "" {
		return l
	}
	r.anchored = strings.Contains(p, "/")
	for part := range strings.SplitSeq(strings.TrimLeft(p, "/"), "/") {
		if n := len(r.parts); part == "**" && n > 0 && r.parts[n-1] == "**" {
			continue
		}
		r.parts = append(r.parts, part)
	}
	return append(l, r)
}

// ignore reports whether a name is ignored, its directory not being so.
func (l rules) ignore(name string, dir bool) bool {
	for i := len(l) - 1; i >= 0; i-- {
		if r := &l[i]; (dir || !r.dirs) && r.match(name) {
			return !r.not
		}
	}
	return false
}

func (r *rule) match(name string) bool {
	if !r.anchored {
		return glob(r.parts[0], name[strings.LastIndexByte(name, '/')+1:])
	}
	// The same as glob, with parts for characters and ** for *: going back to
	// the last ** is enough, since any number of parts may be its.
	rest, more := name, true
	p := 0
	back, from, again := -1, "", false
	for more || p < len(r.parts) {
		part, after, next := strings.Cut(rest, "/")
		switch {
		case p < len(r.parts) && r.parts[p] == "**" && (p < len(r.parts)-1 || more):
			if p == len(r.parts)-1 {
				return true
			}
			back, from, again = p, rest, more
			p++
			continue
		case more && p < len(r.parts) && glob(r.parts[p], part):
			p++
			rest, more = after, next
			continue
		case back < 0 || !again:
			return false
		}
		_, from, again = strings.Cut(from, "/")
		p, rest, more = back+1, from, again
	}
	return true
}

// glob matches one part: *, ?, [a-z], [!a-z] and \ before a character that
// means itself.
func glob(pattern, s string) bool {
	back, from := -1, 0
	p, i := 0, 0
	for i < len(s) || p < len(pattern) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				back, from = p, i
				p++
				continue
			}
			if i < len(s) {
				if n, w := one(pattern[p:], s[i:]); n > 0 {
					p += n
					i += w
					continue
				}
			}
		}
		if back < 0 || from >= len(s) {
			return false
		}
		_, w := utf8.DecodeRuneInString(s[from:])
		from += w
		p, i = back+1, from
	}
	return true
}

// one matches one character and returns the lengths of both; 0 is no match.
func one(pattern, s string) (n, width int) {
	r, width := utf8.DecodeRuneInString(s)
	switch pattern[0] {
	case '?':
		return 1, width
	case '[':
		if n, in := class(pattern, r); n > 0 {
			if in {
				return n, width
			}
			return 0, 0
		}
	case '\\':
		if len(pattern) > 1 {
			c, n := utf8.DecodeRuneInString(pattern[1:])
			if c == r {
				return n + 1, width
			}
			return 0, 0
		}
	}
	c, n := utf8.DecodeRuneInString(pattern)
	if c == r {
		return n, width
	}
	return 0, 0
}

// class matches [a-z] and returns its length; 0 when it has no end, and the
// bracket means itself.
func class(pattern string, r rune) (n int, in bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, in != not
		}
		low, w := member(pattern[i:])
		i += w
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high, w = member(pattern[i+1:])
			i += w + 1
		}
		in = in || low <= r && r <= high
	}
	return 0, false
}

func member(s string) (rune, int) {
	if s[0] == '\\' && len(s) > 1 {
		r, w := utf8.DecodeRuneInString(s[1:])
		return r, w + 1
	}
	return utf8.DecodeRuneInString(s)
}
