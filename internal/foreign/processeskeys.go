package foreign

import (
	"net"
	"strconv"
	"strings"
)

// availability is when a process is started again. Without a limit
// process-compose tries for ever.
func (p *process) availability(v *value) error {
	switch policy := v.get("restart").plain(); policy {
	case "", "no", "false":
	case "always":
		p.replace("autorestart", "always", v.line)
	case "on_failure", "on-failure":
		p.replace("autorestart", "on-failure", v.line)
	case "exit_on_failure":
		p.lost(p.App.Name, "availability.restart", "no app ends the others; velos runtime ends when the last one is done")
	default:
		return p.wrong("availability", "restart must be no, always, on_failure or exit_on_failure, not "+shown(policy), "such as restart: on_failure")
	}
	for i, key := range v.keys {
		item := v.items[i]
		n, number := item.integer()
		switch {
		case key == "restart":
		case key == "backoff_seconds" && number:
			p.set("restart_delay", strconv.FormatInt(n, 10)+"s", item.line)
		case key == "max_restarts" && number:
			if n > 0 {
				p.replace("max_restarts", n, item.line)
			}
		case key == "backoff_seconds" || key == "max_restarts":
			return p.wrong("availability", key+" must be a number, not "+item.quote(), "such as "+key+": 2")
		case key == "exit_on_end" || key == "exit_on_skipped":
			if on, _ := item.truth(); on {
				p.lost(p.App.Name, "availability."+key, "no app ends the others; velos runtime ends when the last one is done")
			}
		default:
			p.lost(p.App.Name, "availability."+key, "Velos has no such setting")
		}
	}
	if p.get("max_restarts") == nil && p.get("autorestart") != "never" {
		p.set("max_restarts", int64(-1), 0)
	}
	return nil
}

// What a process waits for. A process with a readiness probe is healthy for
// process-compose when it is ready here.
var processConditions = map[string]string{
	"process_started": "started", "process_healthy": "ready", "process_log_ready": "ready", "process_completed": "exited_ok", "process_completed_successfully": "exited_ok",
}

func (p *process) dependsOn(v *value) error {
	if v.kind != object {
		return p.wrong("depends_on", "must be a map, not "+v.what(), "such as depends_on: { db: { condition: process_healthy } }")
	}
	var deps []Table
	for i, name := range v.keys {
		word := v.items[i].get("condition").plain()
		if word == "" {
			word = "process_completed" // what process-compose takes it for
		}
		condition := processConditions[word]
		if condition == "" {
			return p.wrong("depends_on", "unknown condition "+shown(word), "such as condition: process_healthy")
		}
		if word == "process_completed" {
			p.lost(p.App.Name, "depends_on", shown(name)+" must end with code 0 here; there any end would do")
		}
		deps = append(deps, Table{{"name", clean(name), v.items[i].line}, {"condition", condition, v.items[i].line}})
	}
	if len(deps) > 0 {
		p.set("depends_on", deps, v.line)
	}
	return nil
}

// amount is a number of a map, or what it is when nothing is said.
func amount(v *value, key string, preset int64) int64 {
	if item := v.get(key); item != nil {
		if n, ok := item.integer(); ok && n >= 0 {
			return n
		}
	}
	return preset
}

// readiness makes a probe that says when a run is ready. It has as long as
// process-compose would try.
func (p *process) readiness(v *value) error {
	probe, err := p.probe("readiness_probe", v)
	if err != nil || probe == nil {
		return err
	}
	period, timeout := amount(v, "period_seconds", 10), amount(v, "timeout_seconds", 1)
	within := amount(v, "initial_delay_seconds", 0) + (period+timeout)*amount(v, "failure_threshold", 3)
	p.set("ready", probe, v.line)
	p.replace("listen_timeout", strconv.FormatInt(max(within, 8), 10)+"s", v.line)
	return nil
}

// probe is what is asked, how often, and how long one may take; nil when it
// cannot be said here.
func (p *process) probe(key string, v *value) (Table, error) {
	var t Table
	switch web, run := v.get("http_get"), v.get("exec"); {
	case web != nil:
		t = Table{{"http", address(web), web.line}}
	case run != nil:
		line := run.get("command").plain()
		if line == "" {
			return nil, p.wrong(key, "exec needs a command", "such as exec: { command: \"true\" }")
		}
		// A probe replaces variables itself, and the shell is to do it here.
		t = Table{{"exec", []string{"sh", "-c", strings.ReplaceAll(line, "$", "$$")}, run.line}}
		if run.get("working_dir") != nil {
			p.lost(p.App.Name, key+".exec.working_dir", "a probe runs in the app's directory: write cd before it")
		}
	default:
		return nil, p.wrong(key, "has neither http_get nor exec", "such as exec: { command: \"true\" }")
	}
	if strings.Contains(v.get("http_get").get("port").plain()+v.get("exec").get("command").plain(), "{{") {
		p.lost(p.App.Name, key, "templates are not filled in: write the values")
		return nil, nil
	}
	if n := amount(v, "success_threshold", 1); n > 1 {
		p.lost(p.App.Name, key+".success_threshold", "one success is enough")
	}
	for _, k := range []struct {
		theirs, ours string
		preset       int64
	}{{"period_seconds", "interval", 10}, {"timeout_seconds", "timeout", 1}} {
		t = append(t, Setting{k.ours, strconv.FormatInt(max(1, amount(v, k.theirs, k.preset)), 10) + "s", v.line})
	}
	return t, nil
}

// address is what http_get asks.
func address(v *value) string {
	host, scheme, path := v.get("host").plain(), v.get("scheme").plain(), v.get("path").plain()
	if host == "" {
		host = "127.0.0.1"
	}
	if scheme == "" {
		scheme = "http"
	}
	if port := v.get("port").plain(); port != "" && port != "0" {
		host = net.JoinHostPort(host, port)
	}
	return strings.ToLower(scheme) + "://" + host + "/" + strings.TrimPrefix(path, "/")
}

func (p *process) shutdown(v *value) error {
	for i, key := range v.keys {
		item := v.items[i]
		switch key {
		case "signal":
			p.set("stop_signal", item.plain(), item.line)
		case "timeout_seconds":
			n, ok := item.integer()
			if !ok || n < 0 {
				return p.wrong("shutdown", "timeout_seconds must be a number, not "+item.quote(), "such as timeout_seconds: 10")
			}
			p.replace("kill_timeout", strconv.FormatInt(n, 10)+"s", item.line)
		case "command":
			p.set("pre_stop", Table{{"command", item.plain(), item.line}, {"shell", true, item.line}}, item.line)
		case "parent_only":
			if on, _ := item.truth(); on {
				p.lost(p.App.Name, "shutdown.parent_only", wholeTree)
			}
		default:
			p.lost(p.App.Name, "shutdown."+key, "Velos has no such setting")
		}
	}
	return nil
}
