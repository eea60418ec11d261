package search

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A filter says which pieces of four bytes are not in a block's messages, case
// set aside. A search is for any part of a line, so whole words would not
// answer it: "needle" is in "needles", too. Four bytes tell names and numbers
// apart, where three of a random id are in nearly every block.
type filter []byte

const (
	gram     = 4  // bytes of a piece
	gramBits = 20 // of a piece's hash
	perGram  = 4  // bits of the filter for each piece that differs
	mostPart = 36 // thousandths of the text that a filter may take
	smallest = 32 // bytes
)

func gramHash(x uint32) uint32 { return x * 0x9e3779b1 >> (32 - gramBits) }

// fold is a byte without its case.
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] = byte(i) + 'a' - 'A'
		}
	}
	return t
}()

// Two letters outside of ASCII are the same as an ASCII one when case does not
// count. The filter takes them for those.
var (
	longS  = []byte("\u017f")
	kelvin = []byte("\u212a")
)

// plainFold replaces those two; the result is text itself when they are not
// there.
func plainFold(text []byte) []byte {
	if bytes.Contains(text, longS) {
		text = bytes.ReplaceAll(text, longS, []byte("s"))
	}
	if bytes.Contains(text, kelvin) {
		text = bytes.ReplaceAll(text, kelvin, []byte("k"))
	}
	return text
}

// A sieve collects the pieces of one block.
type sieve struct{ bits [1 << (gramBits - 6)]uint64 }

func (s *sieve) clear() { clear(s.bits[:]) }

func (s *sieve) add(msg []byte) {
	if len(msg) < gram {
		return
	}
	for _, c := range msg {
		if c == longS[0] || c == kelvin[0] {
			msg = plainFold(msg)
			break
		}
	}
	x := uint32(0)
	for i, c := range msg {
		x = x>>8 | uint32(fold[c])<<24
		if i >= gram-1 {
			h := gramHash(x)
			s.bits[h>>6] |= 1 << (h & 63)
		}
	}
}

// filter makes the filter of a block with so many bytes of text: a bit for
// each piece, in a field that fits their number.
func (s *sieve) filter(text int) filter {
	n := 0
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	if n == 0 {
		return make(filter, 1)
	}
	size := min(max(n*perGram/8, smallest), max(text*mostPart/1000, smallest), 1<<gramBits/8)
	f := make(filter, size)
	for i, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			f.set(uint32(i<<6 | bits.TrailingZeros64(w)))
		}
	}
	return f
}

func (f filter) place(h uint32) uint64 { return uint64(h) * uint64(len(f)*8) >> gramBits }

func (f filter) set(h uint32) { p := f.place(h); f[p>>3] |= 1 << (p & 7) }

// may reports whether all pieces may be in the block.
func (f filter) may(grams []uint32) bool {
	if len(f) == 0 {
		return true
	}
	for _, h := range grams {
		if p := f.place(h); f[p>>3]&(1<<(p&7)) == 0 {
			return false
		}
	}
	return true
}

// gramsOf appends the hashes of a text's pieces.
func gramsOf(grams []uint32, text string) []uint32 {
	b := plainFold([]byte(text))
	for i := range b {
		b[i] = fold[b[i]]
	}
	for i := 0; i+gram <= len(b); i++ {
		grams = append(grams, gramHash(binary.LittleEndian.Uint32(b[i:])))
	}
	return grams
}
