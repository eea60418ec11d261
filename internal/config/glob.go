package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// mostLooked bounds the directories and names that a pattern has looked at: a
// file of somebody else's must not have us walk the whole disk.
const (
	mostDirs  = 1000
	mostNames = 100_000
)

var errTooMuch = errors.New("it would take too long")

// glob is filepath.Glob within bounds.
func glob(pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	volume := filepath.VolumeName(pattern)
	dirs, names := 0, 0
	found := []string{volume + string(filepath.Separator)}
	for part := range strings.SplitSeq(strings.TrimPrefix(filepath.ToSlash(pattern[len(volume):]), "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, `*?[\`) {
				if path := filepath.Join(dir, part); there(path) {
					next = append(next, path)
				}
				continue
			}
			if dirs++; dirs > mostDirs {
				return nil, errTooMuch
			}
			list, _ := os.ReadDir(dir) // sorted; one that cannot be read has nothing in it
			if names += len(list); names > mostNames {
				return nil, errTooMuch
			}
			for _, f := range list {
				if ok, _ := filepath.Match(part, f.Name()); ok {
					next = append(next, filepath.Join(dir, f.Name()))
				}
			}
		}
		found = next
	}
	return found, nil
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
