package config

import (
	"maps"
	"os"
	"path/filepath"
)

// findings are what was looked up already: a file's apps ask for the same
// programs again and again. Nil knows nothing and remembers nothing.
type findings struct {
	programs map[[2]string]string // by name and PATH
	python   map[string]bool      // by program
	base     map[string]string    // what apps of files inherit
	ports    map[int]bool         // that apps of the file have, where one is to be chosen
}

func newFindings() *findings {
	return &findings{programs: map[[2]string]string{}, python: map[string]bool{}}
}

// which is the function which, once for each name.
func (f *findings) which(name, path string) string {
	if f == nil {
		return which(name, path)
	}
	k := [2]string{name, path}
	found, ok := f.programs[k]
	if !ok {
		found = which(name, path)
		f.programs[k] = found
	}
	return found
}

// isPython is the function python, once for each program that others share.
func (f *findings) isPython(program string) bool {
	if f == nil {
		return python(program)
	}
	is, ok := f.python[program]
	if !ok {
		is = python(program)
		f.python[program] = is
	}
	return is
}

// inherited are the variables that an app from a file gets from the caller;
// the map is the caller's own.
func (e Environ) inherited() map[string]string {
	if e.found == nil {
		return e.base()
	}
	if e.found.base == nil {
		e.found.base = e.base()
	}
	return maps.Clone(e.found.base)
}

// which finds a program in a PATH. Relative entries of PATH are not used: a
// daemon has no working directory to look from.
func which(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, ext := range extensions(name) {
			file := filepath.Join(dir, name+ext)
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && executable(st) {
				return file
			}
		}
	}
	return ""
}
