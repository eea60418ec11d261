package supervise

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/fault"
	"github.com/velospm/velos/internal/keeper"
	"github.com/velospm/velos/internal/logs"
	"github.com/velospm/velos/internal/proc"
)

// An estate is what a former daemon has left of one app.
type estate struct {
	pipes []pipe
	runs  []record
}

// A pipe is the read end of a program's output.
type pipe struct {
	name string
	at   int // logs.Place
	src  velos.Stream
	fd   int
}

// A record says which process is a run's root. It is parked with the keeper a
// moment after the fork, as the name of a descriptor that nobody needs: the
// state file is written too late to know the newest runs.
type record struct {
	name string
	Seat
	child.Adoption
}

// Rest implements Machine. The pipes of several runs are parked here, before
// the first of them is forked, together with the records of the runs before
// them: in a rush of starts it is the messages to the keeper that take the
// time. A run whose daemon is killed before its record is parked is one that
// nobody was told of: no state that names it is written without Rest. The next
// daemon keeps what it said, ends it as unrecorded, and starts another.
func (h *Host) Rest() { _ = h.line.Flush() }

// record parks the record of a new run.
func (h *Host) record(s Seat, p *child.Process) {
	if h.line == nil || h.null < 0 {
		return // the state file is the second line
	}
	name := "run/" + strconv.Itoa(int(s.ID)) + "/" + strconv.Itoa(s.place()) + "/" + strconv.Itoa(p.PID()) + "/" +
		strconv.FormatUint(p.StartTicks(), 10) + "/" + strconv.FormatInt(p.Started().UnixMilli(), 10) + "/" + p.Mark() + p.Cgroup()
	if len(name) > keeper.MaxName {
		name = name[:len(name)-len(p.Cgroup())] // the tree is then known by its group and its marks
	}
	_ = h.line.Hold(name, h.null) // a broken line is reported once, by whoever follows it
	h.mu.Lock()
	h.records[s] = record{name: name, Seat: s, Adoption: child.Adoption{PID: p.PID(), Mark: p.Mark()}}
	h.mu.Unlock()
}

// ending parks the end of a run before its root is reaped: the keeper is told
// only of those whom it reaps itself.
func (h *Host) ending(p *child.Process, status uint32) {
	if p.Mark() == "" || strings.HasPrefix(p.Mark(), hookMark) {
		return // a helper of ours, or a hook: no later daemon goes on with it
	}
	name := endName(p.PID(), p.StartTicks(), status)
	_ = h.line.Park(name, h.null)
	fault.Here("stop.parked")
	h.mu.Lock()
	h.ends[p.PID()] = name
	h.mu.Unlock()
}

func endName(pid int, start uint64, status uint32) string {
	return "end/" + strconv.Itoa(pid) + "/" + strconv.FormatUint(start, 10) + "/" + strconv.FormatUint(uint64(status), 10)
}

func parseEnd(name string) (x keeper.Exit, ok bool) {
	f := strings.Split(name, "/")
	if len(f) != 4 || f[0] != "end" {
		return x, false
	}
	pid, err1 := strconv.Atoi(f[1])
	start, err2 := strconv.ParseUint(f[2], 10, 64)
	status, err3 := strconv.ParseUint(f[3], 10, 32)
	return keeper.Exit{PID: pid, Start: start, Status: uint32(status)}, err1 == nil && err2 == nil && err3 == nil
}

// A past is a run that is over in every respect. The keeper goes on holding
// its record and its end until what followed from it is on disk: whoever takes
// over before that finds them again.
type past struct {
	Seat
	record, end string
	exit        *keeper.Exit
	known       bool // what followed is published
}

// maxPast bounds the runs whose outcome no disk takes.
const maxPast = 1000

// strike makes the present run of a seat a past one.
func (h *Host) strike(s Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.records[s]
	if !ok {
		return
	}
	delete(h.records, s)
	p := past{Seat: s, record: r.name, end: h.ends[r.PID]}
	delete(h.ends, r.PID)
	if p := h.programs[s]; p != nil && awaits(p.spec) {
		_ = h.line.Drop(readyName(s))
	}
	if x, told := h.exits[r.PID]; told {
		delete(h.exits, r.PID)
		p.exit = &x
	}
	h.past = append(h.past, p)
	if n := len(h.past) - maxPast; n > 0 {
		h.bury(n)
	}
}

// Over implements Machine.
func (h *Host) Over(s Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.past {
		if h.past[i].Seat == s {
			h.past[i].known = true
		}
	}
}

// Past is how many past runs a state that is looked at from now on knows of.
func (h *Host) Past() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n < len(h.past) && h.past[n].known {
		n++
	}
	return n
}

// Bury lets go of the first n past runs: that state is on disk.
func (h *Host) Bury(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bury(min(n, len(h.past)))
}

