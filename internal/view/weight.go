package view

import "strings"

// Weight is about how many tokens a text costs a model. It is rather too high
// than too low for what has little meaning: hexadecimal digits, signs, other
// scripts. A real tokenizer would have to carry its whole vocabulary.
func Weight(s string) int {
	w := weigher{}
	for _, r := range s {
		w.add(r)
	}
	return w.total()
}

// Fit is the beginning of a text that weighs at most so much.
func Fit(s string, most int) string {
	if len(s) <= most/4 {
		return s
	}
	w, at := weigher{}, 0
	for i, r := range s {
		if w.total() < most {
			at = i // so much fits, and what marks the cut
		}
		if w.add(r); w.total() > most {
			return strings.TrimRight(s[:at], " ") + "…"
		}
	}
	return s
}

// A weigher weighs in halves of a token: runs of letters, of digits and of one
// sign, and every other rune by itself.
type weigher struct {
	done   int
	kind   kindOfRune
	last   rune
	run    int
	vowels int
}

type kindOfRune uint8

const (
	isBlank kindOfRune = iota
	isLower
	isUpper
	isDigit
	isSign
	isOther
)

func kindOf(r rune) kindOfRune {
	switch {
	case r == ' ':
		return isBlank
	case r >= 'a' && r <= 'z':
		return isLower
	case r >= 'A' && r <= 'Z':
		return isUpper
	case r >= '0' && r <= '9':
		return isDigit
	case r < 0x80:
		return isSign
	}
	return isOther
}

func (w *weigher) add(r rune) {
	k := kindOf(r)
	// A capital letter begins a word that small ones go on with.
	same := k == w.kind && (k != isSign || r == w.last) || k == isLower && w.kind == isUpper && w.run == 1
	if !same || k == isOther {
		w.done = w.total2()
		w.run, w.vowels = 0, 0
	}
	w.kind, w.last = k, r
	if w.run++; strings.ContainsRune("aeiouyAEIOUY", r) {
		w.vowels++
	}
}

func (w *weigher) total() int { return (w.total2() + 1) / 2 }

// total2 is what there is so far, in halves.
func (w *weigher) total2() int {
	n := w.run
	if n == 0 {
		return w.done
	}
	switch w.kind {
	case isBlank:
		return w.done + n/4
	case isLower, isUpper:
		if n > 2 && 5*w.vowels < n || w.kind == isUpper && n > 4 {
			return w.done + 2 + (n - 1) // no word
		}
		return w.done + 2 + (n-1)/6*2
	case isDigit:
		return w.done + (n+2)/3*2
	case isSign:
		return w.done + 2 + n/16*2
	}
	switch r := w.last; {
	case r < 0x800: // Latin with marks, Greek, Cyrillic, Hebrew, Arabic
		return w.done + 1
	case r >= 0x3040 && r <= 0x30ff, r >= 0x4e00 && r <= 0x9fff, r >= 0xac00 && r <= 0xd7a3:
		return w.done + 2
	case r >= 0x2010 && r <= 0x2026:
		return w.done + 2
	}
	return w.done + 8
}
