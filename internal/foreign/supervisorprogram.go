package foreign

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A slot is one of the processes of a program, for what is expanded.
type slot struct {
	p             *supervisorProgram
	num, numprocs int
}

// program makes one app of a section, or one for each process where they
// differ in more than their number.
func (s *supervisorFile) program(p *supervisorProgram) error {
	n, err := s.whole(p, "numprocs", 1, 1)
	if err != nil {
		return err
	}
	start, err := s.whole(p, "numprocs_start", 0, 0)
	if err != nil {
		return err
	}
	if !s.differ(p) {
		if err := s.named(p, slot{p, start, n}); err != nil {
			return err
		}
		return s.app(s.called(p.name), slot{p, start, n}, n)
	}
	for i := range n {
		in := slot{p, start + i, n}
		name := p.name + "-" + itoa(start+i)
		if e, ok := p.keys["process_name"]; ok {
			if name, err = s.expand(e, &in); err != nil {
				return err
			}
		}
		if err := s.app(s.called(name), in, 1); err != nil {
			return err
		}
	}
	return nil
}

// whole is the number that a key says.
func (s *supervisorFile) whole(p *supervisorProgram, key string, preset, least int) (int, error) {
	e, ok := p.keys[key]
	if !ok {
		return preset, nil
	}
	v, err := s.expand(e, &slot{p, 0, 1})
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > 1000 {
		return 0, s.at(e, p.name+": "+key+" must be a number from "+itoa(least)+" to 1000, not "+shown(v), "such as "+key+"=2")
	}
	return n, nil
}

// differ reports whether the processes are told apart by more than their
// names and their log files.
func (s *supervisorFile) differ(p *supervisorProgram) bool {
	return slices.ContainsFunc(p.all, func(k string) bool {
		return k != "process_name" && !strings.HasSuffix(k, "_logfile") && strings.Contains(p.keys[k].value, "%(process_num)")
	})
}

// named tells what becomes of the names of processes that are one app.
func (s *supervisorFile) named(p *supervisorProgram, in slot) error {
	app := clean(p.name)
	if e, ok := p.keys["process_name"]; ok {
		name, err := s.expand(e, &in)
		switch {
		case err != nil:
			return err
		case in.numprocs > 1:
			s.idle(app, "process_name", "instances are named NAME:0, NAME:1")
		case name != p.name:
			s.idle(app, "process_name", "the app is named as its section is")
		}
	}
	if _, ok := p.keys["numprocs_start"]; ok && in.num > 0 {
		s.lost(app, "numprocs_start", "instances are numbered from 0")
	}
	return nil
}

// app translates one program.
func (s *supervisorFile) app(name string, in slot, instances int) error {
	p := in.p
	a := &App{Name: name, Line: p.head.line, File: p.head.file}
	k := &supervisorKeys{supervisorFile: s, App: a, in: in, instances: instances}
	command, ok := p.keys["command"]
	if !ok {
		return s.at(p.head, name+": command is missing", "add command=…")
	}
	line, err := s.expand(command, &in)
	if err != nil {
		return err
	}
	words := splitWords(line, shellWords)
	if len(words) == 0 {
		return s.at(command, name+": command is empty", "add command=…")
	}
	a.program(words, a.lineOf(command))
	if instances > 1 {
		a.set("instances", int64(instances), a.lineOf(p.keys["numprocs"]))
		a.set("mode", "fork", 0)
	}
	switch g := s.group[p.name]; {
	case g != "":
		a.set("namespace", clean(g), 0)
	case in.numprocs > 1 && instances == 1: // supervisorctl has a group of them
		a.set("namespace", clean(p.name), 0)
	}
	a.set("max_restarts", int64(3), 0)          // what supervisord does unasked,
	a.set("exp_backoff_restart_delay", "1s", 0) // after 1, 2 and 3 seconds
	a.set("kill_timeout", "10s", 0)
	if err := k.inherited(); err != nil {
		return err
	}
	for _, key := range p.all {
		if err := k.key(p.keys[key]); err != nil {
			return err
		}
	}
	if err := k.restarts(); err != nil {
		return err
	}
	if len(s.env) > 0 {
		env, _ := a.get("env").(Table)
		a.drop("env")
		a.set("env", s.env.with(env), 0)
	}
	s.Apps = append(s.Apps, *a)
	return nil
}

