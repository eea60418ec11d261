package audit

import (
	"slices"
	"strings"
	"sync"
)

// A Hider replaces the texts that it was made of by Masked, in one pass. Most
// apps have few secrets and say none of them: making one and finding nothing
// are what has to be quick.
type Hider struct {
	pairs [64]uint64          // of the first two bytes, hashed
	by    map[string][]string // the first four bytes → texts, the longest first

	longest  int
	indexing sync.Once
	inside   []uint64 // of four bytes inside of texts, hashed
	mask     uint32   // of that hash
}

const headSize = 4 // every form is longer, see shortest

// NewHider makes one of what Forms has seen; nil when there is nothing.
func NewHider(seen map[string]bool) *Hider {
	if len(seen) == 0 {
		return nil
	}
	h := &Hider{by: make(map[string][]string, len(seen))}
	for v := range seen {
		if len(v) < headSize {
			continue
		}
		h.longest = max(h.longest, len(v))
		n := pair(v[0], v[1])
		h.pairs[n/64] |= 1 << (n % 64)
		h.by[v[:headSize]] = append(h.by[v[:headSize]], v)
	}
	for _, list := range h.by {
		// A secret that begins with another one goes whole.
		slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	return h
}

func pair(a, b byte) uint { return (uint(a)*31 + uint(b)) % (64 * 64) }

// Any reports whether one of those texts is in b.
func (h *Hider) Any(b []byte) bool {
	if h == nil {
		return false
	}
	for i := 0; i+headSize <= len(b); i++ {
		if n := pair(b[i], b[i+1]); h.pairs[n/64]&(1<<(n%64)) == 0 {
			continue
		}
		for _, v := range h.by[string(b[i:i+headSize])] {
			if len(v) <= len(b)-i && string(b[i:i+len(v)]) == v {
				return true
			}
		}
	}
	return false
}

// Replace is s without those texts.
func (h *Hider) Replace(s string) string {
	if h == nil {
		return s
	}
	var b strings.Builder
	done := 0
	for i := 0; i+headSize <= len(s); i++ {
		if n := pair(s[i], s[i+1]); h.pairs[n/64]&(1<<(n%64)) == 0 {
			continue
		}
		for _, v := range h.by[s[i:i+headSize]] {
			if strings.HasPrefix(s[i:], v) {
				b.WriteString(s[done:i])
				b.WriteString(Masked)
				i += len(v) - 1
				done = i + 1
				break
			}
		}
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}
