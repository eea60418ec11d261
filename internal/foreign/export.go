package foreign

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// An Output is a file that an export has made.
type Output struct {
	Name string
	Data []byte
}

// Engines are the names that Export knows.
var Engines = []string{"systemd", "compose", "procfile", "kubernetes", "nomad"}

// Export makes the files of another engine for apps. secret tells variables
// whose values nobody should see: they are named in the files, and not
// written. What has no counterpart is said in comments.
func Export(engine string, specs []velos.Spec, secret func(key, value string) bool) ([]Output, error) {
	makers := map[string]func([]app) []Output{
		"systemd": exportSystemd, "compose": exportCompose, "procfile": exportProcfile, "kubernetes": exportKubernetes, "nomad": exportNomad,
	}
	make := makers[engine]
	if make == nil {
		return nil, &velos.Error{Code: velos.Invalid, Message: "export: there is no " + shown(engine), Hint: "one of " + strings.Join(Engines, ", ")}
	}
	var apps []app
	for i := range specs {
		apps = append(apps, newApp(&specs[i], secret))
	}
	return make(apps), nil
}

// An app is a Spec as an export sees it.
type app struct {
	*velos.Spec
	env     []pair   // what is the app's own, and no secret
	secrets []string // names of variables whose values stay here
}

type pair struct{ key, value string }

func newApp(s *velos.Spec, secret func(key, value string) bool) app {
	a := app{Spec: s}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		v := s.Env[k]
		switch {
		case config.IsInherited(k), s.Source == "" && ofSession(k), k == "PYTHONUNBUFFERED":
		case secret(k, v), slices.Contains(s.Secret, k):
			a.secrets = append(a.secrets, k)
		default:
			a.env = append(a.env, pair{k, v})
		}
	}
	return a
}

// ofSession reports a variable that a login has set, and no file: an app that
// was started without one has them all.
func ofSession(k string) bool {
	return slices.Contains(session, k) || slices.ContainsFunc([]string{"XDG_", "SSH_", "npm_", "NVM_", "VSCODE_"}, func(p string) bool { return strings.HasPrefix(k, p) })
}

// argv is what runs. Away from this machine an interpreter is found by its
// name.
func (a app) argv(away bool) []string {
	if a.Shell {
		return []string{"/bin/sh", "-c", a.Command}
	}
	var words []string
	if a.Interpreter != "" {
		in := a.Interpreter
		if away {
			in = filepath.Base(in)
		}
		words = append(append(words, in), a.InterpreterArgs...)
	}
	script := a.Script
	if away && a.Interpreter == "" && !strings.HasPrefix(script, strings.TrimSuffix(a.Cwd, "/")+"/") {
		script = filepath.Base(script)
	}
	return append(append(words, script), a.Args...)
}

// image guesses what a container needs.
func (a app) image() string {
	for _, word := range a.argv(true)[:1] {
		switch base := filepath.Base(word); {
		case base == "node", base == "npm", base == "npx", base == "yarn":
			return "node:lts"
		case strings.HasPrefix(base, "python"):
			return "python:3"
		case base == "ruby", base == "php", base == "perl":
			return base + ":latest"
		case base == "bun":
			return "oven/bun:1"
		}
	}
	return "debian:stable-slim"
}

