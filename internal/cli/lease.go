package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const keepLong = `Has apps outlive the agent that has started them. What an agent starts ends with the agent: a minute after its process is
gone (lease_grace of [agents] in config.toml) it is stopped, and stays known. What people start ends when somebody stops it.

    velos keep web             it goes on
    velos keep web --no        it ends with its agent again` + targetsHelp

const grantLong = `Lets agents act on apps that are not theirs: those of people where config.toml says others = "ask" or "deny", and those of
other agents. Only people can grant.

    velos grant web                 any agent
    velos grant web --to codex      that one
    velos grant web --revoke        nobody any more` + targetsHelp

const gcLong = `Clears away what nobody is likely to miss, and says why: apps whose agents have left them behind, apps whose directory is
gone, and apps of agents that do not run and that nothing has happened to for a day (--older). They are stopped and
deleted; velos undelete brings them back for 24 hours, and log files stay. What people have started, and what is kept, is
only cleared away when its directory is gone.`

// leaseFlags say how long an app of an agent lasts.
type leaseFlags struct {
	keep bool
	ttl  string
}

func (l *leaseFlags) flags(f *pflag.FlagSet) {
	f.BoolVar(&l.keep, "keep", false, "started by an agent, it outlives the agent")
	f.StringVar(&l.ttl, "lease", "", "started by an agent, it also ends when nothing is heard of the agent for that long (such as 2h)")
}

func (l *leaseFlags) ttlOf() (velos.Millis, error) {
	d, err := lengthOf("--lease", l.ttl, time.Second)
	return velos.MillisOf(d), err
}

// unleased says that flags about a lease came to nothing.
func (s *session) unleased(a *velos.App, keep bool, ttl velos.Millis) {
	if (keep || ttl > 0) && (a.Lease == nil || a.Lease.Agent == "") {
		s.notice(a.Spec.Name, ": --keep and --lease are about what agents start; no agent has started it, and it runs until somebody stops it")
	}
}

func setupKeep(s *session, f *pflag.FlagSet) handler {
	no := f.Bool("no", false, "it ends with its agent again")
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "keep", args)
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			orders[i] = t.about("keep")
			orders[i].do = func(ctx context.Context) (string, *velos.App, error) {
				d, err := s.conn.Lease(ctx, wire.LeaseWord{ID: t.app.ID, Keep: !*no, Bind: *no})
				if *no {
					return done("ends with its agent", d, err)
				}
				return done("kept", d, err)
			}
		}
		return s.carryOut(ctx, orders, 0)
	}
}

func setupGrant(s *session, f *pflag.FlagSet) handler {
	to := f.String("to", velos.AnyAgent, "name of the agent, such as claude-code; * is any")
	revoke := f.Bool("revoke", false, "take it back")
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "grant", args)
		if err != nil {
			return err
		}
		who := *to
		if who == velos.AnyAgent {
			who = "any agent"
		}
		orders := make([]order, len(list))
		for i, t := range list {
			orders[i] = t.about("grant")
			orders[i].do = func(ctx context.Context) (string, *velos.App, error) {
				if *revoke && *to != velos.AnyAgent && !slices.Contains(grantsOf(t.app), policy.Word(*to)) {
					return "", nil, notGranted(t.app, *to)
				}
				d, err := s.conn.Grant(ctx, wire.Grant{ID: t.app.ID, Agent: *to, Revoke: *revoke})
				switch {
				case !*revoke:
					return done("granted to "+who, d, err)
				case d.App != nil && slices.Contains(grantsOf(d.App), velos.AnyAgent):
					return done("granted no more to "+who+", but to any agent", d, err)
				}
				return done("granted no more to "+who, d, err)
			}
		}
		return s.carryOut(ctx, orders, 0)
	}
}

// grantsOf are the agents that an app is granted to.
func grantsOf(a *velos.App) []string {
	if a.Lease == nil {
		return nil
	}
	return a.Lease.Grants
}

// notGranted refuses to take back what was not given: whoever mistypes a name
// must not believe that it was taken back.
func notGranted(a *velos.App, agent string) error {
	e := &velos.Error{Code: velos.NotFound, Message: "it is not granted to " + quote(agent), Hint: "it is granted to nobody"}
	if list := grantsOf(a); len(list) > 0 {
		e.Hint = "it is granted to " + strings.Join(list, ", ") + "; * is any agent, and --revoke alone takes back all"
	}
	return e
}

// A leftoverJSON is an app that is cleared away, or would be.
type leftoverJSON struct {
	ID     uint32       `json:"id"`
	Name   string       `json:"name"`
	Status velos.Status `json:"status"`
	Why    string       `json:"why"`
	Done   bool         `json:"deleted"`
}

