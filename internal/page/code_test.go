package page

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func TestACodeIsGoodOnceAndForALittleWhile(t *testing.T) {
	now := time.Unix(1_772_366_400, 0)
	used := 0
	c := &Codes{Now: func() time.Time { return now }, Used: func() { used++ }}
	grant := func() (string, error) { return "token", nil }
	refused := func(code string) {
		t.Helper()
		if token, err := c.Take(code, grant); velos.CodeOf(err) != velos.Denied || token != "" {
			t.Errorf("%q: %q %v", code, token, err)
		}
	}
	refused("")
	first := c.New()
	refused(first + "x")
	if token, err := c.Take(first, grant); token != "token" || err != nil || used != 1 {
		t.Errorf("%q %v, %d", token, err, used)
	}
	refused(first)
	old := c.New()
	if c.New() == old {
		t.Error("two codes are the same")
	}
	refused(old)
	late := c.New()
	now = now.Add(CodeLife)
	refused(late)
	failing := c.New()
	if _, err := c.Take(failing, func() (string, error) { return "", errors.New("no disk") }); err == nil || used != 2 {
		t.Errorf("%v, %d", err, used)
	}
	refused(failing)
}

func TestOfManyWhoBringACodeOneIsLetIn(t *testing.T) {
	c := &Codes{Now: time.Now}
	code := c.New()
	var in atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := c.Take(code, func() (string, error) { return "token", nil }); err == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were let in", in.Load())
	}
}