// port is the TCP port that the app is known to serve, or 0.
func (a app) port() int {
	for _, l := range a.Listen {
		if rest, ok := strings.CutPrefix(l, "tcp://"); ok {
			if n, err := strconv.Atoi(rest[strings.LastIndexByte(rest, ':')+1:]); err == nil && n > 0 {
				return n
			}
		}
	}
	n, err := strconv.Atoi(a.Env["PORT"])
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// number is a port in a probe's text, where it may be $PORT.
func (a app) number(text string) int {
	if text == "$PORT" || text == "${PORT}" {
		return a.port()
	}
	n, _ := strconv.Atoi(text)
	return n
}

// words of a probe that other engines ask: variables are a shell's there.
func probeWords(words []string) []string {
	text := strings.Join(words, "\x00")
	if !strings.Contains(strings.ReplaceAll(text, "$$", ""), "$") {
		return strings.Split(strings.ReplaceAll(text, "$$", "$"), "\x00")
	}
	if base := filepath.Base(words[0]); len(words) > 2 && words[1] == "-c" && (base == "sh" || base == "bash") {
		return strings.Split(strings.ReplaceAll(text, "$$", "$"), "\x00") // it is a shell's already
	}
	var line []string
	for _, w := range words {
		if shellWord(w) != w {
			w = `"` + strings.NewReplacer("$$", `\$`, `"`, `\"`, "`", "\\`", `\`, `\\`).Replace(w) + `"`
		}
		line = append(line, w)
	}
	return []string{"/bin/sh", "-c", strings.Join(line, " ")}
}

// httpParts takes a probe's URL apart.
func httpParts(url string) (host, port, path string) {
	rest := strings.TrimPrefix(url, "http://")
	host, path = rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	i := strings.LastIndexByte(host, ':')
	if i < 0 {
		return host, "80", path
	}
	return host[:i], host[i+1:], path
}

// checkLine is a probe as a command, for engines that know commands only.
func checkLine(p *velos.Probe) []string {
	switch {
	case p.HTTP != "":
		return probeWords([]string{"wget", "-q", "-O", "/dev/null", p.HTTP})
	case p.TCP != "":
		host, port, _ := httpParts("http://" + p.TCP)
		return probeWords([]string{"nc", "-z", strings.Trim(host, "[]"), port})
	}
	return probeWords(p.Exec)
}

// missing says what of an app an engine has no words for. can names what it
// has, so that the same sentences serve all.
func (a app) missing(can string) []string {
	known := strings.Fields(can)
	var out []string
	for _, m := range []struct {
		name string
		used bool
		text string
	}{
		{"cluster", a.Mode == velos.Cluster && a.Instances > 1, "its instances share a port through Velos; elsewhere each needs a port of its own, or a balancer before them"},
		{"listen", len(a.Listen) > 0, "it is given its sockets (" + strings.Join(a.Listen, ", ") + ") by Velos; here it must open them itself"},
		{"increment", a.IncrementVar != "" || a.Instances > 1 && a.Counter() != "", a.Counter() + " rises by one with each instance"},
		{"ready", a.Ready != nil || a.WaitReady, "it says when it is ready, and nobody waits for that here"},
		{"health", a.Health != nil, "its health is asked for, and nobody does here"},
		{"watchdog", a.Watchdog > 0, "it reports every " + a.Watchdog.String() + " that it is alive"},
		{"message", a.ShutdownWithMessage, "it is asked to end by a message on Node's channel, and gets a signal here"},
		{"signal", a.StopSignal != "SIGTERM", "it is asked to end by " + a.StopSignal},
		{"codes", len(a.StopExitCodes) > 0, "it is not started again after exit codes " + codesText(a.StopExitCodes)},
		{"backoff", a.ExpBackoffRestartDelay > 0, "the pause before a restart grows from " + a.ExpBackoffRestartDelay.String()},
		{"memory", a.MaxMemory > 0, "it is restarted when it needs more than " + strconv.FormatInt(a.MaxMemory>>20, 10) + " MiB"},
		{"watch", a.Watch, "it is restarted when its files change"},
		{"cron", a.CronRestart != "", "it is restarted at " + a.CronRestart},
		{"schedule", a.Schedule != "", "it runs at " + a.Schedule + ", and rests between"},
		{"hooks", a.Hook(velos.PreStart) != nil || a.Hook(velos.PostStart) != nil || a.Hook(velos.PreStop) != nil, "commands are run before and beside it: pre_start, post_start, pre_stop"},
		{"tales", a.Hook(velos.OnCrash) != nil || a.Hook(velos.OnGivingUp) != nil, "a command hears of its failures: on_crash, on_giving_up"},
		{"autostart", !a.Autostart, "it is not started by itself"},
		{"depends", len(a.DependsOn) > 0, "it needs " + needsText(a.DependsOn)},
		{"files", len(a.EnvFiles) > 0, "it reads variables from " + strings.Join(a.EnvFiles, ", ")},
		{"logs", a.LogFile != "" || a.OutFile != "" || a.ErrFile != "", "it writes to log files of its own name"},
		{"rights", a.User != "" || a.Group != "" || a.Umask != "" || a.Nice != 0 || len(a.Limits) > 0, "it runs " + a.rightsText()},
		{"restart", a.Autorestart == velos.Never, "it is not started again"},
	} {
		if m.used && !slices.Contains(known, m.name) {
			out = append(out, a.Name+": "+m.text)
		}
	}
	if len(a.secrets) > 0 && !slices.Contains(known, "secrets") {
		out = append(out, a.Name+": not written, because they look like secrets: "+strings.Join(a.secrets, ", "))
	}
	return out
}

func codesText(codes []int64) string {
	var list []string
	for _, c := range codes {
		list = append(list, strconv.FormatInt(c, 10))
	}
	return strings.Join(list, ", ")
}

func needsText(deps []velos.Dependency) string {
	var list []string
	for _, d := range deps {
		list = append(list, d.Name+" ("+strings.ReplaceAll(string(d.Condition), "_", " ")+")")
	}
	return strings.Join(list, ", ")
}

// A page is a file while it is written.
type page struct{ strings.Builder }

func (p *page) line(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
	p.WriteByte('\n')
}

func (p *page) comments(indent string, lines []string) {
	for _, l := range lines {
		p.line(indent, "# ", comment(l))
	}
}

// shellWord is a word that a shell reads back as it is.
func shellWord(w string) string {
	if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+") == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

func shellLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = shellWord(w)
	}
	return strings.Join(out, " ")
}

// quotedList is a list of JSON, which YAML and HCL read, too.
func quotedList(words []string, quote func(string) string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
