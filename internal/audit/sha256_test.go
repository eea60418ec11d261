package audit

import (
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

func TestTheHashIsThatOfTheStandardLibrary(t *testing.T) {
	for n := range 400 { // every length around the ends of blocks
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		if got, want := sum256(b), sha256.Sum256(b); got != want {
			t.Fatalf("of %x: %x, want %x", b, got, want)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := sum256(b), sha256.Sum256(b); got != want {
			t.Fatalf("of %x: %x, want %x", b, got, want)
		}
	})
}
