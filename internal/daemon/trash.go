package daemon

import (
	"context"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/supervise"
	"github.com/velospm/velos/internal/wire"
)

// trashLife is how long a deleted app can be brought back. Nothing waits for
// its end: the trash is emptied of what is too old when somebody uses it.
const trashLife = 24 * time.Hour

// remains is a deleted app as the trash keeps it.
func (c *call) remains(v *home.Saved) *velos.Trashed {
	now := velos.TimeOf(time.Now())
	return &velos.Trashed{ID: v.ID, Spec: v.Spec, Generation: v.Generation, Created: v.Created, Running: v.Status == velos.Online, Lease: v.Lease,
		Deleted: now, Expires: now + velos.Time(trashLife.Milliseconds()), By: c.by()}
}

// discard keeps what was deleted for a while. When that fails the app is
// deleted all the same, and that is said.
func (c *call) discard(v *home.Saved) {
	if v.Spec.Autorestart == velos.Never && (c.session.added(v.ID) || v.Spec.Once()) { // a one-shot run: nobody wants it back
		c.d.home.ForgetFormers(v.ID)
		return
	}
	if err := c.d.throw(c.remains(v)); err != nil {
		say("velosd: " + err.Error())
	}
}

// throw puts an app into the trash.
func (d *Daemon) throw(t *velos.Trashed) error {
	d.trashing.Lock()
	defer d.trashing.Unlock()
	err := d.home.Discard(t)
	d.home.BoundTrash(trashLife, d.home.ForgetFormers)
	return err
}

// regain takes an app out of the trash.
func (d *Daemon) regain(id uint32) {
	d.trashing.Lock()
	defer d.trashing.Unlock()
	d.home.Undiscard(id)
}

// emptyTrash removes what is too old, and says what is left.
func (d *Daemon) emptyTrash() []velos.Trashed {
	d.trashing.Lock()
	defer d.trashing.Unlock()
	return d.home.Trash(velos.TimeOf(time.Now()), d.home.ForgetFormers)
}

func (c *call) trash(context.Context) (velos.Record, error) {
	answer := &wire.Trash{}
	p := c.sight()
	for _, t := range c.d.emptyTrash() {
		if p == nil || p.Sees(t.Spec.Cwd) {
			answer.Apps = append(answer.Apps, t)
		}
	}
	return answer, nil
}

// restore makes a deleted app an app again, with the id that it had.
func (c *call) restore(ctx context.Context) (velos.Record, error) {
	var q wire.Restore
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	var t *velos.Trashed
	list := c.d.emptyTrash()
	for i := range list {
		if list[i].ID == q.ID {
			t = &list[i]
		}
	}
	w := about("undelete", wire.All(q.ID), false, false)
	if t != nil {
		w.becomes(&t.Spec)
		if q.Start && t.Running {
			w.More = max(t.Spec.Instances, 1)
		}
	}
	if err := c.permit(w); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, &velos.Error{Code: velos.NotFound, Message: "undelete: no deleted app has id " + itoa(int(q.ID)),
			Hint: "velos undelete --list shows those that can be brought back; after 24 hours they are gone"}
	}
	v := home.Saved{ID: t.ID, Spec: t.Spec, Generation: t.Generation, Created: t.Created, Status: velos.Stopped, Lease: t.Lease}
	v.Spec.FileEnv, _ = supervise.EnvFiles(&v.Spec)
	if _, err := c.d.sup.Restore(v, false); err != nil {
		return nil, err
	}
	c.d.regain(t.ID)
	c.d.leases.Change(t.ID, func(old *velos.Lease) *velos.Lease {
		if c.by().Agent == "" {
			return people(old)
		}
		return old
	})
	c.leased(t.ID, false, false, 0)
	c.d.event(velos.Event{Kind: velos.KindConfig, App: t.Spec.Name, ID: t.ID, Inst: -1, Cause: "brought back", Actor: c.by(), Gen: t.Generation})
	c.d.changed()
	if !q.Start || !t.Running {
		return c.done(t.ID, nil)
	}
	err := c.d.sup.Start(ctx, t.ID, -1, q.Wait, c.by())
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "start "+t.Spec.Name+": ")
		err = &velos.Error{Code: velos.CodeOf(err), Message: "undelete " + t.Spec.Name + ": it is back, and did not start: " + why, Hint: velos.HintOf(err), Cause: err}
	}
	return c.done(t.ID, err)
}
