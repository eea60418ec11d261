//go:build linux

package daemon

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/velospm/velos/internal/home"
)

// A helper without children would panic if it started a program.
func TestAFileThatIsGoneIsNotCompressed(t *testing.T) {
	dir := t.TempDir()
	h := newHelper(nil, home.Home{Dir: dir})
	for range 3 {
		h.compress(filepath.Join(dir, "api-out.log.1"))
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		busy := h.busy
		h.mu.Unlock()
		if !busy {
			return
		}
		if time.Now().After(end) {
			t.Fatal("still busy")
		}
	}
}
