package foreign

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// availability is when a process is started again. Without a limit
// process-compose tries for ever, a second after each end.
func (p *process) availability(v *value) error {
	switch policy := v.get("restart").plain(); policy {
	case "", "no", "false":
	case "always":
		p.replace("autorestart", "always", v.line)
	case "on_failure", "on-failure":
		p.replace("autorestart", "on-failure", v.line)
	case "exit_on_failure":
		p.lost(p.App.Name, "availability.restart", endsTheOthers)
	default:
		return p.wrong("availability", "restart must be no, always, on_failure or exit_on_failure, not "+shown(policy), "such as restart: on_failure")
	}
	again := p.get("autorestart") != "never"
	delay, line := int64(1), 0
	for i, key := range v.keys {
		item := v.items[i]
		n, number := item.integer()
		switch {
		case key == "restart" || item.kind == null:
		case key == "backoff_seconds" && number:
			delay, line = max(n, 1), item.line
		case key == "max_restarts" && number:
			if n > 0 && again {
				p.replace("max_restarts", n, item.line)
			}
		case key == "backoff_seconds" || key == "max_restarts":
			return p.wrong("availability", key+" must be a number, not "+item.quote(), "such as "+key+": 2")
		case key == "exit_on_end" || key == "exit_on_skipped":
			if on, _ := item.truth(); on {
				p.lost(p.App.Name, "availability."+key, endsTheOthers)
			}
		default:
			p.unknown(p.App.Name, "availability."+key, noSuchKey, key, []string{"restart", "backoff_seconds", "max_restarts", "exit_on_end", "exit_on_skipped"})
		}
	}
	if !again {
		return nil
	}
	p.set("restart_delay", strconv.FormatInt(delay, 10)+"s", line)
	if p.get("max_restarts") == nil {
		p.set("max_restarts", int64(-1), 0)
	}
	return nil
}

const endsTheOthers = "no app ends the others; velos runtime ends when the last one is done"

// What a process waits for. A process with a readiness probe is healthy for
// process-compose when it is ready here.
var processConditions = map[string]string{
	"": "started", "process_started": "started", "process_healthy": "ready", "process_log_ready": "ready", "process_completed": "exited", "process_completed_successfully": "exited_ok",
}

func (p *process) dependsOn(v *value) error {
	var deps []Table
	for i, name := range v.keys {
		item := v.items[i]
		word := item.get("condition").plain()
		condition := processConditions[word]
		if condition == "" || item.get("condition") != nil && word == "" {
			return p.wrong("depends_on", "unknown condition "+item.get("condition").quote(), didYouMean(word, keysOf(processConditions)[1:], "such as condition: process_healthy"))
		}
		for _, k := range item.keys {
			if k != "condition" && !strings.HasPrefix(k, "x-") {
				p.unknown(p.App.Name, "depends_on."+name+"."+k, noSuchKey, k, []string{"condition"})
			}
		}
		other := p.of.root.get("processes").get(name)
		if other == nil {
			deps = append(deps, Table{{"name", clean(name), item.line}, {"condition", condition, item.line}})
			continue
		}
		if condition, err := p.condition(name, word, condition, other); err != nil {
			return err
		} else {
			for _, app := range p.of.apps[name] {
				deps = append(deps, Table{{"name", app, item.line}, {"condition", condition, item.line}})
			}
		}
	}
	if len(deps) > 0 {
		p.App.set("depends_on", deps, v.line)
	}
	return nil
}

// condition looks whether the other process can ever meet it.
func (p *process) condition(name, word, condition string, other *value) (string, error) {
	if off, _ := other.get("disabled").orNull().truth(); off {
		p.lost(p.App.Name, "depends_on", shown(name)+" is disabled, and is started for this one")
	}
	there := func(key string) bool { v := other.get(key); return v != nil && v.kind != null }
	switch {
	case word == "process_log_ready" && !there("ready_log_line"):
		return "", p.wrong("depends_on", shown(name)+" has no ready_log_line, so it would never be ready", "give it one, or write process_started")
	case word != "process_healthy" || there("readiness_probe"):
	case there("liveness_probe"):
		return "healthy", nil
	default:
		p.lost(p.App.Name, "depends_on", shown(name)+" has no probe: it counts as healthy when it has lived for a second")
	}
	return condition, nil
}

func (p *process) readiness(v *value) error {
	probe, t, err := p.probe("readiness_probe", v)
	if err != nil || probe == nil {
		return err
	}
	// It has as long as process-compose would try.
	within := t["initial_delay_seconds"] + (t["period_seconds"]+t["timeout_seconds"])*t["failure_threshold"]
	p.set("ready", probe, v.line)
	p.replace("listen_timeout", strconv.FormatInt(max(within, 8), 10)+"s", v.line)
	return nil
}

func (p *process) liveness(v *value) error {
	probe, t, err := p.probe("liveness_probe", v)
	if err != nil || probe == nil {
		return err
	}
	if n := t["initial_delay_seconds"]; n > 0 {
		probe = append(probe, Setting{"start_period", strconv.FormatInt(n, 10) + "s", v.line})
	}
	p.set("health", append(probe, Setting{"retries", t["failure_threshold"], v.line}), v.line)
	return nil
}

