package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const listLong = `Shows apps: all of them, or those named. An app of several instances is one row as long as they
are all in the same state; --all shows each. What each field of --json means: docs/OUTPUT.md.` + targetsHelp

func setupList(s *session, f *pflag.FlagSet) handler {
	all := f.BoolP("all", "a", false, "a row for each instance")
	f.BoolP("mini-list", "m", false, "accepted: the list is short already")
	f.MarkHidden("mini-list")
	order := f.String("sort", "", "by name, id, namespace, pid, cpu, memory, uptime, restarts or status; with :desc the other way round")
	here := f.Bool("project", false, "only apps of the project that the working directory is in")
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			found, err := s.resolve("list", apps, args)
			if err != nil {
				return err
			}
			apps = only(found)
		}
		if *here {
			apps = verb.InProject(apps, s.Dir)
		}
		if err := sorted(apps, *order); err != nil {
			return err
		}
		o := s.options()
		o.All = *all
		return view.List(s.Out, apps, o)
	}
}

// keys of --sort, with PM2's other words for them.
var sortKeys = map[string]func(a, b *velos.App) int{
	"name":      func(a, b *velos.App) int { return strings.Compare(a.Spec.Name, b.Spec.Name) },
	"namespace": func(a, b *velos.App) int { return strings.Compare(a.Spec.Namespace, b.Spec.Namespace) },
	"status":    func(a, b *velos.App) int { return strings.Compare(string(a.Status), string(b.Status)) },
	"id":        func(a, b *velos.App) int { return cmp.Compare(a.ID, b.ID) },
	"pid":       func(a, b *velos.App) int { return cmp.Compare(view.First(a).PID, view.First(b).PID) },
	"uptime":    func(a, b *velos.App) int { return cmp.Compare(view.First(b).Started, view.First(a).Started) },
	"restarts":  func(a, b *velos.App) int { return cmp.Compare(a.Restarts(), b.Restarts()) },
	"cpu":       func(a, b *velos.App) int { return cmp.Compare(a.Usage().CPU, b.Usage().CPU) },
	"memory":    func(a, b *velos.App) int { return cmp.Compare(a.Usage().Memory, b.Usage().Memory) },
}

// sorted puts apps into an order, KEY or KEY:desc; "" leaves theirs.
func sorted(apps []velos.App, order string) error {
	key, way, _ := strings.Cut(order, ":")
	if key == "mem" || key == "created_at" {
		key = map[string]string{"mem": "memory", "created_at": "id"}[key]
	}
	compare := sortKeys[key]
	switch {
	case order == "":
		return nil
	case compare == nil:
		return invalid("--sort: "+quote(key)+" is nothing to sort by", "one of "+strings.Join(slices.Sorted(maps.Keys(sortKeys)), ", "))
	case way != "" && way != "asc" && way != "desc":
		return invalid("--sort: "+quote(way)+" is no order", "asc or desc, such as --sort memory:desc")
	}
	slices.SortStableFunc(apps, func(a, b velos.App) int {
		if way == "desc" {
			return compare(&b, &a)
		}
		return compare(&a, &b)
	})
	return nil
}

const jlistLong = `Shows every process as PM2's jlist does, for programs that read that: pid, name, pm_id, monit and pm2_env, on
one line. pm_id is the app's id, which commands take; instances of an app have it in common, and differ in NODE_APP_INSTANCE.
velos list --json has more. velos prettylist is the same spread over lines, as PM2 prints it, which is no JSON.`

func setupJList(s *session, _ *pflag.FlagSet) handler      { return s.jlist(false) }
func setupPrettyList(s *session, _ *pflag.FlagSet) handler { return s.jlist(true) }

func (s *session) jlist(pretty bool) handler {
	return func(ctx context.Context, _ []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		return view.JList(s.Out, apps, pretty && s.human())
	}
}

// only is the apps of targets, each once, and of an app those instances that
// were asked for.
func only(list []target) []velos.App {
	var apps []velos.App
	at := map[uint32]int{}
	for _, t := range list {
		i, ok := at[t.app.ID]
		if !ok {
			i = len(apps)
			at[t.app.ID] = i
			apps = append(apps, *t.app)
			if t.inst >= 0 {
				apps[i].Instances = nil
			}
		}
		for _, in := range t.app.Instances {
			if t.inst == in.Inst {
				apps[i].Instances = append(apps[i].Instances, in)
				apps[i].Status = velos.Overall(apps[i].Instances)
			}
		}
	}
	return apps
}
