package daemon

import (
	"context"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/proc"
	"github.com/velospm/velos/internal/supervise"
	"github.com/velospm/velos/internal/wire"
)

// bootID does not change while we live, and reading it is garbage.
var bootID = sync.OnceValue(proc.BootID)

// state is what is saved, and the number of apps in it.
func (d *Daemon) state() (s *home.State, n int) {
	each, n, next := d.sup.Saved()
	astray := d.astray.list(d.sup)
	return &home.State{
		Version: home.StateVersion, SavedAt: velos.TimeOf(time.Now()), DaemonVersion: velos.Version,
		BootID: bootID(), NextID: next, Each: func(yield func(*home.Saved) bool) {
			for v := range each {
				if !yield(v) {
					return
				}
			}
			d.machine.Rest() // the keeper knows each run that the file names, before the file is there
			for i := range astray {
				if !yield(&astray[i]) {
					return
				}
			}
		},
	}, n + len(astray)
}

// restore brings back what a former daemon knew. What still runs is adopted
// where the keeper has held its output; instances that should run and do not
// are started. Nothing here is waited for.
func (d *Daemon) restore(s *home.State) {
	defer d.sup.Resume()
	defer d.machine.Settled()
	if s == nil {
		d.store.Sweep(0)
		d.home.ForgetFormers(0) // ids begin anew
		d.home.EmptyTrash()
		return
	}
	d.sup.Reserve(s.NextID)
	d.emptyTrash()
	d.store.Sweep(s.NextID)
	sameBoot := s.BootID == bootID()
	var starts []func() // when all apps are there: one may depend on a later one
	for _, v := range s.Apps {
		v.Spec.FileEnv, _ = supervise.EnvFiles(&v.Spec) // for masking; a run that begins reads them itself, and says what is wrong
		idle, err := d.sup.Restore(v, sameBoot)
		if err != nil {
			d.lost(v, "not restored: "+err.Error())
			d.astray.add(v)
			continue
		}
		if len(idle) == 0 {
			continue
		}
		starts = append(starts, func() {
			defer d.recover.Done()
			if sameBoot {
				d.endSurvivors(v, idle)
			}
			for _, inst := range idle {
				_ = d.sup.Start(context.Background(), v.ID, inst, false, velos.Policy)
			}
		})
	}
	d.recover.Add(len(starts))
	for _, start := range starts {
		go start()
	}
}

// lost puts on record why an app is not as it was.
func (d *Daemon) lost(v home.Saved, why string) {
	say("velosd: " + v.Spec.Name + ": " + why)
	d.event(velos.Event{Kind: velos.KindDaemon, App: v.Spec.Name, ID: v.ID, Inst: -1, Cause: why, Actor: velos.Policy})
}

// wanted lists the instances that should run; a file without runs, written by
// hand say, means all.
func wanted(v home.Saved) []int {
	if v.Status != velos.Online {
		return nil
	}
	if len(v.Runs) == 0 {
		return []int{-1}
	}
	var list []int
	for _, r := range v.Runs {
		if r.Wanted {
			list = append(list, r.Inst)
		}
	}
	return list
}

// endSurvivors ends processes of idle instances that could not be adopted,
// the keeper having been killed too: those with the recorded pid, start time
// and mark, never a stranger's.
func (d *Daemon) endSurvivors(v home.Saved, idle []int) {
	var all sync.WaitGroup
	for _, r := range v.Runs {
		if r.PID <= 1 || !slices.Contains(idle, r.Inst) || !ours(v.ID, r) {
			continue
		}
		d.event(velos.Event{Kind: velos.KindDaemon, App: v.Spec.Name, ID: v.ID, Inst: r.Inst, PID: r.PID, Actor: velos.Policy,
			Cause: "a former velosd and its keeper were killed; process " + itoa(r.PID) + " is stopped, since its output was lost"})
		all.Add(1)
		go func() {
			defer all.Done()
			endGroup(r.PID, v.Spec.KillTimeout.Std())
		}()
	}
	all.Wait()
}

func ours(id uint32, r home.Run) bool {
	st, err := proc.One(r.PID)
	if err != nil || st.Start != r.Start || st.State == 'Z' {
		return false
	}
	mark, _ := proc.Environ(r.PID, "VELOS_ID")
	prefix := itoa(int(id)) + ":" + itoa(r.Inst) + ":"
	return len(mark) >= len(prefix) && mark[:len(prefix)] == prefix
}

