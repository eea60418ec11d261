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
	several     bool   // instances is meant to be more than one some day, whatever it came to
	mode        velos.Mode
	port        string   // a number, or auto
	portLater   bool     // PORT is set in what comes of the draft
	listen      []string // addresses as they were written
	notes       []string // what is done otherwise than it was written, and why
	env         map[string]string
	profiles    map[string]map[string]string // of the environment, by name
	envFiles    []string
	notify      bool     // the file has notifications for it
	allEnv      bool     // inherits the caller's whole environment
	unset       *problem // a variable that is not there matters when the app is wanted

	doc       *document        // the file that it is in, if any
	node      *node            // its table there
	at        map[string]*node // its keys
	inherited map[string]bool  // keys that [defaults] set
}

func newDraft() *draft {
	return &draft{spec: velos.NewSpec(), at: map[string]*node{}}
}

// app reads one app of a file.
func (l *loader) app(n *node, parent kind, defaults *node, doc *document, base string) *problem {
	d, label := newDraft(), "apps."+bare(n.key)
	d.base, d.node, d.doc, d.inherited = base, n, doc, map[string]bool{}
	if parent == isList {
		label = "apps"
	}
	if n.kind != isTable {
		return (&problem{at: n, path: label}).mustBe(isTable, n)
	}
	if parent == isList {
		c := n.child("name")
		if c == nil {
			p := wrong("an app has no name", "add name = \"…\"")
			p.at, p.path = n, label
			return p
		}
		if c.kind != isString {
			return (&problem{at: c, path: label + ".name"}).mustBe(isString, c)
		}
		d.spec.Name = c.text
		label = "apps." + bare(c.text)
	} else {
		d.spec.Name = n.key
	}
	for _, t := range []*node{defaults, n} {
		if t == nil {
			continue
		}
		if c := t.child("shell"); c != nil { // it says what a $ means in other keys
			d.spec.Shell = c.kind == isBool && c.text == "true"
		}
	}
	if p := d.readTable(defaults, "defaults", l.env.Vars); p != nil {
		return p
	}
	if p := d.readTable(n, label, l.env.Vars); p != nil {
		return p
	}
	if d.script == "" && d.unset == nil {
		p := wrong("script is missing", `add script = "app.js", or a command line`)
		p.at, p.path = n, label
		return p
	}
	return l.add(d)
}

// readTable reads an app's table, or [defaults] into an app. vars are what
// ${NAME} stands for.
func (d *draft) readTable(t *node, label string, vars map[string]string) *problem {
	if t == nil {
		return nil
	}
	spelt := map[string]string{} // a key has one value, also where it has two names
	for _, n := range t.items {
		if other := spelt[canonical(n.key)]; other != "" {
			p := wrong(other+" is there, too, and means the same", "leave one of them out")
			p.at, p.path = n, label+"."+bare(n.key)
			return p
		}
		spelt[canonical(n.key)] = n.key
		value, unset := n, (*problem)(nil)
		if !d.notExpanded(n) {
			value, unset = expanded(n, vars)
		}
		p := unset
		if p == nil {
			p = d.readKey(value, label)
		}
		if p != nil {
			if p.at == nil {
				p.at = n
			}
			if p.path == "" {
				p.path = label + "." + bare(n.key) + p.below
			}
			if unset == nil {
				return p
			}
			if p.doc = d.doc; d.unset == nil {
				d.unset = p
			}
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
	if k := keys()[n.key]; k != nil {
		return k.read(d, n)
	}
	if profile, ok := strings.CutPrefix(n.key, profileKey); ok && (n.kind == isTable || nearest(n.key, keyNames()) == "") {
		return d.readProfile(profile, n, n)
	}
	return wrong("unknown key", KnownKey(n.key))
}

// KnownKey is the hint for a key that does not exist: other managers' word
// for the same thing, or the nearest word of ours.
func KnownKey(key string) string {
	if hint := elsewhere[key]; hint != "" {
		return hint
	}
	if ours := foreign[strings.ToLower(key)]; ours != "" {
		return `did you mean "` + ours + `"?`
	}
	return didYouMean(key, keyNames(), "remove it; velos reads no key that it does not know")
}

// IsKey reports whether an app may have the key in a file.
func IsKey(key string) bool { return keys()[key] != nil }

// Keys are the keys that an app may have in a file.
func Keys() []string { return slices.Sorted(maps.Keys(keys())) }

func keyNames() []string {
	return append(slices.Sorted(maps.Keys(keys())), slices.Sorted(maps.Keys(elsewhere))...)
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
	case "hooks", "rules", "daemon", "api", "metrics", "mcp", "logs", "deploy":
		p.hint = "leave it out; a file has [apps.NAME] and [defaults], and what holds for all files is in config.toml of VELOS_HOME"
	default:
		p.hint = didYouMean(n.key, []string{"apps", "defaults", "include", "notify"}, "apps are written [apps.NAME]")
		if keys()[n.key] != nil {
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
