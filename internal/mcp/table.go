package mcp

import "github.com/velospm/velos/internal/verb"

// tools is the table of all tools, in the order in which clients get them. The
// order is a part of the interface: what comes before a conversation is cached
// by its exact bytes.
func tools() []tool {
	return []tool{
		row[listIn, listOut]("process_list", "core", "List processes",
			"All processes: status, cpu, memory, uptime, restarts, URL.", "reads", processList),
		row[infoIn, infoOut]("process_info", "core", "Show a process",
			"Command, directory, instances, ports, last exit, names of variables.", "reads open", processInfo),
		row[ensureIn, verb.Ensured]("process_ensure", "core", "Make sure a process runs",
			"Run a server or worker in the background: returns the one that runs already (same directory, name, command), else starts it, and waits until it is ready. Use this instead of a shell with &.", "again open", processEnsure),
		row[startIn, startOut]("process_start", "core", "Start a process",
			"Start a new process. Most of the time you want process_ensure.", "open", processStart),
		row[stopIn, doneOut]("process_stop", "core", "Stop a process",
			"Stop a process and its whole tree; it stays known.", "destroys again", processStop),
		row[restartIn, doneOut]("process_restart", "core", "Restart a process",
			"Restart a process and wait until it is ready.", "destroys open", processRestart),
		row[waitIn, waitOut]("process_wait", "core", "Wait for a process",
			"Wait until something is so, without polling. A crash ends it and is explained.", "reads open", processWait),
		row[runIn, runOut]("process_run", "core", "Run a command once",
			"Run tests, builds and the like to their end: output and real exit code.", "destroys open", processRun),
		row[readIn, logOut]("log_read", "core", "Read a log",
			"Newest lines of a process, or those behind a cursor; repeats are one row.", "reads open", logRead),
		row[searchIn, logOut]("log_search", "core", "Search a log",
			"Lines that match, over all history.", "reads open", logSearch),
		row[summaryIn, summaryOut]("log_summary", "core", "Sum up a log",
			"Counts, top patterns, anomalies, last error, health: for logs too long to read.", "reads open", logSummary),
		row[crashIn, crashOut]("crash_report", "core", "Explain a crash",
			"Why a process ended: cause, place in the source, stack, port holder, what is missing, what to do.", "reads open", crashReport),
		row[changesIn, changesOut]("changes", "core", "What has changed",
			"What happened to all processes since a cursor: starts, crashes, orders and who gave them.", "reads open", changes),
		row[deleteIn, doneOut]("process_delete", "manage", "Delete a process",
			"Stop a process and forget it.", "destroys again", processDelete),
		row[infoIn, configOut]("config_get", "manage", "Show a configuration",
			"Configuration as TOML; secrets are masked.", "reads", configGet),
		row[setIn, setOut]("config_set", "manage", "Change a configuration",
			"Change keys of a configuration and apply it; dry_run shows the difference.", "destroys again open", configSet),
		row[noIn, healthOut]("health_check", "ops", "Check health",
			"Score and issues of every process.", "reads open", healthCheck),
		row[metricsIn, metricsOut]("metrics_snapshot", "ops", "Metrics",
			"CPU in percent, memory in bytes, restarts, uptime in seconds, now.", "reads", metrics),
		row[auditIn, auditOut]("audit_query", "ops", "Who ordered what",
			"Orders on record, refused ones too: what, by whom, with what result.", "reads open", auditQuery),
		row[portsIn, portsOut]("ports", "ops", "Who listens where",
			"Ports and sockets that processes listen on, and who has one port.", "reads", ports),
	}
}
