package audit

import (
	"slices"
	"strings"
)

// The methods of this file are about text that was cut somewhere, maybe in the
// middle of what has to be hidden. Of a part of that, four bytes are the least
// that is known again: less may be anything.

// Longest is the length of the longest text.
func (h *Hider) Longest() int {
	if h == nil {
		return 0
	}
	return h.longest
}

// Across is how many bytes of s behind at belong to a text that begins before
// at.
func (h *Hider) Across(s string, at int) (n int) {
	if h == nil {
		return 0
	}
	for i := max(0, at-h.longest+1); i < at && i+headSize <= len(s); i++ {
		for _, v := range h.from(s, i) {
			if len(v) > at-i+n && strings.HasPrefix(s[i:], v) {
				n = i + len(v) - at
			}
		}
	}
	return n
}

// Begun is how many bytes at the end of s begin a text that ends elsewhere.
func (h *Hider) Begun(s string) int {
	if h == nil {
		return 0
	}
	for i := max(0, len(s)-h.longest+1); i+headSize <= len(s); i++ {
		for _, v := range h.from(s, i) {
			if len(v) > len(s)-i && strings.HasPrefix(v, s[i:]) {
				return len(s) - i
			}
		}
	}
	return 0
}

// Ended is how many bytes at the beginning of s end a text that begins
// elsewhere; with more they may be all of s, in the middle of one.
func (h *Hider) Ended(s string, more bool) (n int) {
	if h == nil || !h.Inside([]byte(s[:min(len(s), headSize)])) {
		return 0
	}
	head := s[:headSize]
	for _, list := range h.by {
		for _, v := range list {
			for from := 1; ; from++ {
				i := strings.Index(v[from:], head)
				if i < 0 {
					break
				}
				from += i
				switch rest := v[from:]; {
				case len(rest) > n && strings.HasPrefix(s, rest):
					n = len(rest)
				case more && len(rest) > len(s) && strings.HasPrefix(rest, s):
					return len(s)
				}
			}
		}
	}
	return n
}

// Inside reports whether what b begins with may stand inside of a text. That is
// quick, and no for most lines.
func (h *Hider) Inside(b []byte) bool {
	if len(b) < headSize {
		return false
	}
	h.indexing.Do(h.index)
	k, l := h.grams(string(b[:headSize]))
	return h.inside[k/64]&(1<<(k%64)) != 0 && h.inside[l/64]&(1<<(l%64)) != 0
}

// from are the texts that may begin at a place of s.
func (h *Hider) from(s string, i int) []string {
	if n := pair(s[i], s[i+1]); h.pairs[n/64]&(1<<(n%64)) == 0 {
		return nil
	}
	return h.by[s[i:i+headSize]]
}

// index notes what stands inside of the texts: most lines begin with nothing of
// that kind, which one look tells then.
func (h *Hider) index() {
	total := 0
	for _, list := range h.by {
		for _, v := range list {
			total += len(v)
		}
	}
	size := uint32(64)
	for size < 1<<24 && size < 16*uint32(total) {
		size *= 2
	}
	h.mask, h.inside = size-1, slices.Repeat([]uint64{0}, int(size/64))
	for _, list := range h.by {
		for _, v := range list {
			for i := 1; i+headSize <= len(v); i++ {
				k, l := h.grams(v[i : i+headSize])
				h.inside[k/64] |= 1 << (k % 64)
				h.inside[l/64] |= 1 << (l % 64)
			}
		}
	}
}

// grams are two hashes of four bytes.
func (h *Hider) grams(s string) (k, l uint32) {
	n := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
	n *= 0x9e3779b97f4a7c15
	return uint32(n>>40) & h.mask, uint32(n>>16) & h.mask
}
