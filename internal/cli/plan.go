package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/wire"
)

// A step of a plan brings one app up.
type step struct {
	app  *velos.App  // known already
	inst int         // of app; -1 for all
	spec *velos.Spec // new, or what app becomes
	made *velos.Spec // of an app that this command has made known
	done string      // not empty: there is nothing to do, and why
	note string      // said behind the outcome
	keep bool        // an agent's app outlives it
	ttl  velos.Millis
}

func (st *step) name() string {
	if st.app == nil {
		return st.spec.Name
	}
	return target{st.app, st.inst}.String()
}

func (st *step) call(wait bool) wire.Start {
	if st.app != nil {
		return wire.Start{ID: st.app.ID, Spec: st.spec, Inst: st.inst, Wait: wait, Keep: st.keep, TTL: st.ttl}
	}
	return wire.Start{Spec: st.spec, Inst: -1, Wait: wait, Keep: st.keep, TTL: st.ttl}
}

// A plan is what a start comes to, made before anything is done.
type plan struct {
	apps  []velos.App
	steps []step
	force bool   // a second copy is wanted
	named bool   // a name was given
	given string // the first flag that says what an app should be
	open  opener
	there func(word string) bool // a file is named so
	from  map[string]origin      // by the names of apps in small letters: the file that has it
}

// plan decides what each word means. An app that is known comes first, then a
// configuration file, then a script.
func (s *session) plan(ctx context.Context, f *pflag.FlagSet, o *startFlags, words, rest []string) (*plan, error) {
	opts, err := o.options(f, rest)
	if err != nil {
		return nil, err
	}
	if len(words)+len(o.config) == 0 {
		if words = []string{s.usualFile()}; !s.hasFile(words[0]) {
			return nil, invalid("start: nothing to start", "name an app, a script or a configuration file; without a name it would be velos.toml here, or ecosystem.config.js")
		}
	}
	for _, w := range words {
		if allDigits(w) && f.Changed("stop-exit-codes") {
			return nil, severalCodes(w)
		}
	}
	words = distinct(words)
	p := &plan{force: o.force, named: o.Name != "", given: o.specFlag(f, rest), open: s.opener(ctx, true), there: s.hasFile}
	if p.apps, err = s.apps(ctx); err != nil {
		return nil, err
	}
	files, scripts, err := p.sort(words)
	if err != nil {
		return nil, err
	}
	files = distinct(append(slices.Clone(o.config), files...))
	if o.said != "" {
		s.notice(o.said)
	}
	if len(files) > 0 && p.given != "" && len(scripts) == 0 {
		return nil, invalid("start: "+p.given+" does not apply to a configuration file", "write it into the file")
	}
	if profiles := o.profiles(); len(files) == 0 && len(profiles) > 0 {
		return nil, noFile(profiles[0])
	}
	if len(files) == 0 && len(o.only) > 0 {
		return nil, onlyWhat(o.only)
	}
	if len(files)+len(scripts) == 0 {
		p.needed()
		return p, nil
	}
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	env.Profiles = o.profiles()
	for _, file := range files {
		if err := p.file(file, o.only, env); err != nil {
			return nil, err
		}
	}
	if len(scripts) == 0 {
		p.needed()
		return p, nil
	}
	opts.PortLater = o.port != ""
	specs, err := config.FromArgs(scripts, opts, env)
	if err != nil {
		return nil, p.meant(scripts, err)
	}
	for i := range specs {
		if err := p.script(&specs[i]); err != nil {
			return nil, err
		}
		if err := verb.SetPort(&specs[i], o.port, p.apps); err != nil { // by the name that it got
			return nil, err
		}
	}
	p.needed()
	return p, nil
}

// sort tells words apart. Apps that are known go into the plan; with --name
// or --force every word is a script, since a new app is wanted.
func (p *plan) sort(words []string) (files, scripts []string, err error) {
	for _, w := range words {
		if p.isFile(w) {
			files = append(files, w)
			continue
		}
		found, err := match(p.apps, w)
		if len(found) == 0 && p.given == "" && !p.force && !p.there(w) {
			found = inSpace(p.apps, w)
		}
		switch {
		case err != nil:
			return nil, nil, err
		case len(found) == 0 && mustBeKnown(w):
			return nil, nil, notFound("start", p.apps, w)
		case len(found) == 0 || p.named || p.force:
			scripts = append(scripts, w)
			continue
		case p.given != "":
			return nil, nil, invalid("start "+quote(w)+": "+p.given+" does not apply to an app that is known",
				"velos restart "+quote(w)+" "+p.given+" … changes it; velos start SCRIPT --force makes a second app of the script")
		}
		for _, t := range found {
			p.known(t)
		}
	}
	return files, scripts, nil
}

// meant is the error for words of which one is no script, but names apps.
func (p *plan) meant(scripts []string, err error) error {
	for _, w := range scripts {
		switch found, _ := match(p.apps, w); {
		case !strings.Contains(err.Error(), w+": no such file"):
		case len(found) > 0 && p.named:
			return invalid("start "+quote(w)+": --name does not apply to an app that is known", "velos restart "+quote(w)+" --name NAME renames it")
		case grouping(p.apps, w) != "":
			return notFound("start", p.apps, w)
		}
	}
	return err
}

