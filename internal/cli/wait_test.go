package cli

import (
	"testing"

	"github.com/velospm/velos"
)

// Events and lines come on streams of their own, and this one of lines never
// brings the line.
func TestALineThatWasWrittenBeforeTheEndOfItsRunIsFound(t *testing.T) {
	for _, end := range []velos.Event{
		{Kind: velos.KindExit, ID: 1, Exit: &velos.Exit{PID: 100, Code: 3, Time: velos.TimeOf(now)}},
		{Kind: velos.KindExit, ID: 1, Exit: &velos.Exit{PID: 100, Time: velos.TimeOf(now)}},
	} {
		for text, code := range map[string]int{"the end": 0, "another": velos.Crashed.Exit()} {
			d := newFake(t, "api")
			go func() {
				d.followed(t)
				d.mu.Lock()
				d.lines = append(d.lines, velos.Entry{Seq: 9, App: 1, Time: velos.TimeOf(now), Msg: []byte(text)})
				d.mu.Unlock()
				d.happen(end)
			}()
			out, errs, got := d.run(t, "wait", "api", "log=/^the end$/", "--timeout", "50s")
			if got != code {
				t.Errorf("%q, then %s: %d, want %d; %s%s", text, end.Exit, got, code, out, errs)
			}
		}
	}
}
