//go:build unix

package child

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a program is started with may come from a file that belongs to the user
// it runs as: it must not decide who that is.
func TestVariablesOfTheProgramDoNotDecideItsRights(t *testing.T) {
	h := open(t, Options{})
	for _, own := range []string{"VELOS_RIGHTS=umask:18", "VELOS_RIGHTS=", "VELOS_ROLE=daemon", "VELOS_ROLE="} {
		got := output(t, h, Command{Path: "/bin/sh", Args: []string{"sh", "-c", "umask; env"}, Env: []string{own, "PATH=/usr/bin:/bin", own}, Rights: &Rights{Umask: 0o077}})
		if mask, env, _ := strings.Cut(got, "\n"); mask != "0077" || strings.Contains(env, "VELOS_") {
			t.Errorf("with %s: %s", own, got)
		}
	}
}

func TestVariablesOfTheProgramGiveNoRightsToWhatOnlyListens(t *testing.T) {
	h := open(t, Options{})
	c := Command{Path: "/bin/sh", Args: []string{"sh", "-c", "umask; echo $$ $LISTEN_PID"}, Env: []string{"PATH=/usr/bin:/bin"}, Passed: true}
	want, _, _ := strings.Cut(output(t, h, c), "\n")
	c.Env = []string{"VELOS_RIGHTS=umask:63 nice:1", "PATH=/usr/bin:/bin", "LISTEN_FDS=1", "LISTEN_PID=1"}
	mask, pids, _ := strings.Cut(output(t, h, c), "\n")
	if mask != want {
		t.Errorf("umask %s, not %s", mask, want)
	}
	if f := strings.Fields(pids); len(f) != 2 || f[0] != f[1] {
		t.Errorf("LISTEN_PID is not its own: %s", pids)
	}
}

func TestWhatCannotBeExecutedIsToldAlikeOnBothWays(t *testing.T) {
	h := open(t, Options{})
	dir := t.TempDir()
	for name, content := range map[string]string{"interpreter": "#!/no/such/program\n", "text": "no program\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mode"), []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, dir + "/none", dir + "/mode", dir + "/interpreter"} {
		c := Command{Path: path, Args: []string{path}, Stdout: -1, Stderr: -1}
		_, want := h.Start(c)
		c.Passed = true
		if _, got := h.Start(c); got == nil || got.Error() != want.Error() {
			t.Errorf("%s: %v, not %v", path, got, want)
		}
	}
	p, err := h.Start(Command{Path: dir + "/text", Args: []string{"text"}, Stdout: -1, Stderr: -1, Passed: true})
	if err != nil {
		t.Fatal(err)
	}
	if x := exit(t, p); x.Code != 126 {
		t.Errorf("code %d", x.Code)
	}
}
