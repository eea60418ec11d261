package supervise

import (
	"os"
	"slices"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cluster"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/notify"
	"github.com/velospm/velos/internal/proc"
)

// notifyName is what the socket of sd_notify is parked as.
const notifyName = "notify"

// OpenNotify opens the socket on which programs say how they are, or goes on
// with the one that the keeper has held.
func (h *Host) OpenNotify() error {
	var err error
	if h.notified >= 0 {
		h.notify, err = notify.Adopt(h.notified, h.home.NotifySocket(), h.onNotify)
		h.notified = -1
		if err == nil {
			return nil
		}
	}
	h.notify, err = notify.Open(h.home.NotifySocket(), h.onNotify)
	if err != nil {
		h.notify = nil
		return err
	}
	if h.line != nil {
		_ = h.line.Park(notifyName, h.notify.FD())
	}
	return nil
}

// Close gives back what was opened beside the apps, and leave keeps what the
// next daemon goes on with.
func (h *Host) Close() {
	h.abandon()
	if h.notify != nil {
		_ = h.notify.Close()
		_ = h.line.Drop(notifyName)
	}
	h.asking.Wait()
	h.blind()
	h.primary.Close()
}

// abandon ends what was there for runs that could not be killed: their end is
// not awaited any more.
func (h *Host) abandon() {
	h.mu.Lock()
	var rest []Seat
	for s := range h.programs {
		rest = append(rest, s)
	}
	h.mu.Unlock()
	for _, s := range rest {
		h.discharge(s)
	}
}

// onNotify finds whose word it is: the sender is a root, or of its session, or
// carries its mark.
func (h *Host) onNotify(m notify.Message) {
	<-h.known // what was said while there was no daemon waits until we know of whom
	p := h.programOf(m.PID)
	if p == nil {
		return
	}
	if m.HasStatus {
		p.tell(News{Said, m.Status})
	}
	if m.Ready {
		h.ready(p)
	}
	if m.Stopping {
		p.tell(News{Kind: Ends})
	}
	if m.Watchdog {
		p.tell(News{Kind: Beats})
	}
	if m.WatchdogTrigger {
		p.tell(News{Kind: Misbeats})
	}
}

func (h *Host) programOf(pid int) *program {
	if p := h.programAt(pid); p != nil {
		return p
	}
	if st, err := proc.One(pid); err == nil {
		if p := h.programAt(st.SID); p != nil {
			return p
		}
	}
	mark, ok := proc.Environ(pid, "VELOS_ID")
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.programs {
		if p.mark == mark {
			return p
		}
	}
	return nil
}

func (h *Host) programAt(pid int) *program {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.programs {
		if p.Process != nil && p.PID() == pid {
			return p
		}
	}
	return nil
}

// A drainScript is what Node loads into workers. Several start at the same
// time, and each must find it whole: one without it would drop the connections
// of its clients when it is replaced.
type drainScript struct {
	mu   sync.Mutex
	home home.Home
}

// put writes it unless it is there already, and returns where it is.
func (d *drainScript) put() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := d.home.DrainScript()
	if b, err := os.ReadFile(path); err == nil && string(b) == cluster.DrainScript {
		return path, nil
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(cluster.DrainScript), 0o600); err != nil {
		return "", err
	}
	return path, os.Rename(temp, path)
}

// Addresses implements Machine.
func (h *Host) Addresses(roots []int, set func(root int, a velos.Addresses)) error {
	h.looking.Lock()
	defer h.looking.Unlock()
	defer h.table.Release()
	if err := h.table.Scan(); err != nil {
		return err
	}
	owners := h.table.Owners(roots, nil)
	all := h.table.All()
	var pids []int
	for i := range all {
		if owners[i] >= 0 {
			pids = append(pids, all[i].PID)
		}
	}
	found, err := h.listeners.Of(pids)
	if err != nil {
		return err
	}
	lists := make([][]string, len(roots))
	for i := range all {
		if o := owners[i]; o >= 0 {
			lists[o] = append(lists[o], found[all[i].PID]...)
		}
	}
	for i, root := range roots {
		set(root, velos.AddressesOf(unique(lists[i])))
	}
	return nil
}

// unique leaves out what a tree's members have inherited from each other.
func unique(list []string) (out []string) {
	for _, a := range list {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
