package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/foreign"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/trust"
	"github.com/velospm/velos/internal/view"
)

const trustLong = `Trusts a configuration file: what is in it now may be run. What it would run is shown.

    velos trust [FILE]          velos.toml, if none is named
    velos trust list
    velos trust revoke FILE

A file that comes with somebody else's project runs nothing by itself: on a terminal, the first start of a file shows
its commands and asks, and so does a start of one whose commands have changed. --trust of start, apply, reload,
restart and runtime says yes beforehand. A script that runs without a terminal is trusted to know its files. An agent
(CLAUDECODE, CURSOR_AGENT and the like in its environment; VELOS_AGENT=0 or 1 says otherwise) is refused until
a person has said yes. What counts is the path and the content, with the files that it includes.`

func setupTrust(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		store, err := s.trusted()
		if err != nil {
			return err
		}
		switch {
		case len(args) == 1 && args[0] == "list":
			return s.listTrusted(store)
		case len(args) == 2 && args[0] == "revoke":
			path := s.abs(args[1])
			if err := store.Revoke(path); err != nil {
				return err
			}
			return s.answer(map[string]string{"revoked": trust.Real(path)}, show("revoked ", args[1]))
		case len(args) > 1:
			return invalid("trust: "+quote(strings.Join(args, " "))+" is not understood", "velos trust [FILE], list, or revoke FILE")
		}
		file := "velos.toml"
		if len(args) == 1 {
			file = args[0]
		}
		return s.trustFile(ctx, store, file)
	}
}

func (s *session) trusted() (trust.Store, error) {
	h, err := s.home()
	return trust.Store{Home: h}, err
}

func (s *session) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.Dir, path)
}

// errSeen ends the reading of a file whose claim was what we wanted.
var errSeen = errors.New("seen")

// claimOf is what a file says that it would run. Nothing of it is run or
// looked up.
func (s *session) claimOf(ctx context.Context, file string) (c config.Claim, err error) {
	env, err := s.environ()
	if err != nil {
		return c, err
	}
	see := func(found config.Claim) error { c = found; return errSeen }
	env.Trust = see
	if foreign.Is(file) {
		var f *foreign.File
		if f, err = foreign.Read(ctx, file, foreign.Options{Env: env, Velos: ourselves(), Trust: see}); err == nil {
			_, err = config.LoadTranslated(f.Translated(), env, false)
		}
	} else if config.IsConfig(file) {
		_, err = config.Load(file, env)
	} else {
		err = invalid("trust "+quote(file)+": is no configuration file", "name a velos.toml, or another manager's file")
	}
	if errors.Is(err, errSeen) {
		err = nil
	}
	return c, err
}

func (s *session) trustFile(ctx context.Context, store trust.Store, file string) error {
	c, err := s.claimOf(ctx, file)
	if err != nil {
		return err
	}
	if name, is := policy.Agent(s.Vars); is {
		return &velos.Error{Code: velos.Denied, Message: "trust " + quote(file) + ": an agent (" + name + ") must not trust a file for its user", Hint: "a person runs it: velos trust " + quote(c.Path)}
	}
	if err := store.Remember(c, "command", velos.TimeOf(s.Now())); err != nil {
		return err
	}
	r, _, err := store.Find(c.Path)
	if err != nil {
		return err
	}
	var text strings.Builder
	listed(&text, c)
	text.WriteString("trusted " + view.Text(file) + "\n")
	return s.answer(r, text.String())
}

// listed writes what a file would run, cleaned: it is a stranger's text.
func listed(b *strings.Builder, c config.Claim) {
	if c.Program {
		b.WriteString("  it is a program, which node runs to learn what apps there are\n")
	}
	for _, cmd := range c.Commands() {
		for _, l := range cmd.Text() {
			b.WriteString("  " + view.Text(l) + "\n")
		}
	}
}

func (s *session) listTrusted(store trust.Store) error {
	list, err := store.List()
	if err != nil {
		return err
	}
	text := ""
	for _, r := range list {
		text += show(r.Time.Std().In(s.Loc).Format(time.DateTime), "  ", r.Path, "  (", r.How, ")")
	}
	if text == "" {
		text = "no file is trusted yet\n"
	}
	return s.answer(list, text)
}

