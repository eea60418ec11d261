package home

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/velospm/velos"
)

func saved(id uint32, name string) Saved {
	spec := velos.NewSpec()
	spec.Name, spec.Script, spec.Cwd = name, "/srv/"+name+".js", "/srv"
	spec.Env = map[string]string{"PORT": "3000", "ODD": "\"\\\n\xff"}
	spec.EnvFiles = []string{"/srv/.env"}
	spec.MinUptime = 0
	return Saved{ID: id, Spec: spec, Status: velos.Online, Generation: 2, Created: 1_700_000_000_000, RestartCount: 3,
		Runs: []Run{
			{Inst: 0, Wanted: true, PID: 4711, Start: 1 << 40, Restarts: 3, Strikes: 1, Status: velos.Online},
			{Inst: 1, Status: velos.Stopped, LastExit: &velos.Exit{Signal: "SIGKILL", Asked: true, Killed: true}},
		}}
}

func state(n int) *State {
	s := &State{Version: StateVersion, SavedAt: velos.Time(1_700_000_000_000 + int64(n)), DaemonVersion: "0.1.0", BootID: "b-o-o-t", NextID: 400}
	for i := range n {
		s.Apps = append(s.Apps, saved(uint32(i+1), fmt.Sprint("app", i)))
	}
	return s
}

func write(t *testing.T, path string, s *State) {
	t.Helper()
	if err := Write(path, s); err != nil {
		t.Fatal(err)
	}
}

func text(s *State) string {
	var b strings.Builder
	encode(s, func(p []byte) error { b.Write(p); return nil })
	return b.String()
}

func read(t *testing.T, path string) (*State, []string) {
	t.Helper()
	s, notes, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, notes
}

func TestStateComesBackAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if s, notes, err := Read(path); s != nil || notes != nil || err != nil {
		t.Fatalf("no file: got %v, %v, %v; want nothing at all", s, notes, err)
	}
	for _, n := range []int{300, 3, 1, 0} {
		want := state(n)
		write(t, path, want)
		got, notes := read(t, path)
		if d := cmp.Diff(want, got); d != "" || notes != nil {
			t.Errorf("%d apps, notes %v, -want +got:\n%s", n, notes, d)
		}
	}
	if b, err := Load(Backup(path)); err != nil || len(b.Apps) != 1 {
		t.Errorf("backup: got %v, %v; want the state before", b, err)
	}
	names, _ := filepath.Glob(path + "*")
	if len(names) != 2 {
		t.Errorf("left behind: %v; want the file and its backup", names)
	}
}

