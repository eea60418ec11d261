//go:build linux

package daemon

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

func TestADaemonThatCannotWriteItsStateCanBeKilled(t *testing.T) {
	d := live(t)
	c := dial(t, d)
	if _, err := c.Start(t.Context(), wire.Start{Spec: shell("api", "exec sleep 600"), Wait: true, Inst: -1}); err != nil {
		t.Fatal(err)
	}
	// A directory that is not empty is in the way of the temporary file.
	if err := os.MkdirAll(d.home.StateFile()+".tmp/x", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Shutdown(t.Context(), wire.Shutdown{}); err == nil {
		t.Error("nobody was told that the state is not written")
	}
	select {
	case <-d.ending:
	case <-time.After(time.Minute):
		t.Error("the daemon does not end")
	}
}

func TestADamagedSnapshotIsNoEmptyOne(t *testing.T) {
	d := live(t)
	if err := os.WriteFile(d.home.SavedFile(), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, d).Load(t.Context(), wire.StatePath{}); !errors.Is(err, velos.ErrInvalid) {
		t.Errorf("got %v; want that it is damaged", err)
	}
}
