package foreign

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// exportSystemd makes a unit for each app, a template where there are several
// instances, and a socket unit where Velos holds the sockets.
func exportSystemd(apps []app) []Output {
	several := map[string]int{}
	for _, a := range apps {
		several[a.Name] = a.Instances
	}
	var out []Output
	for _, a := range apps {
		name := a.Name + ".service"
		if a.Instances > 1 {
			name = a.Name + "@.service"
		}
		out = append(out, Output{name, a.unit(several)})
		if len(a.Listen) > 0 && a.Instances == 1 {
			out = append(out, Output{a.Name + ".socket", a.socket()})
		}
	}
	return out
}

func (a app) unit(several map[string]int) []byte {
	p := &page{}
	can := "rights depends files logs restart signal codes watchdog memory hooks"
	if a.Instances == 1 {
		can += " listen"
	}
	if a.WaitReady {
		can += " ready"
	}
	p.line("# ", comment(a.Name), ", as Velos runs it. Check User= before it is installed: without it a unit of the system runs as root.")
	if a.Instances > 1 {
		p.line("# ", strconv.Itoa(a.Instances), " instances: systemctl enable --now ", a.Name, "@{0..", strconv.Itoa(a.Instances-1), "}")
	}
	if a.WaitReady && isNodeProgram(a.Interpreter) {
		p.line("# Type=notify waits for READY=1 of sd_notify; process.send('ready') says nothing to systemd.")
	}
	p.comments("", a.missing(can))
	p.line("\n[Unit]")
	p.line("Description=", specifier(a.Name))
	a.unitNeeds(p, several)
	a.unitLimit(p)
	p.line("\n[Service]")
	a.unitService(p)
	p.line("\n[Install]")
	p.line("WantedBy=multi-user.target")
	return []byte(p.String())
}

func isNodeProgram(in string) bool { return strings.TrimSuffix(filepath.Base(in), ".exe") == "node" }

func (a app) unitNeeds(p *page, several map[string]int) {
	for _, d := range a.DependsOn {
		names := []string{d.Name + ".service"}
		if n := several[d.Name]; n > 1 {
			names = nil
			for i := range n {
				names = append(names, d.Name+"@"+strconv.Itoa(i)+".service")
			}
		}
		p.line("Wants=", strings.Join(names, " "))
		p.line("After=", strings.Join(names, " "))
		if d.Condition != velos.OnStarted && d.Condition != velos.OnReady {
			p.line("# it waits for ", needsText([]velos.Dependency{d}), "; systemd waits for the start alone")
		}
	}
}

// unitLimit gives up after as many quick ends as Velos does: that many must
// fit into the time.
func (a app) unitLimit(p *page) {
	if a.Autorestart == velos.Never {
		return
	}
	if a.MaxRestarts < 0 {
		p.line("StartLimitIntervalSec=0")
		return
	}
	each := max(a.MinUptime, 100) + max(a.RestartDelay, 100)
	p.line("StartLimitBurst=", strconv.Itoa(a.MaxRestarts+1))
	p.line("StartLimitIntervalSec=", millis(each*velos.Millis(a.MaxRestarts+2)))
}

func millis(m velos.Millis) string {
	if m%1000 == 0 {
		return strconv.FormatInt(int64(m/1000), 10) + "s"
	}
	return strconv.FormatInt(int64(m), 10) + "ms"
}

func (a app) unitService(p *page) {
	if a.WaitReady {
		p.line("Type=notify\nNotifyAccess=all")
		if a.ListenTimeout > 0 {
			p.line("TimeoutStartSec=", millis(a.ListenTimeout))
		}
	} else {
		p.line("Type=exec")
	}
	var words []string
	for _, w := range a.argv(false) {
		words = append(words, unitWord(w, true))
	}
	p.line("ExecStart=", strings.Join(words, " "))
	a.unitHooks(p)
	p.line("WorkingDirectory=", specifier(a.Cwd))
	if path := a.Env["PATH"]; path != "" {
		p.line("Environment=", unitWord("PATH="+path, false))
	}
	for _, e := range a.env {
		p.line("Environment=", unitWord(e.key+"="+e.value, false))
	}
	if a.Instances > 1 {
		p.line("Environment=NODE_APP_INSTANCE=%i VELOS_INSTANCE=%i")
	}
	for _, f := range a.EnvFiles {
		p.line("EnvironmentFile=", specifier(f))
	}
	p.line("Restart=", map[velos.Restart]string{velos.Always: "always", velos.OnFailure: "on-failure", velos.Never: "no"}[a.Autorestart])
	p.line("RestartSec=", millis(max(a.RestartDelay, 100)))
	if len(a.StopExitCodes) > 0 {
		p.line("RestartPreventExitStatus=", strings.ReplaceAll(codesText(a.StopExitCodes), ",", ""))
	}
	p.line("KillSignal=", a.StopSignal)
	p.line("KillMode=mixed")
	p.line("TimeoutStopSec=", millis(a.KillTimeout))
	if a.Watchdog > 0 {
		p.line("WatchdogSec=", millis(a.Watchdog))
	}
	a.unitRights(p)
	a.unitLogs(p)
}

