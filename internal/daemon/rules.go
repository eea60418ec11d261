package daemon

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/lease"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/record"
)

// rules are what agents may do. They are read when the first agent asks, and
// again when their file has changed since: where there are no agents they cost
// nothing. A file that cannot be understood stops agents, and nobody else.
type rules struct {
	d       *Daemon
	compile func(path string) (*policy.Policy, error) // reads the file

	mu      sync.Mutex
	policy  *policy.Policy // nil: there is no file
	err     error          // why the file is not understood
	read    bool
	size    int64
	changed time.Time
	started []uint32 // apps that agents have added or scaled up; nil until somebody counts
	counted bool
	waiting approvals

	gate     sync.Mutex        // held while processes are counted and promised
	promised map[*call]promise // what orders under way may add; guarded by mu
}

// A promise is how many processes an order that was allowed may add. Until it
// is done it counts, so that many orders at once get no more than one by one.
type promise struct {
	id    uint32 // 0: of an app that is not known yet
	more  int
	floor int // so many of the app's are wanted when it is done
}

// readPatience is how long the program that reads the file may take.
const readPatience = 15 * time.Second

// largestRules bounds what that program says.
const largestRules = 256 << 10

// current is the rules as their file has them now.
func (r *rules) current() (*policy.Policy, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := r.d.home.ConfigFile()
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.policy, r.err, r.read = nil, nil, false
		return nil, nil
	case err != nil:
		return nil, unreadable(path, err.Error())
	case r.read && st.Size() == r.size && st.ModTime().Equal(r.changed):
		return r.policy, r.err
	}
	r.policy, r.err = r.compile(path)
	r.read, r.size, r.changed = true, st.Size(), st.ModTime()
	if r.err != nil && velos.CodeOf(r.err) == velos.NotFound {
		r.read = false // the program may be there the next time
	}
	return r.policy, r.err
}

func unreadable(path, why string) error {
	if !strings.Contains(why, path) {
		why = path + ": " + why
	}
	return &velos.Error{Code: velos.Denied, Message: "agents are denied all orders until a mistake is mended: " + why,
		Hint: "velos agent policy says what is wrong with it"}
}

// rules has velos read the file: the daemon knows no TOML.
func (h *helper) rules(path string) (*policy.Policy, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := h.start(int(w.Fd()), "policy-compile")
	_ = w.Close()
	if err != nil {
		return nil, &velos.Error{Code: velos.NotFound, Message: unreadable(path, err.Error()).Error(), Cause: err}
	}
	late := time.AfterFunc(readPatience, func() { _ = p.Kill() })
	b, err := io.ReadAll(io.LimitReader(r, largestRules))
	x := <-p.Exited()
	late.Stop()
	if err == nil && (x.Code != 0 || x.Signal != "") {
		err = errors.New("velos policy-compile: " + ended(x))
		if b = bytes.TrimSpace(b); len(b) > 0 {
			err = errors.New(string(b))
		}
	}
	rules := new(policy.Policy)
	if err == nil {
		err = record.DecodeJSON(bytes.TrimSpace(b), rules)
	}
	if err != nil {
		return nil, unreadable(path, err.Error())
	}
	return rules, nil
}

// allow judges an agent's order.
func (r *rules) allow(c *call, w *wish) error {
	p, err := r.current()
	if err != nil {
		return err
	}
	c.foreign(&c.deed.Actor, w)
	if p == nil {
		if w.Rival == "" {
			return nil
		}
		p = &policy.Policy{Path: r.d.home.ConfigFile()}
	}
	if err := r.judge(c, p, w); err != nil {
		return err
	}
	if why := p.Asks(&w.Deed); why != "" {
		if err := r.waiting.pass(c, why); err != nil {
			r.mu.Lock()
			delete(r.promised, c)
			r.mu.Unlock()
			return err
		}
	}
	return nil
}

// judge has the rules judge an order, and promises it what it may add.
func (r *rules) judge(c *call, p *policy.Policy, w *wish) error {
	if p.Most == 0 || w.More == 0 {
		return p.Judge(&w.Deed, 0)
	}
	r.gate.Lock()
	defer r.gate.Unlock()
	if err := p.Judge(&w.Deed, r.running()); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.promised == nil {
		r.promised = map[*call]promise{}
	}
	r.promised[c] = promise{w.id, w.More, count(r.d.sup.Wanted(w.id)) + w.More}
	return nil
}

// done takes back what was promised to an order: what it has added counts by
// itself from now on, also where its caller has heard of a crash.
func (r *rules) done(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.promised[c]; ok && c.deed.ID != 0 && !slices.Contains(r.started, c.deed.ID) {
		r.started = append(r.started, c.deed.ID)
	}
	delete(r.promised, c)
}

// grace is how long apps outlive their leases.
func (r *rules) grace() time.Duration {
	if p, err := r.current(); err == nil && p != nil && p.Grace > 0 {
		return p.Grace.Std()
	}
	return lease.Grace
}

// begun are the results of orders that have added what they say: who waits for
// a start may hear of a crash, and it stands all the same.
var begun = map[string]bool{"ok": true, velos.Crashed.String(): true, velos.Timeout.String(): true, velos.Cancelled.String(): true}

// running counts the processes of apps that agents have started, and what was
// promised to orders under way.
func (r *rules) running() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.counted { // the audit record knows what was before this daemon
		list, _ := audit.Read(r.d.home.AuditFile(), audit.Query{Agent: "any"})
		for i := range list {
			if l := &list[i]; begun[l.Result] && l.ID != 0 && l.Args["adds"] != "" && !slices.Contains(r.started, l.ID) {
				r.started = append(r.started, l.ID)
			}
		}
		r.counted = true
	}
	// Ids are never used again, and an app that a person brings back is that
	// person's.
	r.started = slices.DeleteFunc(r.started, func(id uint32) bool { return r.d.sup.Name(id) == "" })
	for _, id := range r.started {
		wanted := count(r.d.sup.Wanted(id))
		for _, p := range r.promised {
			if p.id == id {
				wanted = max(wanted, p.floor)
			}
		}
		n += wanted
	}
	for _, p := range r.promised {
		if p.id == 0 || !slices.Contains(r.started, p.id) {
			n += p.more
		}
	}
	return n
}

// note remembers an app that an agent has added processes to.
func (r *rules) note(id uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != 0 && r.counted && !slices.Contains(r.started, id) {
		r.started = append(r.started, id)
	}
}

// sight is the rules about what the caller may see; nil: everything. Without a
// file that says so nobody is looked at.
func (c *call) sight() *policy.Policy {
	if _, err := os.Lstat(c.d.home.ConfigFile()); err != nil || c.actor().Agent == "" {
		return nil
	}
	p, err := c.d.rules.current()
	if err != nil || p == nil || len(p.Projects) == 0 {
		return nil // a file that is not understood denies orders; looking does no harm
	}
	return p
}
