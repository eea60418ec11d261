package cli

import (
	"strconv"
	"strings"
)

// nearest is the candidate that was most likely meant by word, or "".
func nearest(word string, candidates []string) string {
	if len(word) < 2 || allDigits(word) { // anything is as near as anything else
		for _, c := range candidates {
			if strings.EqualFold(c, word) {
				return c
			}
		}
		return ""
	}
	best, least := "", 1+max(1, min(2, len(word)/2))
	w := strings.ToLower(word)
	for _, c := range candidates {
		d := distance(w, strings.ToLower(c))
		if len(w) >= 3 && strings.HasPrefix(strings.ToLower(c), w) {
			d = min(d, 1)
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}

// quote shows a word that somebody typed: as it is when it is plain.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }) < 0 {
		return s
	}
	return strconv.Quote(s)
}
