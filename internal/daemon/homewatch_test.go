package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

func TestAHomeThatWasRemovedIsMadeAnewAroundWhatRuns(t *testing.T) {
	d := live(t)
	got, err := dial(t, d).Start(t.Context(), wire.Start{Spec: shell("api", "exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	// Something may be written in the middle of it.
	await(t, func() bool { return os.RemoveAll(d.home.Dir) == nil })
	d.watchHome()
	apps := list(t, dial(t, d))
	if len(apps) != 1 || apps[0].Instances[0].PID != got.PID {
		t.Errorf("listed after the removal: %+v", apps)
	}
	if _, err := open(d.home); velos.CodeOf(err) != velos.Conflict {
		t.Errorf("a second daemon: %v; want conflict", err)
	}
	if err := d.saver.sync(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(d.home.PIDFile()); err != nil || strings.TrimSpace(string(b)) != itoa(pid()) {
		t.Errorf("the pid file holds %q, %v", b, err)
	}
	if s, _, err := home.Read(d.home.StateFile()); err != nil || s == nil || len(s.Apps) != 1 {
		t.Errorf("state: %+v, %v", s, err)
	}
}

func TestADaemonWhoseHomeAnotherHasTakenEnds(t *testing.T) {
	d := live(t)
	if err := os.Rename(d.home.Dir, d.home.Dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := d.home.Prepare(); err != nil {
		t.Fatal(err)
	}
	other, err := d.home.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	d.changed()
	if d.saver.sync() == nil {
		t.Error("it has written its state into the other one's home")
	}
	d.watchHome()
	select {
	case <-d.ending:
	default:
		t.Error("it goes on beside the other one")
	}
}

func TestLogFilesMayNotOverwriteWhatIsOurs(t *testing.T) {
	h := home.Home{Dir: "/home/ann/.velos"}
	for path, ok := range map[string]bool{
		"/var/log/api.log":                    true,
		"/home/ann/.velos/logs/mine.log":      true,
		"/home/ann/.velosity/api.log":         true,
		"/home/ann/.velos/state.json":         false,
		"/home/ann/.velos/logs/daemon.log":    false,
		"/home/ann/.velos/logs/a-out.log.1":   false,
		"/home/ann/.velos/logs/.spool/1.ckpt": false,
		"/home/ann/.velos/logs/../state.json": false,
	} {
		s := velos.NewSpec()
		s.Name, s.OutFile = "api", path
		err := reserved(h, &s)
		if (err == nil) != ok {
			t.Errorf("%s: %v", filepath.Clean(path), err)
		}
		if err != nil && !strings.Contains(err.Error(), "out_file") {
			t.Errorf("%s: the key is not named: %v", path, err)
		}
	}
}
