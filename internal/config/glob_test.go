package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAPatternFindsWhatTheStandardOneDoes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x.toml", "a/y.toml", "b/x.toml", "b/c/x.toml", "z.toml", ".hidden/x.toml"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"*.toml", "*/*.toml", "a/*", "[ab]/x.toml", "*/c/*.toml", "none/*", "?/x.toml", "*", "*/x.toml/*"} {
		got, err := glob(filepath.Join(dir, p))
		want, _ := filepath.Glob(filepath.Join(dir, p))
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", p, got, err, want)
		}
	}
	if _, err := glob(filepath.Join(dir, "[")); err == nil || errors.Is(err, errTooMuch) {
		t.Errorf("what is no pattern: %v", err)
	}
}

func TestAPatternDoesNotWalkTheWholeDisk(t *testing.T) {
	dir := t.TempDir()
	for i := range mostDirs + 1 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("d", i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := glob(filepath.Join(dir, "*", "*")); !errors.Is(err, errTooMuch) {
		t.Errorf("%v", err)
	}
	if found, err := glob(filepath.Join(dir, "*")); err != nil || len(found) != mostDirs+1 {
		t.Errorf("%d, %v", len(found), err)
	}
}
