package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/herald"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
)

const notifyLong = `Tells what has happened to those whom [[notify]] tables name. velosd runs it by itself when there are news;
by hand it is of use for a look and a test:

    velos notify test [FILE]    sends a test message to each; without FILE those of VELOS_HOME/config.toml
                                and of the files that apps came from
    velos notify                what was sent, what waits, and what went wrong; --status says the same`

func setupNotify(s *session, f *pflag.FlagSet) handler {
	after := f.Uint64("after", 0, "the newest event that is no news")
	f.MarkHidden("after")
	status := f.Bool("status", false, "show what became of messages, as without a word")
	return func(ctx context.Context, args []string) error {
		h, err := s.home()
		switch {
		case err != nil:
			return err
		case len(args) == 0 && f.Changed("after") && !*status:
			return herald.New(h, *after).Run(ctx)
		case len(args) == 0:
			return s.notifyStatus(h)
		case args[0] != "test":
			return invalid("notify: "+quote(args[0])+" is not understood", "velos notify test [FILE], or velos notify")
		}
		return s.notifyTest(ctx, h, args[1:])
	}
}

type sinkAnswer struct {
	*herald.Sink
	Waiting int `json:"waiting"` // in the place of what waits, which may be long
}

func (s *session) notifyStatus(h home.Home) error {
	st, err := herald.Load(h)
	if err != nil {
		return err
	}
	answer := struct {
		Sinks    []sinkAnswer      `json:"sinks"`
		Problems map[string]string `json:"problems"`
	}{[]sinkAnswer{}, st.Problems}
	if answer.Problems == nil {
		answer.Problems = map[string]string{}
	}
	text := ""
	for _, id := range slices.Sorted(maps.Keys(st.Sinks)) {
		k := *st.Sinks[id]
		waiting := len(k.Unsent)
		k.Unsent, k.Hour = nil, append([]velos.Time{}, k.Hour...)
		answer.Sinks = append(answer.Sinks, sinkAnswer{&k, waiting})
		text += show(k.Type, "  ", k.Target, "  (", k.Place, "): ", strconv.Itoa(k.Sent), " sent", sinkWords(&k, waiting, s.Loc))
	}
	for _, path := range slices.Sorted(maps.Keys(st.Problems)) {
		text += show(path, ": ", firstLine(st.Problems[path]))
	}
	if text == "" {
		text = "there was nothing to tell yet\n"
	}
	return s.answer(answer, text)
}

func sinkWords(k *herald.Sink, waiting int, loc *time.Location) string {
	text := ""
	if k.Last != 0 {
		text += ", last " + k.Last.Std().In(loc).Format(time.DateTime)
	}
	if waiting > 0 {
		text += ", " + strconv.Itoa(waiting) + " waiting"
	}
	if k.Left > 0 {
		text += ", " + strconv.Itoa(k.Left) + " left out"
	}
	if k.Error != "" {
		text += "; failed " + k.At.Std().In(loc).Format(time.DateTime) + ": " + k.Error
	}
	return text
}

// A trial is a notice to test, and the variables that its app has.
type trial struct {
	config.Notice
	vars map[string]string
}