// inherited sets what [supervisord] says, where the program says nothing.
func (k *supervisorKeys) inherited() error {
	k.App.set("cwd", ".", 0)
	for _, key := range []string{"directory", "umask", "user"} {
		e, ok := k.daemon[key]
		if _, own := k.in.p.keys[key]; !ok || own && key != "directory" {
			continue
		}
		e.line = 0 // it may be of another file than the app
		switch key {
		case "directory":
			k.App.replace("cwd", e.value, 0)
		case "user":
			if root := e.value == "root" || e.value == "0"; !root || os.Geteuid() != 0 { // which a daemon of root is
				k.App.set("user", e.value, 0)
			}
		default:
			if !k.App.umask(e.value, 0) {
				return k.at(k.daemon[key], "umask must be octal digits, not "+shown(e.value), "such as umask=022")
			}
		}
	}
	return nil
}

// directory is relative to the daemon's.
func (k *supervisorKeys) directory(v string) string {
	if e, ok := k.daemon["directory"]; ok && !filepath.IsAbs(v) {
		return filepath.Join(e.value, v)
	}
	return v
}

// replace sets what may be there already.
func (a *App) replace(key string, value any, line int) {
	if i := slices.IndexFunc(a.Settings, func(s Setting) bool { return s.Key == key }); i >= 0 {
		a.Settings[i].Value, a.Settings[i].Line = value, line
		return
	}
	a.set(key, value, line)
}

// lineOf is the line of an entry that is of the app's own file.
func (a *App) lineOf(e entry) int {
	if e.file != a.File {
		return 0
	}
	return e.line
}

// expansions are what may stand in %(…)s; in is nil where no program is meant.
func (s *supervisorFile) expansions(in *slot) map[string]string {
	host, _ := os.Hostname()
	known := map[string]string{"here": s.dir(), "host_node_name": host}
	if in != nil {
		known["program_name"], known["group_name"] = in.p.name, s.group[in.p.name]
		known["process_num"], known["numprocs"] = itoa(in.num), itoa(in.numprocs)
		if known["group_name"] == "" {
			known["group_name"] = in.p.name
		}
	}
	return known
}

// variable is what %(ENV_NAME)s stands for.
func (s *supervisorFile) variable(name string, in *slot) (string, bool) {
	if in != nil {
		for _, v := range s.env {
			if v.Key == name {
				text, _ := v.Value.(string)
				return text, true
			}
		}
	}
	v, ok := s.opts.Env.Vars[name]
	return v, ok
}

// expand replaces %(name)s and the like in a value. What cannot be replaced is
// an error, as it is for supervisord: a path without a part of it is another.
func (s *supervisorFile) expand(e entry, in *slot) (string, error) {
	known := s.expansions(in)
	var b strings.Builder
	for text := e.value; ; {
		i := strings.IndexByte(text, '%')
		if i < 0 || i+1 == len(text) {
			b.WriteString(text)
			return b.String(), nil
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		if text[0] != '(' {
			b.WriteByte('%')
			if text[0] == '%' {
				text = text[1:]
			}
			continue
		}
		name, rest, ok := strings.Cut(text[1:], ")")
		verb := strings.TrimLeft(rest, "0123456789")
		if !ok || verb == "" || strings.IndexByte("sdir", verb[0]) < 0 {
			return "", s.at(e, e.key+": %("+name+" must end in )s or )d", "such as %(program_name)s or %(process_num)02d; %% is a plain %")
		}
		value, there := known[name]
		if env, is := strings.CutPrefix(name, "ENV_"); is {
			if value, there = s.variable(env, in); !there {
				return "", s.at(e, e.key+": "+env+" is not set, for %("+name+")s", "set it in the shell that calls velos, or in environment of [supervisord]")
			}
		}
		if !there {
			return "", s.at(e, e.key+": there is no %("+name+")s", "there are here, program_name, group_name, process_num, numprocs, host_node_name and ENV_NAME; %% is a plain %")
		}
		if width, err := strconv.Atoi(rest[:len(rest)-len(verb)]); err == nil && len(value) < width && width < 20 {
			value = strings.Repeat("0", width-len(value)) + value
		}
		b.WriteString(value)
		text = verb[1:]
	}
}

// environmentOf reads A="1",B=2.
func environmentOf(text string, line int) (Table, error) {
	var t Table
	for text = strings.TrimSpace(text); text != ""; {
		name, rest, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, "\"', \t\n") {
			return nil, errNoValue
		}
		rest = strings.TrimSpace(rest)
		value := ""
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 {
				return nil, errOpenQuote
			}
			value, rest = rest[1:1+end], strings.TrimSpace(rest[end+2:])
			if rest != "" && rest[0] != ',' {
				return nil, errNoComma
			}
			rest = strings.TrimPrefix(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
			if value = strings.TrimSpace(value); strings.ContainsAny(value, " \t\n") {
				return nil, errNoComma
			}
		}
		t = t.with(Table{{name, value, line}})
		text = strings.TrimSpace(rest)
	}
	return t, nil
}
