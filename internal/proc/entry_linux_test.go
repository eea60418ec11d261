package proc

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestEveryEntryOfADirectoryIsTakenOffOnce(t *testing.T) {
	dir := t.TempDir()
	want := []string{"a", "a file with a long name, which is padded", "sub"}
	for _, name := range want[:2] {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	var space [4 << 10]byte
	n, err := syscall.ReadDirent(fd, space[:])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, kind, rest := Entry(space[:n]); name != nil; name, kind, rest = Entry(rest) {
		if string(name) == "." || string(name) == ".." {
			continue
		}
		got = append(got, string(name))
		if is := kind == syscall.DT_DIR; is != (string(name) == "sub") && kind != syscall.DT_UNKNOWN {
			t.Errorf("%s has kind %d", name, kind)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for cut := range n { // what is cut short is not read beyond its end
		for name, _, rest := Entry(space[:cut]); name != nil; name, _, rest = Entry(rest) {
			if len(rest) > cut {
				t.Fatal(cut)
			}
		}
	}
}
