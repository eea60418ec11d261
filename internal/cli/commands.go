package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/foreign"
)

// A command is one row of the table.
type command struct {
	name    string
	aliases []string
	args    string // as shown in the usage line
	min     int    // fewest arguments
	max     int    // most arguments; -1 is any number
	group   string
	short   string
	long    string // more, with examples
	hidden  bool
	targets bool // arguments are apps: shells complete them
	paged   bool // a terminal shows the answer page by page
	// setup declares the flags and returns what runs.
	setup func(s *session, f *pflag.FlagSet) handler
}

var groups = []struct{ id, title string }{
	{"apps", "Apps:"}, {"file", "The configuration:"}, {"look", "Looking:"}, {"files", "Moving in and out:"}, {"daemon", "The daemon and its memory:"},
}

const targetsHelp = `
An app is named by its name or id, or by its script; name:N is one instance, all is every app,
mine every app that the agent that asks has started (for people: that no agent has),
ns:NAME every app of a namespace, and so is NAME where no app is called that, /REGEX/ every app
whose name matches, FILE.toml every app that came from it, and so does another manager's file.`

// commands is the table of all commands, in the order of the help page.
var commands = []command{
	{name: "start", args: "[NAME|SCRIPT|FILE.toml]... [-- ARG...]", max: -1, group: "apps", short: "start programs, known apps, or what a file describes", long: startLong, setup: setupStart, targets: true},
	{name: "stop", args: "NAME...", min: 1, max: -1, group: "apps", short: "stop apps; they stay known", long: "Stops apps and waits until their processes are gone. What depends on others is stopped before them." + targetsHelp, setup: setupStop, targets: true},
	{name: "restart", aliases: []string{"startOrRestart"}, args: "NAME|SCRIPT|FILE.toml...", min: 1, max: -1, group: "apps", short: "stop and start apps again", long: restartLong, setup: setupRestart, targets: true},
	{name: "delete", aliases: []string{"del"}, args: "NAME...", min: 1, max: -1, group: "apps", short: "stop apps and forget them; log files stay", long: "Stops apps and forgets them. Their log files stay, their ids are never used again, and for 24 hours\nvelos undelete brings them back." + targetsHelp, setup: setupDelete, targets: true},
	{name: "undelete", args: "[NAME...]", max: -1, group: "apps", short: "bring back apps that were deleted in the last 24 hours", long: undeleteLong, setup: setupUndelete},
	{name: "ensure", args: "SCRIPT|COMMAND|NAME [-- ARG...]", min: 1, max: -1, group: "apps", short: "start a program unless the same one runs already", long: ensureLong, setup: setupEnsure},
	{name: "run", args: "[--] COMMAND [ARG...]", min: 1, max: -1, group: "apps", short: "run a program once, with its output and exit code", long: runLong, setup: setupRun},
	{name: "wait", args: "NAME... [CONDITION...]", min: 1, max: -1, group: "apps", short: "wait until an app is ready, ends, writes a line or listens", long: waitLong, setup: setupWait, targets: true},
	{name: "signal", aliases: []string{"sendSignal"}, args: "SIGNAL NAME...", min: 2, max: -1, group: "apps", short: "send a signal to apps", long: signalLong, setup: setupSignal, targets: true},
	{name: "reset", args: "NAME...", min: 1, max: -1, group: "apps", short: "set restart counts to zero", setup: setupReset, targets: true},
	{name: "reload", aliases: []string{"graceful-reload", "gracefulReload", "startOrReload", "startOrGracefulReload"}, args: "NAME|FILE.toml...", max: -1, group: "apps", short: "replace processes without a gap", long: reloadLong, setup: setupReload, targets: true},
	{name: "scale", args: "NAME N|+N|-N|max", min: 2, max: -1, group: "apps", short: "change the number of instances", long: scaleLong, setup: setupScale, targets: true},
	{name: "serve", aliases: []string{"expose"}, args: "[DIRECTORY] [PORT]", max: 2, group: "apps", short: "serve the files of a directory over HTTP", long: serveLong, setup: setupServe},

	{name: "init", aliases: []string{"ecosystem"}, args: "[FILE.toml]", max: 1, group: "file", short: "write a velos.toml for this directory", long: initLong, setup: setupInit},
	{name: "apply", args: "[FILE.toml]", max: 1, group: "file", short: "make what runs what a file says, touching what differs only", long: applyLong, setup: setupApply},
	{name: "diff", args: "[FILE.toml]", max: 1, group: "file", short: "show what apply would do", long: diffLong, setup: setupDiff},
	{name: "undo", args: "[NAME]", max: 1, group: "file", short: "take the last change of configurations back", long: undoLong, setup: setupUndo, targets: true},
	{name: "history", args: "NAME", min: 1, max: 1, group: "file", short: "show the configurations that an app had", long: historyLong, setup: setupHistory, targets: true, paged: true},
	{name: "trust", args: "[FILE|list|revoke FILE]", max: 2, group: "file", short: "say that what a file says may be run", long: trustLong, setup: setupTrust},
	{name: "config", args: "get NAME [KEY] | set NAME KEY=VALUE... | unset NAME KEY...", min: 2, max: -1, group: "file", short: "show or change single settings of an app", long: configLong, setup: setupConfig, targets: true},
	{name: "schema", args: "[config]", max: 1, group: "file", short: "print the JSON Schema of velos.toml", long: schemaLong, setup: setupSchema, paged: true},

	{name: "list", aliases: []string{"ls", "l", "ps", "status"}, args: "[NAME...]", max: -1, group: "look", short: "show apps", long: listLong, setup: setupList, targets: true},
	{name: "jlist", group: "look", short: "list processes as PM2's jlist does", long: jlistLong, setup: setupJList},
	{name: "prettylist", group: "look", hidden: true, short: "list processes as PM2's prettylist does", long: jlistLong, setup: setupPrettyList},
	{name: "info", aliases: []string{"show", "describe", "desc"}, args: "NAME...", min: 1, max: -1, group: "look", short: "show everything about apps", long: "Shows configuration, state, usage, logs and environment of apps. Secrets are masked." + targetsHelp, setup: setupInfo, targets: true, paged: true},
	{name: "why", args: "NAME", min: 1, max: 1, group: "look", short: "explain on one screen why an app is as it is", long: "Explains what an app is doing, since when and why: its last exit, who gave the last order,\nits last words, its latest starts and ends, and what to do next." + targetsHelp, setup: setupWhy, targets: true},
	{name: "crash", args: "NAME", min: 1, max: 1, group: "look", short: "say why the last run of an app ended", long: crashLong, setup: setupCrash, targets: true},
	{name: "changes", args: "[NAME]", max: 1, group: "look", short: "show what has happened since you last asked", long: changesLong, setup: setupChanges, targets: true, paged: true},
	{name: "ports", args: "[PORT|NAME...]", max: -1, group: "look", short: "show who listens on what", long: portsLong, setup: setupPorts, targets: true},
	{name: "env", args: "NAME", min: 1, max: 1, group: "look", short: "show the environment of an app; secrets are masked", long: "Shows the environment of an app, one variable a line. Secrets are masked; what env files hold is not shown." + targetsHelp, setup: setupEnv, targets: true},
	{name: "pid", args: "[NAME...]", max: -1, group: "look", short: "show the process ids of apps, one a line", setup: setupPid, targets: true},
	{name: "id", args: "NAME...", min: 1, max: -1, group: "look", short: "show the ids of apps, one a line", setup: setupID, targets: true},
	{name: "logs", aliases: []string{"log"}, args: "[NAME...]", max: -1, group: "look", short: "show what apps wrote", long: logsLong, setup: setupLogs, targets: true, paged: true},
	{name: "events", args: "[NAME...]", max: -1, group: "look", short: "show what happened, why, and who asked for it", long: eventsLong, setup: setupEvents, targets: true, paged: true},
	{name: "flush", args: "[NAME...]", max: -1, group: "look", short: "empty log files", long: "Empties the log files of the apps named, of all apps if none is." + targetsHelp, setup: setupFlush, targets: true},
	{name: "reload-logs", aliases: []string{"reloadLogs"}, group: "look", short: "open log files anew after they were moved", setup: setupReloadLogs},
	{name: "api", group: "look", short: "serve all of this over HTTP", long: apiLong, setup: setupAPI},
	{name: "web", group: "look", short: "open the page in the browser", long: webLong, setup: setupWeb},
	{name: "metrics", group: "look", short: "serve figures for Prometheus", long: metricsLong, setup: setupMetrics},
	{name: "monit", aliases: []string{"dash", "dashboard"}, args: "[NAME...]", max: -1, group: "look", short: "watch apps in a full-screen view", long: monitLong, setup: setupMonit, targets: true},
	{name: "otel", group: "look", short: "send runs, figures and lines to an OpenTelemetry collector", long: otelLong, setup: setupOTel},

	{name: "import", args: "FILE", min: 1, max: 1, group: "files", short: "make a velos.toml of another manager's file", long: importLong, setup: setupImport},
	{name: "export", args: "ENGINE [NAME|FILE]...", min: 1, max: -1, group: "files", short: "make the files of another engine for apps", long: exportLong, setup: setupExport, targets: true},

	{name: "save", aliases: []string{"dump"}, group: "daemon", short: "write down which apps there are", long: "Writes a snapshot of all apps that resurrect brings back. A reboot or a crash of the daemon\nneeds none: what is running is always written down. When there are no apps, the last snapshot stays unless --force is given.", setup: setupSave},
	{name: "resurrect", group: "daemon", short: "bring back what save wrote down", long: "Brings back the apps of the last save. Apps that are there already are left as they are.", setup: setupResurrect},
	{name: "ping", group: "daemon", short: "ask whether the daemon runs, without starting it", setup: setupPing},
	{name: "kill", group: "daemon", short: "stop all apps and the daemon; the apps stay known", long: killLong, setup: setupKill},
	{name: "runtime", args: "[SCRIPT|FILE.toml]... [-- ARG...]", max: -1, group: "daemon", short: "run apps in the foreground, as a container wants it", long: runtimeLong, setup: setupRuntime},
	{name: "mcp-server", aliases: []string{"mcp"}, group: "daemon", short: "serve agents over the Model Context Protocol", long: mcpLong, setup: setupMCP},
	{name: "agent", args: "init | policy", min: 1, max: -1, group: "daemon", short: "write Velos into the configuration of agents, or show what they may do", long: agentLong, setup: setupAgent},
	{name: "keep", args: "NAME...", min: 1, max: -1, group: "daemon", short: "have apps outlive the agent that has started them", long: keepLong, setup: setupKeep, targets: true},
	{name: "grant", args: "NAME...", min: 1, max: -1, group: "daemon", short: "let agents act on apps that are not theirs", long: grantLong, setup: setupGrant, targets: true},
	{name: "gc", group: "daemon", short: "clear away what agents have left behind", long: gcLong, setup: setupGC},
	{name: "approve", args: "[ID...]", max: -1, group: "daemon", short: "allow an order of an agent that waits for it", long: approveLong, setup: setupApprove},
	{name: "deny", args: "ID...", min: 1, max: -1, group: "daemon", short: "do not allow an order of an agent", long: approveLong, setup: setupDeny},
	{name: "audit", args: "[verify]", max: 1, group: "daemon", short: "show who gave which order, and verify the record of it", long: auditLong, setup: setupAudit},
	{name: "daemon", args: "upgrade [PATH]", min: 1, max: 2, group: "daemon", short: "replace the running velosd by another; apps go on", long: daemonLong, setup: setupDaemon},
	{name: "token", args: "create|list|rotate|revoke [ID...]", min: 1, max: -1, group: "daemon", short: "make, list, renew and revoke tokens for HTTP", long: tokenLong, setup: setupToken},
	{name: "version", group: "daemon", short: "show the versions of velos and the daemon", setup: setupVersion},
	{name: "doctor", group: "daemon", short: "look for what is wrong with this installation, and say how to mend it", long: doctorLong, setup: setupDoctor},
	{name: "notify", args: "[test [FILE]]", max: 2, group: "daemon", short: "tell news to those whom [[notify]] tables name", long: notifyLong, setup: setupNotify},
	{name: "completion", args: "bash|zsh|fish|powershell", min: 1, max: 1, group: "daemon", short: "write a script that completes commands in a shell", long: completionLong, setup: setupCompletion},
	{name: "man", args: "[COMMAND]", max: 1, group: "daemon", short: "print manual pages", long: manLong, setup: setupMan},
	{name: "startup", args: "[INIT]", max: 1, group: "daemon", short: "start the daemon with the system", long: startupLong, setup: setupStartup},
	{name: "unstartup", args: "[INIT]", max: 1, group: "daemon", short: "undo startup", long: "Removes what startup has written. What runs goes on.", setup: setupUnstartup},

	{name: foreign.ServeFiles, hidden: true, short: "serve the files that the environment names", setup: setupServeFiles},
	{name: "compress", args: "FILE", min: 1, max: 1, hidden: true, short: "compress a rotated log file to FILE.zst", setup: setupCompress},
	{name: "sentinel", args: "ID...", min: 1, max: -1, hidden: true, short: "look for anomalies and have velosd record them", setup: setupSentinel},
	{name: "policy-compile", hidden: true, short: "write the rules for agents as the daemon reads them", setup: setupPolicyCompile},
	{name: "expand", args: "FILE", min: 1, max: 1, hidden: true, short: "write a compressed log file to stdout", setup: setupExpand},
}

