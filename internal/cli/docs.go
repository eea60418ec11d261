package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Page is docs/CLI.md: every command with its flags, made from the table.
func Page() string {
	var b strings.Builder
	b.WriteString("# The commands of velos\n\nThis page is made from the table of commands in `internal/cli`; a test holds both together.\n" +
		"What the answers look like, and the exit codes: [OUTPUT.md](OUTPUT.md).\n\nEvery command takes these flags:\n\n")
	root := tree(&session{}, nil)
	flagTable(&b, root.PersistentFlags())
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(g.title, ":"))
		for i := range commands {
			if c := &commands[i]; c.group == g.id && !c.hidden {
				c.page(&b)
			}
		}
	}
	return b.String()
}

func (c *command) page(b *strings.Builder) {
	fmt.Fprintf(b, "\n### velos %s\n\n", c.name)
	fmt.Fprintf(b, "    velos %s\n\n", strings.TrimSpace(c.name+" "+c.args))
	text := c.long
	if text == "" {
		text = sentence(c.short) + "."
		if c.targets {
			text += "\n" + strings.TrimSpace(targetsHelp)
		}
	}
	b.WriteString(text + "\n")
	if len(c.aliases) > 0 {
		fmt.Fprintf(b, "\nAlso: `%s`.\n", strings.Join(c.aliases, "`, `"))
	}
	cmd := c.cobra(&session{}, true)
	if cmd.LocalFlags().HasAvailableFlags() {
		b.WriteString("\n")
		flagTable(b, cmd.LocalFlags())
	}
}

func flagTable(b *strings.Builder, f *pflag.FlagSet) {
	b.WriteString("| flag | |\n|---|---|\n")
	f.VisitAll(func(fl *pflag.Flag) {
		if fl.Hidden || fl.Name == "help" || fl.Name == "wait" {
			return
		}
		name := "`--" + fl.Name + "`"
		if fl.Shorthand != "" {
			name = "`-" + fl.Shorthand + "`, " + name
		}
		help := fl.Usage
		if d := fl.DefValue; d != "" && d != "false" && d != "[]" && d != "0" {
			help += "; default " + d
		}
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.ReplaceAll(help, "|", "\\|"))
	})
}

// sentence begins with a capital.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
