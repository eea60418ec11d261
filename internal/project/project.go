// Package project knows where a project begins: the directory that a version
// control system or a package manager calls its root. A git worktree is a
// project of its own. It reads no file, it only looks which there are.
package project

import (
	"os"
	"path/filepath"
	"slices"
)

// repository and manifests are the names of what lies at a root. A repository
// is a better root than a manifest below it: one project may have several
// packages.
const repository = ".git" // a directory, or in a worktree a file

var manifests = []string{"package.json", "go.mod", "Cargo.toml", "pyproject.toml", "velos.toml"}

// deepest bounds how far up is looked.
const deepest = 64

// Root is the root of the project that a directory is in: the nearest directory
// at or above it with a repository, else the nearest with a manifest, else the
// directory itself. The user's home and / are no projects.
func Root(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	dir = filepath.Clean(dir)
	user, _ := os.UserHomeDir()
	found := ""
	for at, n := dir, 0; n < deepest; n++ {
		up := filepath.Dir(at)
		if up == at || at == user {
			break
		}
		if there(at, repository) {
			return at
		}
		if found == "" && slices.ContainsFunc(manifests, func(name string) bool { return there(at, name) }) {
			found = at
		}
		at = up
	}
	if found == "" {
		return dir
	}
	return found
}

func there(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}
