package supervise

import (
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/proc"
)

// A seat is where a run has its place: one instance of one app.
type seat struct {
	id   uint32
	inst int
}

// An estate is what a former daemon has left of one app.
type estate struct {
	pipes []pipe
	runs  []record
}

// A pipe is the read end of a program's output.
type pipe struct {
	name string
	inst int
	src  velos.Stream
	fd   int
}

// A record says which process is a run's root. It is parked with the keeper a
// moment after the fork, as the name of a descriptor that nobody needs: the
// state file is written too late to know the newest runs.
type record struct {
	name string
	seat
	child.Adoption
}

// record parks the record of a new run.
func (h *Host) record(id uint32, inst int, p *child.Process) {
	if h.line == nil {
		return
	}
	name := "run/" + strconv.Itoa(int(id)) + "/" + strconv.Itoa(inst) + "/" + strconv.Itoa(p.PID()) + "/" +
		strconv.FormatUint(p.StartTicks(), 10) + "/" + strconv.FormatInt(p.Started().UnixMilli(), 10) + "/" + p.Mark() + p.Cgroup()
	if len(name) > keeper.MaxName {
		name = name[:len(name)-len(p.Cgroup())] // the tree is then known by its group and its marks
	}
	null, err := openNull()
	if err != nil {
		return // the state file is the second line
	}
	_ = h.line.Park(name, null) // a broken line is reported once, by whoever follows it
	closeFD(null)
	h.mu.Lock()
	h.records[seat{id, inst}] = record{name: name, seat: seat{id, inst}, Adoption: child.Adoption{PID: p.PID(), Mark: p.Mark()}}
	h.mu.Unlock()
}

// strike takes the record of a run away that is over in every respect.
func (h *Host) strike(s seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.records[s]
	if !ok {
		return
	}
	delete(h.records, s)
	_ = h.line.Drop(r.name)
	if x, told := h.exits[r.PID]; told {
		delete(h.exits, r.PID)
		_ = h.line.Ack(x)
	}
}

func parseRecord(name string) (r record, ok bool) {
	f := strings.SplitN(name, "/", 8)
	if len(f) < 7 || f[0] != "run" {
		return r, false
	}
	var n [6]int64
	for i := 1; i < 6; i++ {
		v, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return r, false
		}
		n[i] = v
	}
	r = record{name: name, seat: seat{uint32(n[1]), int(n[2])}, Adoption: child.Adoption{
		PID: int(n[3]), Start: uint64(n[4]), Began: time.UnixMilli(n[5]), Mark: f[6]}}
	if len(f) == 8 {
		r.Cgroup = "/" + f[7]
	}
	return r, true
}

// Inherit sorts what the keeper holds. What is not ours to know is closed.
func (h *Host) Inherit(list []keeper.Parked) {
	h.parked = map[uint32]estate{}
	for _, p := range list {
		if id, inst, src, ok := logs.ParseParked(p.Name); ok {
			e := h.parked[id]
			e.pipes = append(e.pipes, pipe{p.Name, inst, src, p.FD})
			h.parked[id] = e
			continue
		}
		closeFD(p.FD)
		if r, ok := parseRecord(p.Name); ok {
			e := h.parked[r.id]
			e.runs = append(e.runs, r)
			h.parked[r.id] = e
		}
	}
}

// Survivors implements Machine.
func (h *Host) Survivors(id uint32, spec *velos.Spec) map[int]Survivor {
	e, ok := h.parked[id]
	log := h.Log(id)
	if !ok || log == nil {
		return nil
	}
	delete(h.parked, id)
	for _, p := range e.pipes {
		log.Adopt(p.inst, p.src, p.fd)
	}
	list := map[int]Survivor{}
	for _, r := range e.runs {
		if r.inst >= spec.Instances {
			continue
		}
		p, err := h.adopt(r.Adoption)
		if err != nil { // gone, or somebody else by now
			_ = h.line.Drop(r.name)
			log.Settle(r.inst)
			continue
		}
		h.mu.Lock()
		h.records[r.seat] = r
		h.mu.Unlock()
		log.Began(r.inst, r.PID)
		list[r.inst] = Survivor{Child: p, Began: r.Began}
	}
	return list
}

// Settled ends the taking over: what belongs to no app is closed and ended.
// That is what an order had begun that nobody was told about, and what a
// deleted app could not take along.
func (h *Host) Settled() {
	for id, e := range h.parked {
		for _, p := range e.pipes {
			closeFD(p.fd)
			_ = h.line.Drop(p.name)
		}
		for _, r := range e.runs {
			if p, err := h.children.Adopt(r.Adoption); err == nil {
				_ = p.Kill()
			}
			_ = h.line.Drop(r.name)
		}
		delete(h.parked, id)
	}
	h.endUnrecorded()
	h.children.Settled()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = true
	for pid, x := range h.exits {
		if !h.root(pid) {
			delete(h.exits, pid)
			_ = h.line.Ack(x)
		}
	}
}

// adopt takes over one run. One that has just ended may be gone before the
// keeper's word of it is here: that is waited for a moment.
func (h *Host) adopt(a child.Adoption) (p *child.Process, err error) {
	for range 20 {
		p, err = h.children.Adopt(a)
		if velos.CodeOf(err) != velos.NotRunning {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return p, err
}

// Told takes what the keeper says of the end of a process that it had to take
// from a former daemon. The end of a run's root is acknowledged when all that
// follows from it is done, so that a daemon killed meanwhile hears it again.
func (h *Host) Told(x keeper.Exit) {
	h.mu.Lock()
	if h.settled && !h.root(x.PID) {
		_ = h.line.Ack(x)
	} else {
		if h.exits == nil {
			h.exits = map[int]keeper.Exit{}
		}
		h.exits[x.PID] = x
	}
	h.mu.Unlock()
	h.children.Reaped(x.PID, x.Status)
}

// root reports whether pid is the root of a recorded run. The caller holds mu.
func (h *Host) root(pid int) bool {
	for _, r := range h.records {
		if r.PID == pid {
			return true
		}
	}
	return false
}

// endUnrecorded ends runs that were forked in the last moment of a former
// daemon: there was no time to record them, and nobody was told of them.
func (h *Host) endUnrecorded() {
	if h.line == nil {
		return
	}
	known := map[string]bool{}
	h.mu.Lock()
	for _, r := range h.records {
		known[r.Mark] = true
	}
	h.mu.Unlock()
	orphans, err := proc.ChildrenOf(h.line.PID(), nil)
	if err != nil {
		return
	}
	for _, pid := range orphans {
		st, err := proc.One(pid)
		mark, ok := proc.Environ(pid, "VELOS_ID")
		if err != nil || !ok || mark == "" || known[mark] || st.SID != pid {
			continue
		}
		p, err := h.children.Adopt(child.Adoption{PID: pid, Start: st.Start, Mark: mark, Began: time.Now()})
		if err == nil {
			_ = p.Kill()
		}
	}
}