// endGroup asks a session's group to stop, waits, and kills it.
func endGroup(pgid int, grace time.Duration) {
	_ = signalGroup(pgid, syscall.SIGTERM)
	var t proc.Table
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if !groupLives(&t, pgid) {
			return
		}
	}
	_ = signalGroup(pgid, syscall.SIGKILL)
}

// groupLives does not count the dead that nobody has reaped: they are not our
// children, and init may take its time.
func groupLives(t *proc.Table, pgid int) bool {
	if t.Scan() != nil {
		return true
	}
	for _, p := range t.All() {
		if p.PGID == pgid && p.State != 'Z' {
			return true
		}
	}
	return false
}

func (c *call) save(context.Context) (velos.Record, error) {
	if err := c.permit(wish{Deed: policy.Deed{Verb: "save"}, inst: -1}); err != nil {
		return nil, err
	}
	if err := c.kept(); err != nil {
		return nil, err
	}
	s, n := c.d.state()
	path := c.d.home.SavedFile()
	if err := home.Write(path, s); err != nil {
		return nil, err
	}
	c.d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: "saved " + itoa(n) + " apps", Actor: c.by()})
	return &wire.StatePath{Path: path, Count: n}, nil
}

// load restores a snapshot: apps that are missing come back, those that the
// snapshot has running are started. What is as the snapshot says stays
// untouched, so that a second load changes nothing.
func (c *call) load(ctx context.Context) (velos.Record, error) {
	var q wire.StatePath
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	w := wish{Deed: policy.Deed{Verb: "resurrect"}, inst: -1, args: map[string]string{"path": q.Path}}
	if err := c.permit(w); err != nil { // the file is not even read for who may not
		return nil, err
	}
	s, notes, err := c.snapshot(&q)
	if err != nil {
		return nil, err
	}
	for i := range s.Apps {
		w.Specs = append(w.Specs, &s.Apps[i].Spec)
		w.More += max(s.Apps[i].Spec.Instances, 1)
	}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	who := c.by()
	for _, n := range notes {
		c.d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Cause: n, Actor: velos.Policy})
	}
	if len(notes) > 0 && len(s.Apps) == 0 {
		return nil, &velos.Error{Code: velos.Invalid, Message: strings.Join(notes, "; ")}
	}
	count := 0
	var first error
	for _, v := range s.Apps {
		changed, err := c.revive(ctx, v, who)
		if err != nil && first == nil {
			first = err
		}
		if changed {
			count++
		}
		if id, ok := c.d.sup.Lookup(v.Spec.Name); ok && changed && who.Agent != "" {
			c.d.rules.note(id)
		}
	}
	if err := c.kept(); first == nil {
		first = err
	}
	return &wire.StatePath{Path: q.Path, Count: count}, first
}

// snapshot reads the file of velos save, or one that the client names: that
// is not ours to set aside when it is damaged.
func (c *call) snapshot(q *wire.StatePath) (*home.State, []string, error) {
	if q.Path != "" {
		s, err := home.Load(q.Path)
		return s, nil, err
	}
	q.Path = c.d.home.SavedFile()
	s, notes, err := home.Read(q.Path)
	if err == nil && s == nil {
		err = &velos.Error{Code: velos.NotFound, Message: "resurrect: no saved list at " + q.Path, Hint: "velos save writes one"}
	}
	return s, notes, err
}

// revive makes one saved app exist and run as saved.
func (c *call) revive(ctx context.Context, v home.Saved, who velos.Actor) (changed bool, err error) {
	id, ok := c.d.sup.Lookup(v.Spec.Name)
	if !ok {
		if err := reserved(c.d.home, &v.Spec); err != nil {
			return false, err
		}
		v.Spec.FileEnv, _ = supervise.EnvFiles(&v.Spec)
		if id, err = c.d.sup.Readd(v.Spec, who); err != nil {
			return false, err
		}
		changed = true
	}
	a, err := c.d.sup.Info(id)
	if err != nil {
		return changed, err
	}
	for _, inst := range wanted(v) {
		if inst < len(a.Instances) && (inst < 0 || down(a.Instances[inst])) {
			changed = true
			if err := c.d.sup.Start(ctx, id, inst, false, who); err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// down reports whether an instance is neither there nor on its way, whatever
// it should be.
func down(i velos.Instance) bool { return !i.Wanted || i.Status == velos.Stopped }
