package tui

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/wire"
)

// A daemon answers what a feed asks about lines.
type daemon struct {
	path    string
	mu      sync.Mutex
	apps    []velos.App
	formers []velos.Former
	lines   []velos.Entry
}

func newDaemon(t *testing.T) *daemon {
	dir, err := os.MkdirTemp("/tmp", "velos-tui-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &daemon{path: filepath.Join(dir, "s")}
	l, err := wire.Listen(d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c)
		}
	}()
	return d
}

func (d *daemon) dial() (*client.Client, error) { return client.Dial(d.path) }

func (d *daemon) serve(c *wire.Conn) {
	defer c.Close()
	r := wire.NewReader(c)
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			return
		}
		if _, err := c.Write(d.answer(req)); err != nil {
			return
		}
	}
}

func (d *daemon) answer(req wire.Request) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	ok := func(r velos.Record) []byte { return wire.AppendResponse(nil, req.ID, wire.OK, r) }
	switch req.Command {
	case wire.ProcessInfo:
		var t wire.Target
		_ = wire.Decode(req.Payload, &t)
		if i := slices.IndexFunc(d.apps, func(a velos.App) bool { return a.ID == t.ID }); i >= 0 {
			return ok(&d.apps[i])
		}
		return wire.AppendResponse(nil, req.ID, wire.Failure, &velos.Error{Code: velos.NotFound, Message: "no app with this id"})
	case wire.ProcessList:
		return ok(&wire.Apps{Apps: d.apps})
	case wire.ProcessHistory:
		return ok(&wire.Formers{List: d.formers})
	case wire.LogRead, wire.LogStream:
		l := wire.Logs{Query: velos.Query{Inst: -1}}
		_ = wire.Decode(bytes.Clone(req.Payload), &l)
		var list []velos.Entry
		for _, e := range d.lines {
			if e.App == l.ID && e.Seq > l.Query.After && (l.Query.Src == 0 || l.Query.Src == e.Src) && (l.Query.Inst < 0 || l.Query.Inst == e.Inst) {
				list = append(list, e)
			}
		}
		if n := l.Query.Last; n > 0 {
			list = list[max(0, len(list)-n):]
		}
		b := wire.AppendResponse(nil, req.ID, wire.Streaming, &wire.Entries{Entries: list})
		if req.Command == wire.LogRead {
			b = append(b, ok(nil)...)
		}
		return b
	}
	return nil
}

// heard are the texts of what a feed has posted, when there are so many.
func heard(t *testing.T, f *feed, n int) (list []string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); len(list) < n; time.Sleep(time.Millisecond) {
		got, _ := f.post.take()
		for i := range got.lines {
			list = append(list, string(got.lines[i].Msg))
		}
		if time.Now().After(end) {
			t.Fatalf("heard %q", list)
		}
	}
	return list
}

func TestSecretsOfLinesAreHiddenBeforeTheyArePosted(t *testing.T) {
	const former, present = "former-0123456789", "present-9876543210"
	d := newDaemon(t)
	env := func(key string) velos.Spec {
		return velos.Spec{Name: "api", Instances: 1, Env: map[string]string{"API_KEY": key}}
	}
	d.apps = []velos.App{{ID: 1, Generation: 2, Spec: env(present), Log: velos.LogInfo{Seq: 44}, Instances: []velos.Instance{{PID: 7}}}}
	d.formers = []velos.Former{{ID: 1, Generation: 1, Spec: env(former)}}
	say := func(seq uint64, text string, more bool) velos.Entry {
		return velos.Entry{Seq: seq, App: 1, PID: 7, Src: velos.Stdout, Msg: []byte(text), More: more}
	}
	d.lines = []velos.Entry{say(41, "once "+former, false), say(42, "long "+present[:9], true), say(43, present[9:]+" rest", false)}
	want := []string{"once [masked]", "long [masked]", "[masked] rest"}
	w := wish{epoch: 1, apps: []uint32{1}}

	t.Run("followed", func(t *testing.T) {
		f := newFeed(Options{Dial: d.dial, Now: time.Now})
		f.want(w)
		conn, err := d.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go f.attend(t.Context(), conn, 1, w)
		if got := heard(t, f, 3); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
	t.Run("asked for again and again", func(t *testing.T) {
		f := newFeed(Options{Dial: d.dial, Now: time.Now})
		f.want(w)
		go f.poll(t.Context(), w.epoch)
		if got := heard(t, f, 3); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
	t.Run("from behind the cut", func(t *testing.T) {
		f := newFeed(Options{Dial: d.dial, Now: time.Now})
		f.want(w)
		f.newest[1] = 42
		go f.poll(t.Context(), w.epoch)
		if got := heard(t, f, 1); !slices.Equal(got, want[2:]) {
			t.Errorf("%q", got)
		}
	})
}

func TestEventsOfAnAppThatIsGoneStayWithoutItsSecrets(t *testing.T) {
	s := newStage(t, 120, 40).fleet()
	was := fleet()
	was[0].Spec.Env = map[string]string{"API_TOKEN": "another-0123456789"}
	s.Update(news{listed: true, apps: was, epoch: s.wished.epoch})
	s.Update(news{listed: true, apps: was[1:], epoch: s.wished.epoch})
	s.keys("a") // of all apps
	s.Update(news{epoch: s.wished.epoch, events: []velos.Event{{Seq: 9, Time: at(0), Kind: velos.KindWarning, App: "api", ID: 1, Cause: "says another-0123456789 and very-secret-token"}}})
	if f := s.keys("v").screen(); strings.Contains(f, "very-secret") || strings.Contains(f, "another-0") || !strings.Contains(f, "says [masked] and [masked]") {
		t.Error(f)
	}
}
