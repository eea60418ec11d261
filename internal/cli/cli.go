// Package cli is the command line of velos: one file for each command, one
// table of all of them. It turns words into calls of the daemon and answers
// into text (see view), and it starts the daemon where there is none. It keeps
// nothing running itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/view"
)

// interrupted is the exit code after Ctrl-C, as shells have it.
const interrupted = 130

// patience is how long a daemon may take to answer what needs no waiting.
const patience = 30 * time.Second

// A World is what a command sees of the process that runs it.
type World struct {
	Out, Err io.Writer
	Dir      string            // working directory
	Lost     error             // why there is no working directory
	Vars     map[string]string // environment
	OutTTY   bool
	ErrTTY   bool
	InTTY    bool
	Width    int         // of the terminal; 0 is unknown
	Height   int         // the same
	Unread   func() bool // nobody reads Out any longer; nil: nobody knows
	In       io.Reader   // nil: there is nothing to read
	Now      func() time.Time
	Loc      *time.Location
}

// Main runs velos with the arguments behind its name and returns its exit
// code.
func Main(args []string) int {
	log.SetOutput(io.Discard) // libraries print there what others have sent, as often as they send it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env, err := config.Current()
	w := World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Dir: env.Dir, Lost: err, Unread: unread, Vars: env.Vars, Now: time.Now, Loc: time.Local,
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd())), InTTY: term.IsTerminal(int(os.Stdin.Fd()))}
	if w.OutTTY {
		w.Width, w.Height, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return Run(ctx, w, args)
}

