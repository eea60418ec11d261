package foreign

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// isProcesses knows process-compose's files. A compose.yaml may be one, too:
// its content tells.
func isProcesses(base string) bool {
	ext := filepath.Ext(base)
	return (ext == ".yaml" || ext == ".yml") && strings.HasPrefix(base, "process-compose")
}

func readProcesses(_ context.Context, f *File, data []byte, o *Options) error {
	root, bad := parseYAML(data)
	if bad != nil {
		return f.fail(bad.line, bad.what, "mend the line")
	}
	return f.processes(root, o)
}

var processesIdle = map[string]string{
	"is_strict": "unknown keys are always told", "log_level": "this is about process-compose itself", "log_length": "logs are kept in files", "description": "nobody reads it here",
	"log_configuration": "logs are kept, rotated and bounded: see max_log_size", "disable_ansi_colors": "colours are shown where a terminal has them", "is_dotenv_disabled": "env_file names what is read",
	"launch_timeout_seconds": "there are no such launchers", "ordered_shutdown": "what depends on others is always stopped before them", "disable_env_expansion": "nothing is expanded but by shells", "is_tui_disabled": "velos monit is the full-screen view",
}

var processesLost = map[string]string{
	"log_location": "each app has files of its own", "env_cmds": "write the values into env or an env_file", "vars": "templates are not filled in: write the values", "extends": "write what the other file says, or use include",
	"is_daemon": "let the program stay in the foreground: what it has started is watched then", "is_tty": "programs have no terminal", "is_foreground": "programs have no terminal", "is_interactive": "programs have no terminal",
	"is_elevated": "start velosd as root, and give the others a user", "shell": "command lines that need a shell get /bin/sh",
}

// processes translates what a file of process-compose says.
func (f *File) processes(root *value, o *Options) error {
	f.Manager = "process-compose"
	list := root.get("processes")
	if list == nil || list.kind != object {
		return f.fail(0, "has no processes", "processes: and below it the name of each")
	}
	vars, err := f.composeVars(o)
	if err != nil {
		return err
	}
	expandKnown(root, vars)
	for i, k := range root.keys {
		switch {
		case k == "version" || k == "processes" || k == "environment" || strings.HasPrefix(k, "x-"):
		case k == "shell" && slices.Contains([]string{"sh", "bash"}, filepath.Base(root.items[i].get("shell_command").plain())):
			f.idle("", k, "command lines that need a shell get /bin/sh")
		default:
			f.about("", k, processesIdle, processesLost, "Velos has no such setting")
		}
	}
	var names []string
	for i, name := range list.keys {
		p := &process{service{File: f, App: &App{Name: f.called(name), Line: list.items[i].line}, opts: o, node: list.items[i], vars: vars}, root}
		if p.node.kind != object {
			return f.fail(p.App.Line, "process "+shown(name)+" must be a map, not "+p.node.what(), "command: and other keys below it")
		}
		if err := p.translate(); err != nil {
			return err
		}
		if p.get("script") != nil {
			f.Apps = append(f.Apps, *p.App)
			names = append(names, p.App.Name)
		}
	}
	f.onlyKnown(names)
	return nil
}

// plain is a scalar as text, or "".
func (v *value) plain() string {
	if v == nil {
		return ""
	}
	s, _ := v.scalar()
	return s
}

// expandKnown replaces variables that the caller or .env has; others are for
// the shell that runs the line.
func expandKnown(v *value, vars map[string]string) {
	if v.kind == text {
		v.text = os.Expand(v.text, func(name string) string {
			if known, ok := vars[name]; ok {
				return known
			}
			if name == "$" {
				return "$"
			}
			return "${" + name + "}"
		})
	}
	for _, c := range v.items {
		expandKnown(c, vars)
	}
}

// A process is one of the file while it is translated. What it has in common
// with a service of compose is read as that is.
type process struct {
	service
	root *value
}

func (p *process) get(key string) any { return p.App.get(key) }

func (p *process) wrong(key, what, hint string) error {
	err := p.service.wrong(key, what, hint).(*velos.Error)
	err.Message = strings.Replace(err.Message, ": service ", ": process ", 1)
	return err
}

