package cli

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/audit"
	"github.com/velospm/velos/internal/view"
)

const auditLong = `Shows who gave which order, and what became of it: refused ones too. The record is audit.jsonl in VELOS_HOME; each line
holds a hash of the one before, and velos audit verify follows them. It needs no daemon. What the daemon decided by
itself is what velos events shows.

    velos audit --since 1h
    velos audit --agent any            orders of agents only; none: those of people
    velos audit --app api --actor deploy
    velos audit verify                 exit code 1 and the place when a line was changed, or lines are missing`

func setupAudit(s *session, f *pflag.FlagSet) handler {
	var q audit.Query
	f.IntVarP(&q.Last, "lines", "n", 20, "the newest N orders; 0 is all")
	since := f.String("since", "", "orders from then on: a moment or an age (10m)")
	f.StringVar(&q.App, "app", "", "orders about this app")
	f.StringVar(&q.Agent, "agent", "", "orders of this agent; any: of every agent, none: of people")
	f.StringVar(&q.Actor, "actor", "", "orders of this user, program or client")
	f.StringVar(&q.Op, "op", "", "this kind of order, such as stop")
	return func(_ context.Context, args []string) error {
		h, err := s.home()
		if err != nil {
			return err
		}
		switch {
		case len(args) > 0 && args[0] != "verify":
			return invalid("audit "+quote(args[0])+": no such word", "velos audit, velos audit verify")
		case len(args) > 0:
			return s.verifyAudit(h.AuditFile())
		case q.Last < 0:
			return invalid("-n: must not be negative", "such as -n 20")
		}
		if *since != "" {
			if q.Since, err = moment(*since, s.Now(), s.Loc); err != nil {
				return err
			}
			if !f.Changed("lines") {
				q.Last = 0
			}
		}
		list, err := audit.Read(h.AuditFile(), q)
		if err != nil {
			return err
		}
		return view.Audit(s.Out, list, s.options())
	}
}

func (s *session) verifyAudit(path string) error {
	v, err := audit.Verify(path)
	if err != nil {
		return err
	}
	text := "the audit record is whole: " + strconv.Itoa(v.Records) + " records\n"
	if !v.OK {
		at := v.File
		if v.Line > 0 {
			at += ":" + strconv.Itoa(v.Line)
		}
		text = view.Text(at+": "+v.Problem+": "+v.Text) + "\n"
	}
	if err := s.answer(v, text); err != nil || v.OK {
		return err
	}
	return exitCode(1)
}
