package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const portsLong = `Shows who listens on what: every app's addresses, or those of the apps named. With ports it shows who
has those; what is no app's is the process of the system that has it, as far as the system tells. An app that was told a
PORT and does not listen there is said so, too.

    velos ports
    velos ports api
    velos ports 3000 3001` + targetsHelp

func setupPorts(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, args []string) error {
		apps, err := s.apps(ctx)
		if err != nil {
			return err
		}
		names, numbers, err := cutPorts(apps, args)
		if err != nil {
			return err
		}
		brief, stop := briefly(ctx)
		defer stop()
		verb.Look(brief, s.conn, apps)
		var list []verb.Port
		for _, n := range numbers {
			list = append(list, verb.Ports(apps, n)...)
		}
		asked := apps
		if len(names) > 0 {
			found, err := s.resolve("ports", apps, names)
			if err != nil {
				return err
			}
			asked, _ = spread(found, velos.Query{})
		}
		if len(names) > 0 || len(numbers) == 0 {
			list = append(list, verb.Ports(asked, 0)...)
		}
		slices.SortStableFunc(list, func(a, b verb.Port) int { return a.Port - b.Port })
		if err := s.showPorts(list); err != nil {
			return err
		}
		if s.human() {
			s.sayDeaf(apps, asked, names, numbers)
		}
		return nil
	}
}

// cutPorts tells ports from names. An app may be known by its number.
func cutPorts(apps []velos.App, words []string) (names []string, ports []int, err error) {
	for _, w := range words {
		digits := strings.TrimPrefix(w, ":")
		if _, known := named(apps, w); known || !allDigits(digits) {
			names = append(names, w)
			continue
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > velos.MaxPort {
			return nil, nil, invalid("ports "+quote(w)+": is neither an app nor a port", "ports are from 1 to 65535")
		}
		ports = append(ports, n)
	}
	return names, ports, nil
}

// young is how long a run may take until it listens without anybody wondering.
const young = velos.Time(10 * time.Second / time.Millisecond)

// sayDeaf says which of the apps that were asked about do not listen where
// they were told to.
func (s *session) sayDeaf(apps, asked []velos.App, names []string, ports []int) {
	if len(names) == 0 && len(ports) > 0 {
		asked = apps
	}
	for i := range asked {
		for _, n := range verb.Deaf(&asked[i]) {
			if a := &asked[i]; len(names) > 0 || len(ports) == 0 || slices.Contains(ports, n) {
				text := " and does not listen there"
				if in := view.Worst(a, -1); in != nil && velos.TimeOf(s.Now())-in.Started < young {
					text += " yet"
				}
				if a.Status != velos.Online {
					text = " and is " + strings.ReplaceAll(string(a.Status), "_", " ")
				}
				s.notice(a.Spec.Name, " was told PORT ", strconv.Itoa(n), text)
			}
		}
	}
}

func (s *session) showPorts(list []verb.Port) error {
	switch {
	case s.ai:
		rows := make([][4]any, len(list))
		for i, p := range list {
			who := p.App
			if who == "" {
				who = p.Program
			}
			rows[i] = [4]any{p.Port, view.Text(who), p.PID, view.Text(p.Address)}
		}
		s.Out.Write(view.Value(map[string]any{"cols": []string{"port", "app", "pid", "address"}, "rows": rows}))
	case s.json:
		s.Out.Write(view.Value(append([]verb.Port{}, list...)))
	case len(list) == 0:
		s.print("nobody listens there\n")
	default:
		return view.Ports(s.Out, portRows(list), s.options())
	}
	return nil
}

// portRows are the cells of a table.
func portRows(list []verb.Port) [][5]string {
	rows := make([][5]string, len(list))
	for i, p := range list {
		port, who, pid := "-", p.App, "-"
		if p.Port > 0 {
			port = strconv.Itoa(p.Port)
		}
		if p.PID > 0 {
			pid = strconv.Itoa(p.PID)
		}
		switch {
		case who == "" && p.Program == "":
			who = "(somebody else's)" // who hides what is open
		case who == "":
			who = "(" + p.Program + ")"
		}
		rows[i] = [5]string{port, who, pid, p.Address, p.Cwd}
	}
	return rows
}