type trialAnswer struct {
	Type   string `json:"type"`
	Target string `json:"target"`
	Place  string `json:"place"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
}

func (s *session) notifyTest(ctx context.Context, h home.Home, files []string) error {
	var list []trial
	var err error
	if len(files) > 0 && s.abs(files[0]) != h.ConfigFile() {
		list, err = s.trialsOf(ctx, files[0])
	} else {
		list, err = s.trials(ctx, h)
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return &velos.Error{Code: velos.NotFound, Message: "notify test: there is no [[notify]] table", Hint: "write one into a velos.toml, or into " + h.ConfigFile()}
	}
	answer := make([]trialAnswer, len(list))
	text, failed := "", 0
	host, _ := os.Hostname()
	for i, t := range list {
		err := herald.Test(host, t.Notice, s.lookup(t.vars))
		a := trialAnswer{Type: t.Type, Target: t.Target(), Place: t.Place, OK: err == nil}
		word := "sent"
		if err != nil {
			a.Error, word = view.Text(err.Error()), "failed: "+err.Error()
			failed++
		}
		answer[i] = a
		text += show(a.Type, "  ", a.Target, "  (", a.Place, "): ", word)
	}
	if err := s.answer(answer, text); err != nil {
		return err
	}
	if failed > 0 {
		return exitCode(velos.Failed.Exit())
	}
	return nil
}

// lookup finds variables of the app first. What is in this shell alone is not
// there when it matters.
func (s *session) lookup(vars map[string]string) config.Lookup {
	return func(name string) (string, bool) {
		if v, ok := vars[name]; ok {
			return v, true
		}
		v, ok := s.Vars[name]
		if ok {
			s.notice(name, " is set in this shell, and in no app: news will not find it; use env_file or file:PATH")
		}
		return v, ok
	}
}

// trialsOf are the tables of a file, if it may be used.
func (s *session) trialsOf(ctx context.Context, file string) ([]trial, error) {
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	if !config.IsConfig(file) {
		return nil, invalid("notify test "+quote(file)+": is no velos.toml", "name a .toml file")
	}
	env.Trust = s.allowed(ctx)
	loaded, err := config.Load(file, env)
	if err != nil {
		return nil, err
	}
	notices, err := config.Notices(file, env)
	var list []trial
	for _, n := range notices {
		vars := map[string]string{}
		for i := range loaded.Specs {
			sp := &loaded.Specs[i]
			if n.About(sp.Name, sp.Namespace) {
				maps.Copy(vars, sp.FileEnv)
				maps.Copy(vars, sp.Env)
			}
		}
		list = append(list, trial{n, vars})
	}
	return list, err
}

// ofTheHome are the tables for every app.
func (s *session) ofTheHome(h home.Home) ([]trial, error) {
	if !exists(h.ConfigFile()) {
		return nil, nil
	}
	g, err := config.LoadGlobal(h.ConfigFile(), config.Environ{Dir: h.Dir, Vars: s.Vars})
	if err != nil {
		return nil, err
	}
	var list []trial
	for _, n := range g.Notices {
		list = append(list, trial{Notice: n})
	}
	return list, nil
}

// trials are the tables that are in force.
func (s *session) trials(ctx context.Context, h home.Home) ([]trial, error) {
	list, err := s.ofTheHome(h)
	if err != nil || s.dial() != nil {
		return list, err
	}
	apps, err := s.conn.List(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range apps.Apps {
		sp := &apps.Apps[i].Spec
		if !sp.Notify || seen[sp.Source] {
			continue
		}
		seen[sp.Source] = true
		notices, err := herald.Trusted(h, sp)
		if err != nil {
			return nil, err
		}
		vars := maps.Clone(sp.FileEnv)
		if vars == nil {
			vars = map[string]string{}
		}
		maps.Copy(vars, sp.Env)
		for _, n := range notices {
			list = append(list, trial{n, vars})
		}
	}
	return list, nil
}

// checkNotices looks at the tables of the home, and at what became of
// messages.
func (d *doctor) checkNotices() {
	if exists(d.home.ConfigFile()) {
		if _, err := config.LoadGlobal(d.home.ConfigFile(), config.Environ{Dir: d.home.Dir, Vars: d.Vars}); err != nil {
			d.say("config", bad, firstLine(err.Error()), "")
		}
	}
	st, err := herald.Load(d.home)
	if err != nil {
		d.say("notify", odd, err.Error(), "")
		return
	}
	for _, path := range slices.Sorted(maps.Keys(st.Problems)) {
		if path != d.home.ConfigFile() {
			d.say("notify", odd, strings.ReplaceAll(st.Problems[path], "\n", " "), "velos trust "+line([]string{path}))
		}
	}
	sent, failing := 0, 0
	for _, id := range slices.Sorted(maps.Keys(st.Sinks)) {
		k := st.Sinks[id]
		sent += k.Sent
		if k.Error != "" {
			failing++
			d.say("notify", odd, fmt.Sprintf("%s to %s (%s): %s; %d waiting", k.Type, k.Target, k.Place, k.Error, len(k.Unsent)), "velos notify test")
		}
	}
	if len(st.Sinks) > 0 && failing == 0 {
		d.say("notify", fine, fmt.Sprintf("%d messages were sent to %d places", sent, len(st.Sinks)), "")
	}
}

// firstLine is what is wrong, without the picture of where.
func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
