package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// Options are the flags of start. A flag that was not given is "" or nil;
// what was given is read here, units and all, so that every door reports bad
// values in the same words.
type Options struct {
	Name, Namespace  string
	Cwd              string
	Interpreter      string   // "none" runs the script itself
	InterpreterArgs  []string // each is split into words
	Instances        string   // a number, "max", or "0" which is max too
	Args             []string // what followed --
	Env              []string // KEY=VALUE
	EnvFiles         []string
	Shell            bool
	Autostart        *bool
	Autorestart      string // always, on-failure, never, true or false
	NoAutorestart    bool
	StopExitCodes    []string // numbers, also several with commas
	MaxRestarts      string
	MinUptime        string
	RestartDelay     string
	ExpBackoff       string
	KillTimeout      string
	StopSignal       string
	LogFile          string // both streams
	OutFile, ErrFile string
	LogDateFormat    string
	Time             bool // a LogDateFormat for those who have none
	MergeLogs        *bool
	LogRaw           *bool
	MaxLogSize       string
	MaxLogFiles      string
	MaxLogTotal      string
	IncrementVar     string
	PortLater        bool // the caller sets PORT in what comes of this

	User, Group string

	Mode                string   // fork or cluster
	Listen              []string // addresses
	ListenReuse         *bool
	WaitReady           *bool
	ListenTimeout       string
	ShutdownWithMessage *bool

	// Flags are the flags that fields were set with, where they have another
	// name than the field: messages name what was typed.
	Flags map[string]string

	MaxMemory   string
	Watch       []string // paths; "" is the working directory
	IgnoreWatch []string
	WatchDelay  string
	Cron        string
	Schedule    string
	Overlap     string
}

// DefaultTime is the log_date_format of --time.
const DefaultTime = "%Y-%m-%dT%H:%M:%S"

// FromArgs makes Specs of the words of a command line: one word for each
// script, program or quoted command line. The working directory of an app is
// the caller's unless Cwd is set, and its environment the caller's whole one,
// beaten by env files, beaten by Env. Errors are *velos.Error; with any error
// there are no Specs.
func FromArgs(scripts []string, o Options, env Environ) ([]velos.Spec, error) {
	if len(scripts) == 0 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "start: no script", Hint: "name a script, a program or a configuration file"}
	}
	if o.Name != "" && len(scripts) > 1 {
		return nil, &velos.Error{Code: velos.Invalid, Message: "--name: names one app, and there are " + strconv.Itoa(len(scripts)) + " scripts",
			Hint: "start them one by one, or without --name"}
	}
	specs := make([]velos.Spec, 0, len(scripts))
	drafts := make([]*draft, 0, len(scripts))
	for _, word := range scripts {
		subject := "start " + shown(word)
		d := newDraft()
		d.base, d.script, d.cwdIsBase, d.allEnv = env.Dir, word, true, true
		p := o.fill(d, env)
		var s velos.Spec
		if p == nil {
			s, p = d.resolve(env)
		}
		if p == nil {
			p = invalidField(s.Validate())
		}
		if p != nil {
			return nil, p.typed(o.Flags).error(subject)
		}
		if twin := slices.IndexFunc(specs, func(t velos.Spec) bool { return strings.EqualFold(t.Name, s.Name) }); twin >= 0 {
			return nil, &velos.Error{Code: velos.Conflict, Message: subject + ": would be named " + s.Name + ", like " + shown(scripts[twin]),
				Hint: "start them one by one with --name"}
		}
		specs, drafts = append(specs, s), append(drafts, d)
	}
	env.note(drafts, specs)
	return specs, nil
}

// fill reads the flags into a draft.
func (o *Options) fill(d *draft, env Environ) *problem {
	if strings.TrimSpace(d.script) == "" {
		return wrong("must not be empty", "name a script or a program").in("script")
	}
	d.spec.Name, d.portLater = o.Name, o.PortLater
	d.args = slices.Clone(o.Args)
	d.envFiles = o.EnvFiles
	d.listen = o.Listen
	o.fillWatch(d)
	d.spec.Shell = o.Shell
	for _, fill := range [...]func(*draft, Environ) *problem{o.fillValues, o.fillLists, o.fillInstances} {
		if p := fill(d, env); p != nil {
			return p
		}
	}
	switch {
	case o.NoAutorestart && o.Autorestart != "" && d.spec.Autorestart != velos.Never:
		return wrong("cannot be used with --no-autorestart", "leave one of them out").in("autorestart")
	case o.NoAutorestart:
		d.spec.Autorestart = velos.Never
	case o.Schedule != "" && o.Autorestart == "":
		d.spec.Autorestart = velos.Never
	}
	if o.Time && o.LogDateFormat == "" {
		d.spec.LogDateFormat = DefaultTime
	}
	for _, b := range [...]struct{ from, to *bool }{
		{o.Autostart, &d.spec.Autostart}, {o.MergeLogs, &d.spec.MergeLogs}, {o.LogRaw, &d.spec.LogRaw},
		{o.ListenReuse, &d.spec.ListenReuse}, {o.WaitReady, &d.spec.WaitReady}, {o.ShutdownWithMessage, &d.spec.ShutdownWithMessage},
	} {
		if b.from != nil {
			*b.to = *b.from
		}
	}
	return nil
}

