package foreign

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/config"
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
	groups   []*supervisorGroup
	group    map[string]string // program: its group
	env      Table             // of [supervisord]
	daemon   map[string]entry  // what [supervisord] says to every program
	others   []string          // event listeners and the like: a group may have them
}

type supervisorProgram struct {
	name string
	keys map[string]entry
	all  []string // keys in the order of the file
	head entry
}

type supervisorGroup struct {
	name    string
	members []string
	head    entry
}

// maxIncluded bounds the files of [include].
const maxIncluded = 200

func readSupervisor(_ context.Context, f *File, data []byte, o *Options) error {
	s := &supervisorFile{File: f, opts: o, group: map[string]string{}, daemon: map[string]entry{}}
	included, err := s.sections("", string(data))
	if err != nil {
		return err
	}
	for i, path := range included {
		if i == maxIncluded {
			return f.fail(0, "includes more than "+itoa(maxIncluded)+" files", "import some of them alone")
		}
		b, err := readFile(path)
		if err != nil {
			return readError("read "+shown(path), err)
		}
		f.reads(path, b)
		if _, err := s.sections(path, string(b)); err != nil {
			return err
		}
	}
	if err := s.members(); err != nil {
		return err
	}
	for _, p := range s.programs {
		if err := s.program(p); err != nil {
			return err
		}
	}
	return nil
}

// at is the error for a line of the file, or of one that it includes.
func (f *File) at(e entry, what, hint string) error {
	if e.file != "" {
		f = &File{Path: e.file}
	}
	return f.fail(e.line, what, hint)
}

// daemonSections are those about supervisord and its clients.
var daemonSections = []string{"supervisord", "supervisorctl", "unix_http_server", "inet_http_server", "rpcinterface", "ctlplugin"}

// sections sorts the lines of one file, and returns the files that it includes.
func (s *supervisorFile) sections(path, data string) (included []string, err error) {
	list, bad := supervisorDialect.entries(data)
	if bad != nil {
		return nil, s.at(entry{file: path, line: bad.line}, bad.what, "mend the line")
	}
	for _, e := range list {
		e.file, e.key = path, strings.ToLower(e.key)
		kind, name, _ := strings.Cut(e.section, ":")
		name = strings.TrimSpace(name)
		var files []string
		switch kind {
		case "program":
			err = s.ofProgram(name, e)
		case "group":
			s.ofGroup(name, e)
		case "include":
			files, err = s.include(e)
		case "supervisord":
			err = s.ofDaemon(e)
		default:
			err = s.ofOthers(kind, name, e)
		}
		if err != nil {
			return nil, err
		}
		included = append(included, files...)
	}
	return included, nil
}

// ofProgram takes a line of a [program:…]. What a later section of the same
// name says is laid over it.
func (s *supervisorFile) ofProgram(name string, e entry) error {
	var p *supervisorProgram
	for _, known := range s.programs {
		if known.name == name {
			p = known
		}
	}
	switch {
	case name == "":
		return s.at(e, "[program:] has no name", "such as [program:web]")
	case p == nil:
		p = &supervisorProgram{name: name, keys: map[string]entry{}, head: e}
		s.programs = append(s.programs, p)
	}
	if e.key == "" {
		return nil
	}
	if _, there := p.keys[e.key]; !there {
		p.all = append(p.all, e.key)
	}
	p.keys[e.key] = e
	return nil
}

func (s *supervisorFile) ofGroup(name string, e entry) {
	var g *supervisorGroup
	for _, known := range s.groups {
		if known.name == name {
			g = known
		}
	}
	if g == nil {
		g = &supervisorGroup{name: name, head: e}
		s.groups = append(s.groups, g)
	}
	switch e.key {
	case "":
	case "programs":
		g.members, g.head = nil, e
		for _, member := range strings.Split(e.value, ",") {
			if member = strings.TrimSpace(member); member != "" {
				g.members = append(g.members, member)
			}
		}
	case "priority":
		s.lost("", "["+e.section+"] "+e.key, supervisorLost[e.key])
	default:
		s.unknown("", "["+e.section+"] "+e.key, "supervisord has no such key for a group", e.key, []string{"programs", "priority"})
	}
}

