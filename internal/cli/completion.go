package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/client"
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

// complete offers the names of apps to a shell, besides those that are there
// already. It never starts the daemon and never takes long, whatever the daemon
// does.
func (s *session) complete(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	ctx, stop := context.WithTimeout(cmd.Context(), completeWithin)
	defer stop()
	directive := cobra.ShellCompDirectiveNoFileComp
	if cmd.Name() == "start" || cmd.Name() == "restart" || cmd.Name() == "reload" {
		directive = cobra.ShellCompDirectiveDefault
	}
	found := make(chan []string, 1)
	go func() { found <- s.appNames(ctx) }()
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

// appNames is what an argument may be; nothing where nobody answers.
func (s *session) appNames(ctx context.Context) []string {
	h, err := s.home()
	if err != nil {
		return nil
	}
	c, err := client.Dial(h.Socket())
	if err != nil {
		return nil
	}
	defer c.Close()
	list, err := c.List(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for i := range list.Apps {
		names = append(names, list.Apps[i].Spec.Name)
	}
	return append(names, "all", mine)
}