func TestStateIsForPeopleAndOtherTools(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	write(t, path, state(3))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[2], `{"id":2,"config":{"name":"app1",`) {
		t.Errorf("got %d lines; want a head, a line for each of three apps, and an end:\n%s", len(lines), b)
	}
	var doc struct {
		Version       int    `json:"version"`
		SavedAt       int64  `json:"saved_at"`
		DaemonVersion string `json:"daemon_version"`
		Processes     []struct {
			ID     int `json:"id"`
			Config struct {
				Name string `json:"name"`
			} `json:"config"`
			Status       string `json:"status"`
			RestartCount int    `json:"restart_count"`
			CreatedAt    int64  `json:"created_at"`
		} `json:"processes"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if p := doc.Processes; doc.Version != 1 || doc.SavedAt == 0 || doc.DaemonVersion != "0.1.0" || len(p) != 3 ||
		p[2].ID != 3 || p[2].Config.Name != "app2" || p[2].Status != "online" || p[2].RestartCount != 3 || p[2].CreatedAt == 0 {
		t.Errorf("got %+v", doc)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v; want 0600", info.Mode())
	}
}

func TestValuesOfEnvFilesNeverReachTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	s := state(1)
	s.Apps[0].Spec.FileEnv = map[string]string{"KEY": "sk-live-hunter2"}
	write(t, path, s)
	write(t, path, s)
	names, _ := filepath.Glob(path + "*")
	for _, p := range names {
		if b, _ := os.ReadFile(p); bytes.Contains(b, []byte("hunter2")) || bytes.Contains(b, []byte("file_env")) {
			t.Errorf("%s holds it", p)
		}
	}
	if s.Apps[0].Spec.FileEnv["KEY"] == "" {
		t.Error("the caller's Spec has lost its values")
	}
	planted := `{"version":1,"processes":[{"id":1,"config":{"name":"a","script":"/a","file_env":{"A":"b"}}}]}`
	if err := os.WriteFile(path, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, _ := read(t, path); s.Apps[0].Spec.FileEnv != nil {
		t.Errorf("got %v from the file; want none", s.Apps[0].Spec.FileEnv)
	}
}

func TestWriterStoppedAnywhereLeavesAWholeState(t *testing.T) {
	defer func() { reached = func(string) {} }()
	dir := t.TempDir()
	for _, before := range []int{-1, 2} { // the first write, and a later one
		for stop := 0; ; stop++ {
			path := filepath.Join(dir, fmt.Sprint(before, "-", stop))
			reached = func(string) {}
			if before >= 0 {
				write(t, path, state(before-1))
				write(t, path, state(before))
			}
			at := stopAt(stop, path, state(5))
			reached = func(string) {}
			s, notes := read(t, path)
			switch {
			case len(notes) > 0:
				t.Errorf("stopped after %q: notes %v; want none", at, notes)
			case s == nil && before >= 0, s != nil && len(s.Apps) != before && len(s.Apps) != 5:
				t.Errorf("stopped after %q: got %v; want the old state or the new one", at, s)
			}
			write(t, path, state(6))
			if s, notes := read(t, path); len(s.Apps) != 6 || len(notes) > 0 {
				t.Errorf("after %q the next write does not hold: %v", at, notes)
			}
			if left, _ := filepath.Glob(path + "*.tmp"); len(left) > 0 {
				t.Errorf("after %q the next write leaves %v", at, left)
			}
			if at == "" {
				break
			}
		}
	}
}

// stopAt writes and stops after so many steps, as a kill would: nothing is
// cleaned up. It names the step, "" when there are not so many.
func stopAt(n int, path string, s *State) (at string) {
	defer func() { recover() }()
	reached = func(step string) {
		if n == 0 {
			at = step
			panic(step)
		}
		n--
	}
	Write(path, s)
	return ""
}

func TestDamagedStateIsSetAsideAndTheBackupUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	write(t, path, state(2))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := len(bytes.TrimSpace(whole))
	for n := 0; n < good; n += max(1, good/150) {
		dir := t.TempDir()
		path := filepath.Join(dir, "state.json")
		write(t, path, state(1))
		write(t, path, state(2))
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, notes, err := Read(path)
		if err != nil || len(s.Apps) != 1 || len(notes) != 2 || !strings.Contains(notes[0], "damaged") || !strings.Contains(notes[1], "backup") {
			t.Fatalf("cut at %d: got %v, %q, %v; want the backup and two notes", n, s, notes, err)
		}
		kept, _ := filepath.Glob(path + ".damaged-*")
		if len(kept) != 1 {
			t.Fatalf("cut at %d: %v; want the damaged file kept", n, kept)
		}
		if b, _ := os.ReadFile(kept[0]); len(b) != n {
			t.Fatalf("cut at %d: the kept file has %d bytes", n, len(b))
		}
		if s, notes = read(t, path); len(s.Apps) != 1 || len(notes) == 0 {
			t.Fatalf("a second reading: got %v, %q; want the backup again", s, notes)
		}
	}
}

func TestStateWithoutSenseIsDamaged(t *testing.T) {
	for _, text := range []string{
		"", "x", "[]", "null", "{}", `{"version":0}`, `{"version":"1"}`, `{"version":1,"processes":{}}`,
		`{"version":1,"processes":[{"config":{"name":"a","script":"/a"}}]}`,
		`{"version":1,"processes":[{"id":1,"config":{"script":"/a"}}]}`,
		`{"version":1,"processes":[{"id":1,"config":{"name":"a"}}]}`,
		`{"version":1,"processes":[{"id":1,"config":{"name":"a","script":"/a"}},{"id":1,"config":{"name":"b","script":"/b"}}]}`,
		`{"version":1} {"version":1}`, strings.Repeat("[", 100_000), strings.Repeat("\x00", 4096),
	} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Load(path); s != nil || !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%.60q: got %v, %v; want code invalid", text, s, err)
		}
		if b, _ := os.ReadFile(path); string(b) != text {
			t.Errorf("%.60q: Load has touched the file", text)
		}
		if err := os.WriteFile(Backup(path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, notes := read(t, path)
		if s == nil || len(s.Apps) != 0 || s.NextID != 1 || len(notes) != 3 {
			t.Errorf("%.60q twice: got %v, %q; want an empty state and three notes", text, s, notes)
		}
		if left, _ := filepath.Glob(path + "*"); len(left) != 2 || !strings.Contains(left[0], "damaged") {
			t.Errorf("%.60q: got %v; want both kept aside", text, left)
		}
	}
}

func TestIdsAreNotUsedTwiceEvenIfTheFileSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	s := state(3)
	s.NextID = 2
	write(t, path, s)
	if got, _ := read(t, path); got.NextID != 4 {
		t.Errorf("next id %d; want 4", got.NextID)
	}
}

func TestNewerStateIsNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	text := `{"version":2,"processes":"something else","new":[1,{"a":null}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, notes, err := Read(path)
	if s != nil || notes != nil || !errors.Is(err, velos.ErrUnsupported) || !strings.Contains(err.Error(), "version 2") || velos.HintOf(err) == "" {
		t.Errorf("got %v, %v, %v; want a clear error", s, notes, err)
	}
	if b, _ := os.ReadFile(path); string(b) != text {
		t.Errorf("the file is now %q", b)
	}
}

func TestStateThatIsTooLargeIsNeitherWrittenNorInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	write(t, path, state(1))
	write(t, path, state(2))
	defer func(n int64) { largest = n }(largest)
	largest = int64(len(text(state(3)))) - 1
	if err := Write(path, state(3)); err == nil || strings.Count(err.Error(), path) != 1 {
		t.Errorf("got %v; want an error that names the file once", err)
	}
	if s, notes := read(t, path); len(s.Apps) != 2 || notes != nil {
		t.Errorf("got %v, %v; want the state before", s, notes)
	}
	if err := os.Truncate(path, largest+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); velos.CodeOf(err) != velos.TooLarge {
		t.Errorf("got %v; want too large", err)
	}
	if s, notes := read(t, path); len(s.Apps) != 1 || len(notes) != 2 {
		t.Errorf("got %v, %v; want the backup", s, notes)
	}
}

func TestStateThatIsNoFileIsAnErrorAndStays(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	target := filepath.Join(dir, "target")
	write(t, target, state(1))
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	for _, p := range []string{dir, link} {
		if s, _, err := Read(p); s != nil || err == nil {
			t.Errorf("%s: got %v, %v; want an error", p, s, err)
		}
	}
	if err := os.Symlink(target, link+".tmp"); err != nil {
		t.Fatal(err)
	}
	write(t, link, state(3))
	if s, err := Load(target); err != nil || len(s.Apps) != 1 {
		t.Errorf("the link's target was written to: %v, %v", s, err)
	}
}

func TestStateThatCannotBeWrittenStaysAsItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	write(t, path, state(1))
	if err := os.MkdirAll(filepath.Join(path+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := Write(path, state(2))
	if err == nil || strings.Count(err.Error(), path) != 1 {
		t.Errorf("got %v; want an error that names the file once", err)
	}
	if s, notes := read(t, path); len(s.Apps) != 1 || notes != nil {
		t.Errorf("got %v, %v; want the state before", s, notes)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(text(state(2))))
	f.Add([]byte(`{"version":1,"processes":[]}`))
	path := filepath.Join(f.TempDir(), "state.json")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(path)
		if err != nil {
			return
		}
		write(t, path, s)
		again, err := Load(path)
		if err != nil {
			t.Fatalf("what was read and written again is %v", err)
		}
		if text(s) != text(again) {
			t.Fatalf("not the same again:\n%s\n%s", text(s), text(again))
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.json")
	s := state(1000)
	for b.Loop() {
		if err := Write(path, s); err != nil {
			b.Fatal(err)
		}
	}
}
