package foreign

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func isSupervisor(base string) bool {
	ext := filepath.Ext(base)
	return ext == ".conf" || ext == ".ini"
}

// A supervisorFile is supervisord.conf with what it includes.
type supervisorFile struct {
	*File
	opts     *Options
	programs []*supervisorProgram
	groups   map[string]string // program: its group
	env      Table             // of [supervisord]
}

type supervisorProgram struct {
	name string
	keys map[string]entry
	all  []string // keys in the order of the file
	line int      // 0 in an included file, whose lines are not ours
}

// maxIncluded bounds the files of [include].
const maxIncluded = 200

func readSupervisor(_ context.Context, f *File, data []byte, o *Options) error {
	s := &supervisorFile{File: f, opts: o, groups: map[string]string{}}
	included, err := s.sections(f.Path, string(data), true)
	if err != nil {
		return err
	}
	for i, path := range included {
		if i == maxIncluded {
			return f.fail(0, "includes more than "+strconv.Itoa(maxIncluded)+" files", "import some of them alone")
		}
		b, err := readFile(path)
		if err != nil {
			return readError("read "+shown(path), err)
		}
		if _, err := s.sections(path, string(b), false); err != nil {
			return err
		}
	}
	for _, p := range s.programs {
		if err := s.program(p); err != nil {
			return err
		}
	}
	return nil
}

// sections sorts the lines of one file, and returns the files that it includes.
func (s *supervisorFile) sections(path, data string, main bool) (included []string, err error) {
	list, bad := supervisorDialect.entries(data)
	at := func(line int, what, hint string) error {
		return (&File{Path: path}).fail(line, what, hint)
	}
	if bad != nil {
		return nil, at(bad.line, bad.what, "mend the line")
	}
	var p *supervisorProgram
	for _, e := range list {
		kind, name, _ := strings.Cut(e.section, ":")
		switch {
		case kind == "program" && e.key == "":
			p = &supervisorProgram{name: strings.TrimSpace(name), keys: map[string]entry{}, line: e.line}
			if !main {
				p.line = 0
			}
			s.programs = append(s.programs, p)
		case kind == "program":
			if !main {
				e.line = 0
			}
			if _, there := p.keys[e.key]; !there {
				p.all = append(p.all, e.key)
			}
			p.keys[e.key] = e
		case kind == "group" && e.key == "programs":
			for _, member := range strings.Split(e.value, ",") {
				s.groups[strings.TrimSpace(member)] = name
			}
		case kind == "include" && e.key == "files":
			for _, pattern := range strings.Fields(s.expand(e.value, "", 0, 1)) {
				found, err := filepath.Glob(homePath(filepath.Dir(s.Abs), pattern, s.opts.Env))
				if err != nil {
					return nil, at(e.line, "files: "+err.Error(), "such as conf.d/*.conf")
				}
				for _, file := range found {
					if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
						included = append(included, file)
					}
				}
			}
		case kind == "supervisord" && e.key == "environment":
			if s.env, err = s.environment(s.expand(e.value, "", 0, 1), e.line); err != nil {
				return nil, at(e.line, "environment: "+err.Error(), `such as environment=A="1",B="2"`)
			}
		case e.key == "" && (kind == "eventlistener" || kind == "fcgi-program"):
			s.lost("", "["+e.section+"]", "Velos has no such programs: make it a program of its own")
		case e.key == "" && kind != "group" && kind != "include":
			s.idle("", "["+e.section+"]", "this is about supervisord itself")
		}
	}
	return included, nil
}

// program makes one app of a section, or one for each process where they
// differ in more than their number.
func (s *supervisorFile) program(p *supervisorProgram) error {
	n, differ := 1, false
	if e, ok := p.keys["numprocs"]; ok {
		var err error
		if n, err = strconv.Atoi(e.value); err != nil || n < 1 || n > 1000 {
			return s.fail(e.line, p.name+": numprocs must be a number, not "+shown(e.value), "such as numprocs=2")
		}
	}
	start := 0
	if e, ok := p.keys["numprocs_start"]; ok {
		start, _ = strconv.Atoi(e.value)
	}
	for _, k := range p.all {
		differ = differ || k != "process_name" && !strings.HasSuffix(k, "_logfile") && strings.Contains(p.keys[k].value, "%(process_num)")
	}
	if !differ {
		return s.app(p, p.name, start, n, n)
	}
	for i := range n {
		name := p.name + "-" + itoa(start+i)
		if e, ok := p.keys["process_name"]; ok {
			name = s.expand(e.value, p.name, start+i, n)
		}
		if err := s.app(p, name, start+i, n, 1); err != nil {
			return err
		}
	}
	return nil
}

