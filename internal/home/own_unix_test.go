//go:build unix

package home

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestAFileBelowTheHomeHasOneOwner(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	first, err := h.Own("otel.json")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Own("otel.json")
	if !errors.Is(err, velos.ErrConflict) || !strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("the second owner got %v", err)
	}
	if other, err := h.Own("other"); err != nil {
		t.Errorf("another file: %v", err)
	} else {
		other.Close()
	}
	first.Close()
	again, err := h.Own("otel.json")
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again.Close()
}