// probe is what is asked, how often, and how long one may take; nil when it
// cannot be said here. What is less than it may be is what it is unsaid.
func (p *process) probe(key string, v *value) (Table, map[string]int64, error) {
	times := map[string]int64{"period_seconds": 10, "timeout_seconds": 1, "failure_threshold": 3, "success_threshold": 1, "initial_delay_seconds": 0}
	for i, k := range v.keys {
		_, known := times[k]
		n, number := v.items[i].integer()
		switch {
		case k == "exec" || k == "http_get" || v.items[i].kind == null:
		case !known:
			p.unknown(p.App.Name, key+"."+k, noSuchKey, k, append(keysOf(times), "exec", "http_get"))
		case !number:
			return nil, nil, p.wrong(key, k+" must be a number, not "+v.items[i].quote(), "such as "+k+": 5")
		case n > 0:
			times[k] = n
		}
	}
	var t Table
	var err error
	switch web, run := v.get("http_get"), v.get("exec"); {
	case web != nil && web.kind == object:
		t, err = p.asks(key, web)
	case run != nil && run.kind == object:
		t, err = p.runs(key, run)
	default:
		err = p.wrong(key, "has neither http_get nor exec", "such as exec: { command: \"true\" }")
	}
	if err != nil {
		return nil, nil, err
	}
	if times["success_threshold"] > 1 {
		p.lost(p.App.Name, key+".success_threshold", "one success is enough")
	}
	t = append(t, Setting{"interval", strconv.FormatInt(times["period_seconds"], 10) + "s", v.line})
	return append(t, Setting{"timeout", strconv.FormatInt(times["timeout_seconds"], 10) + "s", v.line}), times, nil
}

// asks is http_get as an address.
func (p *process) asks(key string, web *value) (Table, error) {
	known := []string{"host", "scheme", "path", "port", "num_port", "headers", "status_code"}
	for i, k := range web.keys {
		switch code, _ := web.items[i].integer(); {
		case k == "headers":
			p.lost(p.App.Name, key+".http_get.headers", "a probe sends none: let exec run curl -f -H")
		case k == "status_code" && code != 0 && (code < 200 || code > 399):
			p.lost(p.App.Name, key+".http_get.status_code", "from 200 to 399 is well: let exec run curl")
		case k == "status_code":
			p.idle(p.App.Name, key+".http_get.status_code", "from 200 to 399 is well")
		case !slices.Contains(known, k):
			p.unknown(p.App.Name, key+".http_get."+k, noSuchKey, k, known)
		}
	}
	host, scheme, path, port := web.get("host").plain(), web.get("scheme").plain(), web.get("path").plain(), web.get("port").plain()
	if host == "" {
		host = "127.0.0.1"
	}
	if scheme == "" {
		scheme = "http"
	}
	if port == "" {
		port = web.get("num_port").plain()
	}
	if port != "" && port != "0" {
		if n, err := strconv.Atoi(port); !strings.Contains(port, "$") && (err != nil || n < 1 || n > 65535) {
			return nil, p.wrong(key, "port must be a number from 1 to 65535, not "+shown(port), "such as port: 8080")
		}
		host = net.JoinHostPort(host, port)
	}
	return Table{{"http", strings.ToLower(scheme) + "://" + host + "/" + strings.TrimPrefix(path, "/"), web.line}}, nil
}

// runs is exec as a command.
func (p *process) runs(key string, run *value) (Table, error) {
	line := run.get("command").plain()
	if line == "" {
		return nil, p.wrong(key, "exec needs a command", "such as exec: { command: \"true\" }")
	}
	for _, k := range run.keys {
		if k != "command" && k != "working_dir" {
			p.unknown(p.App.Name, key+".exec."+k, noSuchKey, k, []string{"command", "working_dir"})
		}
	}
	if dir := run.get("working_dir").plain(); dir != "" {
		line = "cd " + shellLine([]string{dir}) + " && " + line
	}
	// A probe replaces variables itself, and the shell is to do it here.
	return Table{{"exec", p.of.shell(strings.ReplaceAll(line, "$", "$$")), run.line}}, nil
}

func (p *process) shutdown(v *value) error {
	for i, key := range v.keys {
		item := v.items[i]
		switch key {
		case "signal":
			if item.plain() != "0" { // which is as if it were not there
				p.set("stop_signal", item.plain(), item.line)
			}
		case "timeout_seconds":
			n, ok := item.integer()
			if !ok || n < 0 {
				return p.wrong("shutdown", "timeout_seconds must be a number, not "+item.quote(), "such as timeout_seconds: 10")
			}
			if n > 0 { // 0 is what it is unsaid
				p.replace("kill_timeout", strconv.FormatInt(n, 10)+"s", item.line)
			}
		case "command":
			line, ok := item.scalar()
			if !ok {
				return p.wrong("shutdown", "command must be a string, not "+item.what(), "such as command: ./stop.sh")
			}
			hook := Table{{"command", line, item.line}, {"shell", true, item.line}}
			if words := p.of.shell(line); words[0] != "sh" {
				hook = Table{{"command", words, item.line}}
			}
			p.set("pre_stop", hook, item.line)
		case "parent_only":
			if on, _ := item.truth(); on {
				p.lost(p.App.Name, "shutdown.parent_only", wholeTree)
			}
		case "send_keys":
			p.lost(p.App.Name, "shutdown.send_keys", "programs have no terminal")
		default:
			p.unknown(p.App.Name, "shutdown."+key, noSuchKey, key, []string{"signal", "timeout_seconds", "command", "parent_only", "send_keys"})
		}
	}
	return nil
}
