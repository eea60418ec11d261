package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/config"
)

// specFlags are the flags that say what an app should be, with the names and
// letters that PM2 gave them. Their values are read by config.
type specFlags struct {
	config.Options
	set                            []string
	env                            []string
	nodeArgs                       []string
	noAutostart, mergeLogs, logRaw bool
	waitReady, reusePort, message  bool
	logType                        string
	noDaemon, noVizion, noTreekill bool
	sourceMaps, disableLogs        bool
	said                           string // of the flags, for people
	nothing                        bool   // flags of PM2 that need nothing here
}

// flags declares them.
func (o *specFlags) flags(f *pflag.FlagSet) {
	str := func(p *string, name, short, help string) { f.StringVarP(p, name, short, "", help) }
	str(&o.Name, "name", "n", "name of the app")
	str(&o.Namespace, "namespace", "", "namespace of the app")
	str(&o.Instances, "instances", "i", "number of processes; max is one for each core, -1 leaves one core free")
	str(&o.Mode, "mode", "", "fork or cluster; a script that node runs is a cluster when -i is given")
	str(&o.Cwd, "cwd", "", "working directory")
	str(&o.Interpreter, "interpreter", "", "program that runs the script; none runs it itself")
	f.StringArrayVar(&o.InterpreterArgs, "interpreter-args", nil, "arguments of the interpreter")
	f.StringArrayVar(&o.nodeArgs, "node-args", nil, "the same, as PM2 calls it")
	f.BoolVar(&o.Shell, "shell", false, "hand the command line to /bin/sh")
	f.StringArrayVar(&o.set, "set", nil, "KEY=VALUE for the environment")
	f.StringArrayVar(&o.EnvFiles, "env-file", nil, "dotenv file; its values are never stored: each run reads it when it begins")
	f.StringArrayVar(&o.env, "env", nil, "KEY=VALUE like --set, or the name of a profile of the configuration file")
	str(&o.IncrementVar, "increment-var", "", "variable whose number rises by one with each instance")
	f.BoolVar(&o.noAutostart, "no-autostart", false, "add it without starting it")

	f.StringArrayVar(&o.Listen, "listen", nil, "address whose socket it gets as LISTEN_FDS: 8080, 127.0.0.1:8080, udp://:53, unix:PATH")
	f.BoolVar(&o.reusePort, "listen-reuseport", false, "each instance gets sockets of its own (SO_REUSEPORT)")
	f.BoolVar(&o.waitReady, "wait-ready", false, "it says itself when it is ready: process.send('ready') or READY=1")
	str(&o.ListenTimeout, "listen-timeout", "", "how long it may take to become ready")
	f.BoolVar(&o.message, "shutdown-with-message", false, "a message on Node's channel asks it to end, not a signal")

	str(&o.Autorestart, "autorestart", "", "always, on-failure or never")
	f.BoolVar(&o.NoAutorestart, "no-autorestart", false, "do not start it again when it ends")
	f.StringSliceVar(&o.StopExitCodes, "stop-exit-codes", nil, "exit codes after which it is not started again")
	str(&o.MaxRestarts, "max-restarts", "", "quick ends in a row before it is left alone; -1 is no limit")
	str(&o.MinUptime, "min-uptime", "", "an end before this time is a quick one")
	str(&o.RestartDelay, "restart-delay", "", "time between an end and the next start")
	str(&o.ExpBackoff, "exp-backoff-restart-delay", "", "first delay; it doubles with each quick end")
	str(&o.KillTimeout, "kill-timeout", "k", "time to end before it is killed")
	str(&o.StopSignal, "stop-signal", "", "signal that asks it to end")

	str(&o.MaxMemory, "max-memory", "", "restart an instance whose processes take more memory than this")
	f.StringSliceVar(&o.Watch, "watch", nil, "restart when files change: in the working directory, or --watch=PATH,PATH")
	f.Lookup("watch").NoOptDefVal = here
	f.StringSliceVar(&o.IgnoreWatch, "ignore-watch", nil, "files that may change, as in a .gitignore")
	str(&o.WatchDelay, "watch-delay", "", "how long nothing must have changed")
	str(&o.Cron, "cron", "c", "restart by a cron expression")
	str(&o.Schedule, "schedule", "", "run it by a cron expression, and let it rest between")
	str(&o.Overlap, "overlap", "", "what to do when it is time and the last run has not ended: skip, queue or kill")
	f.StringVar(&o.Cron, "cron-restart", "", "the same as --cron, as PM2 calls it")
	f.StringVar(&o.MaxMemory, "max-memory-restart", "", "the same as --max-memory, as PM2 calls it")
	f.StringSliceVar(&o.IgnoreWatch, "watch-ignore", nil, "the same as --ignore-watch")

	str(&o.OutFile, "output", "o", "file for stdout")
	str(&o.ErrFile, "error", "e", "file for stderr")
	str(&o.LogFile, "log", "l", "file for both")
	str(&o.LogDateFormat, "log-date-format", "", "time layout where its lines are shown")
	f.BoolVar(&o.Time, "time", false, "show the time before its lines")
	f.BoolVar(&o.mergeLogs, "merge-logs", false, "stderr goes to the file of stdout")
	f.BoolVar(&o.logRaw, "log-raw", false, "files hold the bytes as written, not JSON lines")
	str(&o.MaxLogSize, "max-log-size", "", "size at which a file is rotated")
	str(&o.MaxLogFiles, "max-log-files", "", "rotated files kept for each stream")
	str(&o.MaxLogTotal, "max-log-total", "", "size of all log files of the app")
	str(&o.logType, "log-type", "", "json is what files hold; raw is --log-raw")
	o.foreign(f)
}

