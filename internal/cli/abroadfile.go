package cli

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/foreign"
)

// An opener reads a configuration file, ours or another manager's. With needs
// it adds to the apps in only those that they depend on.
type opener func(path string, env config.Environ, needs bool, only []string) (*config.File, error)

// opener reads files for orders. Where nothing of a file is to run it need not
// be trusted, unless it is itself a program.
func (s *session) opener(ctx context.Context, runs bool) opener {
	return func(path string, env config.Environ, needs bool, only []string) (*config.File, error) {
		trust := s.allowed(ctx)
		if runs {
			env.Trust = trust
		}
		if !foreign.Is(path) && path != foreign.Stdin {
			if needs {
				return config.LoadNeeded(path, env, only...)
			}
			return config.Load(path, env, only...)
		}
		profile, err := theProfile(path, env.Profiles)
		if err != nil {
			return nil, err
		}
		env.Profiles = nil // the translation has taken it in
		file, err := foreign.Read(ctx, path, foreign.Options{Env: env, Velos: ourselves(), Profile: profile, Say: s.printed(path), Trust: trust, In: s.piped()})
		if err != nil {
			return nil, err
		}
		loaded, err := config.LoadTranslated(file.Translated(), env, needs, only...)
		if err != nil {
			return nil, err
		}
		s.untranslated(file, only)
		for i := range loaded.Specs {
			if path == foreign.Stdin {
				loaded.Specs[i].Source = "" // no file that apply could read again
			}
		}
		return loaded, nil
	}
}

// piped is what is piped in; nil: there is a person at the keyboard.
func (s *session) piped() io.Reader {
	if s.InTTY {
		return nil
	}
	return s.In
}

// pipedApps are the known apps that what is piped in names.
func (s *session) pipedApps(verb string, apps []velos.App) ([]target, error) {
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	file, err := s.opener(context.Background(), false)(foreign.Stdin, env, false, nil)
	if err != nil {
		return nil, err
	}
	found := where(apps, func(a *velos.App) bool { return slices.Contains(file.Names, a.Spec.Name) })
	if len(found) == 0 {
		return nil, &velos.Error{Code: velos.NotFound, Message: verb + " -: no app of what is piped in is known", Hint: "velos list shows the apps"}
	}
	return found, nil
}

// theProfile is the one profile that another manager's file is read with.
func theProfile(path string, profiles []string) (string, error) {
	switch profiles = distinct(profiles); len(profiles) {
	case 0:
		return "", nil
	case 1:
		return profiles[0], nil
	}
	return "", invalid("--env: "+quote(path)+" is read with one profile, not with "+strings.Join(profiles, " and "), "name one of them; a velos.toml takes several")
}

// printed shows what a file has printed while it was evaluated.
func (s *session) printed(path string) func(string) {
	return func(text string) {
		for line := range strings.Lines(text) {
			s.notice(path, " says: ", strings.TrimRight(line, "\n"))
		}
	}
}

// untranslated says in one line what of a file has no counterpart.
func (s *session) untranslated(file *foreign.File, only []string) {
	var parts []string
	for _, n := range file.Lost() {
		part := n.Key
		if n.App != "" {
			if len(only) > 0 && !slices.Contains(only, n.App) {
				continue
			}
			part = n.App + "." + n.Key
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) > 0 {
		s.notice(file.Path, ": not translated: ", strings.Join(parts, ", "), "; velos import ", file.Path, " -o - says why")
	}
}

// fileName reports whether a word looks like a configuration file, ours or
// another manager's.
func fileName(word string) bool {
	return config.IsConfig(word) || foreign.Is(word) || word == foreign.Stdin
}

// isFile reports whether a word names a configuration file. An app that is
// known by such a name goes before another manager's file.
func (p *plan) isFile(word string) bool {
	if config.IsConfig(word) || word == foreign.Stdin {
		return true
	}
	_, known := named(p.apps, word)
	return !known && foreign.Is(word)
}

// usual are the files that are meant where none is named, the first that is
// there.
var usual = []string{"velos.toml", "ecosystem.config.js", "ecosystem.config.cjs", "ecosystem.config.mjs"}

// usualFile is the file that is meant where none is named.
func (s *session) usualFile() string {
	if i := slices.IndexFunc(usual, s.hasFile); i >= 0 {
		return usual[i]
	}
	return usual[0]
}

// hasFile reports whether there is such a file where the command was called.
func (s *session) hasFile(file string) bool {
	st, err := os.Stat(s.absolute(file))
	return err == nil && st.Mode().IsRegular()
}
