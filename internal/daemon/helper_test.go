package daemon

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAnExpansionThatFailsSaysSo(t *testing.T) {
	dir := t.TempDir()
	velos := "#!/bin/sh\necho \"$1 $2\"\ncase $2 in *damaged*) exit 1;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "velos"), []byte(velos), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := live(t)
	for path, fails := range map[string]bool{"/logs/whole.zst": false, "/logs/damaged.zst": true} {
		f, err := d.helper.expand(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if string(b) != "expand "+path+"\n" || (err != nil) != fails {
			t.Errorf("%s: %q, %v", path, b, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
