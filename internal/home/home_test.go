package home

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func env(kv ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == key {
				return kv[i+1]
			}
		}
		return ""
	}
}

func TestHomeIsWhereTheEnvironmentSays(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		getenv     func(string) string
	}{
		{"VELOS_HOME", "/v", env("VELOS_HOME", "/v", "HOME", "/h")},
		{"HOME", "/h/.velos", env("HOME", "/h")},
		{"cleaned", "/v", env("VELOS_HOME", "/x/../v/")},
		{"relative", filepath.Join(wd, "v"), env("VELOS_HOME", "v")},
	} {
		h, err := Find(c.getenv)
		if len(h.Socket()) > MaxSocketPath {
			continue
		}
		if err != nil || h.Dir != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, h.Dir, err, c.want)
		}
	}
}

func TestNoHomeAtAllIsAnErrorWithAHint(t *testing.T) {
	_, err := Find(env())
	if !errors.Is(err, velos.ErrInvalid) || velos.HintOf(err) == "" {
		t.Errorf("got %v (hint %q); want invalid with a hint", err, velos.HintOf(err))
	}
}

func TestSocketPathMayHave103BytesAndNoMore(t *testing.T) {
	fits := "/" + strings.Repeat("v", MaxSocketPath-len("/")-len("/velos.sock"))
	if h, err := Find(env("VELOS_HOME", fits)); err != nil || len(h.Socket()) != 103 {
		t.Errorf("a path of 103 bytes: got %d, %v; want it taken", len(h.Socket()), err)
	}
	_, err := Find(env("VELOS_HOME", fits+"v"))
	if !errors.Is(err, velos.ErrInvalid) || !strings.Contains(err.Error(), "104 bytes") || !strings.Contains(velos.HintOf(err), "shorter") {
		t.Errorf("a path of 104 bytes: got %v (hint %q); want its length and a hint", err, velos.HintOf(err))
	}
}
