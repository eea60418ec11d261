package cli

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/foreign"
)

// mine is the word for the apps of whoever asks.
const mine = "mine"

// A target is an app, or one instance of it.
type target struct {
	app  *velos.App
	inst int // -1 for all
}

func (t target) String() string {
	if t.inst < 0 {
		return t.app.Spec.Name
	}
	return t.app.Spec.Name + ":" + strconv.Itoa(t.inst)
}

// resolve finds what words mean, each app once and in the order of the words.
// With any error nothing is resolved, so that an order with a typing error in
// it does nothing at all.
func resolve(verb string, apps []velos.App, words []string) ([]target, error) {
	var list []target
	for _, w := range words {
		found, err := match(apps, w)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, notFound(verb, apps, w)
		}
		list = append(list, found...)
	}
	return once(list), nil
}

// resolve is resolve for words that may name a configuration file, too: it
// stands for the apps that came from it, whatever it says by now. A script
// stands for the apps that run it, and what is none of all that for the apps of a
// namespace.
func (s *session) resolve(verb string, apps []velos.App, words []string) ([]target, error) {
	var names []string
	for _, w := range words {
		if found, err := match(apps, w); len(found) > 0 || err != nil {
			names = append(names, w)
			continue
		}
		found := s.running(apps, w)
		if w == foreign.Stdin {
			var err error
			if found, err = s.pipedApps(verb, apps); err != nil {
				return nil, err
			}
		} else if fileName(w) {
			path := s.absolute(w)
			found = append(found, where(apps, func(a *velos.App) bool { return a.Spec.Source == path })...)
		}
		if len(found) == 0 && fileName(w) {
			return nil, &velos.Error{Code: velos.NotFound, Message: verb + " " + quote(w) + ": no app comes from this file", Hint: "velos list shows the apps"}
		}
		if len(found) == 0 {
			found = inSpace(apps, w)
		}
		for _, t := range found {
			names = append(names, t.app.Spec.Name)
		}
		if len(found) == 0 {
			names = append(names, w)
		}
	}
	return resolve(verb, apps, names)
}

// running are the apps that run a script, or a command line.
func (s *session) running(apps []velos.App, word string) []target {
	path := s.absolute(word)
	return where(apps, func(a *velos.App) bool {
		if a.Spec.Command != "" {
			return a.Spec.Command == word
		}
		return a.Spec.Script == path
	})
}

// absolute is a path as it is meant where the command was called.
func (s *session) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Dir, path)
}

// match finds what one word means: nothing, one app, or several.
func match(apps []velos.App, word string) ([]target, error) {
	if t, ok := named(apps, word); ok {
		return []target{t}, nil
	}
	switch {
	case word == "all":
		return where(apps, func(*velos.App) bool { return true }), nil
	case word == mine:
		return where(apps, func(a *velos.App) bool { return a.Mine }), nil
	case strings.HasPrefix(word, "ns:"):
		return where(apps, func(a *velos.App) bool { return a.Spec.Namespace == word[3:] }), nil
	case len(word) > 2 && word[0] == '/' && word[len(word)-1] == '/' && !strings.Contains(word[1:len(word)-1], "/"):
		re, err := regexp.Compile(word[1 : len(word)-1])
		if err != nil {
			return nil, invalid(word+": "+err.Error(), "the expression between the slashes is RE2: no look-around, no back references")
		}
		return where(apps, func(a *velos.App) bool { return re.MatchString(a.Spec.Name) }), nil
	}
	if name, n, ok := cutInstance(word); ok {
		if t, ok := named(apps, name); ok {
			for i := range t.app.Instances {
				if t.app.Instances[i].Inst == n {
					return []target{{t.app, n}}, nil
				}
			}
		}
	}
	return nil, nil
}