// allowed asks whether what a file says may be run; see trustLong.
func (s *session) allowed(ctx context.Context) func(config.Claim) error {
	return func(c config.Claim) error {
		store, err := s.trusted()
		if err != nil {
			return err
		}
		old, known, err := store.Find(c.Path)
		if err != nil {
			return err
		}
		now := velos.TimeOf(s.Now())
		switch _, agent := policy.Agent(s.Vars); {
		case known && old.Sum == c.Sum && (c.Program || len(old.Commands) > 0 || len(c.Commands()) == 0):
			return nil
		case known && old.Sum == c.Sum: // a program, now that it was run
			return store.Remember(c, old.How, now)
		case known && !c.Program && trust.Same(old.Commands, c.Commands()):
			return store.Remember(c, "same", now)
		case agent:
			return s.refuse(c, known)
		case s.trust:
			return store.Remember(c, "flag", now)
		case !s.InTTY || !s.ErrTTY || os.Getpid() == 1: // a script, or a container of one's own
			return store.Remember(c, "script", now)
		}
		yes, err := s.ask(ctx, c, old, known)
		if err != nil {
			return err
		}
		if !yes {
			return &velos.Error{Code: velos.Denied, Message: quote(c.Path) + ": nothing of it was run", Hint: "look at it, then answer y, or: velos trust " + quote(c.Path)}
		}
		return store.Remember(c, "asked", now)
	}
}

func (s *session) refuse(c config.Claim, known bool) error {
	name, _ := policy.Agent(s.Vars)
	what := "nobody has trusted this file yet, and an agent ("
	if known {
		what = "its commands have changed since it was trusted, and an agent ("
	}
	file, hint := quote(c.Path), "have the user run: velos trust "+quote(c.Path)
	if filepath.Base(c.Path) == foreign.Stdin { // which nobody can look at later
		file, hint = "what is piped in", "write it into a file, and have the user run: velos trust FILE"
	}
	return &velos.Error{Code: velos.Denied, Message: file + ": " + what + name + ") cannot decide that", Hint: hint}
}

// ask shows what would be run, and waits for an answer.
func (s *session) ask(ctx context.Context, c config.Claim, old trust.Record, known bool) (bool, error) {
	var b strings.Builder
	switch {
	case known && !c.Program && len(old.Commands) > 0:
		b.WriteString(view.Text(c.Path) + " has changed since it was trusted:\n")
		for _, d := range trust.Differences(old.Commands, c.Commands()) {
			b.WriteString("  " + string(d.Sign) + " " + view.Text(d.Text) + "\n")
		}
	case known:
		b.WriteString(view.Text(c.Path) + " has changed since it was trusted:\n")
		listed(&b, c)
	default:
		b.WriteString("velos does not know " + view.Text(c.Path) + " yet. It would run:\n")
		listed(&b, c)
	}
	b.WriteString("Run these? [y/N] ")
	if _, err := io.WriteString(s.Err, b.String()); err != nil {
		return false, err
	}
	answer := make(chan string, 1)
	go func() { // nobody can take a terminal's line back from the kernel: the end of velos ends it
		line, _ := bufio.NewReader(io.LimitReader(s.In, 1024)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return a == "y" || a == "yes", nil
	case <-ctx.Done():
		_, _ = io.WriteString(s.Err, "\n")
		return false, ctx.Err()
	}
}

// written trusts a file that velos has just written for its user.
func (s *session) written(ctx context.Context, file string) {
	if _, agent := policy.Agent(s.Vars); agent {
		return
	}
	store, err := s.trusted()
	if err != nil {
		return
	}
	c, err := s.claimOf(ctx, file)
	if err != nil {
		return // an empty sketch, or what does not start yet: it is asked about when it does
	}
	if err := store.Remember(c, "written", velos.TimeOf(s.Now())); err != nil {
		s.notice(err.Error())
	}
}

func (s *session) trustFlag(f *pflag.FlagSet) {
	f.BoolVar(&s.trust, "trust", false, "run what the configuration file says without asking, and remember it")
}
