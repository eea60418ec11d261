package daemon

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// live opens a daemon in a home of its own and ends it with the test.
func live(t *testing.T) *Daemon {
	t.Helper()
	return liveIn(t, home.Home{Dir: filepath.Join(t.TempDir(), "h")})
}

func liveIn(t *testing.T, h home.Home) *Daemon {
	t.Helper()
	d, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go d.accept(d.listener.Load())
	t.Cleanup(func() {
		if d != nil {
			d.lower()
		}
	})
	return d
}

func dial(t *testing.T, d *Daemon) *client.Client {
	t.Helper()
	c, err := client.Dial(d.home.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// shell is an app that runs a line of shell.
func shell(name, line string) *velos.Spec {
	s := velos.NewSpec()
	s.Name, s.Script, s.Command, s.Shell, s.Cwd = name, "/bin/sh", line, true, "/"
	s.MinUptime, s.KillTimeout = 50, 2000
	s.Env = map[string]string{"PATH": "/usr/bin:/bin"}
	return &s
}

func TestAnAppIsStartedListedStoppedAndDeleted(t *testing.T) {
	d := live(t)
	c, ctx := dial(t, d), t.Context()
	got, err := c.Start(ctx, wire.Start{Spec: shell("api", "echo hello; exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got.PID == 0 || got.App.Status != velos.Online {
		t.Errorf("started: %+v", got)
	}
	if apps := list(t, c); len(apps) != 1 || apps[0].Spec.Name != "api" {
		t.Errorf("list: %v", apps)
	}
	await(t, func() bool { return said(t, c, got.ID) == "hello" })
	if _, err := c.Stop(ctx, wire.Stop{Target: wire.All(got.ID), Wait: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(ctx, wire.All(got.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(ctx, wire.All(got.ID)); !errors.Is(err, velos.ErrNotFound) {
		t.Errorf("info of a deleted app: %v", err)
	}
}

func TestWhatWasToldIsOnDiskBeforeItIsAnswered(t *testing.T) {
	d := live(t)
	c := dial(t, d)
	if _, err := c.Start(t.Context(), wire.Start{Spec: shell("api", "exec sleep 600"), Inst: -1}); err != nil {
		t.Fatal(err)
	}
	s, notes, err := home.Read(d.home.StateFile())
	if err != nil || len(notes) > 0 || s == nil {
		t.Fatalf("state: %v, %v, %v", s, notes, err)
	}
	if len(s.Apps) != 1 || s.Apps[0].Spec.Name != "api" || s.Apps[0].Status != velos.Online {
		t.Errorf("saved: %+v", s.Apps)
	}
}

func TestASecondDaemonRefusesAndLeavesTheFirstUnharmed(t *testing.T) {
	d := live(t)
	if _, err := open(d.home); !errors.Is(err, velos.ErrConflict) {
		t.Fatalf("second daemon: %v; want conflict", err)
	}
	if _, err := dial(t, d).Ping(t.Context()); err != nil {
		t.Errorf("the first no longer answers: %v", err)
	}
}

func TestASystemStopBringsAppsBackAndAKillDoesNot(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	first, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go first.accept(first.listener.Load())
	c, err := client.Dial(h.Socket())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"up", "down"} {
		if _, err := c.Start(t.Context(), wire.Start{Spec: shell(n, "exec sleep 600"), Wait: true, Inst: -1}); err != nil {
			t.Fatal(err)
		}
	}
	apps := list(t, c)
	if _, err := c.Stop(t.Context(), wire.Stop{Target: wire.All(apps[1].ID), Wait: true}); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	first.lower() // as after SIGTERM

	second, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go second.accept(second.listener.Load())
	if c, err = client.Dial(h.Socket()); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return status(t, c, "up") == velos.Online })
	if s := status(t, c, "down"); s != velos.Stopped {
		t.Errorf("what was stopped is %s", s)
	}
	if _, err := c.Shutdown(t.Context(), wire.Shutdown{}); err != nil {
		t.Fatal(err)
	}
	<-second.ending
	_ = c.Close()
	second.lower()

	third := liveIn(t, h)
	if s := status(t, dial(t, third), "up"); s != velos.Stopped {
		t.Errorf("after a kill the app is %s; want stopped", s)
	}
}

func list(t *testing.T, c *client.Client) []velos.App {
	t.Helper()
	apps, err := c.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return apps.Apps
}

func status(t *testing.T, c *client.Client, name string) velos.Status {
	t.Helper()
	for _, a := range list(t, c) {
		if a.Spec.Name == name {
			return a.Status
		}
	}
	t.Fatalf("no app %s", name)
	return ""
}

// said is what an app has said so far. An app can be online before its program
// has come to say anything.
func said(t *testing.T, c *client.Client, id uint32) string {
	t.Helper()
	var lines []string
	for e, err := range c.Logs(context.Background(), id, velos.Query{Inst: -1}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(e.Msg))
	}
	return strings.Join(lines, "|")
}

// await polls with a deadline: what it waits for happens in other processes.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("it did not happen within a minute")
}

func TestResurrectTwiceChangesNothing(t *testing.T) {
	d := live(t)
	c, ctx := dial(t, d), t.Context()
	started, err := c.Start(ctx, wire.Start{Spec: shell("api", "exec sleep 600"), Wait: true, Inst: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(ctx, wire.All(started.ID)); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Load(ctx, wire.StatePath{}); err != nil || r.Count != 1 {
		t.Fatalf("first resurrect: %+v, %v", r, err)
	}
	await(t, func() bool { return status(t, c, "api") == velos.Online })
	before := list(t, c)
	if r, err := c.Load(ctx, wire.StatePath{}); err != nil || r.Count != 0 {
		t.Errorf("second resurrect: %+v, %v; want nothing changed", r, err)
	}
	after := list(t, c)
	if before[0].Instances[0].PID != after[0].Instances[0].PID {
		t.Error("the second resurrect restarted the app")
	}
}

func TestSecretsOfEnvFilesAreReadAgainAndNotStored(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("API_TOKEN=sk-live-first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := open(h)
	if err != nil {
		t.Fatal(err)
	}
	go first.accept(first.listener.Load())
	c, err := client.Dial(h.Socket())
	if err != nil {
		t.Fatal(err)
	}
	spec := shell("api", "echo token=$API_TOKEN; exec sleep 600")
	spec.EnvFiles, spec.FileEnv = []string{file}, map[string]string{"API_TOKEN": "sk-live-first"}
	if _, err := c.Start(t.Context(), wire.Start{Spec: spec, Wait: true, Inst: -1}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return said(t, c, list(t, c)[0].ID) != "" })
	if _, err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	first.lower()
	for _, path := range []string{h.StateFile(), h.StateFile() + ".bak", h.SavedFile(), h.EventsFile()} {
		if b, _ := os.ReadFile(path); strings.Contains(string(b), "sk-live") {
			t.Errorf("%s holds the secret", path)
		}
	}
	if err := os.WriteFile(file, []byte("API_TOKEN=sk-live-second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := liveIn(t, h)
	c = dial(t, second)
	await(t, func() bool { return status(t, c, "api") == velos.Online })
	id := list(t, c)[0].ID
	await(t, func() bool { return strings.Count(said(t, c, id), "token=") == 2 })
	if text := said(t, c, id); text != "token=sk-live-first|token=sk-live-second" {
		t.Errorf("the app says %q; want the file's new value last", text)
	}
}

// raw is a connection without the client's manners.
func raw(t *testing.T, d *Daemon) *wire.Conn {
	t.Helper()
	c, err := wire.Dial(d.home.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	return c
}

// lastWord is the failure that a bad client is sent before the daemon hangs up.
func lastWord(t *testing.T, c *wire.Conn) *velos.Error {
	t.Helper()
	p, err := wire.NewReader(c).Next()
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	r, err := wire.ParseResponse(p)
	if err != nil {
		t.Fatal(err)
	}
	var e velos.Error
	if err := wire.Decode(r.Payload, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestBadClientsAreToldAndTheDaemonGoesOn(t *testing.T) {
	d := live(t)
	huge := append([]byte{0x56, 0x10, 1}, binary.LittleEndian.AppendUint32(nil, 0xffffffff)...)
	over := append([]byte{0x56, 0x10, 1}, binary.LittleEndian.AppendUint32(nil, wire.MaxFrame+1)...)
	for _, c := range []struct {
		name  string
		bytes []byte
		code  velos.Code
	}{
		{"garbage", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), velos.BadFrame},
		{"a frame of 4 GiB", huge, velos.TooLarge},
		{"a frame of 16 MiB and one byte", over, velos.TooLarge},
		{"another version", []byte{0x56, 0x10, 9, 0, 0, 0, 0}, velos.BadFrame},
		{"a frame that is no request", []byte{0x56, 0x10, 1, 1, 0, 0, 0, 0xc0}, velos.BadFrame},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := raw(t, d)
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			if e := lastWord(t, conn); e.Code != c.code {
				t.Errorf("got %s (%s); want %s", e.Code, e.Message, c.code)
			}
			if _, err := dial(t, d).Ping(t.Context()); err != nil {
				t.Errorf("the daemon no longer answers others: %v", err)
			}
		})
	}
}

func TestUnknownCommandsAndFieldsAreAnswered(t *testing.T) {
	d := live(t)
	conn := raw(t, d)
	if _, err := conn.Write(wire.AppendRequest(nil, 7, wire.Command(0x7e), nil)); err != nil {
		t.Fatal(err)
	}
	if e := lastWord(t, conn); e.Code != velos.Unsupported {
		t.Errorf("got %s; want unsupported", e.Code)
	}
}

func TestAClientThatNeverReadsHoldsUpNobodyElse(t *testing.T) {
	d := live(t)
	c := dial(t, d)
	got, err := c.Start(t.Context(), wire.Start{Wait: true, Inst: -1,
		Spec: shell("noisy", "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; i=$((i+1)); done; exec sleep 600")})
	if err != nil {
		t.Fatal(err)
	}
	deaf := raw(t, d)
	for id := uint32(1); id < 20; id++ {
		if _, err := deaf.Write(wire.AppendRequest(nil, id, wire.LogStream, &wire.Logs{ID: got.ID, Query: velos.Query{Inst: -1}})); err != nil {
			t.Fatal(err)
		}
	}
	silent := raw(t, d)
	_ = silent
	await(t, func() bool {
		a, err := c.Info(t.Context(), wire.All(got.ID))
		return err == nil && a.Log.Lines == 20000
	})
	if _, err := c.Stop(t.Context(), wire.Stop{Target: wire.All(got.ID), Wait: true}); err != nil {
		t.Error(err)
	}
}

func TestOnlyOurUserAndRootAreAdmitted(t *testing.T) {
	for _, c := range []struct {
		peer, us int
		ok       bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {1000, 0, false}} {
		if err := admit(wire.Peer{UID: c.peer}, c.us); (err == nil) != c.ok {
			t.Errorf("peer %d at a daemon of %d: %v", c.peer, c.us, err)
		}
	}
}

func TestAPanicInAHandlerEndsTheRequestOnly(t *testing.T) {
	const broken = wire.Command(0x7d)
	handlers[broken] = func(*call, context.Context) (velos.Record, error) { panic("broken") }
	defer delete(handlers, broken)
	d := live(t)
	conn := raw(t, d)
	if _, err := conn.Write(wire.AppendRequest(nil, 1, broken, nil)); err != nil {
		t.Fatal(err)
	}
	if e := lastWord(t, conn); e.Code != velos.Failed || strings.Contains(e.Message, "broken") {
		t.Errorf("got %s: %s", e.Code, e.Message)
	}
	if _, err := dial(t, d).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
