package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// alterFlags are the flags of start that say what an app should be, where an
// app is known already: they change it.
type alterFlags struct {
	specFlags
	port  string
	names []string
}

// unaltered are those that say nothing about a known app, or mean something
// else where it is named.
var unaltered = []string{"no-daemon", "no-treekill", "no-vizion", "no-pmx", "no-automation", "disable-trace", "disable-source-map-support", "execute-command", "mini-list"}

// flags declares those that the command has not declared itself. They are not
// listed by its help, which names them together.
func (o *alterFlags) flags(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.specFlags.flags(all)
	portFlag(all, &o.port)
	all.VisitAll(func(fl *pflag.Flag) {
		if f.Lookup(fl.Name) != nil || slices.Contains(unaltered, fl.Name) {
			return
		}
		if fl.Shorthand != "" && f.ShorthandLookup(fl.Shorthand) != nil {
			fl.Shorthand = ""
		}
		fl.Hidden = true
		f.AddFlag(fl)
		o.names = append(o.names, fl.Name)
	})
}

// alteration is what the flags and the arguments behind -- change; nil is
// nothing.
func (o *alterFlags) alteration(f *pflag.FlagSet, words, rest []string, dash bool) (*config.Alteration, error) {
	if len(words) > 1 && slices.ContainsFunc(words[1:], allDigits) && f.Changed("stop-exit-codes") {
		return nil, severalCodes(words[1])
	}
	a := &config.Alteration{Flags: map[string]string{}}
	var err error
	f.Visit(func(fl *pflag.Flag) {
		if err == nil && slices.Contains(o.names, fl.Name) {
			err = o.take(f, fl, a)
		}
	})
	if err != nil {
		return nil, err
	}
	if dash {
		a.Flags["args"] = ""
		a.Set = append(a.Set, "args="+list(rest))
	}
	if len(a.Set)+len(a.Unset) == 0 {
		return nil, nil
	}
	return a, nil
}

// severalCodes: PM2 takes all numbers behind --stop-exit-codes, here they would
// be ids.
func severalCodes(word string) error {
	return invalid("--stop-exit-codes: "+word+" stands apart", "several exit codes are written with commas: --stop-exit-codes 0,1")
}

// take reads one flag.
func (o *alterFlags) take(f *pflag.FlagSet, fl *pflag.Flag, a *config.Alteration) error {
	value := fl.Value.String()
	key := strings.ReplaceAll(fl.Name, "-", "_")
	if field, ok := fields[fl.Name]; ok {
		key = field
	}
	set := func(key, value string) {
		a.Flags[key] = fl.Name
		a.Set = append(a.Set, key+"="+value)
	}
	if o.several(fl.Name, set) {
		return nil
	}
	switch fl.Name {
	case "set":
		for _, kv := range o.set {
			if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
				set("env."+k, v)
			} else {
				return invalid("--set: must be KEY=VALUE, not "+quote(kv), "such as --set PORT=3000")
			}
		}
		return nil
	case "time":
		key, value = "log_date_format", config.DefaultTime
	case "no-autorestart":
		key, value = "autorestart", "never"
	case "no-autostart":
		key, value = "autostart", "false"
	case "log-type":
		if o.logType != "raw" && o.logType != "json" {
			return invalid("--log-type: "+quote(o.logType)+" is unknown", "json or raw")
		}
		key, value = "log_raw", map[bool]string{true: "true", false: "false"}[o.logType == "raw"]
	case "watch":
		set("watch", "true")
		if paths := watchPaths(o.Watch); paths[0] != "" {
			set("watch_paths", list(paths))
		}
		return nil
	case "output", "error", "log":
		if value == "NULL" {
			value = os.DevNull
		}
	case "ignore-watch", "watch-ignore":
		value = list(patterns(o.IgnoreWatch))
	case "watch-delay":
		if err := o.delay(); err != nil {
			return err
		}
	case "stop-exit-codes":
		value = "[" + strings.Join(o.StopExitCodes, ",") + "]"
	case "env-file":
		value = list(o.EnvFiles)
	case "listen":
		value = list(o.Listen)
	case "interpreter-args", "node-args":
		value = strings.Join(append(slices.Clone(o.InterpreterArgs), o.nodeArgs...), " ")
	}
	switch {
	case value == "null", key == "cron_restart" && (value == "0" || value == ""): // PM2's words for none
		a.Flags[key] = fl.Name
		a.Unset = append(a.Unset, key)
		return nil
	case key == "instances" && value == "0":
		value = "max"
	}
	if err := valued(f, fl); err != nil {
		return err
	}
	set(key, value)
	return nil
}

// several takes a flag of PM2 that is about other keys than its own, as options
// does for a new app; or one that another flag has spoken for.
func (o *alterFlags) several(flag string, set func(key, value string)) bool {
	switch flag {
	case "disable-logs":
		set("out_file", os.DevNull)
		set("error_file", os.DevNull)
	case "source-map-support":
		set("interpreter_args", strings.Join(append(slices.Concat(o.InterpreterArgs, o.nodeArgs), enableSourceMaps), " "))
	case "interpreter-args", "node-args":
		return o.sourceMaps
	case "merge-logs":
		return o.ErrFile != ""
	default:
		return false
	}
	return true
}

// list writes texts as TOML has a list of them.
func list(texts []string) string {
	if texts == nil {
		texts = []string{}
	}
	b, err := json.Marshal(texts) // JSON's lists of texts are TOML's
	if err != nil {
		return "[]"
	}
	return string(b)
}

// altered is an app's Spec with an alteration. spec is what else changes; nil:
// nothing does.
func (s *session) altered(verb string, t target, spec *velos.Spec, a *config.Alteration) (*velos.Spec, error) {
	if a == nil {
		return spec, nil
	}
	if t.inst >= 0 {
		return nil, invalid(verb+" "+t.String()+": one instance has no settings of its own", "name the app: "+t.app.Spec.Name)
	}
	if spec == nil {
		spec = &t.app.Spec
	}
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	sp, err := config.Alter(verb, spec, a, env)
	if err != nil {
		return nil, err
	}
	if sp.Source != "" {
		s.notice(sp.Name, " comes from ", sp.Source, ", and the next velos apply brings back what that says")
	}
	return &sp, nil
}

// unnamed refuses an alteration of what is not a known app.
func (a *alterFlags) unnamed(verb, word string, alt *config.Alteration) error {
	if alt == nil {
		return nil
	}
	hint := "write it into the file"
	if !fileName(word) {
		hint = "velos start " + quote(word) + " starts it with flags"
	}
	return invalid(verb+" "+quote(word)+": flags that say what an app is change apps that are known", hint)
}

// dashed are the words before --, those behind it, and whether it is there.
func dashed(f *pflag.FlagSet, args []string) (words, rest []string, dash bool) {
	if n := f.ArgsLenAtDash(); n >= 0 {
		return args[:n], args[n:], true
	}
	return args, nil, false
}
