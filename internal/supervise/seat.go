package supervise

import (
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/logs"
)

// place is the seat's number within its app, as logs and the keeper know it.
func (s Seat) place() int { return logs.Place(s.Inst, s.Side) }

// seatAt is the seat of a place.
func seatAt(id uint32, place int) Seat {
	first := logs.Place(0, 1)
	return Seat{id, place % first, place / first}
}

// Hold implements Machine. The keeper is told, so that the next daemon knows
// which of two runs has the place of an instance; the state file would come
// too late.
func (h *Host) Hold(s Seat) {
	if h.line == nil || h.null < 0 {
		return
	}
	other := s
	other.Side = 1 - s.Side
	_ = h.line.Park(holdName(s), h.null)
	fault.Here("hold.parked")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds[s] = true
	if h.holds[other] {
		delete(h.holds, other)
		_ = h.line.Drop(holdName(other))
	}
}

// unhold forgets who held the places of an app. The caller holds mu.
func (h *Host) unhold(id uint32) {
	for s := range h.holds {
		if s.ID == id {
			delete(h.holds, s)
			_ = h.line.Drop(holdName(s))
		}
	}
}

func holdName(s Seat) string {
	return "hold/" + strconv.FormatUint(uint64(s.ID), 10) + "/" + strconv.Itoa(s.place())
}

// parseSeat takes a name such as hold/1/0 apart.
func parseSeat(kind, name string) (s Seat, ok bool) {
	f := strings.Split(name, "/")
	if len(f) != 3 || f[0] != kind {
		return s, false
	}
	id, err1 := strconv.ParseUint(f[1], 10, 32)
	place, err2 := strconv.Atoi(f[2])
	return seatAt(uint32(id), place), err1 == nil && err2 == nil && place >= 0 && place < 2*logs.Place(0, 1)
}
