package logs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Sweep forgets what former processes have left of apps that are not open and
// whose ids are at least from: these were begun and never saved, and the next
// app with such an id must not be given their lines.
func (s *Store) Sweep(from uint32) {
	dir := filepath.Join(s.dir, ".spool")
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range list {
		number := e.Name()
		if i := strings.IndexAny(number, "-."); i >= 0 {
			number = number[:i]
		}
		id, err := strconv.ParseUint(number, 10, 32)
		if err == nil && uint32(id) >= from && s.known(uint32(id)) == nil {
			_ = os.Remove(filepath.Join(dir, e.Name())) // it is only space that is lost
		}
	}
}