// is reports whether word names the command.
func (c *command) is(word string) bool { return word == c.name || slices.Contains(c.aliases, word) }

func (c *command) cobra(s *session, complete bool) *cobra.Command {
	cmd := &cobra.Command{Use: strings.TrimSpace(c.name + " " + c.args), Aliases: c.aliases, Short: c.short, Long: c.long, GroupID: c.group,
		Hidden: c.hidden, DisableFlagsInUseLine: true}
	if !complete {
		cmd.RunE = func(*cobra.Command, []string) error { panic("the flags of " + c.name + " were not made") }
		return cmd
	}
	run := c.setup(s, cmd.Flags())
	cmd.Args = func(_ *cobra.Command, args []string) error { return c.count(args) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case s.json && s.ai:
			return invalid("--json and --ai exclude each other", "leave one of them out")
		case s.color != "auto" && s.color != "always" && s.color != "never":
			return invalid("--color: "+quote(s.color)+" is unknown", "auto, always or never")
		}
		s.mine = c.targets && slices.Contains(args, mine)
		s.asRows(cmd.Flags().Changed("follow"))
		if c.paged && !cmd.Flags().Changed("follow") && !cmd.Flags().Changed("raw") {
			defer s.paged()()
		}
		return run(cmd.Context(), args)
	}
	if c.targets {
		cmd.ValidArgsFunction = s.complete
	}
	return cmd
}

// count checks the number of arguments.
func (c *command) count(args []string) error {
	usage := "velos " + strings.TrimSpace(c.name+" "+c.args)
	switch {
	case len(args) < c.min:
		return invalid(c.name+": something is missing", "usage: "+usage)
	case c.max >= 0 && len(args) > c.max:
		return invalid(c.name+": too many arguments: "+quote(args[c.max]), "usage: "+usage)
	}
	return nil
}

func unknownCommand(word string) error {
	hint := "velos --help lists the commands"
	if there, ok := abroad[word]; ok {
		hint = there
	} else if near := nearest(word, commandNames()); near != "" {
		hint = "did you mean velos " + near + "?"
	}
	return invalid("no such command: "+quote(word), hint)
}

func commandNames() []string {
	var names []string
	for i := range commands {
		if !commands[i].hidden {
			names = append(append(names, commands[i].name), commands[i].aliases...)
		}
	}
	return names
}
