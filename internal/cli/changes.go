package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const changesLong = `Shows what has happened to all apps since you last asked: each thing once, with how often it happened, the
newest last. The last line is a cursor; the next velos changes --since CURSOR shows only what is new.
--since also takes a moment or an age (10m). What happened one by one is what velos events shows.`

func setupChanges(s *session, f *pflag.FlagSet) handler {
	since := f.String("since", "", "a cursor of an earlier answer, a moment, or an age")
	most := f.IntP("lines", "n", 20, "at most N changes, the newest; 0 is all")
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		q := wire.EventsQuery{}
		if len(args) == 1 {
			t, err := s.resolve("changes", apps, args)
			if err != nil {
				return err
			}
			q.ID = t[0].app.ID
		}
		switch {
		case strings.Contains(*since, "#"):
			c, err := verb.ParseCursor(*since)
			if err != nil {
				return err
			}
			q.After = c.Event
		case *since != "":
			if q.Since, err = moment(*since, s.Now(), s.Loc); err != nil {
				return err
			}
		}
		ctx, stop := briefly(ctx)
		defer stop()
		c, err := verb.Changes(ctx, s.conn, apps, q, *most)
		if err != nil {
			return late(err, patience)
		}
		return s.showChanges(&c)
	}
}

func (s *session) showChanges(c *verb.Changed) error {
	o := s.options()
	switch {
	case s.json:
		s.Out.Write(view.Value(map[string]any{"changes": append([]verb.Change{}, c.List...), "older": c.Older, "missed": c.Missed, "cursor": c.Cursor.String()}))
		return nil
	case s.ai:
		lines := make([]string, len(c.List))
		for i := range c.List {
			lines[i] = o.Clock(c.List[i].Time) + " " + changeText(&c.List[i])
		}
		answer := map[string]any{"ch": lines, "cursor": c.Cursor.String()}
		if c.Older > 0 {
			answer["older"] = c.Older
		}
		if c.Missed > 0 {
			answer["missed"] = c.Missed
		}
		s.Out.Write(view.Value(answer))
		return nil
	}
	if c.Missed > 0 {
		s.print("… ", strconv.FormatUint(c.Missed, 10), " events before are forgotten\n")
	}
	if c.Older > 0 {
		s.print("… ", strconv.Itoa(c.Older), " older: -n 0 shows them\n")
	}
	for i := range c.List {
		s.print(o.Clock(c.List[i].Time), "  ", changeText(&c.List[i]), "\n")
	}
	if len(c.List) == 0 {
		s.print("nothing has changed\n")
	}
	s.print("cursor ", c.Cursor.String(), "\n")
	return nil
}

func changeText(c *verb.Change) string {
	name := c.App
	if name == "" {
		name = "velosd"
	}
	text := name + ": " + c.Text
	if c.Count > 1 {
		text += " ×" + strconv.Itoa(c.Count)
	}
	if c.By != "" {
		text += " by " + c.By
	}
	return text
}

const crashLong = `Says why the last run of an app ended that nobody had asked to: how it ended and what that means, what it
wrote last with its whole stack, the first place inside your own sources, what is missing or taken, whether it has
ended like that before, and what to do. With --ai that is at most 400 tokens.` + targetsHelp

func setupCrash(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "crash", args)
		if err != nil {
			return err
		}
		if len(list) > 1 {
			return invalid("crash "+quote(args[0])+": that is more than one app", "name one of them")
		}
		ctx, stop := briefly(ctx)
		defer stop()
		r, err := verb.Crash(ctx, s.conn, list[0].app, list[0].inst)
		if err != nil {
			return late(err, patience)
		}
		return view.Crash(s.Out, &r, s.options())
	}
}

const ensureLong = `Makes sure that a program runs: if the same one runs already (the same name, directory and command), that one
is the answer, and else it is started. The words and flags are those of start. Another program under the same name is
a conflict (exit code 9) that says what differs; --replace makes it this one. The answer comes when it is ready, with
its URL, its ports and a cursor for velos logs and velos wait.

    velos ensure "npm run dev" --name web
    velos ensure server.js -- --port 3000`

func setupEnsure(s *session, f *pflag.FlagSet) handler {
	var o specFlags
	o.flags(f)
	timeout := f.String("timeout", "", "wait no longer than this (such as 30s), then exit with 5; the order stands")
	var l leaseFlags
	l.flags(f)
	var port string
	portFlag(f, &port)
	var u until
	u.flags(f)
	replace := f.Bool("replace", false, "an app of this name that is another one becomes this one")
	return func(ctx context.Context, args []string) error {
		words, rest := args, []string(nil)
		if n := f.ArgsLenAtDash(); n >= 0 {
			words, rest = args[:n], args[n:]
		}
		if err := checkPort(port); err != nil {
			return err
		}
		limit, err := (&waiting{timeout: *timeout}).limit()
		if err != nil {
			return err
		}
		if len(words) != 1 {
			return invalid("ensure: one program is needed", "velos ensure SCRIPT, or velos ensure \"npm run dev\" --name web")
		}
		wanted, err := u.conditions("ensure", false)
		if err != nil {
			return err
		}
		e, err := s.ensured(ctx, f, &o, words[0], rest)
		if err != nil {
			return err
		}
		e.Replace, e.Port, e.Keep = *replace, port, l.keep
		if e.TTL, err = l.ttlOf(); err != nil {
			return err
		}
		if limit > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, limit)
			defer stop()
		}
		since := velos.TimeOf(s.Now())
		s.ordered = true
		outcome, app, err := e.Do(ctx, s.conn, s.again)
		now, by := &app, ""
		if err == nil {
			now, by, err = s.until(ctx, "ensure", now, wanted)
		}
		if err != nil {
			if itsOwn("start", err) {
				s.tail(&view.Result{Name: e.Spec.Name, Inst: -1}, since, nil)
				err = s.portTaken(e.Spec.Name, err)
			}
			return (&order{verb: "ensure", name: e.Spec.Name}).explain(err, limit)
		}
		s.unleased(now, e.Keep, e.TTL)
		a := verb.EnsuredOf(outcome, now)
		if by != "" {
			a.ReadyBy = by
		}
		s.showEnsured(a)
		return nil
	}
}

func (s *session) showEnsured(a verb.Ensured) {
	if !s.human() {
		s.Out.Write(view.Value(a))
		return
	}
	s.print(a.App, ": ", strings.ReplaceAll(a.Outcome, "_", " "), ", ", string(a.Status))
	if a.URL != "" {
		s.print(", ", a.URL)
	}
	if a.PID != 0 {
		s.print(", pid ", strconv.Itoa(a.PID))
	}
	s.print("\n")
}