func (h *Host) bury(n int) {
	for _, p := range h.past[:n] {
		fault.Here("stop.saved")
		_ = h.line.Drop(p.record)
		fault.Here("stop.struck")
		if p.end != "" {
			_ = h.line.Drop(p.end)
		}
		if p.exit != nil {
			_ = h.line.Ack(*p.exit)
		}
	}
	h.past = append(h.past[:0], h.past[n:]...)
	if len(h.past) == 0 {
		h.past = nil
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
	r = record{name: name, Seat: seatAt(uint32(n[1]), int(n[2])), Adoption: child.Adoption{
		PID: int(n[3]), Start: uint64(n[4]), Began: time.UnixMilli(n[5]), Mark: f[6]}}
	if len(f) == 8 {
		r.Cgroup = "/" + f[7]
	}
	return r, true
}

// Inherit sorts what the keeper holds. What is not ours to know is closed.
func (h *Host) Inherit(list []keeper.Parked) {
	h.endHooks()
	h.parked, h.late, h.readies = map[uint32]estate{}, map[int]keeper.Exit{}, map[Seat]bool{}
	for _, p := range list {
		if id, inst, src, ok := logs.ParseParked(p.Name); ok {
			e := h.parked[id]
			e.pipes = append(e.pipes, pipe{p.Name, inst, src, p.FD})
			h.parked[id] = e
			continue
		}
		if h.primary.Inherit(p.Name, p.FD) {
			continue
		}
		if p.Name == notifyName {
			h.notified = p.FD
			continue
		}
		closeFD(p.FD)
		if s, ok := parseSeat("ready", p.Name); ok {
			h.readies[s] = true
			continue
		}
		if x, ok := parseEnd(p.Name); ok {
			h.late[x.PID] = x
			continue
		}
		if s, ok := parseSeat("hold", p.Name); ok {
			h.holds[s] = true
			continue
		}
		if r, ok := parseRecord(p.Name); ok {
			e := h.parked[r.ID]
			e.runs = append(e.runs, r)
			h.parked[r.ID] = e
		}
	}
}

// Survivors implements Machine.
func (h *Host) Survivors(id uint32, spec *velos.Spec) (list []Survivor) {
	e, ok := h.parked[id]
	log := h.Log(id)
	if !ok || log == nil {
		return nil
	}
	delete(h.parked, id)
	defer func() { // not before those who wait for a text in it are there
		for _, p := range e.pipes {
			log.Adopt(p.at, p.src, p.fd)
		}
		for _, s := range list {
			if !s.Lost {
				log.Began(s.place(), s.Child.PID())
			}
		}
	}()
	for i, r := range e.runs {
		if slices.ContainsFunc(e.runs[i+1:], func(next record) bool { return next.Seat == r.Seat }) {
			h.supersede(r)
			continue
		}
		h.remind(r)
		p, err := h.adopt(r.Adoption)
		if err != nil { // gone without a word, or somebody else by now
			_ = h.line.Drop(r.name)
			list = append(list, Survivor{Seat: r.Seat, Child: &departed{r.PID, r.Start}, Began: began(r.Began, r.Start), Lost: true})
			continue
		}
		h.mu.Lock()
		h.records[r.Seat] = r
		h.mu.Unlock()
		c, up := h.adopted(r, p, spec)
		list = append(list, Survivor{Seat: r.Seat, Child: c, Began: began(r.Began, r.Start), Holds: h.holds[r.Seat], Mute: !up})
		fault.Here("adopt.half")
	}
	return list
}

// astray ends a run of an app that is no more.
func (h *Host) astray(r record) {
	if p, err := h.children.Adopt(r.Adoption); err == nil {
		_ = p.Kill()
	}
	_ = h.line.Drop(r.name)
}

// A departed run ended while no daemon lived to hear how: it was reaped by the
// one that was killed then. Its policy still holds.
type departed struct {
	pid   int
	start uint64
}

func (d *departed) PID() int               { return d.pid }
func (d *departed) Started() time.Time     { return time.Time{} }
func (d *departed) StartTicks() uint64     { return d.start }
func (d *departed) Signal(int, bool) error { return velos.ErrNotRunning }
func (d *departed) Kill() error            { return nil }
func (d *departed) Notify(f func())        { f() }
func (d *departed) Hear(func(News))        {}
func (d *departed) Adjust(*velos.Spec)     {}
func (d *departed) Finish(bool) bool       { return false }
func (d *departed) Say(string) error       { return velos.ErrNotRunning }

func (d *departed) Exited() <-chan child.Exit {
	c := make(chan child.Exit, 1)
	c <- child.Exit{Unknown: true, Time: time.Now()}
	return c
}

func (d *departed) Gone() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// supersede gives up a run whose instance has had another since.
func (h *Host) supersede(r record) {
	_ = h.line.Drop(r.name)
	if x, ok := h.late[r.PID]; ok && x.Start == r.Start {
		delete(h.late, r.PID)
		_ = h.line.Drop(endName(x.PID, x.Start, x.Status))
	}
}

// remind tells the end of a run that a former daemon has heard of, and had no
// time to draw the consequences.
func (h *Host) remind(r record) {
	x, ok := h.late[r.PID]
	if !ok || x.Start != r.Start {
		return
	}
	delete(h.late, r.PID)
	h.mu.Lock()
	h.ends[r.PID] = endName(x.PID, x.Start, x.Status)
	h.mu.Unlock()
	h.children.Reaped(x.PID, x.Status)
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
			h.astray(r)
		}
		delete(h.parked, id)
	}
	for _, x := range h.late {
		_ = h.line.Drop(endName(x.PID, x.Start, x.Status))
	}
	h.forsake()
	h.late, h.readies = nil, nil
	h.primary.Settled(func(id uint32) bool { return h.Log(id) != nil })
	h.endUnrecorded()
	h.children.Settled()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = true
	close(h.known)
	for pid, x := range h.exits {
		if !h.root(pid) {
			delete(h.exits, pid)
			_ = h.line.Ack(x)
		}
	}
}

// forsake lets go of what the keeper knows of runs and apps that are no more:
// it would be taken for a word about those that come after them.
func (h *Host) forsake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.readies {
		if h.programs[s] == nil {
			_ = h.line.Drop(readyName(s))
		}
	}
	for s := range h.holds {
		if h.logs[s.ID] == nil {
			delete(h.holds, s)
			_ = h.line.Drop(holdName(s))
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
		for i := 0; i < 200 && forked(pid); i++ {
			time.Sleep(5 * time.Millisecond)
		}
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
