package supervise

import "github.com/velospm/velos"

// sockets reports whether the daemon holds what the app listens on.
func sockets(s *velos.Spec) bool { return s.Mode == velos.Cluster || len(s.Listen) > 0 }

// serve tells the Machine who of the app gets new connections: whoever is
// online, or has said that it listens. Nobody: what comes waits for the next.
func (a *app) serve() {
	if !sockets(a.spec.Load()) {
		return
	}
	a.serving.Lock()
	defer a.serving.Unlock()
	if a.down() {
		a.sup.machine.Rested(a.id)
		return
	}
	var seats []Seat
	for _, r := range a.cast.Load().slots {
		i := r.snapshot.Load()
		if i.Status == velos.Online || i.Status == velos.Starting && r.listens.Load() > 0 {
			seats = append(seats, r.seat())
		}
	}
	if len(seats) > 0 {
		a.sup.machine.Serve(a.id, seats)
	}
}
