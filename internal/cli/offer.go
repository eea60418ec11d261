package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/foreign"
)

// firstWords are what the first argument of a command may be, where it is no
// app.
var firstWords = map[string][]string{
	"agent": {"init", "policy"}, "audit": {"verify"}, "completion": {"bash", "zsh", "fish", "powershell"}, "config": {"get", "set", "unset"},
	"daemon": {"upgrade"}, "notify": {"test"}, "schema": {"config"}, "token": {"create", "list", "rotate", "revoke"}, "trust": {"list", "revoke"},
	"export": foreign.Engines,
}

// flagWords are what the values of flags may be.
var flagWords = map[string][]string{
	"ai": {"json", "table"}, "autorestart": {"always", "on-failure", "never"}, "color": {"auto", "always", "never"}, "level": {"debug", "info", "warn", "error", "fatal"},
	"link": {"control", "read", "none"}, "mode": {"fork", "cluster"}, "overlap": {"skip", "queue", "kill"}, "scope": {"read", "control"},
}

// fileFlags have files or directories as values: the shell knows them.
var fileFlags = []string{"config", "cwd", "dir", "env", "env-file", "error", "file", "interpreter", "log", "output", "socket", "tls-cert", "tls-key", "watch"}

// offerAll tells a shell that completes a line what arguments and values there
// are. Nobody else needs to know.
func (s *session) offerAll(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && !c.Hidden {
			c.ValidArgsFunction = s.complete
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { offerValues(c, f) })
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { offerValues(root, f) })
}

func offerValues(c *cobra.Command, f *pflag.Flag) {
	words := flagWords[f.Name]
	if f.Name == "stop-signal" {
		words = signalWords()
	}
	if f.Value.Type() == "bool" || slices.Contains(fileFlags, f.Name) {
		return
	}
	_ = c.RegisterFlagCompletionFunc(f.Name, func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		other := func(w string) bool { return !strings.HasPrefix(w, prefix) }
		return slices.DeleteFunc(slices.Clone(words), other), cobra.ShellCompDirectiveNoFileComp
	})
}

// signalWords are signals as people type them.
func signalWords() (list []string) {
	for _, n := range velos.SignalNames() {
		list = append(list, strings.TrimPrefix(n, "SIG"))
	}
	return list
}

// choices are what the next argument may be where that is not just an app; ok
// is false where it is.
func (s *session) choices(ctx context.Context, command string, args []string) (list []string, ok bool) {
	first := len(args) == 0
	switch {
	case first && firstWords[command] != nil:
		return firstWords[command], true
	case first && command == "signal":
		return signalWords(), true
	case command == "man" && first:
		return commandNames(), true
	case command == "undelete":
		return s.trashed(ctx), true
	case command == "approve" || command == "deny":
		return s.waitingIDs(ctx), true
	}
	return nil, false
}

func (s *session) trashed(ctx context.Context) (list []string) {
	c := s.there()
	if c == nil {
		return nil
	}
	defer c.Close()
	t, _ := c.Trash(ctx)
	for i := range t.Apps {
		list = append(list, t.Apps[i].Spec.Name)
	}
	return list
}

func (s *session) waitingIDs(ctx context.Context) (list []string) {
	c := s.there()
	if c == nil {
		return nil
	}
	defer c.Close()
	a, _ := c.Approvals(ctx)
	for i := range a.Approvals {
		list = append(list, a.Approvals[i].ID)
	}
	return list
}
