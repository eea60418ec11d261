package daemon

import (
	"os"
	"path/filepath"
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
