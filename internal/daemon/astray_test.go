package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

func TestAnAppWhoseLogDiskIsMissingIsNotForgotten(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	disk := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go first.accept(first.listener.Load())
	spec := shell("api", "exec sleep 600")
	spec.LogFile = filepath.Join(disk, "api.log")
	if _, err := dial(t, first).Start(t.Context(), wire.Start{Spec: spec, Wait: true, Inst: -1}); err != nil {
		t.Fatal(err)
	}
	first.lower()
	if err := os.RemoveAll(disk); err != nil {
		t.Fatal(err)
	}

	second, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go second.accept(second.listener.Load())
	c := dial(t, second)
	if n := len(list(t, c)); n != 0 {
		t.Fatalf("%d apps; the test needs one that cannot be restored", n)
	}
	if _, err := c.Start(t.Context(), wire.Start{Spec: shell("other", "exec sleep 600"), Wait: true, Inst: -1}); err != nil {
		t.Fatal(err)
	}
	second.lower()

	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	c = dial(t, liveIn(t, h))
	await(t, func() bool { return status(t, c, "api") == velos.Online })
}

func TestResurrectMakesNoDirectoryWhereADiskIsMissing(t *testing.T) {
	d := live(t)
	c := dial(t, d)
	disk := filepath.Join(t.TempDir(), "mnt")
	away := shell("away", "exec sleep 600")
	away.LogFile = filepath.Join(disk, "logs", "away.log")
	for _, spec := range []*velos.Spec{away, shell("here", "exec sleep 600")} {
		if _, err := c.Start(t.Context(), wire.Start{Spec: spec, Wait: true, Inst: -1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range list(t, c) {
		if _, err := c.Delete(t.Context(), wire.All(a.ID)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(disk); err != nil {
		t.Fatal(err)
	}
	_, err := c.Load(t.Context(), wire.StatePath{})
	if err == nil || !strings.Contains(err.Error(), filepath.Dir(away.LogFile)) {
		t.Errorf("%v; want an error that names the directory", err)
	}
	if _, err := os.Lstat(disk); !os.IsNotExist(err) {
		t.Errorf("a directory was made in the place of the disk: %v", err)
	}
	await(t, func() bool { return status(t, c, "here") == velos.Online })
	if apps := list(t, c); len(apps) != 1 {
		t.Errorf("%d apps; want the one whose logs can be written", len(apps))
	}
	if err := os.MkdirAll(filepath.Dir(away.LogFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(t.Context(), wire.StatePath{}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return status(t, c, "away") == velos.Online })
}

func TestNothingIsWrittenWhileTheFileIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := p.saver()
		release := s.hold()
		s.touch()
		time.Sleep(time.Minute)
		if p.writes != 0 {
			t.Errorf("%d writes", p.writes)
		}
		release()
		time.Sleep(time.Second)
		s.freeze()
		if p.writes != 1 {
			t.Errorf("%d writes after the release; want 1", p.writes)
		}
	})
}
