package child

import (
	"os"
	"testing"

	"github.com/velospm/velos/internal/proc"
)

// TestTheClockDatesStartsAsTheSystemDoes: after some starts it is the clock
// that is asked.
func TestTheClockDatesStartsAsTheSystemDoes(t *testing.T) {
	h := open(t, Options{})
	for i := range 3 * enough {
		p, err := h.Start(Command{Path: "/bin/sleep", Args: []string{"sleep", "60"}, Env: os.Environ(), Stdout: -1, Stderr: -1, Mark: "1"})
		if err != nil {
			t.Fatal(err)
		}
		if st, err := proc.One(p.PID()); err != nil || p.StartTicks() != st.Start {
			t.Fatalf("start %d: began at %d (%v), and is said to have at %d", i, st.Start, err, p.StartTicks())
		}
	}
}

func TestAClockThatOnceDiffersIsNeverBelieved(t *testing.T) {
	var h Host
	for range enough {
		h.compare(700, 701, 9) // tells nothing: the start is somewhere between
		h.compare(700, 700, 700)
	}
	if h.agreed != enough {
		t.Errorf("agreed %d times; want %d", h.agreed, enough)
	}
	h.compare(700, 700, 699)
	h.compare(700, 700, 700)
	if h.agreed != -1 {
		t.Errorf("agreed is %d after a difference; want -1", h.agreed)
	}
	h = Host{}
	h.compare(0, 0, 0) // a system without such a clock
	if h.agreed != -1 {
		t.Errorf("agreed is %d without a clock; want -1", h.agreed)
	}
}
