package page

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// made makes a code, which must work.
func made(t *testing.T, c *Codes, scope string, life time.Duration) string {
	t.Helper()
	code, err := c.New(scope, life)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestACodeIsGoodOnceAndForALittleWhile(t *testing.T) {
	now := time.Unix(1_772_366_400, 0)
	used := 0
	c := &Codes{Dir: filepath.Join(t.TempDir(), "links"), Now: func() time.Time { return now }, Used: func() { used++ }}
	grant := func(scope string) (string, error) { return "token to " + scope, nil }
	refused := func(code string) {
		t.Helper()
		if token, err := c.Take(code, grant); velos.CodeOf(err) != velos.Denied || token != "" {
			t.Errorf("%q: %q %v", code, token, err)
		}
	}
	refused("")
	refused("../links")
	first, other := made(t, c, "read", CodeLife), made(t, c, "control", CodeLife)
	refused(first + "x")
	if first == other || !c.Waits(first) {
		t.Errorf("%q and %q", first, other)
	}
	if token, err := c.Take(first, grant); token != "token to read" || err != nil || used != 1 || c.Waits(first) {
		t.Errorf("%q %v, %d", token, err, used)
	}
	refused(first)
	if token, err := c.Take(other, grant); token != "token to control" || err != nil {
		t.Errorf("%q %v", token, err)
	}
	late, dropped := made(t, c, "read", time.Minute), made(t, c, "read", CodeLife)
	c.Drop(dropped)
	refused(dropped)
	now = now.Add(time.Minute)
	if c.Waits(late) {
		t.Error("it is too old and waits")
	}
	refused(late)
	failing := made(t, c, "read", CodeLife)
	if _, err := c.Take(failing, func(string) (string, error) { return "", errors.New("no disk") }); err == nil || used != 3 {
		t.Errorf("%v, %d", err, used)
	}
	refused(failing)
}

func TestOfManyWhoBringACodeOneIsLetIn(t *testing.T) {
	c := &Codes{Dir: t.TempDir(), Now: time.Now}
	code := made(t, c, "read", CodeLife)
	var in atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			other := &Codes{Dir: c.Dir, Now: time.Now} // of another process
			if _, err := other.Take(code, func(string) (string, error) { return "token", nil }); err == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were let in", in.Load())
	}
}

func TestCodesOnTheDiskOpenNothingAreOursAloneAndAreFew(t *testing.T) {
	now := time.Unix(1_772_366_400, 0)
	c := &Codes{Dir: filepath.Join(t.TempDir(), "links"), Now: func() time.Time { return now }}
	last := ""
	for range 100 {
		now = now.Add(time.Second)
		last = made(t, c, "control", CodeLife)
	}
	list, err := os.ReadDir(c.Dir)
	if err != nil || len(list) > mostCodes || !c.Waits(last) {
		t.Errorf("%d files, %v", len(list), err)
	}
	for _, e := range list {
		info, err := e.Info()
		text, _ := os.ReadFile(filepath.Join(c.Dir, e.Name()))
		if err != nil || info.Mode().Perm()&0o077 != 0 || strings.Contains(e.Name()+string(text), last) {
			t.Errorf("%s %v %v: %s", e.Name(), info.Mode(), err, text)
		}
		if _, err := c.Take(e.Name(), func(string) (string, error) { return "token", nil }); err == nil {
			t.Error("the name of a file is a code")
		}
	}
}
