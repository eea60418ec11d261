package foreign

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

const noSuchKey = "process-compose has no such key"

var processesIdle = map[string]string{
	"is_strict": "unknown keys are always told", "log_level": "this is about process-compose itself", "log_length": "logs are kept in files", "description": "nobody reads it here",
	"log_configuration": "logs are kept, rotated and bounded: see max_log_size", "disable_ansi_colors": "colours are shown where a terminal has them", "log_format": "this is about process-compose itself",
	"launch_timeout_seconds": "there are no such launchers", "ordered_shutdown": "what depends on others is always stopped before them", "is_tui_disabled": "velos monit is the full-screen view",
}

var processesLost = map[string]string{
	"log_location": "each app has files of its own", "env_cmds": "write the values into env or an env_file",
	"is_daemon": "let the program stay in the foreground: what it has started is watched then", "is_tty": "programs have no terminal", "is_foreground": "programs have no terminal", "is_interactive": "programs have no terminal",
	"is_elevated": "start velosd as root, and give the others a user", "truncate_log": "log files go on where they ended, and are bounded",
	"monitor_for": "velos wait NAME quiet=5s waits for silence", "monitor_silence_threshold": "velos wait NAME quiet=5s waits for silence",
	"mcp": "velos mcp-server lets agents start, watch and explain apps", "mcp_server": "velos mcp-server lets agents start, watch and explain apps",
}

// processKeys are the keys of a process, for the one that was meant.
var processKeys = append([]string{
	"command", "entrypoint", "environment", "env_file", "working_dir", "availability", "depends_on", "readiness_probe", "liveness_probe", "ready_log_line", "shutdown", "namespace",
	"replicas", "disabled", "is_disabled", "schedule", "watch", "vars", "log_configuration", "success_exit_codes", "is_dotenv_disabled", "is_template_disabled",
}, append(keysOf(processesIdle), keysOf(processesLost)...)...)

func nearProcessKey(k string) string { return config.Nearest(k, processKeys) }

func (p *process) key(key string, v *value) error {
	a := p.App
	switch key {
	case "command", "entrypoint", "environment", "vars", "is_dotenv_disabled", "is_template_disabled": // others read them
	case "working_dir", "log_location", "ready_log_line":
		return p.text(key, v)
	case "env_file":
		return p.envFiles(v)
	case "disabled", "is_disabled":
		on, ok := v.truth()
		if !ok {
			return p.wrong(key, "must be true or false, not "+v.quote(), "write true or false")
		}
		if key == "disabled" && p.node.get("is_disabled") != nil {
			return nil // which goes before it
		}
		if on {
			a.set("autostart", false, v.line)
		}
	case "namespace":
		return p.namespace(v)
	case "replicas":
		return p.copies(v)
	case "success_exit_codes":
		return p.successes(v)
	case "log_configuration":
		if p.node.get("log_location").orNull().kind == null {
			p.idle(p.App.Name, key, processesIdle[key])
		}
	case "schedule", "watch", "availability", "depends_on", "readiness_probe", "liveness_probe", "shutdown":
		if v.kind != object {
			return p.wrong(key, "must be a map, not "+v.what(), "such as "+processMaps[key])
		}
		return map[string]func(*value) error{"schedule": p.schedule, "watch": p.watch, "availability": p.availability, "depends_on": p.dependsOn,
			"readiness_probe": p.readiness, "liveness_probe": p.liveness, "shutdown": p.shutdown}[key](v)
	default:
		switch on, isSwitch := v.truth(); {
		case strings.HasPrefix(key, "x-"):
		case isSwitch && !on && processesLost[key] != "": // it is not wanted
		case processesIdle[key] != "" || processesLost[key] != "":
			p.about(a.Name, key, processesIdle, processesLost, noSuchKey)
		default:
			p.unknown(a.Name, key, noSuchKey, key, processKeys)
		}
	}
	return nil
}

var processMaps = map[string]string{
	"schedule": `schedule: { cron: "0 3 * * *" }`, "watch": "watch: { paths: [{ path: src }] }", "availability": "availability: { restart: on_failure }",
	"depends_on": "depends_on: { db: { condition: process_healthy } }", "readiness_probe": `readiness_probe: { exec: { command: "true" } }`,
	"liveness_probe": `liveness_probe: { exec: { command: "true" } }`, "shutdown": "shutdown: { signal: 2 }",
}

func (p *process) text(key string, v *value) error {
	s, ok := v.scalar()
	switch {
	case !ok:
		return p.wrong(key, "must be a string, not "+v.what(), "put it into quotes")
	case key == "working_dir":
		p.replace("cwd", s, v.line)
	case key == "ready_log_line":
		if probe := p.node.get("readiness_probe"); probe != nil && probe.kind != null {
			return p.wrong(key, "and readiness_probe cannot be together", "leave one of them out")
		}
		p.set("ready", Table{{"log", s, v.line}}, v.line)
		p.App.replace("listen_timeout", "5m", 0)
	case strings.Contains(s, "{PC_REPLICA_NUM}") && p.alone:
		n, _ := p.node.get("replicas").orNull().integer()
		if s = strings.ReplaceAll(s, "{PC_REPLICA_NUM}", "0"); n > 1 {
			p.lost(p.App.Name, key, "all replicas write to the same file")
		}
		fallthrough
	default:
		p.set("log_file", strings.ReplaceAll(s, "{PC_REPLICA_NUM}", itoa(p.replica)), v.line)
		p.set("log_raw", true, 0)
		p.rotation()
	}
	return nil
}

