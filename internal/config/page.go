package config

import (
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// Page is docs/CONFIG.md: made from the table that parses.
func Page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, sec := range sections {
		b.WriteString("\n### " + sec.title + "\n\n| key | takes | default | |\n|---|---|---|---|\n")
		for i := range sec.keys {
			k := &sec.keys[i]
			preset := k.preset
			if preset != "" {
				preset = "`" + preset + "`"
			}
			b.WriteString("| `" + k.name + "` | " + cell(k.takes) + " | " + preset + " | " + cell(k.help) + " |\n")
		}
	}
	b.WriteString("\nA probe, the value of `ready` and `health`, has exactly one of the first four of these keys:\n\n| key | takes | |\n|---|---|---|\n")
	for _, k := range probeKeys {
		b.WriteString("| `" + k.name + "` | " + cell(k.form(nil).takes) + " | " + cell(k.help) + " |\n")
	}
	b.WriteString("\nA hook, the value of `pre_start` and the others, is a command, or a table of these keys; [HOOKS.md](HOOKS.md) says what is run when:\n\n| key | takes | |\n|---|---|---|\n")
	for _, k := range hookKeys {
		b.WriteString("| `" + k.name + "` | " + cell(k.form(new(velos.Hook)).takes) + " | " + cell(k.help) + " |\n")
	}
	b.WriteString("\n## What needs no restart\n\n`velos apply` and `velos config set` change these in place, and the processes run on: `" + strings.Join(liveKeys(), "`, `") +
		"`, and `instances`, which adds or ends some. So is another time in `schedule`. All else is for a new run: a reload where runs can overlap, or else a restart.\n")
	b.WriteString(noticeHead)
	for i := range noticeKeys {
		k := &noticeKeys[i]
		preset, of := k.preset, strings.ReplaceAll(k.types, " ", ", ")
		if preset != "" {
			preset = "`" + preset + "`"
		}
		if of == "" {
			of = "all"
		}
		if k.needed {
			preset = "needed"
		}
		b.WriteString("| `" + k.name + "` | " + of + " | " + cell(k.takes) + " | " + preset + " | " + cell(k.help) + " |\n")
	}
	names := slices.Clone(Inherited[:shellVariables])
	b.WriteString(strings.ReplaceAll(pageTail, "INHERITED", "`"+strings.Join(names, "`, `")+"` and `LC_*`"))
	return b.String()
}

