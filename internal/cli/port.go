package cli

import (
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
)

// portFlag declares --port.
func portFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "port", "", "PORT of the program: a number, or auto for one from 20000 on that nobody has, the same each time for the same project, worktree and name")
}

// checkPort refuses what --port cannot mean, before anything is looked up.
func checkPort(port string) error {
	if port == "" || port == verb.Auto {
		return nil
	}
	if _, err := verb.ParsePort(port); err != nil {
		return invalid("--"+err.Error(), "auto is one that nobody has; what is for the program itself goes after --")
	}
	return nil
}

// choosePort is how files have ports chosen: beside the apps that were asked
// for last.
func (s *session) choosePort(sp *velos.Spec, taken func(int) bool) (int, error) {
	return verb.ChoosePort(sp, s.known, taken)
}