func setupGC(s *session, f *pflag.FlagSet) handler {
	dry := f.Bool("dry-run", false, "say what would be cleared away, and do nothing")
	older := f.String("older", "24h", "how long nothing must have happened to an app that an agent has started and that does not run")
	return func(ctx context.Context, _ []string) error {
		age, err := config.Duration(*older)
		if err != nil {
			return invalid("--older: "+err.Error(), `such as "24h"`)
		}
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		rows, text := []leftoverJSON{}, ""
		var failed error
		for _, l := range verb.Leftovers(apps, age.Std(), velos.TimeOf(s.Now())) {
			j := leftoverJSON{ID: l.App.ID, Name: l.App.Spec.Name, Status: l.App.Status, Why: view.Text(l.Why)}
			did := "would delete "
			if !*dry {
				if _, err := s.conn.Delete(ctx, wire.All(j.ID)); err != nil {
					failed, did = err, "not deleted: "
				} else {
					j.Done, did = true, "deleted "
				}
			}
			rows = append(rows, j)
			text += did + view.Text(j.Name) + ": " + j.Why + "\n"
		}
		if text == "" {
			text = "nothing to clear away\n"
		}
		if _, err := s.conn.Trash(ctx); err != nil { // what is too old goes, too
			return err
		}
		if err := s.answer(rows, text); failed == nil {
			failed = err
		}
		return failed
	}
}

const undeleteLong = `Brings back an app that was deleted in the last 24 hours, with its id, its configuration and its former ones; its log
files were never gone. It is started if it ran when it was deleted, unless --no-start says otherwise. Values of env files
are read again. Without a name, the app that was deleted last comes back.

    velos undelete --list      what can be brought back
    velos undelete web         the last one of that name, or id`

// A trashedJSON is a deleted app.
type trashedJSON struct {
	ID      uint32      `json:"id"`
	Name    string      `json:"name"`
	Command string      `json:"command"`
	Cwd     string      `json:"cwd"`
	Running bool        `json:"running"`
	Deleted velos.Time  `json:"deleted_at"`
	Expires velos.Time  `json:"expires_at"`
	By      velos.Actor `json:"actor"`
}

func setupUndelete(s *session, f *pflag.FlagSet) handler {
	list := f.Bool("list", false, "show what can be brought back")
	noStart := f.Bool("no-start", false, "do not start it")
	return func(ctx context.Context, args []string) error {
		if *list && len(args) > 0 {
			return invalid("undelete: --list takes no name", "velos undelete --list, velos undelete NAME")
		}
		if err := s.connect(ctx); err != nil {
			return err
		}
		got, err := s.conn.Trash(ctx)
		if err != nil {
			return err
		}
		if *list {
			return s.listTrash(got.Apps)
		}
		var orders []order
		if len(args) == 0 {
			if len(got.Apps) == 0 {
				return &velos.Error{Code: velos.NotFound, Message: "undelete: nothing was deleted in the last 24 hours", Hint: "velos list shows the apps"}
			}
			args = []string{got.Apps[0].Spec.Name}
		}
		for _, w := range args {
			t := trashed(got.Apps, w)
			if t == nil {
				return &velos.Error{Code: velos.NotFound, Message: "undelete " + quote(w) + ": no such app was deleted in the last 24 hours", Hint: "velos undelete --list shows what can be brought back"}
			}
			orders = append(orders, s.undelete(t, !*noStart))
		}
		return s.carryOut(ctx, orders, 0)
	}
}

// undelete is the order that brings an app back.
func (s *session) undelete(t *velos.Trashed, start bool) order {
	return order{verb: "undelete", name: t.Spec.Name, app: t.Spec.Name, id: t.ID, inst: -1, do: func(ctx context.Context) (string, *velos.App, error) {
		d, err := s.conn.Restore(ctx, wire.Restore{ID: t.ID, Start: start, Wait: true})
		if velos.CodeOf(err) == velos.Conflict {
			err = &velos.Error{Code: velos.Conflict, Message: err.Error(), Hint: "velos restart " + t.Spec.Name + " --name OTHER gives the name back, or velos delete " + t.Spec.Name, Cause: err}
		}
		did := "brought back"
		if d.App != nil {
			did += ", " + string(d.App.Status)
		}
		return done(did, d, err)
	}}
}

// trashed finds a deleted app by its name, the one that was deleted last, or
// by its id.
func trashed(list []velos.Trashed, word string) *velos.Trashed {
	for i := range list {
		if strings.EqualFold(list[i].Spec.Name, word) {
			return &list[i]
		}
	}
	for i := range list {
		if word == strconv.Itoa(int(list[i].ID)) {
			return &list[i]
		}
	}
	return nil
}

func (s *session) listTrash(list []velos.Trashed) error {
	rows, text := []trashedJSON{}, ""
	now := velos.TimeOf(s.Now())
	for i := range list {
		t := &list[i]
		m := view.MaskOf(&velos.App{Spec: t.Spec})
		j := trashedJSON{ID: t.ID, Name: t.Spec.Name, Command: m.String(view.Text(view.CommandLine(&t.Spec))), Cwd: t.Spec.Cwd, Running: t.Running, Deleted: t.Deleted, Expires: t.Expires, By: t.By}
		rows = append(rows, j)
		text += view.Text(j.Name) + " (id " + strconv.Itoa(int(j.ID)) + ")  " + j.Command + "  deleted " + view.Span(velos.Millis(now-j.Deleted)) + " ago by " + view.By(j.By) +
			", for good in " + view.Span(velos.Millis(j.Expires-now)) + "\n"
	}
	if text == "" {
		text = "nothing was deleted in the last 24 hours\n"
	}
	return s.answer(rows, text)
}