// liveKeys are the keys that take effect without a new run, as the table has
// them.
func liveKeys() (list []string) {
	for _, sec := range sections {
		for i := range sec.keys {
			if sec.keys[i].live {
				list = append(list, sec.keys[i].name)
			}
		}
	}
	return list
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const pageHead = `# velos.toml

This page is made from the table that parses the file (` + "`internal/config`" + `); a test holds both together. ` + "`velos schema config`" + ` prints the same
as a JSON Schema, for editors; ` + "`velos init`" + ` writes a file for the directory that it is called in.

    [defaults]                       # for every app below that does not say otherwise
    kill_timeout = "10s"

    [apps.api]                       # the header is the app's name
    script = "server.js"
    instances = 2
    env_file = [".env", "?.env.local"]
    [apps.api.env]
    PORT = 3000
    GREETING = "hello ${USER:-you}"
    [apps.api.env.production]        # velos start velos.toml --env production
    NODE_ENV = "production"

    [apps.worker]
    script = "python3 -m worker"     # a command line
    depends_on = ["api"]

    velos start velos.toml           # starts what is missing
    velos diff                       # what would change
    velos apply                      # makes it so: starts, reloads, restarts what is different and nothing else
    velos undo                       # takes the last change back

Apps are tables ` + "`[apps.NAME]`" + ` or a list ` + "`[[apps]]`" + ` with a ` + "`name`" + ` each. Beside them a file has ` + "`[defaults]`" + `, ` + "`[[notify]]`" + ` (below) and ` + "`include`" + `: ` + includeHelp + `.
TOML lets nobody add to a table in braces: beside ` + "`env = { PORT = 3000 }`" + ` a profile is written ` + "`env_production = { … }`" + `.
What is not known is an error with file, line, column and, where there is one, the word that was probably meant.

**Lengths of time** are ` + "`\"250ms\"`, `\"5s\"`, `\"1m30s\"`, `\"2h\"`, `\"1d\"`" + ` or a number of milliseconds. **Sizes** are ` + "`\"512k\"`, `\"150M\"`, `\"1.5G\"`" + ` (powers
of 1024) or a number of bytes. **Paths** are relative to the file's directory; ` + "`~/`" + ` is the home directory.

**Variables**: ` + "`${NAME}`" + ` in a value is the variable of the shell that velos is called from, ` + "`${NAME:-text}`" + ` is text where that is not set or empty;
` + "`$${`" + ` is a plain ` + "`${`" + `. Not so in ` + "`ready`" + ` and ` + "`health`" + `, where ` + "`$NAME`" + ` is the run's own variable, nor in the line of an app with ` + "`shell = true`" + `.
What is put in this way is stored with the app: secrets belong into an ` + "`env_file`" + `, whose values are never stored.

**Ports**: ` + "`port = 3000`" + ` is the program's ` + "`PORT`" + `, ` + "`port = \"auto\"`" + ` one from 20000 to 29999 that nobody has. It follows from project and name,
and the app keeps it: an apply that changes nothing else changes no port. Only an app that is down and whose port somebody else has got hold of
gets another one. Workers of a cluster share the port; in fork mode the second instance has the next one, and so on, and auto looks for so many in a row. Instances that
are given sockets (` + "`listen`" + `) all get the same ` + "`PORT`" + `. Two apps of a file with one port are an error. A ` + "`PORT`" + ` of a profile beats ` + "`port`" + `, which beats an
` + "`env_file`" + `; in the same table as ` + "`env.PORT`" + ` it is an error. ` + "`ready = { http = \"/\" }`" + ` asks at that port.

## Keys of an app
`

const noticeHead = `
## Notifications

` + "`[[notify]]`" + ` tables say where news of the file's apps go; in ` + "`VELOS_HOME/config.toml`" + ` they hold for every app.
Any text from ` + "`url`" + ` on may be ` + "`env:NAME`, `${NAME}` or `file:PATH`" + `. More in [NOTIFICATIONS.md](NOTIFICATIONS.md).

| key | of | takes | default | |
|---|---|---|---|---|
`

// shellVariables is how many of Inherited are for Unix.
const shellVariables = 10

const pageTail = `
## Where the environment comes from

Each of these wins over those before it; ` + "`velos info NAME --env`" + ` shows which it was for each variable.

1. The shell: INHERITED, and no more. What an app does should not depend on the shell that happened to start it.
2. ` + "`env_file`" + `, in the order of the files.
3. ` + "`env`" + ` and ` + "`port`" + ` of ` + "`[defaults]`" + `, then those of the app.
4. The profiles named by ` + "`--env NAME`" + `: ` + "`[apps.NAME.env.PROFILE]`, `env_PROFILE` or `env_profiles.PROFILE`" + `, those of ` + "`[defaults]`" + ` first.
5. What velos says to each process: VELOS_ID, VELOS_NAME, VELOS_INSTANCE, NODE_APP_INSTANCE and, where they apply, LISTEN_FDS, NOTIFY_SOCKET.

Nothing of it sticks: what the file and the profile say is what the app gets. PM2 merges a new environment into the one that an app had,
so that a variable that was removed from the file lives on; here it is gone with the next apply, restart or reload of the file. A
profile is of the command that names it: ` + "`velos apply`" + ` without ` + "`--env`" + ` brings back the plain environment, and says so in ` + "`velos diff`" + ` before.
An app started without a file has the whole environment of its shell.
`
