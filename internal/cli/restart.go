package cli

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/dotenv"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

const restartLong = `Stops apps, waits until their processes are gone, and starts them again. The answer comes when each
is online and has lived through min_uptime. A script that no app runs
is started; a configuration file restarts its apps as the file has them now and starts the new ones.` + alterHelp + targetsHelp

// alterHelp is about flags of restart and reload that their help does not list.
const alterHelp = `
Flags of start that say what an app is change one that is known, as velos config set does: velos restart api
--max-memory 300M --cron "0 3 * * *" --node-args=--inspect -- --port 3001.`

// restartFlags are the flags of restart.
type restartFlags struct {
	waiting
	alterFlags
	alter  *config.Alteration
	rename string
	update bool
	only   []string
	env    []string // profiles
	config []string
	until  until
}

func setupRestart(s *session, f *pflag.FlagSet) handler {
	var o restartFlags
	o.waiting.flags(f)
	o.until.flags(f)
	f.StringVarP(&o.rename, "name", "n", "", "new name of the app")
	f.BoolVarP(&o.update, "update-env", "a", false, "take over the environment of this shell; what it lacks stays")
	s.trustFlag(f)
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the configuration file")
	f.StringArrayVar(&o.config, "config", nil, "configuration file; the same as naming it")
	profileFlag(f, &o.env)
	o.alterFlags.flags(f)
	return func(ctx context.Context, args []string) error {
		args, rest, dash := dashed(f, args)
		args = o.watched(s, args)
		limit, err := o.limit()
		if err == nil {
			err = checkFile("restart", o.env, o.only, len(o.config) > 0 || slices.ContainsFunc(args, fileName))
		}
		if err == nil {
			o.alter, err = o.alteration(f, args, rest, dash)
		}
		if err != nil {
			return err
		}
		wanted, err := o.until.conditions("restart", o.noWait)
		if err != nil {
			return err
		}
		orders, err := s.restarts(ctx, &o, distinct(append(args, o.config...)))
		if err != nil {
			return err
		}
		for i := range orders {
			orders[i].until = wanted
		}
		return s.carryOut(ctx, orders, limit)
	}
}

// restarts makes the orders; nothing is done before all words are understood.
func (s *session) restarts(ctx context.Context, o *restartFlags, words []string) ([]order, error) {
	p := &plan{open: s.opener(ctx, true)}
	var err error
	if p.apps, err = s.apps(ctx); err != nil {
		return nil, err
	}
	var orders []order
	var known []target
	for _, w := range words {
		if p.isFile(w) {
			if err := o.unnamed("restart", w, o.alter); err != nil {
				return nil, err
			}
			more, err := s.restartFile(p, w, o)
			if err != nil {
				return nil, err
			}
			orders = append(orders, more...)
			continue
		}
		found, err := resolve("restart", p.apps, []string{w})
		if err != nil {
			if found = s.running(p.apps, w); len(found) == 0 && !s.hasFile(w) {
				found = inSpace(p.apps, w)
			}
			if len(found) == 0 {
				err := s.unknownScript(p, w, err)
				if err == nil {
					err = o.unnamed("restart", w, o.alter)
				}
				if err != nil {
					return nil, err
				}
				orders = append(orders, s.startOrder(p.steps[len(p.steps)-1], !o.noWait))
				continue
			}
		}
		known = append(known, found...)
	}
	if o.rename != "" && (len(known) != 1 || len(orders) > 0 || known[0].inst >= 0) {
		return nil, invalid("--name: renames one app", "name one app and its new name")
	}
	for _, t := range once(known) {
		if slices.ContainsFunc(orders, func(o order) bool { return o.id == t.app.ID }) {
			continue // a file has it, and says more
		}
		r := wire.Restart{Target: t.wire(), Wait: !o.noWait}
		if o.update {
			if r.Spec, err = s.refreshed("restart", t.app); err != nil {
				return nil, err
			}
		}
		if r.Spec, err = s.altered("restart", t, r.Spec, o.alter); err != nil {
			return nil, err
		}
		orders = append(orders, s.restartOrder(t, r, o.rename))
	}
	return orders, nil
}

// once leaves out what was named before.
func once(list []target) []target {
	var out []target
	seen := map[target]bool{}
	for _, t := range list {
		if !seen[t] && !seen[target{t.app, -1}] {
			seen[t] = true
			out = append(out, t)
		}
	}
	// Whoever names an app means all of it, also behind one of its instances.
	return slices.DeleteFunc(out, func(t target) bool { return t.inst >= 0 && seen[target{t.app, -1}] })
}

