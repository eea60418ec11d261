package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

const signalLong = `Sends a signal to the first process of each app. The signal is a name (TERM, SIGTERM) or a
number; it may stand before the names, or behind them.` + targetsHelp

func setupSignal(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		number, words, err := cutSignal(args)
		if err != nil {
			return err
		}
		list, err := s.targets(ctx, "signal", words)
		if err != nil {
			return err
		}
		orders := make([]order, len(list))
		for i, t := range list {
			orders[i] = t.about("signal")
			orders[i].do = func(ctx context.Context) (string, *velos.App, error) {
				d, err := s.conn.Signal(ctx, wire.Signal{Target: t.wire(), Signal: number})
				return done("signalled", d, err)
			}
		}
		return s.carryOut(ctx, orders, patience)
	}
}

// cutSignal takes the signal from the front, or else from the end.
func cutSignal(args []string) (int, []string, error) {
	first, err := signalNumber(args[0])
	if err == nil {
		return first, args[1:], nil
	}
	end := len(args) - 1
	if last, err2 := signalNumber(args[end]); err2 == nil {
		return last, args[:end], nil
	}
	return 0, nil, err
}

// signalNumber is a signal's number on this system.
func signalNumber(word string) (int, error) {
	name := strings.ToUpper(word)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if n, err := strconv.Atoi(word); err == nil {
		if n > 0 && n <= 64 {
			return n, nil
		}
	} else if n := systemSignal(name); n > 0 {
		return n, nil
	}
	hint := "such as SIGTERM, HUP or 15"
	if near := nearest(name, velos.SignalNames()); near != "" && !allDigits(word) {
		hint = "did you mean " + near + "?"
	}
	return 0, invalid("signal "+quote(word)+": no such signal", hint)
}
