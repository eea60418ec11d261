//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// TestTheFirstWordsOfARunOutliveTheDaemon: the daemon is killed with the fork,
// before it has told anybody of the run, which speaks at once. The next daemon
// ends such a run, sometimes before it has spoken: then it is tried again.
func TestTheFirstWordsOfARunOutliveTheDaemon(t *testing.T) {
	p := built(t)
	for range 8 {
		if spoken := firstWords(t, p); spoken == 2 || t.Failed() {
			return
		}
	}
	t.Skip("the run was ended before its first word each time")
}

// firstWords is how many runs, of two, have spoken. All that they said must be
// in the log.
func firstWords(t *testing.T, p programs) (spoken int) {
	h, err := p.raise("VELOS_FAULT=start.forked:1")
	if err != nil {
		t.Fatal(err)
	}
	defer h.end()
	said := filepath.Join(t.TempDir(), "said")
	s := h.spec("first", "")
	s.Script, s.Args = "/bin/sh", []string{"-c", "echo first word && echo written by $$, >> " + said + "; exec sleep 600"}
	var id uint32
	err = h.ask(func(ctx context.Context, c *client.Client) error {
		r, err := c.Start(ctx, wire.Start{Spec: s, Inst: -1, Hold: true})
		id = r.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = await("a daemon starts it", func() bool { // the first order dies with the first daemon
		return h.ask(func(ctx context.Context, c *client.Client) error {
			_, err := c.Start(ctx, wire.Start{ID: id, Inst: -1, Wait: true})
			return err
		}) == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.home.Dir, "fault-reached")); err != nil {
		t.Fatal("the daemon was not killed")
	}
	apps, err := h.list()
	if err != nil || len(apps["first"].Instances) != 1 {
		t.Fatalf("%v, %v", apps, err)
	}
	read := func(path string) string {
		b, _ := os.ReadFile(path)
		return string(b)
	}
	now := "written by " + strconv.Itoa(apps["first"].Instances[0].PID) + ","
	if err := await("the run of now has spoken", func() bool { return strings.Contains(read(said), now) }); err != nil {
		t.Fatal(err)
	}
	spoken = strings.Count(read(said), "written")
	log := filepath.Join(h.home.LogDir(), "first-out.log")
	words := func() int { return strings.Count(read(log), "first word") }
	if err := await("all is in the log", func() bool { return words() >= spoken }); err != nil {
		t.Errorf("of %d first words %d are in the log", spoken, words())
	}
	return spoken
}
