package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const waitLong = `Waits until something is so, and asks nobody in between: it follows what the daemon tells.

    ready         every instance is online
    exit          a run ends, however it does; at once if nothing runs
    crash         a run ends that nobody asked to
    log=/re/      a line matches (RE2), written by the runs of now or later; log=text is plain text
    port=3000     it listens there; port alone is any TCP port
    healthy       its health probe succeeds
    quiet=5s      it writes nothing for that long

Of several conditions the first one ends the wait; --all wants every one. A crash ends each wait but those for
exit and crash, and the exit code is 6; 3 is that it was stopped, 5 that the time is over. The answer has a cursor:
with --since the next wait misses nothing that happened between the two.` + targetsHelp

func setupWait(s *session, f *pflag.FlagSet) handler {
	timeout := f.String("timeout", "", "wait no longer than this (such as 30s), then exit with 5")
	all := f.Bool("all", false, "wait for every condition")
	since := f.String("since", "", "go on at the cursor of an earlier answer")
	return func(ctx context.Context, args []string) error {
		limit, err := (&waiting{timeout: *timeout}).limit()
		if err != nil {
			return err
		}
		w := verb.Wait{All: *all}
		names, words := cutConditions(args)
		for _, word := range words {
			c, err := verb.ParseCondition(word)
			if err != nil {
				return err
			}
			w.Until = append(w.Until, c)
		}
		list, err := s.targets(ctx, "wait", names)
		if err != nil {
			return neither(err, names)
		}
		for _, t := range list {
			w.Apps = append(w.Apps, *t.app)
		}
		if *since != "" {
			if w.From, err = from(*since, w.Apps); err != nil {
				return err
			}
		}
		if limit > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, limit)
			defer stop()
		}
		outcomes, err := s.wait(ctx, w)
		if err != nil {
			return err
		}
		return s.waited(outcomes)
	}
}

// wait waits, over any number of daemons: what happens while there is none is
// heard from the next one.
func (s *session) wait(ctx context.Context, w verb.Wait) ([]verb.Outcome, error) {
	return w.Through(ctx, s.conn, s.again)
}

// neither explains a word that is no app: it may have been meant for a
// condition.
func neither(err error, names []string) error {
	if velos.CodeOf(err) != velos.NotFound || len(names) < 2 {
		return err
	}
	for _, w := range names[1:] {
		if w == "log" || w == "quiet" {
			_, err := verb.ParseCondition(w)
			return err
		}
	}
	return &velos.Error{Code: velos.NotFound, Message: err.Error(), Hint: velos.HintOf(err) + "; behind the names stand conditions: " + verb.ConditionsHelp, Cause: err}
}

// cutConditions tells names from conditions: the first word is a name, and
// those behind it are until one reads as a condition.
func cutConditions(args []string) (names, words []string) {
	n := 1
	for n < len(args) {
		if _, err := verb.ParseCondition(args[n]); err == nil || strings.Contains(args[n], "=") {
			break
		}
		n++
	}
	names, words = args[:n], args[n:]
	if len(words) == 0 {
		words = []string{"ready"}
	}
	return names, words
}

// from reads cursors, several with commas, for the apps that they are of.
func from(text string, apps []velos.App) (map[uint32]verb.Cursor, error) {
	m := map[uint32]verb.Cursor{}
	for _, word := range strings.Split(text, ",") {
		c, err := verb.ParseCursor(word)
		if err != nil {
			return nil, err
		}
		if c.App != "" && !slices.ContainsFunc(apps, func(a velos.App) bool { return a.Spec.Name == c.App }) {
			return nil, invalid("wait: the cursor "+quote(word)+" is of none of the apps that are waited for", "hand back the cursor of the same app")
		}
		for i := range apps {
			if apps[i].Spec.Name == c.App || c.App == "" {
				m[apps[i].ID] = c
			}
		}
	}
	return m, nil
}

// waited shows outcomes; the exit code is that of the worst.
func (s *session) waited(list []verb.Outcome) error {
	answers := make([]verb.Answer, len(list))
	code := 0
	for i := range list {
		answers[i] = list[i].Answer()
		code = max(code, map[string]int{verb.Crashed: velos.Crashed.Exit(), verb.Ended: velos.Crashed.Exit(), verb.TimedOut: velos.Timeout.Exit(),
			verb.Stopped: velos.NotRunning.Exit(), verb.Deleted: velos.NotFound.Exit()}[list[i].Outcome])
	}
	if s.human() {
		for i := range answers {
			s.print(waitText(&answers[i]), "\n")
		}
	} else {
		s.Out.Write(view.Value(answers))
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

func waitText(a *verb.Answer) string {
	what := strings.ReplaceAll(a.Outcome, "_", " ")
	if a.Outcome == verb.Met {
		what = a.Condition
	}
	s := a.App + ": " + what + " after " + a.Waited.String()
	by := a.By
	if a.Outcome != verb.Met {
		by = "" // of another condition
	}
	for _, more := range []string{by, a.Exit, a.URL} {
		if more != "" {
			s += ", " + more
		}
	}
	if a.Outcome != verb.Met && a.Status != "" {
		s += "; it is " + string(a.Status)
	}
	if a.Line != "" {
		s += "\n  " + a.Line
	}
	return s
}

// print writes parts of an answer for people.
func (s *session) print(parts ...string) {
	for _, p := range parts {
		_, _ = s.Out.Write([]byte(p))
	}
}