func (s *session) restartOrder(t target, r wire.Restart, rename string) order {
	o := t.about("restart")
	did := "restarting"
	if r.Wait {
		did = "restarted"
	}
	if rename = cmp.Or(rename, t.app.Spec.Name); rename != t.app.Spec.Name {
		did += ", was " + t.app.Spec.Name
		if r.Spec != nil {
			r.Spec.Name = rename
		}
	}
	o.gives(s, func() verb.Order { return verb.Renaming(t.app, rename, verb.Restarting(t.app, r)) }, func(verb.Given) string { return did })
	return o
}

// unknownScript plans the start of a script that no app runs. missing is the
// error for a word that is none.
func (s *session) unknownScript(p *plan, word string, missing error) error {
	env, err := s.environ()
	if err != nil || velos.CodeOf(missing) != velos.NotFound || mustBeKnown(word) {
		return missing
	}
	// Only what is a file without a doubt is started: a misspelt name is not.
	if st, err := os.Stat(s.absolute(word)); err != nil || st.IsDir() {
		return missing
	}
	specs, err := config.FromArgs([]string{word}, config.Options{}, env)
	if err != nil {
		return err
	}
	return p.script(&specs[0])
}

// described are the Specs of a file's apps, or of those named.
func (s *session) described(p *plan, path string, only, profiles []string) ([]velos.Spec, error) {
	env, err := s.environ()
	env.Profiles = profiles
	if err != nil {
		return nil, err
	}
	return p.load(false, path, only, env)
}

// restartFile brings the apps of a file to what the file says.
func (s *session) restartFile(p *plan, path string, o *restartFlags) ([]order, error) {
	specs, err := s.described(p, path, o.only, o.env)
	if err != nil {
		return nil, err
	}
	orders := make([]order, len(specs))
	for i := range specs {
		if t, ok := p.twin(specs[i].Name); ok {
			orders[i] = s.restartOrder(t, wire.Restart{Target: t.wire(), Wait: !o.noWait, Spec: &specs[i]}, "")
		} else {
			orders[i] = s.startOrder(step{spec: &specs[i], inst: -1}, !o.noWait)
		}
	}
	return orders, nil
}

// refreshed is an app's Spec with the environment of this shell laid over its
// own: what the shell does not have (of a file, or of --set) stays. Its env
// files are read again, as the daemon would do.
func (s *session) refreshed(verb string, a *velos.App) (*velos.Spec, error) {
	sp := a.Spec
	sp.Env = maps.Clone(sp.Env)
	if sp.Env == nil {
		sp.Env = map[string]string{}
	}
	for k, v := range s.Vars {
		if !strings.HasPrefix(k, "VELOS_") && k != "NODE_APP_INSTANCE" && (k != velos.PortVar || sp.Port() == 0) {
			sp.Env[k] = v
		}
	}
	var err error
	sp.FileEnv, err = fileEnv(verb, &sp)
	return &sp, err
}

// fileEnv reads the env files of a Spec, as the daemon does when a run begins.
func fileEnv(verb string, sp *velos.Spec) (map[string]string, error) {
	all := map[string]string{}
	for _, file := range sp.EnvFiles {
		path, vars, err := readEnvFile(file)
		if err != nil {
			return nil, invalid(verb+" "+sp.Name+": env file "+path+": "+err.Error(), "")
		}
		maps.Copy(all, vars)
	}
	return all, nil
}

// readEnvFile reads one file; one that may be missing is empty then.
func readEnvFile(file string) (path string, vars map[string]string, err error) {
	path, optional := velos.OptionalFile(file)
	b, err := os.ReadFile(path)
	switch {
	case optional && os.IsNotExist(err):
		return path, nil, nil
	case err != nil:
		return path, nil, err
	}
	vars, err = dotenv.Parse(b)
	return path, vars, err
}

// filesOf tells for each variable of env files which file it is from. Files
// that cannot be read are left out.
func filesOf(sp *velos.Spec) map[string]string {
	from := map[string]string{}
	for _, file := range sp.EnvFiles {
		path, vars, _ := readEnvFile(file)
		for k := range vars {
			from[k] = path
		}
	}
	return from
}