func (p *process) translate() error {
	if err := p.command(); err != nil || p.get("script") == nil {
		return err
	}
	p.set("cwd", ".", 0)
	p.set("autorestart", "never", 0) // unless availability says otherwise
	p.set("kill_timeout", "10s", 0)
	if _, err := os.Stat(filepath.Join(p.dir(), ".env")); err == nil && p.node.get("env_file") == nil {
		p.set("env_file", []string{".env"}, 0) // it is read unasked there
	}
	if own, all := p.node.get("environment"), p.root.get("environment"); all != nil && all.kind != null {
		if err := p.environment(all); err != nil {
			return err
		}
		env, _ := p.get("env").(Table)
		p.drop("env")
		if own != nil && own.kind != null {
			if err := p.environment(own); err != nil {
				return err
			}
			mine, _ := p.get("env").(Table)
			p.drop("env")
			env = env.with(mine)
		}
		if len(env) > 0 {
			p.set("env", env, all.line)
		}
	} else if own != nil && own.kind != null {
		if err := p.environment(own); err != nil {
			return err
		}
	}
	for i, key := range p.node.keys {
		if v := p.node.items[i]; v.kind != null {
			if err := p.key(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// command sets the script. process-compose gives every line to a shell; here
// those that need one get it.
func (p *process) command() error {
	if list := p.node.get("entrypoint"); list != nil && list.kind != null {
		words, err := p.words("entrypoint")
		if err != nil {
			return err
		}
		more, err := p.words("args")
		if err != nil {
			return err
		}
		if words = append(words, more...); len(words) > 0 {
			p.program(words, list.line)
			return nil
		}
	}
	v := p.node.get("command")
	line := strings.TrimSpace(v.plain())
	if line == "" {
		p.lost(p.App.Name, "command", "is missing: there is nothing to run")
		return nil
	}
	if strings.Contains(line, "{{") {
		p.lost(p.App.Name, "command", processesLost["vars"])
	}
	p.commandLine(line, v.line)
	if strings.Contains(line, "\n") && p.get("shell") == nil {
		p.set("shell", true, v.line)
	}
	return nil
}

func (p *process) key(key string, v *value) error {
	a := p.App
	switch key {
	case "command", "entrypoint", "args", "environment":
	case "working_dir":
		a.replace("cwd", v.text, v.line)
	case "env_file":
		return p.envFiles(v)
	case "disabled", "is_disabled":
		if on, ok := v.truth(); !ok {
			return p.wrong(key, "must be true or false, not "+v.quote(), "write true or false")
		} else if on {
			a.set("autostart", false, v.line)
		}
	case "namespace":
		a.set("namespace", clean(v.plain()), v.line)
	case "replicas":
		return p.replicas(key, v)
	case "schedule":
		if cron := v.get("cron"); cron != nil {
			a.set("schedule", cron.plain(), cron.line)
			return nil
		}
		p.lost(a.Name, key, "schedule takes a cron expression: schedule = \"@every 5m\"")
	case "log_location":
		if strings.Contains(v.text, "{") {
			p.lost(a.Name, key, "all replicas write to the same file; each line says which it was")
			return nil
		}
		a.set("log_file", v.text, v.line)
		a.set("log_raw", true, 0)
	case "availability":
		return p.availability(v)
	case "depends_on":
		return p.dependsOn(v)
	case "readiness_probe":
		return p.readiness(v)
	case "liveness_probe":
		probe, err := p.probe(key, v)
		if err != nil || probe == nil {
			return err
		}
		if n := amount(v, "initial_delay_seconds", 0); n > 0 {
			probe = append(probe, Setting{"start_period", strconv.FormatInt(n, 10) + "s", v.line})
		}
		a.set("health", append(probe, Setting{"retries", amount(v, "failure_threshold", 3), v.line}), v.line)
	case "ready_log_line":
		a.set("ready", Table{{"log", v.plain(), v.line}}, v.line)
		a.replace("listen_timeout", "5m", 0)
	case "shutdown":
		return p.shutdown(v)
	default:
		if !strings.HasPrefix(key, "x-") {
			p.about(a.Name, key, processesIdle, processesLost, "Velos has no such setting")
		}
	}
	return nil
}
