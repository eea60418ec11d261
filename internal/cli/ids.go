package cli

import (
	"context"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/velospm/velos/internal/view"
)

type pidAnswer struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
	Inst int    `json:"instance"`
	PID  int    `json:"pid"`
}

// setupPid: scripts want numbers, so a process that is not there is no line.
func setupPid(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			list, err := s.resolve("pid", apps, args)
			if err != nil {
				return err
			}
			apps = only(list)
		}
		found, text := []pidAnswer{}, ""
		for i := range apps {
			for _, in := range apps[i].Instances {
				if in.PID != 0 {
					found = append(found, pidAnswer{apps[i].ID, apps[i].Spec.Name, in.Inst, in.PID})
					text += strconv.Itoa(in.PID) + "\n"
				}
			}
		}
		return s.answer(found, text)
	}
}

type idAnswer struct {
	ID   uint32 `json:"id"`
	Name string `json:"name"`
}

func setupID(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "id", args)
		if err != nil {
			return err
		}
		found, text := []idAnswer{}, ""
		for _, a := range only(list) {
			found = append(found, idAnswer{a.ID, a.Spec.Name})
			text += strconv.FormatUint(uint64(a.ID), 10) + "\n"
		}
		return s.answer(found, text)
	}
}

func setupEnv(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		list, err := s.targets(ctx, "env", args)
		if err != nil {
			return err
		}
		if len(list) > 1 {
			return invalid("env "+quote(args[0])+": that is more than one app", "name one of them")
		}
		return view.Env(s.Out, list[0].app, s.options())
	}
}
