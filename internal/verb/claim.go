package verb

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/project"
)

// InProject is the apps of the project that a directory is in.
func InProject(apps []velos.App, dir string) []velos.App {
	root := project.Root(dir)
	var list []velos.App
	for i := range apps {
		if project.Root(apps[i].Spec.Cwd) == root {
			list = append(list, apps[i])
		}
	}
	return list
}

// OneProject reports whether two directories are in the same project.
func OneProject(a, b string) bool { return project.Root(a) == project.Root(b) }

// claim finds the app of a name in a project. Names are unique in the whole
// daemon: where another project has the name, the app is called NAME-PROJECT
// after the project's directory, and NAME-PROJECT-2 where that is taken, too.
// It returns the app, or the name for a new one.
func claim(apps []velos.App, name, dir string) (old *velos.App, free string) {
	root := project.Root(dir)
	free = name
	for n := 1; n <= len(apps)+2; n++ {
		a := byName(apps, free)
		if a == nil || project.Root(a.Spec.Cwd) == root {
			return a, free
		}
		if free = name + "-" + word(filepath.Base(root)); n > 1 {
			free += "-" + strconv.Itoa(n)
		}
		if velos.ValidName(free) != nil {
			return a, name // the conflict is said
		}
	}
	return nil, free
}

func byName(apps []velos.App, name string) *velos.App {
	for i := range apps {
		if strings.EqualFold(apps[i].Spec.Name, name) {
			return &apps[i]
		}
	}
	return nil
}

// word is what of a directory's name can be part of an app's.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, "-"); len(s) > 24 {
		s = strings.TrimRight(s[:24], "-")
	}
	if s == "" {
		return "2"
	}
	return s
}
