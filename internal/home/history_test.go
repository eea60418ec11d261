package home

import (
	"os"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func former(gen int, pad string) *velos.Former {
	s := velos.NewSpec()
	s.Name, s.Env, s.FileEnv = "api", map[string]string{"A": pad}, map[string]string{"SECRET": "hidden"}
	return &velos.Former{ID: 3, Generation: gen, Cause: "changed", Spec: s}
}

func TestFormerSpecsAreKeptAndBounded(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	for gen := 1; gen <= 40; gen++ {
		if err := h.Keep(former(gen, strings.Repeat("x", 5000))); err != nil {
			t.Fatal(err)
		}
	}
	list := h.Formers(3, 0)
	if len(list) != velos.MaxFormer || list[9].Generation != 40 || list[0].Generation != 31 {
		t.Errorf("%d, %+v", len(list), list)
	}
	if st, err := os.Stat(h.history(3)); err != nil || st.Size() > largestHistory+6000 || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if b, _ := os.ReadFile(h.history(3)); strings.Contains(string(b), "hidden") {
		t.Error("a value of an env file was written down")
	}
	if list := h.Formers(3, 2); len(list) != 2 || list[1].Generation != 40 {
		t.Errorf("%+v", list)
	}
	h.ForgetFormers(3)
	if list := h.Formers(3, 0); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestADamagedLineOfHistoryCostsThatLineOnly(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	h.Keep(former(1, "x"))
	f, _ := os.OpenFile(h.history(3), os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString(`{"id":3,"generation":2,"conf`)
	f.Close()
	h.Keep(former(3, "x"))
	if list := h.Formers(3, 0); len(list) != 2 || list[1].Generation != 3 {
		t.Errorf("%+v", list)
	}
}
