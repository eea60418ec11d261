package foreign

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// exportCompose makes a compose file. Images are guesses; the app's directory
// is mounted where it is here.
func exportCompose(apps []app) []Output {
	p := &page{}
	p.line("# Services, as Velos runs them as processes. Images are guesses: check them, and what a container must see of this machine.")
	p.line("# Values of secrets are taken from the environment of docker compose.")
	for _, a := range apps {
		p.comments("", a.missing("health files depends signal memory secrets restart ready autostart"))
		for _, d := range a.DependsOn {
			if !slices.ContainsFunc(apps, func(b app) bool { return b.Name == d.Name }) {
				p.comments("", []string{a.Name + ": it needs " + needsText([]velos.Dependency{d}) + ", which is not among these"})
			}
		}
	}
	p.line("services:")
	for _, a := range apps {
		a.service(p, apps)
	}
	return []Output{{"compose.yaml", []byte(p.String())}}
}

// composeString is a word in double quotes; compose would replace a dollar.
func composeString(s string) string { return strings.ReplaceAll(jsonString(s), "$", "$$") }

func (a app) service(p *page, apps []app) {
	p.line("  ", jsonString(a.Name), ":")
	p.line("    image: ", jsonString(a.image()))
	p.line("    command: ", quotedList(a.argv(true), composeString))
	p.line("    working_dir: ", composeString(a.Cwd))
	if a.Cwd != "/" {
		p.line("    volumes:")
		p.line("      - ", composeString(a.Cwd+":"+a.Cwd))
	}
	if n := a.port(); n > 0 && a.Instances == 1 {
		p.line("    ports:")
		p.line("      - ", jsonString(strconv.Itoa(n)+":"+strconv.Itoa(n)))
	}
	if len(a.env)+len(a.secrets) > 0 {
		p.line("    environment:")
		for _, e := range a.env {
			p.line("      ", jsonString(e.key), ": ", composeString(e.value))
		}
		for _, k := range a.secrets {
			p.line("      ", jsonString(k), ": ", jsonString("${"+k+":?}"))
		}
	}
	if len(a.EnvFiles) > 0 {
		p.line("    env_file: ", quotedList(a.EnvFiles, composeString))
	}
	policy := map[velos.Restart]string{velos.Always: "unless-stopped", velos.OnFailure: "on-failure", velos.Never: "no"}[a.Autorestart]
	if a.Autorestart == velos.OnFailure && a.MaxRestarts > 0 {
		policy += ":" + strconv.Itoa(a.MaxRestarts)
	}
	p.line("    restart: ", jsonString(policy))
	p.line("    stop_signal: ", a.StopSignal)
	p.line("    stop_grace_period: ", millis(a.KillTimeout))
	if a.Instances > 1 {
		p.line("    scale: ", strconv.Itoa(a.Instances))
	}
	if a.MaxMemory > 0 {
		p.line("    mem_limit: ", strconv.FormatInt(a.MaxMemory, 10))
	}
	if !a.Autostart {
		p.line("    profiles: [\"manual\"]")
	}
	a.composeHealth(p)
	a.composeNeeds(p, apps)
}

func (a app) composeHealth(p *page) {
	h := a.Health
	if h == nil {
		if a.Ready == nil || a.Ready.Log != "" {
			return
		}
		h = a.Ready
	}
	p.line("    healthcheck:")
	p.line("      test: ", quotedList(append([]string{"CMD"}, checkLine(h)...), composeString))
	for _, d := range []struct {
		key string
		v   velos.Millis
	}{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start_period", h.StartPeriod}} {
		if d.v > 0 {
			p.line("      ", d.key, ": ", millis(d.v))
		}
	}
	if h.Retries > 0 {
		p.line("      retries: ", strconv.Itoa(h.Retries))
	}
}

func (a app) composeNeeds(p *page, apps []app) {
	first := true
	for _, d := range a.DependsOn {
		for _, b := range apps {
			if b.Name != d.Name {
				continue
			}
			if first {
				p.line("    depends_on:")
				first = false
			}
			condition := "service_started"
			switch {
			case d.Condition == velos.OnExited:
				p.line("      # any code would do for ", d.Name)
				condition = "service_completed_successfully"
			case d.Condition == velos.OnExitedOK:
				condition = "service_completed_successfully"
			case (d.Condition == velos.OnHealthy || d.Condition == velos.OnReady) && (b.Health != nil || b.Ready != nil && b.Ready.Log == ""):
				condition = "service_healthy"
			}
			p.line("      ", jsonString(d.Name), ":")
			p.line("        condition: ", condition)
		}
	}
}
