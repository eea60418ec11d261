package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/velospm/velos"
)

// letters are the short forms of flags of PM2.
var letters = map[string]string{"p": "pid", "u": "user", "w": "write", "i": "instances", "c": "cron"}

// flagHint says what to do instead of a flag that is not there.
func flagHint(cmd *cobra.Command, name, hint string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	there, abroad := abroadFlags[name]
	near := nearest(name, names)
	switch {
	case abroad:
		return there
	case describes(name) && name == "watch":
		return "what is watched goes with the run; velos config set NAME watch=false ends it for good"
	case near != "":
		hint = "did you mean --" + near + "?"
	}
	if cmd.Name() == "start" {
		hint += "\nwhat is for the program itself goes after --"
	}
	return hint
}

// describes reports whether a flag of start says what an app should be.
func describes(name string) bool {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(specFlags).flags(f)
	return name != "" && f.Lookup(name) != nil
}

// flagError makes a mistake in the flags an error of ours, with a guess at
// what was meant.
func flagError(cmd *cobra.Command, err error) error {
	what := strings.TrimPrefix(cmd.CommandPath()+": ", "velos: ")
	what = strings.TrimPrefix(what, "velos ")
	hint := cmd.CommandPath() + " --help lists the flags"
	message := what + err.Error()
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			message = what + "no such flag: -" + name
			name = letters[name]
		} else {
			message = what + "no such flag: --" + name
		}
		hint = flagHint(cmd, name, hint)
	}
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		message = what + "--" + value.GetFlag().Name + ": " + quote(value.GetValue()) + " will not do"
		if strings.HasPrefix(value.GetFlag().Value.Type(), "int") {
			message = what + "--" + value.GetFlag().Name + ": must be a whole number, not " + quote(value.GetValue())
		}
	}
	return &velos.Error{Code: velos.Invalid, Message: message, Hint: hint, Cause: err}
}
