//go:build unix

package proc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLinesAreGivenOneByOneAndLongOnesAreLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	short := strings.Repeat("x", 4000)
	text := "first\n\n" + short + "\n" + strings.Repeat("y", 20000) + "\nafter\n" + short + "\nlast"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	Lines(path, func(line []byte) bool {
		got = append(got, string(line))
		return true
	})
	if want := []string{"first", "", short, "after", short, "last"}; !slices.Equal(got, want) {
		t.Errorf("got %d lines, %.200q", len(got), got)
	}
	n := 0
	Lines(path, func([]byte) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("%d lines were given to who wanted 2", n)
	}
	Lines(path+"-missing", func([]byte) bool { t.Error("a line of a file that is not there"); return true })
}
