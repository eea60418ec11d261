package cli

import (
	"context"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/record"
	"github.com/velospm/velos/internal/view"
)

// A policyJSON is what agents may do.
type policyJSON struct {
	Path     string   `json:"path"`
	Exists   bool     `json:"exists"`
	Mode     string   `json:"mode"`
	Projects []string `json:"projects"`
	Allow    []string `json:"commands_allow"` // null: any
	Protect  []string `json:"protect"`
	Most     int      `json:"max_processes"` // 0: any number
}

func (s *session) global() (*config.Global, error) {
	h, err := s.home()
	if err != nil {
		return nil, err
	}
	dir := homeOf(&s.World)
	if dir == "" { // a daemon that the system has started may lack it
		if u, err := user.Current(); err == nil {
			dir = u.HomeDir
		}
	}
	return config.LoadGlobal(h.ConfigFile(), config.Environ{Dir: h.Dir, Vars: map[string]string{"HOME": dir}})
}

// showPolicy says what agents may do, and what is wrong with the file that says
// so. The daemon looks at the file by itself when an agent gives an order.
func (s *session) showPolicy() error {
	g, err := s.global()
	if err != nil {
		return err
	}
	p := &g.Agents
	j := policyJSON{Path: g.Path, Exists: g.Exists, Mode: string(p.Mode), Projects: append([]string{}, p.Projects...), Protect: append([]string{}, p.Protect...), Most: p.Most}
	if j.Mode == "" {
		j.Mode = string(policy.Full)
	}
	if p.Limited {
		j.Allow = append([]string{}, p.Allow...)
	}
	lines := []string{"mode           " + j.Mode + map[string]string{
		"read-only": ": agents change nothing", "confirm": ": what takes something away needs velos approve", "full": ": agents may do what the other rules leave",
	}[j.Mode]}
	add := func(key, value, none string) {
		if value == "" {
			value = none
		}
		lines = append(lines, (key + strings.Repeat(" ", 15))[:15]+value)
	}
	add("projects", strings.Join(p.Projects, " "), "every app")
	allow := "any program"
	if p.Limited {
		allow = "none"
	}
	add("commands", strings.Join(p.Allow, " "), allow)
	add("protect", strings.Join(p.Protect, " "), "no app")
	most := ""
	if p.Most > 0 {
		most = strconv.Itoa(p.Most)
	}
	add("max_processes", most, "any number")
	from := g.Path
	if !g.Exists {
		from += ", which is not there"
	}
	add("from", from, "")
	return s.answer(j, view.Lines(strings.Join(lines, "\n"))+"\n")
}

// setupPolicyCompile is what the daemon runs: the rules as it can read them, or
// one line that says what is wrong.
func setupPolicyCompile(s *session, _ *pflag.FlagSet) handler {
	return func(context.Context, []string) error {
		g, err := s.global()
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			s.print(first, "\n")
			return exitCode(velos.CodeOf(err).Exit())
		}
		_, err = s.Out.Write(append(record.AppendJSON(nil, &g.Agents), '\n'))
		return err
	}
}