// named finds the app with this name, or else with this id.
func named(apps []velos.App, word string) (target, bool) {
	for i := range apps {
		if apps[i].Spec.Name == word {
			return target{&apps[i], -1}, true
		}
	}
	id, err := strconv.ParseUint(word, 10, 32)
	for i := range apps {
		if err == nil && uint64(apps[i].ID) == id {
			return target{&apps[i], -1}, true
		}
	}
	return target{}, false
}

func cutInstance(word string) (string, int, bool) {
	i := strings.LastIndexByte(word, ':')
	if i <= 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(word[i+1:])
	return word[:i], n, err == nil && n >= 0
}

func where(apps []velos.App, want func(*velos.App) bool) []target {
	var list []target
	for i := range apps {
		if want(&apps[i]) {
			list = append(list, target{&apps[i], -1})
		}
	}
	return list
}

// inSpace are the apps of the namespace that a bare word names, as PM2 has it.
// The one that every app is in until somebody says otherwise has to be named in
// full: "default" is too little to stop everything by.
func inSpace(apps []velos.App, word string) []target {
	if word == velos.NewSpec().Namespace {
		return nil
	}
	return where(apps, func(a *velos.App) bool { return a.Spec.Namespace == word })
}

// grouping is how a group is named here, for a word that names one as PM2 (GROUP) or
// supervisor (GROUP:* and GROUP:NAME) does; empty if it names none.
func grouping(apps []velos.App, word string) string {
	group, name, grouped := strings.Cut(word, ":")
	for i := range apps {
		sp := &apps[i].Spec
		switch {
		case sp.Name == group && name == "*":
			return "for all its instances: " + group
		case sp.Name == group && strings.HasPrefix(name, group+"_"): // as supervisor's process_name is written
			if n, err := strconv.Atoi(name[len(group)+1:]); err == nil && n >= 0 && n < sp.Instances {
				return "did you mean " + group + ":" + strconv.Itoa(n) + "?"
			}
		case sp.Namespace != group:
		case !grouped || name == "*":
			return "for the namespace: ns:" + group
		case sp.Name == name:
			return "did you mean " + name + "?"
		}
	}
	return ""
}

// notFound says what is missing and what may have been meant.
func notFound(verb string, apps []velos.App, word string) error {
	e := &velos.Error{Code: velos.NotFound, Message: verb + " " + quote(word) + ": no such app", Hint: "velos list shows the apps"}
	names := make([]string, 0, len(apps))
	spaces := make([]string, 0, len(apps))
	for i := range apps {
		names = append(names, apps[i].Spec.Name)
		spaces = append(spaces, apps[i].Spec.Namespace)
	}
	name, n, inst := cutInstance(word)
	t, known := named(apps, name)
	switch {
	case len(apps) == 0:
		e.Message, e.Hint = verb+" "+quote(word)+": there are no apps", "velos start FILE adds one"
	case word == mine:
		e.Message, e.Hint = verb+" mine: no app is yours", "velos list shows the apps, and which agent's they are"
	case strings.HasPrefix(word, "ns:"):
		e.Message = verb + " " + quote(word) + ": no app is in this namespace"
		if near := nearest(word[3:], spaces); near != "" {
			e.Hint = "did you mean ns:" + near + "?"
		}
	case inst && known:
		e.Message = verb + " " + word + ": no instance " + strconv.Itoa(n)
		e.Hint = t.app.Spec.Name + " has " + strconv.Itoa(len(t.app.Instances)) + ", counted from 0"
	case len(word) > 1 && word[0] == '/' && word[len(word)-1] == '/':
		e.Message = verb + " " + word + ": no name matches"
	default:
		if near := nearest(word, names); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		for i := range apps {
			if sp := &apps[i].Spec; filepath.Base(sp.Script) == filepath.Base(word) {
				e.Hint = "did you mean " + sp.Name + ", which runs " + sp.Script + "?"
			}
		}
		if hint := grouping(apps, word); hint != "" {
			e.Hint = hint
		}
	}
	return e
}
