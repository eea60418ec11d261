package policy

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/velospm/velos"
)

// mostLinks is how many links a path may lead over, as in most systems.
const mostLinks = 40

// Real is a path without links. Where it leads to nothing, what is not there
// keeps its name below what is: a link to a place that is made later leads
// there already.
func Real(path string) string {
	path = filepath.Clean(path)
	for rest, links := "", 0; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		dir := filepath.Dir(path)
		if target, err := os.Readlink(path); err == nil && links < mostLinks {
			if links++; !filepath.IsAbs(target) {
				target = filepath.Join(resolvedOnce(dir), target)
			}
			path = filepath.Clean(target)
			continue
		}
		if dir == path {
			return filepath.Join(path, rest)
		}
		rest, path = filepath.Join(filepath.Base(path), rest), dir
	}
}

// resolvedOnce is a directory without links: what .. in a link starts from.
func resolvedOnce(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// loaders are variables that have a program run other code before its own, and
// by which words; none: by any.
var loaders = [...]struct {
	key   string
	words []string
}{
	{"LD_PRELOAD", nil}, {"LD_AUDIT", nil}, {"DYLD_INSERT_LIBRARIES", nil}, {"BASH_ENV", nil}, {"PERL5OPT", nil}, {"RUBYOPT", nil},
	{"NODE_OPTIONS", []string{"-r", "--require", "--import", "loader"}},
	{"JAVA_TOOL_OPTIONS", []string{"-javaagent", "-agentpath", "-agentlib"}},
}

// loads is the first variable of a Spec by which the list of programs could be
// got around, unless the app has it already.
func (p *Policy) loads(s, was *velos.Spec) string {
	if !p.Limited {
		return ""
	}
	for _, l := range loaders {
		for _, env := range []map[string]string{s.Env, s.FileEnv} {
			v := env[l.key]
			if v == "" || was != nil && (was.Env[l.key] == v || was.FileEnv[l.key] == v) {
				continue
			}
			if len(l.words) == 0 {
				return l.key
			}
			for _, w := range l.words {
				if strings.Contains(" "+v, " "+w) || w == "loader" && strings.Contains(v, w) {
					return l.key
				}
			}
		}
	}
	return ""
}

// foreign is the first program of a Spec that agents may not start.
func (p *Policy) foreign(s *velos.Spec) string {
	if !p.Limited {
		return ""
	}
	for _, program := range programs(s) {
		if !p.allows(program) {
			return filepath.Base(program)
		}
	}
	return ""
}

func (p *Policy) allows(program string) bool {
	for _, pattern := range p.Allow {
		name := program
		if !strings.ContainsAny(pattern, `/\\`) {
			name = filepath.Base(program)
		}
		if match(pattern, name) {
			return true
		}
	}
	return false
}

// programs are what a Spec has run: the program, and those of its hooks and
// probes.
func programs(s *velos.Spec) []string {
	var list []string
	switch {
	case s.Shell:
		list = shellPrograms(list, s.Command)
	case s.Interpreter != "":
		list = append(list, s.Interpreter)
	default:
		list = append(list, s.Script)
	}
	for _, name := range velos.HookNames {
		switch h := s.Hook(name); {
		case h == nil || len(h.Command) == 0:
		case h.Shell:
			list = shellPrograms(list, h.Command[0])
		default:
			list = append(list, h.Command[0])
		}
	}
	for _, probe := range []*velos.Probe{s.Ready, s.Health} {
		if probe != nil && len(probe.Exec) > 0 {
			list = append(list, probe.Exec[0])
		}
	}
	return list
}

// shellPrograms adds those of a line for a shell. One that is more than one
// plain command is a program for the shell, and the shell has to be allowed as
// well.
func shellPrograms(list []string, line string) []string {
	first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	list = append(list, first)
	if strings.ContainsAny(line, ";|&$`()<>{}=\n\\\"'*?[]#~!") {
		list = append(list, "/bin/sh")
	}
	return list
}

// match is a name against a pattern: * stands for anything but a slash, ? for
// one character. A pattern that is none matches itself.
func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil || pattern == name
}