func (p *process) namespace(v *value) error {
	names, ok := v.scalars()
	if !ok || len(names) == 0 {
		return p.wrong("namespace", "must be a string, not "+v.what(), "such as namespace: backend")
	}
	if len(names) > 1 {
		p.lost(p.App.Name, "namespace", "an app is in one: "+shown(names[0])+", and not in "+strings.Join(names[1:], ", "))
	}
	if names[0] != "" {
		p.set("namespace", clean(names[0]), v.line)
	}
	return nil
}

// copies are instances, each with its number in PC_REPLICA_NUM.
func (p *process) copies(v *value) error {
	if !p.alone {
		return nil
	}
	if err := p.replicas("replicas", v); err != nil {
		return err
	}
	if p.get("instances") != nil {
		p.set("increment_var", "PC_REPLICA_NUM", 0)
	}
	return nil
}

func (p *process) successes(v *value) error {
	codes := []int64{}
	for _, c := range v.items {
		n, ok := c.integer()
		if !ok || n < 0 || n > 255 {
			return p.wrong("success_exit_codes", "must be numbers from 0 to 255, not "+c.quote(), "such as success_exit_codes: [0, 3]")
		}
		codes = append(codes, n)
	}
	if v.kind != list {
		return p.wrong("success_exit_codes", "must be a list, not "+v.what(), "such as success_exit_codes: [0, 3]")
	}
	if len(codes) > 0 && p.node.get("availability").get("restart").plain() == "on_failure" {
		p.set("stop_exit_codes", codes, v.line)
	}
	return nil
}

// rotation takes the bounds of a process's own log file.
func (p *process) rotation() {
	v := p.node.get("log_configuration")
	if v == nil || v.kind == null {
		v = p.of.root.get("log_configuration").orNull()
	}
	r := v.get("rotation")
	if n, ok := r.get("max_size_mb").orNull().integer(); ok && n > 0 {
		p.set("max_log_size", strconv.FormatInt(n, 10)+"M", v.line)
	}
	if n, ok := r.get("max_backups").orNull().integer(); ok && n > 0 {
		p.set("max_log_files", n, v.line)
	}
	if n, ok := r.get("max_age_days").orNull().integer(); ok && n > 0 {
		p.lost(p.App.Name, "log_configuration.rotation.max_age_days", "logs are bounded by their size: see max_log_total")
	}
}

// schedule makes a job of the process.
func (p *process) schedule(v *value) error {
	cron, every := v.get("cron").plain(), v.get("interval").plain()
	var line int
	switch {
	case cron != "":
		line = v.get("cron").line
	case every != "":
		if _, err := config.Duration(every); err != nil {
			return p.wrong("schedule", "interval must be a length of time, not "+shown(every), "such as interval: 30s")
		}
		cron, line = "@every "+every, v.get("interval").line
	default:
		return p.wrong("schedule", "has neither cron nor interval", "such as "+processMaps["schedule"])
	}
	if zone := v.get("timezone").plain(); zone != "" {
		cron = "TZ=" + zone + " " + cron
	}
	p.set("schedule", cron, line)
	for i, key := range v.keys {
		on, _ := v.items[i].truth()
		n, _ := v.items[i].integer()
		switch {
		case slices.Contains([]string{"cron", "interval", "timezone"}, key):
		case key == "run_on_start" && on:
			p.lost(p.App.Name, "schedule."+key, "velos start "+p.App.Name+" runs it at once")
		case key == "max_concurrent" && n > 1:
			p.lost(p.App.Name, "schedule."+key, "a run that is due while the former goes on is left out: see overlap")
		case key != "run_on_start" && key != "max_concurrent":
			p.unknown(p.App.Name, "schedule."+key, noSuchKey, key, []string{"cron", "interval", "timezone", "run_on_start", "max_concurrent"})
		}
	}
	return nil
}

// watch restarts the process when files change.
func (p *process) watch(v *value) error {
	var paths, ignored []string
	for _, c := range v.get("paths").orNull().items {
		path := c.get("path").plain()
		if path == "" {
			return p.wrong("watch", "paths must be maps with a path, not "+c.quote(), "such as "+processMaps["watch"])
		}
		if dir := p.node.get("working_dir").plain(); dir != "" && !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		paths = append(paths, path)
		if c.get("include") != nil {
			p.lost(p.App.Name, "watch.paths.include", "whatever changes below "+path+" counts, unless watch_ignore names it")
		}
		if v := c.get("exclude"); v != nil {
			out, _ := v.scalars()
			ignored = append(ignored, out...)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	p.set("watch", true, v.line)
	p.set("watch_paths", paths, v.line)
	if off, _ := v.get("disable_default_excludes").orNull().truth(); off || len(ignored) > 0 {
		if !off {
			ignored = append(ignored, "node_modules", ".git", "*.log")
		}
		p.set("watch_ignore", ignored, v.line)
	}
	delay := "300ms"
	if d := v.get("debounce"); d != nil {
		if _, err := config.Duration(d.plain()); err != nil {
			return p.wrong("watch", "debounce must be a length of time, not "+d.quote(), "such as debounce: 300ms")
		}
		delay = d.plain()
	}
	p.set("watch_delay", delay, v.line)
	if on, _ := v.get("cascade").orNull().truth(); on {
		p.lost(p.App.Name, "watch.cascade", "what depends on it is not started anew")
	}
	for _, key := range v.keys {
		if !slices.Contains([]string{"paths", "cascade", "debounce", "disable_default_excludes", "max_entries", "buffer_size"}, key) {
			p.unknown(p.App.Name, "watch."+key, noSuchKey, key, []string{"paths", "cascade", "debounce"})
		}
	}
	return nil
}
