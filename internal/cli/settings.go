package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
)

const configLong = `Shows or changes single settings of an app.

    velos config get api                            all settings, as a velos.toml would have them
    velos config get api kill_timeout               one of them
    velos config set api kill_timeout=10s env.LOG=debug
    velos config set api instances=4 --dry-run
    velos config unset api kill_timeout env.LOG     back to the default; a variable goes away

Keys and values are those of velos.toml (docs/CONFIG.md). Set and unset make it so at once, in the gentlest way: in place,
by a reload, or by a restart; with --no-restart the change waits for the app's next start. An app that came from a file
is described by that file: the next velos apply brings back what the file says.`

func setupConfig(s *session, f *pflag.FlagSet) handler {
	dry := f.Bool("dry-run", false, "show what would be done, and do nothing")
	later := f.Bool("no-restart", false, "the change waits for the next start")
	timeout := f.String("timeout", "", "wait no longer than this (such as 5m), then exit with 5; the order stands")
	return func(ctx context.Context, args []string) error {
		w := waiting{timeout: *timeout}
		limit, err := w.limit()
		if err != nil {
			return err
		}
		switch verb := args[0]; {
		case verb != "get" && verb != "set" && verb != "unset":
			return invalid("config "+quote(verb)+": no such thing to do", "velos config get NAME [KEY], velos config set NAME KEY=VALUE, velos config unset NAME KEY")
		case verb == "get" && len(args) > 3:
			return invalid("config get: too many arguments: "+quote(args[3]), "velos config get NAME shows all")
		case verb == "set" && len(args) < 3:
			return invalid("config set: something is missing", "such as velos config set "+args[1]+" kill_timeout=10s")
		case verb == "unset" && len(args) < 3:
			return invalid("config unset: something is missing", "such as velos config unset "+args[1]+" kill_timeout")
		}
		t, err := s.oneApp(ctx, "config "+args[0], args[1])
		if err != nil {
			return err
		}
		if args[0] == "get" {
			return s.getSetting(t.app, args[2:])
		}
		env, err := s.environ()
		if err != nil {
			return err
		}
		change := config.Set
		if args[0] == "unset" {
			change = config.Unset
		}
		sp, err := change(&t.app.Spec, args[2:], env)
		if err != nil {
			return err
		}
		return s.becomes(ctx, t.app, &sp, *dry, *later, limit)
	}
}

// becomes gives an app a Spec, now or from its next start on.
func (s *session) becomes(ctx context.Context, app *velos.App, sp *velos.Spec, dry, later bool, limit time.Duration) error {
	a := &applying{session: s, file: "the command"}
	a.turn(sp, app)
	if later {
		for i := range a.tasks {
			a.tasks[i].do = adapt
		}
	}
	if dry || len(a.tasks) == 0 && s.human() {
		return a.show()
	}
	err := a.carryOut(ctx, 1, limit)
	if err == nil && sp.Source != "" {
		s.notice(sp.Name, " comes from ", sp.Source, ", and the next velos apply brings back what that says")
	}
	return err
}

// getSetting shows the settings of an app, or those of one key.
func (s *session) getSetting(a *velos.App, key []string) error {
	m := view.MaskOf(a)
	var list []view.Setting
	for _, st := range config.Settings(&a.Spec) {
		one := len(key) > 0 && st.Key == key[0]
		if len(key) > 0 && !one && !strings.HasPrefix(st.Key, key[0]+".") || strings.HasPrefix(st.Key, "env_file:") {
			continue
		}
		value := m.Hide(st.Key, st.Value)
		if one && s.human() {
			return s.answer(nil, value+"\n")
		}
		list = append(list, view.Setting{Key: st.Key, Value: value, From: st.From})
	}
	if len(list) > 0 || len(key) == 0 {
		return view.Settings(s.Out, list, s.options())
	}
	if !config.IsKey(key[0]) {
		return &velos.Error{Code: velos.NotFound, Message: "config get " + a.Spec.Name + ": there is no setting " + quote(key[0]), Hint: config.KnownKey(key[0])}
	}
	if s.human() {
		return s.answer(nil, "\n") // it is a key, and not set
	}
	return view.Settings(s.Out, []view.Setting{}, s.options())
}

// variables are those of an app's environment, and where each is from.
func (s *session) variables(a *velos.App) []view.Setting {
	m := view.MaskOf(a)
	var list []view.Setting
	for k, v := range a.Spec.Env {
		from := a.Spec.EnvFrom[k]
		switch {
		case from == "":
			from = "shell"
		case strings.HasPrefix(from, velos.FromProfile):
			from = "profile " + strings.TrimPrefix(from, velos.FromProfile)
		case from == velos.FromFile && a.Spec.Source != "":
			from = "file " + a.Spec.Source
		}
		list = append(list, view.Setting{Key: k, Value: m.Env(map[string]string{k: v})[k], From: from})
	}
	for k, file := range filesOf(&a.Spec) {
		if _, beaten := a.Spec.Env[k]; !beaten {
			list = append(list, view.Setting{Key: k, Value: view.Masked, From: "env_file " + file})
		}
	}
	for _, k := range []string{"VELOS_ID", "VELOS_NAME", "VELOS_INSTANCE", "NODE_APP_INSTANCE"} {
		if _, beaten := a.Spec.Env[k]; !beaten {
			list = append(list, view.Setting{Key: k, Value: "(each process its own)", From: "velos"})
		}
	}
	slices.SortFunc(list, func(a, b view.Setting) int { return strings.Compare(a.Key, b.Key) })
	return list
}
