package cli

import (
	"context"

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
		o := s.options()
		o.All = *all
		return view.List(s.Out, apps, o)
	}
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
