package project

import (
	"os"
	"path/filepath"
	"testing"
)

func TestARepositoryIsTheRootAndElseTheNearestManifest(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"repo/.git/HEAD", "repo/packages/web/package.json", "repo/packages/web/src/x", "tree/.git", "tree/cmd/x", "plain/go.mod", "plain/cmd/package.json", "bare/x/y"} {
		path := filepath.Join(top, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]string{
		"repo/packages/web/src": "repo", "repo": "repo", "tree/cmd": "tree", "plain": "plain", "plain/cmd": "plain/cmd", "bare/x": "bare/x", "gone/x": "gone/x",
	} {
		if got := Root(filepath.Join(top, dir)); got != filepath.Join(top, want) {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
}
