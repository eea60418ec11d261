package trust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
)

func claimOf(path, sum string, list ...config.Command) config.Claim {
	return config.Claim{Path: path, Sum: sum, Commands: func() []config.Command { return list }}
}

func TestAStoreRemembersAndForgets(t *testing.T) {
	dir := t.TempDir()
	s := Store{home.Home{Dir: filepath.Join(dir, "home")}}
	file := filepath.Join(dir, "velos.toml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, known, err := s.Find(file); known || err != nil {
		t.Fatal(known, err)
	}
	api := config.Command{App: "api", Run: "node a.js", Sum: "1"}
	for _, sum := range []string{"one", "two"} {
		if err := s.Remember(claimOf(file, sum, api), "asked", 7); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link.toml")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	r, known, err := s.Find(link)
	if err != nil || !known || r.Sum != "two" || len(r.Commands) != 1 || r.Time != 7 {
		t.Errorf("%+v %v %v", r, known, err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 {
		t.Errorf("%+v %v", list, err)
	}
	if st, err := os.Stat(s.Home.TrustedFile()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if err := s.Revoke(file); err != nil {
		t.Error(err)
	}
	if err := s.Revoke(file); velos.CodeOf(err) != velos.NotFound {
		t.Error(err)
	}
}

func TestADamagedStoreTrustsNothing(t *testing.T) {
	s := Store{home.Home{Dir: t.TempDir()}}
	for _, text := range []string{"{", `{"version":2}`, ""} {
		if err := os.WriteFile(s.Home.TrustedFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, known, err := s.Find("/x"); known || velos.CodeOf(err) != velos.Invalid {
			t.Errorf("%q: %v %v", text, known, err)
		}
	}
}

func TestDifferencesNameWhatIsNew(t *testing.T) {
	old := []config.Command{{App: "api", Run: "node a.js", Lines: []string{"env PORT"}, Sum: "1"}, {App: "db", Run: "db", Sum: "1"}, {App: "gone", Run: "x", Sum: "1"}}
	now := []config.Command{{App: "api", Run: "node a.js", Lines: []string{"env NODE_OPTIONS, PORT"}, Sum: "2"}, {App: "db", Run: "db", Sum: "2"}, {App: "new", Run: "curl evil", Sum: "1"}}
	var got []string
	for _, d := range Differences(old, now) {
		got = append(got, string(d.Sign)+d.Text)
	}
	want := []string{"-api   env PORT", "+api   env NODE_OPTIONS, PORT", "~db: db (values of its environment)", "+new: curl evil", "-gone: x"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if Same(old, now) || !Same(old, old) || Same(nil, nil) {
		t.Error("Same is wrong")
	}
}
