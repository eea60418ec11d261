package supervise

import (
	"slices"
	"testing"
)

func TestAnIncrementVarCountsFromWhereverItIsSet(t *testing.T) {
	for _, c := range []struct {
		name       string
		env, files map[string]string
		want       string // empty: an error
	}{
		{"nowhere", nil, nil, "PORT=2"},
		{"in env", map[string]string{"PORT": "3000"}, map[string]string{"PORT": "80"}, "PORT=3002"},
		{"in a file", nil, map[string]string{"PORT": "80"}, "PORT=82"},
		{"not a number in a file", nil, map[string]string{"PORT": "http"}, ""},
		{"empty in a file", nil, map[string]string{"PORT": ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testSpec()
			s.IncrementVar, s.Env = "PORT", c.env
			list, err := environ(&s, c.files, 2, "mark", "")
			if (err != nil) != (c.want == "") || c.want != "" && !slices.Contains(list, c.want) {
				t.Errorf("%v, %v; want %q", list, err, c.want)
			}
		})
	}
}
