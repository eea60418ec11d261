package foreign

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// exportNomad makes a job of each app, run as a process by raw_exec.
func exportNomad(apps []app) []Output {
	var out []Output
	for _, a := range apps {
		out = append(out, Output{a.Name + ".nomad.hcl", a.nomad()})
	}
	return out
}

// hclString is a string of HCL, in which nothing is replaced.
func hclString(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(jsonString(s))
}

func (a app) nomad() []byte {
	p := &page{}
	kind := "service"
	if a.Autorestart == velos.Never {
		kind = "batch"
	}
	p.line("# ", comment(a.Name), ", as Velos runs it: a process of the machine, which needs the raw_exec driver.")
	p.comments("", a.missing("files signal secrets restart memory"))
	p.line("job ", hclString(a.Name), " {\n  type = ", hclString(kind))
	p.line("\n  group ", hclString(a.Name), " {")
	count := a.Instances
	if !a.Autostart {
		count = 0
	}
	p.line("    count = ", strconv.Itoa(count))
	a.nomadRestart(p)
	p.line("\n    task ", hclString(a.Name), " {\n      driver = \"raw_exec\"")
	p.line("      kill_signal = ", hclString(a.StopSignal), "\n      kill_timeout = ", hclString(millis(a.KillTimeout)))
	line := "cd " + shellWord(a.Cwd) + " && exec " + shellLine(a.argv(false))
	p.line("\n      config {\n        command = \"/bin/sh\"\n        args = ", quotedList([]string{"-c", line}, hclString), "\n      }")
	if len(a.env) > 0 {
		p.line("\n      env = {")
		for _, e := range a.env {
			p.line("        ", hclString(e.key), " = ", hclString(e.value))
		}
		p.line("      }")
	}
	if len(a.secrets) > 0 {
		p.line("\n      # nomad var put nomad/jobs/", a.Name, " NAME=value for each")
		p.line("      template {\n        destination = \"secrets/env\"\n        env = true\n        data = <<EOT")
		p.line("{{ with nomadVar \"nomad/jobs/", a.Name, "\" }}")
		for _, k := range a.secrets {
			p.line(k, "={{ .", k, " }}")
		}
		p.line("{{ end }}\nEOT\n      }")
	}
	for i, f := range a.EnvFiles {
		p.line("\n      # the agent must be allowed to read the file: disable_file_sandbox, or copy it into the job")
		p.line("      template {\n        source = ", hclString(f), "\n        destination = ", hclString("secrets/file-"+strconv.Itoa(i)), "\n        env = true\n      }")
	}
	if a.MaxMemory > 0 {
		p.line("\n      resources {\n        memory = ", strconv.FormatInt(max(10, a.MaxMemory>>20), 10), "\n      }")
	}
	p.line("    }\n  }\n}")
	return []byte(p.String())
}

func (a app) nomadRestart(p *page) {
	if a.Autorestart == velos.Never {
		p.line("\n    restart {\n      attempts = 0\n      mode = \"fail\"\n    }")
		return
	}
	attempts, mode := a.MaxRestarts, "fail"
	if attempts < 0 {
		attempts, mode = 10, "delay"
	}
	each := max(a.MinUptime, 100) + max(a.RestartDelay, 1000)
	p.line("\n    restart {\n      attempts = ", strconv.Itoa(attempts), "\n      delay = ", hclString(millis(max(a.RestartDelay, 1000))))
	p.line("      interval = ", hclString(millis(max(5000, each*velos.Millis(attempts+1)))), "\n      mode = ", hclString(mode), "\n    }")
}