func (a app) unitLogs(p *page) {
	outFile, errFile := a.OutFile, a.ErrFile
	if a.LogFile != "" {
		outFile, errFile = a.LogFile, a.LogFile
	} else if a.MergeLogs && outFile != "" {
		errFile = outFile
	}
	if outFile+errFile != "" {
		p.line("# Nobody rotates these: see logrotate.")
	}
	if outFile != "" {
		p.line("StandardOutput=append:", specifier(outFile))
	}
	if errFile != "" {
		p.line("StandardError=append:", specifier(errFile))
	}
}

func (a app) socket() []byte {
	p := &page{}
	p.line("# The sockets that Velos opens for ", comment(a.Name), ".\n\n[Unit]")
	p.line("Description=Sockets of ", specifier(a.Name))
	p.line("\n[Socket]")
	for _, l := range a.Listen {
		network, rest, _ := strings.Cut(l, ":")
		rest = strings.TrimPrefix(rest, "//")
		if network == "unix" {
			rest = strings.TrimPrefix(l, "unix:")
		}
		rest = strings.TrimPrefix(rest, ":") // a bare port is all addresses
		key := "ListenStream="
		if network == "udp" {
			key = "ListenDatagram="
		}
		p.line(key, specifier(rest))
	}
	if a.ListenReuse {
		p.line("ReusePort=yes")
	}
	p.line("\n[Install]\nWantedBy=sockets.target")
	return []byte(p.String())
}

// specifier doubles what systemd would replace.
func specifier(s string) string { return strings.ReplaceAll(comment(s), "%", "%%") }

// unitWord quotes a word. In commands, a dollar would be a variable.
func unitWord(w string, command bool) string {
	w = strings.ReplaceAll(w, "%", "%%")
	if command {
		w = strings.ReplaceAll(w, "$", "$$")
	}
	if w != "" && !strings.ContainsAny(w, " \t\n\r\"'\\;") {
		return w
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(w) + `"`
}

// exportProcfile makes one line of each app. A Procfile knows no variables
// and no directory: they go into the line.
func exportProcfile(apps []app) []Output {
	p := &page{}
	var unsaid []string
	for _, a := range apps {
		unsaid = append(unsaid, a.missing("logs")...)
		if a.Instances > 1 {
			unsaid = append(unsaid, a.Name+": "+strconv.Itoa(a.Instances)+" instances: foreman start -m "+procName(a.Name)+"="+strconv.Itoa(a.Instances))
		}
	}
	head := "# Processes, as Velos runs them."
	if len(unsaid) > 0 {
		head += " What a Procfile cannot say:"
	}
	p.line(head)
	p.comments("", unsaid)
	for _, a := range apps {
		line := "exec " + shellLine(a.argv(false))
		if len(a.env) > 0 {
			var words []string
			for _, e := range a.env {
				words = append(words, e.key+"="+e.value)
			}
			line = "exec env " + shellLine(words) + strings.TrimPrefix(line, "exec")
		}
		if strings.ContainsAny(line, "\n\r") {
			p.comments("", []string{a.Name + ": left out: its command line has more than one line"})
			continue
		}
		p.line(procName(a.Name), ": cd ", shellWord(a.Cwd), " && ", line)
	}
	return []Output{{"Procfile", []byte(p.String())}}
}

func procName(name string) string { return strings.ReplaceAll(name, ".", "_") }