// fillValues reads the flags that hold one value each, with the same code
// that reads them from a file.
func (o *Options) fillValues(d *draft, _ Environ) *problem {
	for _, v := range [...]struct {
		key, text string
		kind      kind
	}{
		{"namespace", o.Namespace, isString}, {"cwd", o.Cwd, isString}, {"interpreter", o.Interpreter, isString},
		{"autorestart", o.Autorestart, isString}, {"max_restarts", o.MaxRestarts, isInteger},
		{"min_uptime", o.MinUptime, isString}, {"restart_delay", o.RestartDelay, isString},
		{"exp_backoff_restart_delay", o.ExpBackoff, isString}, {"kill_timeout", o.KillTimeout, isString},
		{"stop_signal", o.StopSignal, isString}, {"log_file", o.LogFile, isString}, {"out_file", o.OutFile, isString},
		{"error_file", o.ErrFile, isString}, {"log_date_format", o.LogDateFormat, isString},
		{"max_log_size", o.MaxLogSize, isString}, {"max_log_files", o.MaxLogFiles, isInteger},
		{"max_log_total", o.MaxLogTotal, isString}, {"increment_var", o.IncrementVar, isString},
		{"user", o.User, isString}, {"group", o.Group, isString}, {"mode", o.Mode, isString}, {"listen_timeout", o.ListenTimeout, isString},
		{"max_memory", o.MaxMemory, isString}, {"watch_delay", o.WatchDelay, isString}, {"cron_restart", o.Cron, isString},
		{"schedule", o.Schedule, isString}, {"overlap", o.Overlap, isString},
	} {
		if v.text == "" {
			continue
		}
		if v.kind == isInteger {
			if _, err := strconv.Atoi(v.text); err != nil {
				return wrong("must be a whole number, not "+shown(v.text), "such as 5").in(v.key)
			}
			v.text = strings.TrimPrefix(v.text, "+")
		}
		if p := keys()[v.key].read(d, &node{kind: v.kind, text: v.text}); p != nil {
			return p.in(v.key)
		}
	}
	return nil
}

func (o *Options) fillLists(d *draft, _ Environ) *problem {
	for _, a := range o.InterpreterArgs {
		list, p := splitWords(a, "no flag")
		if p != nil {
			p.hint = "quote what the interpreter is to see as it is"
			return p.in("interpreter_args")
		}
		d.spec.InterpreterArgs = append(d.spec.InterpreterArgs, list...)
	}
	d.env = map[string]string{}
	for _, kv := range o.Env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return wrong("must be KEY=VALUE, not "+shown(k), "such as --env PORT=3000").in("env")
		}
		d.env[k] = v
	}
	for _, list := range o.StopExitCodes {
		for _, s := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return wrong("must be numbers, not "+shown(s), "such as --stop-exit-codes 0,3").in("stop_exit_codes")
			}
			d.spec.StopExitCodes = append(d.spec.StopExitCodes, n)
		}
	}
	return nil
}

func (o *Options) fillInstances(d *draft, env Environ) *problem {
	switch o.Instances {
	case "":
		return nil
	case "max", "0":
		d.instances = "max"
		return nil
	case "-1":
		d.instances = "-1"
		return nil
	}
	n, err := strconv.Atoi(o.Instances)
	if err != nil {
		return wrong(`must be a number or "max", not `+shown(o.Instances), "such as -i 2").in("instances")
	}
	if n < 0 {
		return wrong("must be 1 or more, not "+strconv.Itoa(n), "max is one for each core: "+strconv.Itoa(env.Cores())+" here, -1 leaves one of them free").in("instances")
	}
	d.spec.Instances, d.several = n, true // -i 1 is meant to be scaled, as PM2 has it
	return nil
}
