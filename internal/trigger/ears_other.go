//go:build !linux

package trigger

import (
	"time"

	"github.com/velospm/velos"
)

// ears of a system that does not tell of changes in a way that we use.
type ears struct {
	bell   bell
	looked time.Time
	failed map[*watch]error
}

func newEars() *ears { return &ears{bell: newBell()} }

func (e *ears) wake()            { e.bell.ring() }
func (e *ears) rest(t time.Time) { e.bell.until = t }
func (e *ears) close()           {}
func (e *ears) forget(*watch)    {}

func (e *ears) wait() (lost bool) {
	e.bell.wait()
	return false
}

func (e *ears) listen(*watch, bool) error {
	return &velos.Error{Code: velos.Unsupported, Message: "changes of files are not told by this system"}
}
