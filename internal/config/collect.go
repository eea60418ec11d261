package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// A draft is an app as it was written: nothing is looked up yet.
type draft struct {
	spec        velos.Spec // what needs no looking up is set already
	base        string     // directory that relative paths start from
	script      string
	isPath      bool // script turned out to be a file, not a program in PATH
	args        []string
	cwd         string
	cwdIsBase   bool // without cwd: base, and not the script's directory
	interpreter string
	instances   string // "max" or "-1", when it was not a number
	several     bool   // instances was meant to be more than one, whatever it came to
	mode        velos.Mode
	listen      []string // addresses as they were written
	note        string   // what is done otherwise than it was written, and why
	env         map[string]string
	envFiles    []string
	allEnv      bool // inherits the caller's whole environment

	node      *node            // the app's table, when it came from a file
	at        map[string]*node // its keys
	inherited map[string]bool  // keys that [defaults] set
}

// collect finds the apps of a file. It stops at the first problem.
func collect(root *node, base string) ([]*draft, *problem) {
	var apps, defaults *node
	for _, n := range root.items {
		switch {
		case n.key == "apps":
			apps = n
		case n.key == "defaults":
			defaults = n
		default:
			return nil, unknownRoot(n)
		}
	}
	if defaults != nil && defaults.kind != isTable {
		return nil, (&problem{at: defaults, path: "defaults"}).mustBe(isTable, defaults)
	}
	if apps == nil || len(apps.items) == 0 {
		p := wrong("no app in it", "write [apps.NAME] and below it script = \"…\"")
		p.at = apps
		return nil, p
	}
	if apps.kind != isTable && apps.kind != isList {
		return nil, (&problem{at: apps, path: "apps"}).mustBe(isTable, apps)
	}
	var drafts []*draft
	names := map[string]string{}
	for _, n := range apps.items {
		d, p := collectApp(n, apps.kind, defaults, base)
		if p != nil {
			return nil, p
		}
		fold := strings.ToLower(d.spec.Name)
		if first, taken := names[fold]; taken {
			return nil, twice(d, first)
		}
		names[fold] = d.spec.Name
		drafts = append(drafts, d)
	}
	return drafts, nil
}

func twice(d *draft, first string) *problem {
	p := wrong("there is an app of that name already", "rename one of them")
	if first != d.spec.Name {
		p.what = "differs from app " + first + " in upper and lower case only"
	}
	p.path, p.at = "apps."+bare(d.spec.Name), d.node
	if n := d.at["name"]; n != nil {
		p.at = n
	}
	return p
}

func collectApp(n *node, parent kind, defaults *node, base string) (*draft, *problem) {
	d := &draft{spec: velos.NewSpec(), base: base, node: n, at: map[string]*node{}, inherited: map[string]bool{}}
	label := "apps." + bare(n.key)
	if parent == isList {
		label = "apps"
	}
	if n.kind != isTable {
		return nil, (&problem{at: n, path: label}).mustBe(isTable, n)
	}
	if parent == isList {
		c := n.child("name")
		if c == nil {
			p := wrong("an app has no name", "add name = \"…\"")
			p.at, p.path = n, label
			return nil, p
		}
		if c.kind != isString {
			return nil, (&problem{at: c, path: label + ".name"}).mustBe(isString, c)
		}
		d.spec.Name = c.text
		label = "apps." + bare(c.text)
	} else {
		d.spec.Name = n.key
	}
	if p := d.readTable(defaults, "defaults"); p != nil {
		return nil, p
	}
	if p := d.readTable(n, label); p != nil {
		return nil, p
	}
	if d.script == "" {
		p := wrong("script is missing", `add script = "app.js", or a command line`)
		p.at, p.path = n, label
		return nil, p
	}
	return d, nil
}

// readTable reads an app's table, or [defaults] into an app.
func (d *draft) readTable(t *node, label string) *problem {
	if t == nil {
		return nil
	}
	for _, n := range t.items {
		if p := d.readKey(n, label); p != nil {
			if p.at == nil {
				p.at = n
			}
			if p.path == "" {
				p.path = label + "." + bare(n.key) + p.below
			}
			return p
		}
		d.at[canonical(n.key)] = n
		d.inherited[canonical(n.key)] = label == "defaults"
	}
	return nil
}

func (d *draft) readKey(n *node, label string) *problem {
	if label == "defaults" && (n.key == "name" || n.key == "script") {
		return wrong("each app has its own "+n.key, "move it to the app's table")
	}
	if read := keys[n.key]; read != nil {
		return read(d, n)
	}
	if l, ok := laterKeys[n.key]; ok {
		if l.harmless != nil && l.harmless(n) {
			return nil
		}
		return later("not yet in this version of velos", l.hint)
	}
	if strings.HasPrefix(n.key, "env_") {
		return later("profiles of the environment are not yet in this version of velos", "put the variables into env, or use env_file")
	}
	return wrong("unknown key", knownKey(n.key))
}

// knownKey is the hint for a key that does not exist: other managers' word
// for the same thing, or the nearest word of ours.
func knownKey(key string) string {
	if ours := foreign[strings.ToLower(key)]; ours != "" {
		return `did you mean "` + ours + `"?`
	}
	names := slices.Sorted(maps.Keys(keys))
	names = append(names, slices.Sorted(maps.Keys(laterKeys))...)
	return didYouMean(key, names, "remove it; velos reads no key that it does not know")
}

// canonical maps a second spelling of a key to the one that Specs use.
func canonical(key string) string {
	switch key {
	case "node_args":
		return "interpreter_args"
	case "max_memory_restart":
		return "max_memory"
	}
	return key
}

func unknownRoot(n *node) *problem {
	p := wrong("unknown key", "")
	switch n.key {
	case "include", "hooks", "notify", "rules", "daemon", "api", "metrics", "mcp", "logs", "deploy":
		p = later("not yet in this version of velos", "leave it out; a file has [apps.NAME] and [defaults]")
	default:
		p.hint = didYouMean(n.key, []string{"apps", "defaults"}, "apps are written [apps.NAME]")
		if keys[n.key] != nil {
			p.hint = "put it below [apps.NAME] or [defaults]"
		}
	}
	p.at, p.path = n, bare(n.key)
	return p
}

// mustBe says that n has the wrong kind.
func (p *problem) mustBe(want kind, n *node) *problem {
	p.code, p.what = velos.Invalid, "must be "+want.String()+", not "+n.kind.String()
	switch want {
	case isString:
		p.hint = "put it into quotes"
	case isTable:
		p.hint = "apps are written [apps.NAME], each key on a line below"
	case isBool:
		p.hint = "write true or false, without quotes"
	default:
		p.hint = "look up the key in the documentation"
	}
	return p
}
