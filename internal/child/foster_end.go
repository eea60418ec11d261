//go:build unix

package child

import (
	"slices"
	"syscall"
	"time"

	"github.com/velospm/velos/internal/poll"
	"github.com/velospm/velos/internal/proc"
)

const (
	// reportGrace is how long the keeper has to tell of an end that we have
	// noticed ourselves.
	reportGrace  = 200 * time.Millisecond
	verdictRetry = 20 * time.Millisecond
)

// verdictLimit bounds the wait for a parent that does not reap: only then
// does the system tell the code.
var verdictLimit = 3 * time.Second

// unknownEnd is a wait status that no end has.
const unknownEnd syscall.WaitStatus = 0x7f

// Reaped is told of every end that the keeper has heard of, with the status as
// wait delivers it.
func (h *Host) Reaped(pid int, status uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unseen = len(h.adopted) > 0
	i := slices.IndexFunc(h.adopted, func(p *Process) bool { return p.pid == pid && !p.reaped })
	switch {
	case i >= 0 && h.adopted[i].over():
		h.unwatch(h.adopted[i])
		h.conclude(h.adopted[i], syscall.WaitStatus(status))
	case i >= 0: // an old story, of who had the number before
	default:
		h.lose(pid)
		if h.kept != nil && len(h.kept) < maxKept {
			h.kept[pid] = end{status: syscall.WaitStatus(status)}
		}
	}
	h.settle()
}

// over reports whether the root of a foster child has ended.
func (p *Process) over() bool {
	if p.foster.fd >= 0 {
		return pidfdOver(p.foster.fd)
	}
	s, err := proc.One(p.pid)
	if err != nil {
		return absent(err)
	}
	return s.Start != p.start || !s.Alive()
}

// watch has the end of p's root noticed.
func (h *Host) watch(p *Process) {
	if p.foster.fd >= 0 && h.listen() && h.ears.Add(p.foster.fd, uint64(p.foster.fd)) == nil {
		p.foster.watched = true
		return
	}
	p.foster.blind = true
	h.blind++
	h.startPoll()
}

func (h *Host) unwatch(p *Process) {
	if p.foster.watched && h.ears != nil {
		h.ears.Remove(p.foster.fd)
	}
	if p.foster.blind {
		h.blind--
	}
	p.foster.watched, p.foster.blind = false, false
}

// listen sees to it that somebody hears of the ends of foster children: one
// goroutine for all, as long as the Host lives.
func (h *Host) listen() bool {
	if h.ears != nil || h.shut {
		return !h.shut
	}
	set, err := poll.Open()
	if err != nil {
		return false
	}
	h.ears = set
	h.routines.Add(1)
	go func() {
		defer h.routines.Done()
		buf := make([]poll.Event, 0, 64)
		for {
			events, err := set.Wait(buf)
			if err != nil {
				return
			}
			h.mu.Lock()
			for _, e := range events {
				h.hear(int(e.Key))
			}
			h.mu.Unlock()
		}
	}()
	return true
}

// hear is told that the process behind a pidfd has ended.
func (h *Host) hear(fd int) {
	i := slices.IndexFunc(h.adopted, func(p *Process) bool { return p.foster.watched && p.foster.fd == fd })
	if i >= 0 && h.adopted[i].over() {
		h.notice(h.adopted[i])
	}
}

// peer looks after foster children that cannot be watched. The caller holds mu.
func (h *Host) peer() {
	h.unseen = len(h.adopted) > 0
	if h.blind == 0 {
		return
	}
	for _, p := range h.adopted {
		if p.foster.blind && p.over() {
			h.notice(p)
		}
	}
}

// notice is the first to know that p's root has ended. The keeper, who has
// reaped it, is about to tell; if not, inquire asks.
func (h *Host) notice(p *Process) {
	h.unwatch(p)
	p.foster.noticed = time.Now()
	h.ending = append(h.ending, p)
	if !h.asking {
		h.askIn(h.grace)
	}
}

func (h *Host) askIn(d time.Duration) {
	h.asking = true
	if h.inquest == nil {
		h.inquest = time.AfterFunc(d, h.inquire)
	} else {
		h.inquest.Reset(d)
	}
}

// inquire asks the system for the codes that the keeper did not tell in time.
// What it does not know either is unknown.
func (h *Host) inquire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asking = false
	if h.shut {
		return
	}
	again := time.Duration(0)
	h.ending = slices.DeleteFunc(h.ending, func(p *Process) bool {
		if p.reaped {
			return true
		}
		since := time.Since(p.foster.noticed)
		if since < h.grace {
			again = max(again, h.grace-since)
			return false
		}
		ws, final := h.verdict(p)
		if !final && since < verdictLimit+h.grace {
			again = max(again, verdictRetry)
			return false
		}
		h.conclude(p, ws)
		return true
	})
	h.unseen = true
	h.settle()
	if len(h.ending) > 0 {
		h.askIn(min(again, verdictRetry))
	}
}

// verdict is what the system says of the end of p's root; not final when it
// may say more once its parent has reaped it.
func (h *Host) verdict(p *Process) (ws syscall.WaitStatus, final bool) {
	if h.deaf || p.foster.fd < 0 {
		return unknownEnd, true
	}
	return pidfdStatus(p.foster.fd)
}