// Run runs one command in a world and returns its exit code.
func Run(ctx context.Context, w World, args []string) (code int) {
	s := &session{World: w}
	defer func() {
		if s.conn != nil {
			s.conn.Close()
		}
	}()
	defer s.rescue(&code)
	root := tree(s, args)
	root.SetArgs(negativesLast(root, args))
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	s.guess(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		s.offerAll(root)
	}
	if cmd, _, err := root.Find(args); (err != nil || cmd == root) && len(args) > 0 && isWord(args[0]) {
		return s.fail(unknownCommand(args[0])) // whatever flags stand behind it
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var own exitCode
	if errors.As(err, &own) {
		return int(own)
	}
	if ctx.Err() != nil && velos.CodeOf(err) != velos.Crashed {
		if s.ordered {
			s.notice("interrupted; what was ordered stands")
		}
		return interrupted
	}
	return s.fail(err)
}

// isWord reports whether an argument is no flag, and no command that cobra
// adds later: help, and those for shells.
func isWord(arg string) bool {
	return arg != "" && arg[0] != '-' && arg != "help" && !strings.HasPrefix(arg, "__")
}

// rescue turns a panic into a sentence; the stack is for those who ask.
func (s *session) rescue(code *int) {
	r := recover()
	if r == nil {
		return
	}
	if s.Vars["VELOS_DEBUG"] != "" {
		fmt.Fprintf(s.Err, "%v\n%s", r, debug.Stack())
	}
	*code = s.fail(&velos.Error{Code: velos.Failed, Message: fmt.Sprint("internal error: ", r), Hint: "this is a bug in velos; VELOS_DEBUG=1 shows where"})
}

// A session is one run of one command.
type session struct {
	World
	conn    *client.Client
	known   []velos.App // as they were last asked for
	ordered bool        // something was asked for that goes on without us
	offered bool        // the versions were compared
	json    bool
	ai      bool
	rows    bool // --ai=table
	silent  bool
	door    bool // it asks for somebody who came through a door
	color   string
	plain   bool // --no-color
	trust   bool // --trust
	mine    bool // a word asks whose apps are
	root    *cobra.Command
}

// guess looks for the output flags before they are parsed, so that a mistake
// in another flag is reported in the form that was asked for.
func (s *session) guess(args []string) {
	for _, a := range args {
		switch a {
		case "--json":
			s.json = true
		case "--ai", "--ai=json":
			s.ai = true
		case "--ai=table":
			s.ai, s.rows = true, true
		case "--":
			return
		}
	}
}

func (s *session) options() view.Options {
	o := view.Options{Color: s.coloured(s.OutTTY), TTY: s.OutTTY, Width: s.Width, Now: velos.TimeOf(s.Now()), Loc: s.Loc}
	switch {
	case s.json:
		o.Format = view.JSON
	case s.ai:
		o.Format, o.Rows = view.AI, s.rows
	}
	return o
}

// human reports whether a person reads the answer.
func (s *session) human() bool { return !s.json && !s.ai }

// coloured decides about colour as most programs do: the flag first, then
// NO_COLOR, CLICOLOR_FORCE, TERM, then whether a terminal is there and no agent
// reads it: some give what they run a terminal.
func (s *session) coloured(tty bool) bool {
	switch {
	case s.plain || s.color == "never":
		return false
	case s.color == "always":
		return true
	}
	force := s.Vars["CLICOLOR_FORCE"]
	_, agent := policy.Agent(s.Vars)
	switch {
	case s.Vars["NO_COLOR"] != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return tty && !agent && s.Vars["TERM"] != "dumb"
}

// notice tells a person what is going on, on stderr and in one line.
func (s *session) notice(parts ...string) {
	if !s.silent {
		io.WriteString(s.Err, "velos: "+view.Text(strings.Join(parts, ""))+"\n")
	}
}

// fail shows err and returns the exit code that goes with it.
func (s *session) fail(err error) int {
	o := s.options()
	if s.human() {
		o.Color = s.coloured(s.ErrTTY)
		view.Error(s.Err, err, o)
	} else if p, ok := err.(*partial); ok {
		view.Failure(s.Out, p.err, p.results, o)
	} else {
		view.Error(s.Out, view.Split(err)[0], o)
	}
	return velos.CodeOf(err).Exit()
}

// A partial is a failure of several orders, some of which may have succeeded.
type partial struct {
	results []view.Result
	err     error
}

func (p *partial) Error() string   { return p.err.Error() }
func (p *partial) Unwrap() []error { return view.Split(p.err) }

// A handler runs a command whose flags are parsed.
type handler func(ctx context.Context, args []string) error

func invalid(message, hint string) error {
	return &velos.Error{Code: velos.Invalid, Message: message, Hint: hint}
}

// The table is in the order in which help shows it; cobra has one switch for
// all trees.
func init() { cobra.EnableCommandSorting = false }

// aboutAll are the words whose answers are made of the flags of all commands.
var aboutAll = map[string]bool{"help": true, "man": true, "completion": true, cobra.ShellCompRequestCmd: true, cobra.ShellCompNoDescRequestCmd: true}

// tree makes the command tree of cobra from the table. Commands that words do
// not name get no flags: to make them all is a tenth of a short command's
// time. Nil is every command.
func tree(s *session, words []string) *cobra.Command {
	if slices.ContainsFunc(words, func(w string) bool { return aboutAll[w] }) {
		words = nil
	}
	version := false
	root := &cobra.Command{
		Use: "velos", Short: "Velos keeps programs running and can explain what they do",
		Long:          "Velos keeps programs running, remembers what they said, and can explain what they do.",
		SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && version:
				return setupVersion(s, nil)(cmd.Context(), nil)
			case len(args) == 0:
				return cmd.Help()
			}
			return unknownCommand(args[0])
		},
	}
	s.root = root
	root.Flags().BoolVarP(&version, "version", "v", false, "show the version")
	f := root.PersistentFlags()
	f.BoolVar(&s.json, "json", false, "answer as JSON, for programs")
	f.Var(&form{s}, "ai", "answer as short JSON, for agents; --ai=table: the same as rows under one header")
	f.Lookup("ai").NoOptDefVal = "json"
	f.BoolVarP(&s.silent, "silent", "s", false, "no notices on stderr")
	f.StringVar(&s.color, "color", "auto", "use colours: auto, always, never")
	f.BoolVar(&s.plain, "no-color", false, "the same as --color never")
	f.MarkHidden("no-color")
	root.SetFlagErrorFunc(flagError)
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
	}
	for i := range commands {
		c := &commands[i]
		root.AddCommand(c.cobra(s, words == nil || slices.ContainsFunc(words, c.is)))
	}
	root.SetHelpCommand(helpCommand(root))
	return root
}

// helpCommand is cobra's, but for a word that is no command.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "show help for a command", GroupID: "daemon", DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return commandNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(args) > 0 && len(rest) == len(args) {
				return unknownCommand(args[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		}}
}
