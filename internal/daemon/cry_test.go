package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// cries are the calls of a velos that stands in for the real one.
func cries(t *testing.T, d *Daemon) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.home.Dir, "cries"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func withCrier(t *testing.T) *Daemon {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "velos"), []byte("#!/bin/sh\necho \"$*\" >> \"$VELOS_HOME/cries\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := live(t)
	t.Cleanup(d.end)
	return d
}

// crashes starts an app that ends at once, and waits until it is given up.
func crashes(t *testing.T, d *Daemon, name string, notify bool) {
	t.Helper()
	sp := shell(name, "exit 3")
	sp.MaxRestarts, sp.Notify = 4, notify
	sp.MinUptime = 60_000 // however slow the machine is, it is never online
	if notify {
		sp.Source = "/etc/velos.toml"
	}
	c := dial(t, d)
	got, err := c.Start(t.Context(), wire.Start{Spec: sp, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range c.Events(t.Context(), wire.EventsQuery{ID: got.ID, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.To == velos.Errored {
			return
		}
	}
}

func awaitCries(t *testing.T, d *Daemon) []string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if list := cries(t, d); list[0] != "" {
			return list
		}
	}
	t.Fatal("nobody was called")
	return nil
}

func TestNobodyIsCalledWhereNobodyWantsNews(t *testing.T) {
	d := withCrier(t)
	if err := os.WriteFile(d.home.ConfigFile(), []byte("[agents]\nmode = \"full\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	crashes(t, d, "quiet", false)
	began := time.Now()
	crashes(t, d, "loud", true)
	list := awaitCries(t, d)
	// The quiet app came first: had it called, its number would be lower than
	// that of the other's first event.
	if n := len(list); n > 1+int(time.Since(began)/criesApart) || !strings.HasPrefix(list[0], "notify --after ") {
		t.Errorf("%d calls for a crash loop: %q", n, list)
	}
	for e, err := range dial(t, d).Events(t.Context(), wire.EventsQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.App == "loud" && e.Kind == velos.KindExit {
			if after := "notify --after " + itoa(int(e.Seq)-1); list[0] != after {
				t.Errorf("%q, want %q", list[0], after)
			}
			break
		}
	}
}

func TestTheHomesOwnNotificationsAreAboutEveryApp(t *testing.T) {
	d := withCrier(t)
	if err := os.WriteFile(d.home.ConfigFile(), []byte("[[notify]]\ntype = \"slack\"\nurl = \"https://x\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	crashes(t, d, "quiet", false)
	awaitCries(t, d)
}

func TestANewDaemonTellsWhatTheLastOneHasLeft(t *testing.T) {
	d := withCrier(t)
	d.catchUp() // nobody was ever told anything
	if list := cries(t, d); list[0] != "" {
		t.Fatal(list)
	}
	for path, text := range map[string]string{d.home.ConfigFile(): "[[notify]]\n", d.home.NoticesFile(): "{}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.catchUp()
	awaitCries(t, d)
}