// members says of each program in which group it is.
func (s *supervisorFile) members() error {
	known := append([]string{}, s.others...)
	for _, p := range s.programs {
		known = append(known, p.name)
	}
	for _, g := range s.groups {
		if len(g.members) == 0 {
			return s.at(g.head, "[group:"+g.name+"] has no programs", "such as programs=web,worker")
		}
		for _, m := range g.members {
			if !slices.Contains(known, m) {
				return s.at(g.head, "[group:"+g.name+"]: there is no [program:"+m+"]", didYouMean(m, known, "write its section, or take it out of programs"))
			}
			if other := s.group[m]; other != "" && other != g.name {
				s.lost(clean(m), "group", "it runs once, in "+g.name+" and not in "+other+": give a second program another name")
			}
			s.group[m] = g.name
		}
	}
	return nil
}

func (s *supervisorFile) include(e entry) (included []string, err error) {
	switch {
	case e.key == "":
		return nil, nil
	case e.key != "files":
		s.unknown("", "[include] "+e.key, "supervisord has no such key for it", e.key, []string{"files"})
		return nil, nil
	case e.file != "":
		s.lost("", "[include]", "an included file includes no others: "+shown(e.value)+" was not read")
		return nil, nil
	}
	value, err := s.expand(e, nil)
	if err != nil {
		return nil, err
	}
	for _, pattern := range strings.Fields(value) {
		found, err := filepath.Glob(homePath(s.dir(), pattern, s.opts.Env))
		if err != nil {
			return nil, s.at(e, "files: "+err.Error(), "such as conf.d/*.conf")
		}
		if len(found) == 0 {
			s.lost("", "[include] files", "no file is named like "+shown(pattern))
		}
		for _, file := range found {
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
				included = append(included, file)
			}
		}
	}
	return included, nil
}

// ofDaemon takes what supervisord hands on to every program; the rest is
// about itself.
func (s *supervisorFile) ofDaemon(e entry) (err error) {
	switch e.key {
	case "":
		s.idle("", "[supervisord]", "this is about supervisord itself")
	case "environment":
		value, err := s.expand(e, nil)
		if err != nil {
			return err
		}
		env, err := environmentOf(value, e.line)
		if err != nil {
			return s.at(e, "environment "+err.Error(), `such as environment=A="1",B="2"`)
		}
		s.env = env
	case "directory", "umask", "user":
		if e.value, err = s.expand(e, nil); err != nil {
			return err
		}
		s.daemon[e.key] = e
	case "minfds", "minprocs":
		ours := map[string]string{"minfds": "nofile", "minprocs": "nproc"}[e.key]
		s.lost("", "[supervisord] "+e.key, "an app's limits say it: limits = { "+ours+" = "+e.value+" }")
	}
	return nil
}

func (s *supervisorFile) ofOthers(kind, name string, e entry) error {
	switch {
	case kind == "eventlistener" || kind == "fcgi-program":
		if e.key == "" {
			s.others = append(s.others, name)
			s.lost("", "["+e.section+"]", supervisorOthers[kind])
		}
	case kind == "watcher" || kind == "circus":
		return s.at(e, "this is a file of circus, which is not read", "write [apps.NAME] with script, instances (numprocesses) and cwd (working_dir)")
	case e.key != "":
	case slices.Contains(daemonSections, kind):
		s.idle("", "["+e.section+"]", "this is about supervisord itself")
	default:
		known := append([]string{"program", "group", "include"}, daemonSections...)
		s.unknown("", "["+e.section+"]", "supervisord has no such section", kind, known)
	}
	return nil
}

func didYouMean(word string, known []string, otherwise string) string {
	if n := config.Nearest(word, known); n != "" {
		return "did you mean " + n + "?"
	}
	return otherwise
}

// unknown notes a word that its manager does not know either.
func (f *File) unknown(app, key, why, word string, known []string) {
	if n := config.Nearest(word, known); n != "" {
		why += ": did you mean " + n + "?"
	}
	f.lost(app, key, why)
}