// specFlag is the first flag given that says what an app should be, as it is
// written; arguments behind -- count as one.
func (o *specFlags) specFlag(f *pflag.FlagSet, rest []string) string {
	first := ""
	general := []string{"config", "only", "trust", "force", "attach", "keep", "lease", "update-env", "wait", "no-wait", "timeout", "json", "ai", "silent", "color", "no-color",
		"no-pmx", "no-automation", "no-vizion", "disable-trace", "disable-source-map-support", "execute-command", "mini-list"}
	f.Visit(func(fl *pflag.Flag) {
		profile := fl.Name == "env" && len(o.profiles()) == len(o.env)
		if first == "" && !profile && !slices.Contains(general, fl.Name) {
			first = "--" + fl.Name
		}
	})
	if first == "" && len(rest) > 0 {
		first = "--"
	}
	return first
}

// mustBeKnown reports words that cannot be a script.
func mustBeKnown(w string) bool {
	return w == "all" || strings.HasPrefix(w, "ns:") || allDigits(w)
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// known starts an app again.
func (p *plan) known(t target) {
	for i := range p.steps {
		if st := &p.steps[i]; st.app == t.app && (st.inst == t.inst || st.inst < 0) {
			return
		}
	}
	st := step{app: t.app, inst: t.inst}
	if t.are(velos.Online) {
		st.done = "already online"
	}
	p.steps = append(p.steps, st)
}

// are reports whether every instance in question has one of these states.
func (t target) are(states ...velos.Status) bool {
	n := 0
	for i := range t.app.Instances {
		in := &t.app.Instances[i]
		if t.inst >= 0 && t.inst != in.Inst {
			continue
		}
		if !slices.Contains(states, in.Status) {
			return false
		}
		n++
	}
	return n > 0
}

// runs reports whether every instance in question runs or is being started.
func runs(t target) bool { return t.are(velos.Online, velos.Starting) }

// distinct leaves out words that were said before.
func distinct(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// twin is the app whose name differs from this one by capitals at most.
func (p *plan) twin(name string) (target, bool) {
	for i := range p.apps {
		if strings.EqualFold(p.apps[i].Spec.Name, name) {
			return target{&p.apps[i], -1}, true
		}
	}
	return target{}, false
}

// script adds what FromArgs made of a word. The same program is not started
// twice unless that was asked for.
func (p *plan) script(sp *velos.Spec) error {
	t, taken := p.twin(sp.Name)
	if taken && p.force && !p.named {
		sp.Name = p.free(sp.Name)
		taken = false
	}
	if !taken && !p.named && !p.force {
		t, taken = p.sameProgram(sp)
	}
	switch {
	case !taken:
		p.steps = append(p.steps, step{spec: sp, inst: -1})
		return nil
	case !same(&t.app.Spec, sp):
		return &velos.Error{Code: velos.Conflict, Message: "start " + sp.Name + ": the name is taken by " + program(t.app),
			Hint: "give it another name with --name, or velos delete " + t.app.Spec.Name + " first"}
	case runs(t) || t.app.Status == velos.WaitingRestart:
		return &velos.Error{Code: velos.Conflict, Message: "start " + sp.Name + ": it runs already as " + t.app.Spec.Name + " (id " + strconv.Itoa(int(t.app.ID)) + ", " + string(t.app.Status) + ")",
			Hint: "velos restart " + t.app.Spec.Name + " starts it anew, --force adds a second copy"}
	}
	// It is known and does not run: it becomes what was asked for now.
	sp.Name = t.app.Spec.Name
	p.steps = append(p.steps, step{app: t.app, inst: -1, spec: sp})
	return nil
}

// program names what an app runs for a message.
func program(a *velos.App) string {
	if a.Spec.Command != "" {
		return quote(a.Spec.Command)
	}
	return quote(a.Spec.Script)
}

func (p *plan) sameProgram(sp *velos.Spec) (target, bool) {
	for i := range p.apps {
		if same(&p.apps[i].Spec, sp) {
			return target{&p.apps[i], -1}, true
		}
	}
	return target{}, false
}

// same reports whether two Specs run the same program with the same
// arguments. Where a command line runs is a part of what it is ("npm start");
// a script is itself wherever it is started from.
func same(a, b *velos.Spec) bool {
	return a.Script == b.Script && a.Command == b.Command && slices.Equal(a.Args, b.Args) && (a.Command == "" || a.Cwd == b.Cwd)
}

// free is the first name of the row app, app-2, app-3 that nobody has.
func (p *plan) free(name string) string {
	for n := 2; ; n++ {
		try := name + "-" + strconv.Itoa(n)
		if _, taken := p.twin(try); !taken && !slices.ContainsFunc(p.steps, func(st step) bool { return st.spec != nil && st.spec.Name == try }) {
			return try
		}
	}
}

// environ is what scripts and files are resolved with.
func (s *session) environ() (config.Environ, error) {
	return config.Environ{Dir: s.Dir, Vars: s.Vars, Port: s.choosePort, Note: func(text string) { s.notice(text) }}, s.Lost
}
