package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
)

const completionLong = `Writes a script with which a shell completes commands, flags and the names of apps as they are now.
It never starts the daemon, and gives up after 150 ms.

    source <(velos completion bash)            # in ~/.bashrc; needs bash-completion
    source <(velos completion zsh)             # in ~/.zshrc, after compinit
    velos completion fish | source             # in ~/.config/fish/config.fish
    velos completion powershell | Out-String | Invoke-Expression`

func setupCompletion(s *session, _ *pflag.FlagSet) handler {
	return func(_ context.Context, args []string) error {
		switch args[0] {
		case "bash":
			return s.root.GenBashCompletionV2(s.Out, true)
		case "zsh":
			return s.root.GenZshCompletion(s.Out)
		case "fish":
			return s.root.GenFishCompletion(s.Out, true)
		case "powershell", "pwsh":
			return s.root.GenPowerShellCompletionWithDesc(s.Out)
		}
		return invalid("completion: "+quote(args[0])+" is no shell that velos knows", "bash, zsh, fish or powershell")
	}
}

// fileCommands have files as arguments, too.
var fileCommands = []string{"start", "restart", "reload", "ensure", "run", "runtime", "init", "apply", "diff", "trust", "import", "export", "notify", "daemon"}

// complete offers the names of apps, or what else an argument may be, to a shell, besides those that are there
// already. It never starts the daemon and never takes long, whatever the daemon
// does.
func (s *session) complete(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	ctx, stop := context.WithTimeout(cmd.Context(), completeWithin)
	defer stop()
	directive := cobra.ShellCompDirectiveNoFileComp
	if slices.Contains(fileCommands, cmd.Name()) {
		directive = cobra.ShellCompDirectiveDefault
	}
	if words, ok := s.configWords(cmd, args); ok {
		var offered []string
		for _, w := range words {
			if strings.HasPrefix(w, prefix) {
				offered = append(offered, w)
			}
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if args[0] == "set" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return offered, directive
	}
	found := make(chan []string, 1)
	go func() {
		list, ok := s.choices(ctx, cmd.Name(), args)
		if !ok && s.takesApps(cmd) {
			list = s.appNames(ctx, prefix)
		}
		if cmd.Name() == "scale" && len(args) > 0 {
			list = append(list, "max")
		}
		found <- list
	}()
	var names []string
	select {
	case names = <-found:
	case <-ctx.Done():
	}
	taken := map[string]bool{}
	for _, a := range args {
		taken[a] = true
	}
	var offered []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) && !taken[n] {
			offered = append(offered, n)
		}
	}
	return offered, directive
}

// configWords are the keys behind the name of an app in config.
func (s *session) configWords(cmd *cobra.Command, args []string) (words []string, ok bool) {
	if cmd.Name() != "config" || len(args) < 2 {
		return nil, false
	}
	for _, k := range config.Keys() {
		if args[0] == "set" {
			k += "="
		}
		words = append(words, k)
	}
	if args[0] == "set" {
		words = append(words, "port="+config.AutoPort)
	}
	return words, true
}

// takesApps reports whether arguments of a command are apps.
func (s *session) takesApps(cmd *cobra.Command) bool {
	return slices.ContainsFunc(commands, func(c command) bool { return c.name == cmd.Name() && c.targets })
}

// there is a connection to a daemon that is there; nil where there is none.
func (s *session) there() *client.Client {
	h, err := s.home()
	if err != nil {
		return nil
	}
	c, err := client.Dial(h.Socket())
	if err != nil {
		return nil
	}
	return c
}

// appNames is what an argument that means apps may be; nothing where nobody
// answers. Instances and namespaces are offered to who has begun to write one.
func (s *session) appNames(ctx context.Context, prefix string) []string {
	c := s.there()
	if c == nil {
		return nil
	}
	defer c.Close()
	list, err := c.List(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for i := range list.Apps {
		a := &list.Apps[i]
		names = append(names, a.Spec.Name)
		if ns := "ns:" + a.Spec.Namespace; strings.HasPrefix(prefix, "ns:") && !slices.Contains(names, ns) {
			names = append(names, ns)
		}
		for j := range a.Instances {
			if strings.HasPrefix(prefix, a.Spec.Name+":") {
				names = append(names, a.Spec.Name+":"+strconv.Itoa(a.Instances[j].Inst))
			}
		}
	}
	return append(names, "all", mine)
}
