package view

import (
	"strings"
)

// A line that is too long for one entry comes in parts, and a secret may be cut
// where they meet. What is here knows both sides of a cut, or guesses.

// leastReach is enough to know an address by whose password is cut.
const leastReach = 4 << 10

// reach is how much of what stands before a part has to be known.
func (m Mask) reach() int { return max(m.r.Longest(), leastReach) }

// part is Bytes for a part of a line. before is what stands before it, as far
// as reach says, and with more another part follows.
func (m Mask) part(before string, b []byte, more bool) []byte {
	whole := before + string(b)
	at := len(before)
	whole = whole[:at] + behind(whole, at)
	head, tail := m.atCuts(whole, at, more)
	if !plain([]byte(whole)) {
		text, to := cleanTo(whole, at, more)
		if h, t := m.atCuts(text, to, more); h+t > 0 && (h > 0 || head == 0) && (t > 0 || tail == 0) {
			whole, at, head, tail = text, to, h, t
		}
	}
	return m.between([]byte(whole[at:]), head, tail)
}

// behind is what stands in s from at on, without passwords of addresses that
// begin there: the address may begin before.
func behind(s string, at int) string {
	var b strings.Builder
	for from, to := range passwords(s) {
		if from >= at {
			b.WriteString(s[at:from])
			b.WriteString(Masked)
			at = to
		}
	}
	if b.Len() == 0 {
		return s[at:]
	}
	b.WriteString(s[at:])
	return b.String()
}

// guess is part where nobody knows what stands before, but something of a
// secret's may.
func (m Mask) guess(b []byte, more bool) []byte {
	text := string(b)
	if m.r.Ended(text, more) == 0 && !plain(b) {
		text = Clean(b, false)
	}
	_, tail := m.atCuts(text, 0, more)
	return m.between([]byte(text), m.r.Ended(text, more), tail)
}

// suspects reports whether b begins with what may end a secret.
func (m Mask) suspects(b []byte, more bool) bool {
	if m.r == nil || len(b) == 0 {
		return false
	}
	near := b[:min(len(b), m.reach())]
	more = more && len(near) == len(b)
	return m.r.Inside(near) && m.r.Ended(string(near), more) > 0 || !plain(near) && m.r.Ended(Clean(near, false), more) > 0
}

// atCuts is how many bytes of s from at on belong to a secret that begins
// before at, and how many at the end of s belong, or may belong, to one that
// ends behind it.
func (m Mask) atCuts(s string, at int, more bool) (head, tail int) {
	head = m.r.Across(s, at)
	near := max(0, at-m.reach())
	for from, to := range passwords(s[near:]) {
		if from += near; from >= at {
			break
		}
		head = max(head, to+near-at)
	}
	if more {
		tail = max(m.r.Begun(s), begunPassword(s))
	}
	return head, tail
}

// begunPassword is how many bytes at the end of s may be a password of an
// address that goes on.
func begunPassword(s string) int {
	s = s[max(0, len(s)-leastReach):]
	i := strings.LastIndex(s, scheme)
	if i < 0 {
		return 0
	}
	authority := s[i+len(scheme):]
	colon := strings.IndexByte(authority, ':')
	if colon < 0 || strings.ContainsAny(authority, authorityEnds) {
		return 0
	}
	return len(authority) - colon - 1
}

// between is Bytes of b, of which head and tail are parts of secrets.
func (m Mask) between(b []byte, head, tail int) []byte {
	switch {
	case head+tail == 0:
		return m.Bytes(b)
	case head+tail >= len(b):
		return []byte(Masked)
	}
	var out []byte
	if head > 0 {
		out = append(out, Masked...)
	}
	out = append(out, m.Bytes(b[head:len(b)-tail])...)
	if tail > 0 {
		out = append(out, Masked...)
	}
	return out
}

// cleanTo is Clean, and where in the answer the place at has come to. With more
// it leaves out a sequence at the end that is not whole: it is neither text nor
// a colour yet.
func cleanTo(s string, at int, more bool) (text string, to int) {
	s = strings.TrimRight(s, "\r")
	if esc := strings.LastIndexByte(s, 0x1b); more && esc >= 0 && esc+longestColour > len(s) && unfinished(s[esc:]) {
		s = s[:esc]
	}
	c := cleaner{in: []byte(s)}
	to = -1
	for c.pos < len(c.in) {
		if to < 0 && c.pos >= at {
			to = c.out.Len()
		}
		c.step()
	}
	if to < 0 {
		to = c.out.Len()
	}
	return c.out.String(), to
}

const longestColour = 64

// unfinished reports whether an escape sequence may go on.
func unfinished(s string) bool {
	if len(s) < 2 {
		return true
	}
	return s[1] == '[' && strings.IndexFunc(s[2:], func(r rune) bool { return r >= 0x40 }) < 0
}
