package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/policy"
)

// A Global is the file config.toml in VELOS_HOME: what is said about the daemon
// and not about apps.
type Global struct {
	Path   string
	Exists bool
	Agents policy.Policy // as the daemon takes it
	// Notices are the [[notify]] tables, for every app of the home.
	Notices []Notice
}

// globalTables are the tables that the file may have. Those with a reader are read
// here; the others belong to whoever serves them.
var globalTables = map[string]func(*Global, *node, *document, Environ) *problem{
	"agents":  (*Global).agents,
	"notify":  (*Global).notify,
	"otel":    nil,
	"history": nil,
}

// LoadGlobal reads the file at path. One that is not there is an empty one. An
// error has the place, as those of Load; HOME of env is the directory that ~
// stands for.
func LoadGlobal(path string, env Environ) (*Global, error) {
	g := &Global{Path: path, Agents: policy.Policy{Path: path}}
	data, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, readError("read "+shown(path), err)
	}
	g.Exists = true
	doc := &document{path: path, data: []byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf"))}
	root, err := doc.tree()
	if err != nil {
		return nil, err
	}
	for _, n := range root.items {
		read, known := globalTables[n.key]
		if !known {
			known := sorted(globalTables)
			p := wrong("unknown key", didYouMean(n.key, known, "there are "+strings.Join(known, ", ")+"; apps are written into a velos.toml"))
			p.at, p.path = n, bare(n.key)
			return nil, doc.error(p)
		}
		if read == nil {
			continue
		}
		if p := read(g, n, doc, env); p != nil {
			return nil, doc.error(p)
		}
	}
	return g, nil
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (g *Global) notify(n *node, doc *document, env Environ) (p *problem) {
	g.Notices, p = readNotices(n, doc, env.abs(g.Path), env)
	return p
}

// agents reads the table [agents].
func (g *Global) agents(t *node, _ *document, env Environ) *problem {
	at := func(n *node, path string, p *problem) *problem {
		p.at, p.path = n, path
		return p
	}
	if t.kind != isTable {
		return at(t, "agents", wrong("must be a table, not "+t.kind.String(), `such as [agents] and, below it, mode = "confirm"`))
	}
	a := &g.Agents
	for _, n := range t.items {
		path := "agents." + bare(n.key)
		var p *problem
		switch n.key {
		case "mode":
			p = mode(n, &a.Mode)
		case "projects":
			if a.Projects, p = texts(n); p == nil {
				p = directories(a.Projects, env.Vars["HOME"])
			}
		case "protect":
			if a.Protect, p = texts(n); p == nil {
				p = patterns(a.Protect)
			}
		case "max_processes":
			v, ok := n.integer()
			if !ok || v < 1 || v > 100_000 {
				p = wrong("must be a whole number from 1 on", "leave it out for no limit; mode = \"read-only\" lets agents start nothing")
			}
			a.Most = int(v)
		case "others":
			p = others(n, &a.Others)
		case "lease_grace":
			p = grace(n, &a.Grace)
		case "commands":
			p, path = commands(n, a, path)
		default:
			p = wrong("is no key of [agents]", "there are commands.allow, lease_grace, max_processes, mode, others, projects, protect")
		}
		if p != nil {
			return at(n, path, p)
		}
	}
	return nil
}

func mode(n *node, into *policy.Mode) *problem {
	m := policy.Mode(n.text)
	if n.kind != isString || m != policy.ReadOnly && m != policy.Confirm && m != policy.Full {
		return wrong(`must be "read-only", "confirm" or "full"`, "")
	}
	*into = m
	return nil
}

func others(n *node, into *policy.Others) *problem {
	o := policy.Others(n.text)
	if n.kind != isString || o != policy.Ask && o != policy.Allow && o != policy.Deny {
		return wrong(`must be "ask", "allow" or "deny"`, "")
	}
	*into = o
	return nil
}

// longestGrace bounds how long apps outlive their agents.
const longestGrace = velos.Millis(24 * 60 * 60 * 1000)

func grace(n *node, into *velos.Millis) *problem {
	ms, err := Duration(n.text)
	switch {
	case n.kind != isString || err != nil:
		return wrong("must be a length of time", `such as "60s"`)
	case ms < 1000 || ms > longestGrace:
		return wrong("must be from 1s to 24h", `such as "60s"`)
	}
	*into = ms
	return nil
}

// commands reads the table commands, which has one key.
func commands(n *node, a *policy.Policy, path string) (*problem, string) {
	if n.kind != isTable {
		return wrong("must be a table, not "+n.kind.String(), `such as commands.allow = ["npm", "node"]`), path
	}
	for _, c := range n.items {
		path := path + "." + bare(c.key)
		if c.key != "allow" {
			return wrong("is no key of commands", "there is commands.allow"), path
		}
		list, p := texts(c)
		if p == nil {
			p = patterns(list)
		}
		if p != nil {
			return p, path
		}
		for _, name := range list {
			if strings.ContainsRune(name, '/') {
				return wrong(strconv.Quote(name)+" is a path", "name programs as their files are called: "+strconv.Quote(filepath.Base(name))), path
			}
		}
		a.Allow, a.Limited = list, true
	}
	return nil, path
}

// texts is a list of strings, none of them empty.
func texts(n *node) ([]string, *problem) {
	bad := wrong("must be a list of strings", `such as ["db", "prod-*"]`)
	if n.kind != isList {
		return nil, bad
	}
	list := make([]string, 0, len(n.items))
	for _, c := range n.items {
		if c.kind != isString || c.text == "" {
			return nil, bad
		}
		list = append(list, c.text)
	}
	return list, nil
}

func patterns(list []string) *problem {
	for _, s := range list {
		if _, err := filepath.Match(s, ""); err != nil {
			return wrong(strconv.Quote(s)+" is no pattern", "* stands for anything, ? for one character, [ab] for one of these")
		}
	}
	return nil
}

// directories makes them absolute and sees through links: a rule must mean the
// same directory as the cwd of an app.
func directories(list []string, user string) *problem {
	for i, s := range list {
		if rest, ok := strings.CutPrefix(s, "~"); ok && user != "" && (rest == "" || rest[0] == '/') {
			s = filepath.Join(user, rest)
		}
		if !filepath.IsAbs(s) {
			return wrong(strconv.Quote(list[i])+" is relative", "the file is for all projects: write the whole path, or begin with ~/")
		}
		s = filepath.Clean(s)
		if real, err := filepath.EvalSymlinks(s); err == nil {
			s = real
		}
		list[i] = s
	}
	return nil
}
