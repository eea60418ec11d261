package foreign

import (
	"strconv"
	"strings"

	"github.com/velospm/velos/internal/config"
)

var composeIdle = map[string]string{
	"container_name": "apps have names", "labels": "nobody reads labels here", "expose": "a program opens its own port", "init": "every tree is looked after", "tty": "programs have no terminal",
	"stdin_open": "programs have no terminal", "hostname": "a program sees the machine's name", "annotations": "nobody reads annotations here", "attach": "velos logs shows what it writes",
}

var composeLost = map[string]string{
	"image":   "what it contains must be installed on this machine",
	"build":   "build it, and name the program in script",
	"ports":   "a program opens its own port on this machine: see to it that it is the one outside",
	"volumes": "a program here sees the machine's own files: check its paths",
	"logging": "logs are kept, rotated and bounded: see max_log_size and max_log_total",
	"extends": "write what the other service says", "secrets": "use env_file, or name the file", "configs": "name the file",
	"cpus": groupLimits, "cpu_shares": groupLimits, "pids_limit": groupLimits, "mem_reservation": ownLimits, "oom_score_adj": ownLimits, "shm_size": ownLimits,
	"privileged": notConfined, "cap_add": notConfined, "cap_drop": notConfined, "read_only": notConfined, "security_opt": notConfined,
}

func (s *service) key(key string, v *value) error {
	a := s.App
	if v.kind == null {
		return nil
	}
	switch key {
	case "command", "entrypoint":
	case "environment":
		return s.environment(v)
	case "env_file":
		return s.envFiles(v)
	case "working_dir":
		return s.directory(v)
	case "user":
		user, group, _ := strings.Cut(v.text, ":")
		a.set("user", user, v.line)
		if group != "" {
			a.set("group", group, v.line)
		}
	case "restart":
		return s.restart(v)
	case "stop_signal":
		a.set("stop_signal", v.text, v.line)
	case "stop_grace_period":
		if _, err := config.Duration(v.text); err != nil {
			return s.wrong(key, "must be a length of time, not "+v.quote(), "such as stop_grace_period: 30s")
		}
		a.replace("kill_timeout", v.text, v.line)
	case "depends_on":
		return s.dependsOn(v)
	case "healthcheck":
		return s.healthcheck(v)
	case "scale":
		return s.replicas(key, v)
	case "deploy":
		return s.deploy(v)
	case "ulimits":
		return s.ulimits(v)
	case "mem_limit":
		return s.size(key, v)
	case "profiles":
		a.set("autostart", false, v.line)
		s.idle(a.Name, key, "it is added without being started, as it is in no profile that runs by itself")
	default:
		if !strings.HasPrefix(key, "x-") {
			s.about(a.Name, key, composeIdle, composeLost, aboutContainers)
		}
	}
	return nil
}

func (s *service) environment(v *value) error {
	var env Table
	add := func(name string, item *value) {
		if item == nil || item.kind == null { // the caller's, if there is one
			if inherited, ok := s.vars[name]; ok {
				env = env.with(Table{{name, inherited, v.line}})
			}
			return
		}
		s, _ := item.scalar()
		env = env.with(Table{{name, s, item.line}})
	}
	switch v.kind {
	case object:
		for i, k := range v.keys {
			if v.items[i].kind == list || v.items[i].kind == object {
				return s.wrong("environment", k+" must be a string, not "+v.items[i].what(), "put it into quotes")
			}
			add(k, v.items[i])
		}
	case list:
		for _, c := range v.items {
			name, after, ok := strings.Cut(c.text, "=")
			if ok {
				add(name, &value{kind: text, text: after, line: c.line})
			} else {
				add(name, nil)
			}
		}
	default:
		return s.wrong("environment", "must be a map or a list, not "+v.what(), "such as environment: { PORT: 3000 }")
	}
	if len(env) > 0 {
		s.set("env", env, v.line)
	}
	return nil
}

func (s *service) envFiles(v *value) error {
	items := []*value{v}
	if v.kind == list {
		items = v.items
	}
	var files []string
	for _, c := range items {
		path, required := c.text, true
		if c.kind == object {
			if p := c.get("path"); p != nil {
				path = p.text
			}
			if r := c.get("required"); r != nil {
				required = r.text != "false"
			}
		}
		if path == "" {
			return s.wrong("env_file", "must be a file or a list of files, not "+c.what(), "such as env_file: .env")
		}
		if !required {
			path = "?" + path
		}
		files = append(files, path)
	}
	if len(files) > 0 {
		s.set("env_file", files, v.line)
	}
	return nil
}