// foreign are flags of PM2 that a later version will understand, and those
// that need nothing here.
func (o *specFlags) foreign(f *pflag.FlagSet) {
	f.StringVar(&o.User, "uid", "", "user that it runs as; for root only")
	f.StringVar(&o.Group, "gid", "", "group that it runs as; for root only")
	f.BoolVar(&o.noDaemon, "no-daemon", false, "here it is velos runtime")
	f.BoolVar(&o.noVizion, "no-vizion", false, "accepted: there is nothing to switch off")
	f.BoolVar(&o.noTreekill, "no-treekill", false, "(not yet)")
	for _, name := range []string{"no-pmx", "no-automation", "disable-trace", "disable-source-map-support"} {
		f.BoolVar(&o.nothing, name, false, "accepted: there is nothing to switch off")
		f.MarkHidden(name)
	}
	f.BoolVar(&o.sourceMaps, "source-map-support", false, "the same as --node-args=--enable-source-maps, as PM2 calls it")
	f.BoolVar(&o.disableLogs, "disable-logs", false, "the same as --output /dev/null --error /dev/null, as PM2 calls it")
	f.BoolVarP(&o.nothing, "execute-command", "x", false, "accepted: every app runs like that")
	f.BoolVarP(&o.nothing, "mini-list", "m", false, "accepted")
	for _, name := range []string{"execute-command", "mini-list", "source-map-support", "disable-logs", "cron-restart", "max-memory-restart", "watch-ignore", "no-daemon", "no-vizion", "no-treekill", "log-type", "node-args"} {
		f.MarkHidden(name)
	}
}

// fields are the flags that have another name than the field they set.
var fields = map[string]string{
	"interpreter-args": "interpreter_args", "node-args": "interpreter_args", "output": "out_file", "error": "error_file", "log": "log_file",
	"source-map-support": "interpreter_args", "disable-logs": "out_file", "cron": "cron_restart", "cron-restart": "cron_restart", "max-memory": "max_memory", "max-memory-restart": "max_memory",
	"watch": "watch_paths", "ignore-watch": "watch_ignore", "watch-ignore": "watch_ignore", "uid": "user", "gid": "group",
}

// valued refuses a value that was forgotten: nothing, or the next flag.
func valued(f *pflag.FlagSet, fl *pflag.Flag) error {
	if fl.Value.Type() != "string" || fl.NoOptDefVal != "" {
		return nil
	}
	v := fl.Value.String()
	name, _, _ := strings.Cut(strings.TrimPrefix(v, "--"), "=")
	switch {
	case v == "":
		return invalid("--"+fl.Name+": must not be empty", "give it a value, or leave it out")
	case strings.HasPrefix(v, "--") && f.Lookup(name) != nil, len(v) == 2 && v[0] == '-' && f.ShorthandLookup(v[1:]) != nil:
		return invalid("--"+fl.Name+": has no value: "+v+" is a flag", "give it a value, or leave it out")
	}
	return nil
}

// options are the flags as config wants them.
func (o *specFlags) options(f *pflag.FlagSet, args []string) (config.Options, error) {
	c := o.Options
	c.Args = args
	o.files(&c)
	c.Flags = map[string]string{}
	var err error
	f.Visit(func(fl *pflag.Flag) {
		if field, ok := fields[fl.Name]; ok {
			c.Flags[field] = fl.Name
		}
		if err == nil {
			err = valued(f, fl)
		}
	})
	if err != nil {
		return c, err
	}
	c.InterpreterArgs = append(append([]string(nil), o.InterpreterArgs...), o.nodeArgs...)
	if o.sourceMaps {
		c.InterpreterArgs = append(c.InterpreterArgs, enableSourceMaps)
	}
	c.Env = append([]string(nil), o.set...)
	for _, e := range o.env {
		if strings.Contains(e, "=") {
			c.Env = append(c.Env, e)
		}
	}
	c.Watch, c.IgnoreWatch = watchPaths(o.Watch), patterns(o.IgnoreWatch)
	for _, name := range []string{"ignore-watch", "watch-ignore", "watch-delay"} {
		if f.Changed(name) && !f.Changed("watch") {
			return c, invalid("--"+name+": needs --watch", "add --watch, or leave it out")
		}
	}
	if err := o.delay(); err != nil {
		return c, err
	}
	yes, no := true, false
	if o.noAutostart {
		c.Autostart = &no
	}
	if o.mergeLogs && c.ErrFile == "" { // PM2 merges instances by it, which share their files here, and not the two streams
		c.MergeLogs = &yes
	}
	switch o.logType {
	case "", "json":
	case "raw":
		o.logRaw = true
	default:
		return c, invalid("--log-type: "+quote(o.logType)+" is unknown", "json or raw")
	}
	for _, b := range [...]struct {
		given bool
		field **bool
	}{{o.logRaw, &c.LogRaw}, {o.waitReady, &c.WaitReady}, {o.reusePort, &c.ListenReuse}, {o.message, &c.ShutdownWithMessage}} {
		if b.given {
			*b.field = &yes
		}
	}
	switch {
	case o.noDaemon:
		return c, invalid("--no-daemon: velosd always runs by itself", "velos runtime stays in the foreground; start --attach follows the logs")
	case o.noTreekill:
		return c, notYet("--no-treekill", "leave it out; a stop takes the whole process tree")
	}
	return c, nil
}

