package record

import (
	"slices"
	"testing"

	"github.com/velospm/velos"
)

func TestKeysThatDifferAreNamed(t *testing.T) {
	a, b := velos.NewSpec(), velos.NewSpec()
	a.Name, b.Name = `a"},{:`, `a"},{:`
	a.Args, b.Args = []string{"x", "}"}, []string{"x", "]"}
	a.Env = map[string]string{"A": "1"}
	b.Instances = a.Instances + 1
	if got, want := Differences(&a, &b), []string{"args", "env", "instances"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Differences(&a, &a); len(got) > 0 {
		t.Errorf("of the same one: %q", got)
	}
}