// expand replaces %(name)s and the like.
func (s *supervisorFile) expand(text, program string, num, numprocs int) string {
	host, _ := os.Hostname()
	known := map[string]string{"here": s.dir(), "program_name": program, "group_name": s.groups[program], "host_node_name": host,
		"process_num": itoa(num), "numprocs": itoa(numprocs)}
	if known["group_name"] == "" {
		known["group_name"] = program
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 || i+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		if text[0] == '%' {
			b.WriteByte('%')
			text = text[1:]
			continue
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(text, "("), ")")
		value, there := known[name]
		if env, is := strings.CutPrefix(name, "ENV_"); is {
			value, there = s.opts.Env.Vars[env]
			there = there || ok
		}
		if text[0] != '(' || !ok || !there {
			b.WriteByte('%')
			continue
		}
		verb := strings.TrimLeft(rest, "0123456789")
		if width, err := strconv.Atoi(rest[:len(rest)-len(verb)]); err == nil && len(value) < width && width < 20 {
			value = strings.Repeat("0", width-len(value)) + value
		}
		text = strings.TrimLeft(rest, "0123456789")
		if text != "" {
			text = text[1:] // s or d
		}
		b.WriteString(value)
	}
}

// environment reads A="1",B=2.
func (s *supervisorFile) environment(text string, line int) (Table, error) {
	var t Table
	for text = strings.TrimSpace(text); text != ""; {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			return nil, errNoValue
		}
		rest = strings.TrimSpace(rest)
		value := ""
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 {
				return nil, errOpenQuote
			}
			value, rest = rest[1:1+end], rest[end+2:]
			rest = strings.TrimLeft(strings.TrimLeft(rest, " \t\n"), ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
		}
		t = t.with(Table{{strings.TrimSpace(name), value, line}})
		text = strings.TrimSpace(rest)
	}
	return t, nil
}

// app translates one program.
func (s *supervisorFile) app(p *supervisorProgram, name string, num, numprocs, instances int) error {
	a := &App{Name: s.called(name), Line: p.line}
	k := &supervisorKeys{supervisorFile: s, App: a, p: p, value: func(e entry) string { return s.expand(e.value, p.name, num, numprocs) }}
	command, ok := p.keys["command"]
	if !ok {
		return s.fail(p.line, name+": command is missing", "add command=…")
	}
	words := splitWords(k.value(command), shellWords)
	if len(words) == 0 {
		return s.fail(command.line, name+": command is empty", "add command=…")
	}
	a.program(words, command.line)
	a.set("cwd", ".", 0)
	if instances > 1 {
		a.set("instances", int64(instances), p.keys["numprocs"].line)
		a.set("mode", "fork", 0)
	}
	if g := s.groups[p.name]; g != "" {
		a.set("namespace", clean(g), 0)
	}
	a.set("max_restarts", int64(3), 0) // what supervisord does unasked
	a.set("kill_timeout", "10s", 0)
	for _, key := range p.all {
		if err := k.key(key, p.keys[key]); err != nil {
			return err
		}
	}
	k.restarts()
	if len(s.env) > 0 {
		env, _ := a.get("env").(Table)
		a.drop("env")
		a.set("env", s.env.with(env), 0)
	}
	s.Apps = append(s.Apps, *a)
	return nil
}

// replace sets what may be there already.
func (a *App) replace(key string, value any, line int) {
	if i := slices.IndexFunc(a.Settings, func(s Setting) bool { return s.Key == key }); i >= 0 {
		a.Settings[i].Value, a.Settings[i].Line = value, line
		return
	}
	a.set(key, value, line)
}