// enableSourceMaps is what node calls --source-map-support.
const enableSourceMaps = "--enable-source-maps"

// files are those of the flags, with PM2's words for none. Each line is written
// once: beside files for the streams, --log has only what would go nowhere.
func (o *specFlags) files(c *config.Options) {
	for _, file := range []*string{&c.OutFile, &c.ErrFile, &c.LogFile} {
		if *file == "NULL" {
			*file = os.DevNull
		}
	}
	if o.disableLogs {
		c.OutFile, c.ErrFile, c.LogFile = os.DevNull, os.DevNull, ""
	}
	named := func(file string) bool { return file != "" && file != os.DevNull }
	if !named(c.LogFile) || !named(c.OutFile) && !named(c.ErrFile) {
		return
	}
	o.said = "--log is left out: each line is written once, and --output or --error names its file; velos logs shows both together"
	for _, file := range []*string{&c.OutFile, &c.ErrFile} {
		if *file == os.DevNull {
			*file = c.LogFile
		}
	}
	c.LogFile = ""
}

// here is what --watch without a value has for one: no path.
const here = "."

// watchPaths are the paths of --watch; the working directory by itself is "".
func watchPaths(list []string) []string {
	if len(list) == 1 && list[0] == here {
		return []string{""}
	}
	return list
}

// watched takes directories among the words as the paths of a --watch that has
// none: PM2 has them behind it, and a directory is nothing that starts.
func (o *specFlags) watched(s *session, words []string) []string {
	if len(o.Watch) != 1 || o.Watch[0] != here {
		return words
	}
	var rest, paths []string
	for _, w := range words {
		if st, err := os.Stat(s.absolute(w)); err == nil && st.IsDir() {
			paths = append(paths, w)
		} else {
			rest = append(rest, w)
		}
	}
	if len(paths) > 0 && !slices.Equal(paths, []string{here}) {
		o.Watch = paths
	}
	return rest
}

// patterns are those of --ignore-watch, of which one value may hold several.
func patterns(values []string) []string {
	var all []string
	for _, v := range values {
		all = append(all, strings.Fields(v)...)
	}
	return all
}

// delay refuses a number that PM2 reads as seconds, and everything else here
// as milliseconds.
func (o *specFlags) delay() error {
	if d := o.WatchDelay; len(d) > 0 && len(d) < 3 && allDigits(d) {
		return invalid("--watch-delay: "+d+" would be milliseconds", "write "+d+"s, or "+d+"ms")
	}
	return nil
}

// profiles are the words of --env that name profiles and not variables.
func (o *specFlags) profiles() []string {
	return slices.DeleteFunc(slices.Clone(o.env), func(e string) bool { return strings.Contains(e, "=") })
}

// profileFlag declares --env for commands that take files and known apps.
func profileFlag(f *pflag.FlagSet, p *[]string) {
	f.StringArrayVar(p, "env", nil, "profile of the environment in the configuration file")
}

// checkFile refuses what --env and --only cannot mean where there are known
// apps and files only.
func checkFile(verb string, profiles, only []string, file bool) error {
	if len(only) > 0 && !file {
		return onlyWhat(only)
	}
	for _, e := range profiles {
		switch {
		case strings.Contains(e, "="):
			return invalid("--env: "+verb+" takes the name of a profile, not "+quote(e), "velos config set NAME env."+e)
		case !file:
			return noFile(e)
		}
	}
	return nil
}

func onlyWhat(only []string) error {
	return invalid("--only "+quote(only[0])+": picks from a configuration file, and none is named", "name one, such as velos.toml; without --only the apps that are named are meant")
}

func noFile(profile string) error {
	return invalid("--env "+quote(profile)+": profiles are in configuration files, and none is named", "--env NODE_ENV=production sets a variable; a profile needs a file that has it, such as velos start velos.toml --env "+quote(profile))
}
