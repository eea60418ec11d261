//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// TestTheFirstWordsOfARunOutliveTheDaemon: the daemon is killed with the fork,
// before it has told anybody of the run, which speaks at once.
func TestTheFirstWordsOfARunOutliveTheDaemon(t *testing.T) {
	h, err := built(t).raise("VELOS_FAULT=start.forked:1")
	if err != nil {
		t.Fatal(err)
	}
	defer h.end()
	said := filepath.Join(t.TempDir(), "said")
	s := h.spec("first", "")
	s.Script, s.Args = "/bin/sh", []string{"-c", "echo first word && echo it was written >> " + said + "; exec sleep 600"}
	var id uint32
	err = h.ask(func(ctx context.Context, c *client.Client) error {
		r, err := c.Start(ctx, wire.Start{Spec: s, Inst: -1, Hold: true})
		id = r.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = h.ask(func(ctx context.Context, c *client.Client) error { // it dies with the daemon
		_, err := c.Start(ctx, wire.Start{ID: id, Inst: -1, Wait: true})
		return err
	})
	_ = h.ask(func(ctx context.Context, c *client.Client) error {
		_, err := c.Start(ctx, wire.Start{ID: id, Inst: -1, Wait: true})
		return err
	})
	if _, err := os.Stat(filepath.Join(h.home.Dir, "fault-reached")); err != nil {
		t.Fatal("the daemon was not killed")
	}
	words := func(path, word string) int {
		b, _ := os.ReadFile(path)
		return strings.Count(string(b), word)
	}
	log := filepath.Join(h.home.LogDir(), "first-out.log")
	if err := await("both runs have spoken", func() bool { return words(said, "written") == 2 }); err != nil {
		t.Fatal(err)
	}
	if err := await("all is in the log", func() bool { return words(log, "first word") == 2 }); err != nil {
		t.Errorf("of 2 first words %d are in the log", words(log, "first word"))
	}
}