func (s *service) restart(v *value) error {
	policy, count, _ := strings.Cut(v.text, ":")
	switch policy {
	case "no", "false":
		s.set("autorestart", "never", v.line)
	case "always", "unless-stopped":
	case "on-failure":
		s.set("autorestart", "on-failure", v.line)
		if count != "" {
			n, err := strconv.ParseInt(count, 10, 32)
			if err != nil || n < 0 {
				return s.wrong("restart", "must be on-failure and a number, not "+v.quote(), "such as restart: on-failure:3")
			}
			s.set("max_restarts", n, v.line)
		}
	default:
		return s.wrong("restart", "must be no, always, on-failure or unless-stopped, not "+v.quote(), "such as restart: always")
	}
	return nil
}

var conditions = map[string]string{"service_started": "started", "service_healthy": "healthy", "service_completed_successfully": "exited_ok"}

func (s *service) dependsOn(v *value) error {
	var deps []Table
	add := func(name, condition string, line int) {
		deps = append(deps, Table{{"name", clean(name), line}, {"condition", condition, line}})
	}
	switch v.kind {
	case list:
		for _, c := range v.items {
			add(c.text, "started", c.line)
		}
	case object:
		for i, name := range v.keys {
			condition := "started"
			if c := v.items[i].get("condition"); c != nil {
				if condition = conditions[c.text]; condition == "" {
					return s.wrong("depends_on", "unknown condition "+c.quote(), "such as condition: service_healthy")
				}
			}
			add(name, condition, v.items[i].line)
		}
	default:
		return s.wrong("depends_on", "must be a list or a map, not "+v.what(), "such as depends_on: [db]")
	}
	if len(deps) > 0 {
		s.set("depends_on", deps, v.line)
	}
	return nil
}

func (s *service) healthcheck(v *value) error {
	test := v.get("test")
	if off := v.get("disable"); off != nil && off.text == "true" || test == nil {
		return nil
	}
	words, ok := test.scalars()
	if !ok || len(words) == 0 {
		return s.wrong("healthcheck", "test must be a string or a list, not "+test.what(), `such as test: ["CMD", "curl", "-f", "http://localhost/"]`)
	}
	switch {
	case test.kind == text:
		words = []string{"sh", "-c", words[0]}
	case words[0] == "NONE":
		return nil
	case words[0] == "CMD-SHELL" && len(words) > 1:
		words = []string{"sh", "-c", words[1]}
	case words[0] == "CMD" && len(words) > 1:
		words = words[1:]
	default:
		return s.wrong("healthcheck", "test must begin with CMD, CMD-SHELL or NONE, not "+shown(words[0]), `such as test: ["CMD", "true"]`)
	}
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, "$", "$$") // a probe would replace variables itself
	}
	health := Table{{"exec", words, test.line}}
	for i, key := range v.keys {
		item := v.items[i]
		switch key {
		case "test", "disable":
		case "interval", "timeout", "start_period":
			if _, err := config.Duration(item.text); err != nil {
				return s.wrong("healthcheck", key+" must be a length of time, not "+item.quote(), "such as "+key+": 30s")
			}
			health = append(health, Setting{key, item.text, item.line})
		case "retries":
			n, ok := item.integer()
			if !ok {
				return s.wrong("healthcheck", "retries must be a number, not "+item.quote(), "such as retries: 3")
			}
			health = append(health, Setting{key, n, item.line})
		default:
			s.lost(s.App.Name, "healthcheck."+key, "a probe has no such setting")
		}
	}
	s.set("health", health, v.line)
	return nil
}

func (s *service) replicas(key string, v *value) error {
	n, ok := v.integer()
	if !ok {
		return s.wrong(key, "must be a number, not "+v.quote(), "such as "+key+": 2")
	}
	if n > 1 {
		s.set("instances", n, v.line)
		s.set("mode", "fork", 0)
	}
	return nil
}

// deploy takes the number and the memory; the rest is for a swarm.
func (s *service) deploy(v *value) error {
	for i, k := range v.keys {
		switch k {
		case "replicas":
			if err := s.replicas("deploy", v.items[i]); err != nil {
				return err
			}
		case "resources":
			if m := v.items[i].get("limits").get("memory"); m != nil {
				if err := s.size("deploy", m); err != nil {
					return err
				}
			}
			if v.items[i].get("limits").get("cpus") != nil || v.items[i].get("reservations") != nil {
				s.lost(s.App.Name, "deploy.resources", groupLimits)
			}
		default:
			s.lost(s.App.Name, "deploy."+k, "this is for a swarm")
		}
	}
	return nil
}
