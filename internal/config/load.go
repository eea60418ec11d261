package config

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mostFiles bounds what one file may include, all in all.
const mostFiles = 1000

// A loader collects the apps of a file and of those that it includes.
type loader struct {
	env    Environ
	drafts []*draft
	names  map[string]*draft // by name, in lower case
	way    []string          // absolute paths of the files that are being read
	read   map[string]bool

	order   []string  // the files that were read
	digest  hash.Hash // of their texts
	sum     string    // of a file that was translated
	notices []Notice
}

func newLoader(env Environ) *loader {
	env.found = newFindings()
	return &loader{env: env, names: map[string]*draft{}, read: map[string]bool{}, digest: sha256.New()}
}

// file reads one file. It stops at the first problem.
func (l *loader) file(doc *document, abs string) error {
	l.taste(abs, doc.data)
	first := len(l.drafts)
	doc.data = bytes.TrimPrefix(doc.data, []byte("\xef\xbb\xbf")) // editors on Windows begin files with a mark
	root, err := doc.tree()
	if err != nil {
		return err
	}
	l.read[abs] = true
	l.way = append(l.way, abs)
	include, notices, p := l.root(root, doc, filepath.Dir(abs))
	if p != nil {
		if p.doc == nil {
			p.doc = doc
		}
		return doc.error(p)
	}
	if err := l.include(include, doc, abs); err != nil {
		return err
	}
	if p := l.readNotices(notices, doc, abs, l.drafts[first:]); p != nil {
		return doc.error(p)
	}
	l.way = l.way[:len(l.way)-1]
	return nil
}

// root reads the apps of one file, and finds what it includes.
func (l *loader) root(root *node, doc *document, base string) (include, notices *node, p *problem) {
	var apps, defaults *node
	for _, n := range root.items {
		switch n.key {
		case "apps":
			apps = n
		case "defaults":
			defaults = n
		case "include":
			include = n
		case "notify":
			notices = n
		default:
			return nil, nil, unknownRoot(n)
		}
	}
	if defaults != nil && defaults.kind != isTable {
		return nil, nil, (&problem{at: defaults, path: "defaults"}).mustBe(isTable, defaults)
	}
	if apps == nil || len(apps.items) == 0 {
		if include != nil && (apps == nil || apps.kind == isTable) {
			return include, notices, nil
		}
		p := wrong("no app in it", "write [apps.NAME] and below it script = \"…\"")
		p.at = apps
		return nil, nil, p
	}
	if apps.kind != isTable && apps.kind != isList {
		return nil, nil, (&problem{at: apps, path: "apps"}).mustBe(isTable, apps)
	}
	for _, n := range apps.items {
		if p := l.app(n, apps.kind, defaults, doc, base); p != nil {
			return nil, nil, p
		}
	}
	return include, notices, nil
}

// add takes an app, unless its name is taken.
func (l *loader) add(d *draft) *problem {
	fold := strings.ToLower(d.spec.Name)
	if first := l.names[fold]; first != nil {
		return twice(d, first)
	}
	l.names[fold] = d
	l.drafts = append(l.drafts, d)
	return nil
}

func twice(d, first *draft) *problem {
	p := wrong("there is an app of that name already", "rename one of them")
	if first.spec.Name != d.spec.Name {
		p.what = "differs from app " + first.spec.Name + " in upper and lower case only"
	}
	if first.doc != d.doc {
		p.what += ", in " + shown(first.doc.path)
	}
	p.path, p.at, p.doc = "apps."+bare(d.spec.Name), d.node, d.doc
	if n := d.at["name"]; n != nil {
		p.at = n
	}
	return p
}

// include reads the files that one includes: each stands for itself, with
// paths from its own directory and [defaults] of its own.
func (l *loader) include(n *node, doc *document, abs string) error {
	if n == nil {
		return nil
	}
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	for _, c := range list {
		paths, p := l.included(c, filepath.Dir(abs))
		if p != nil {
			p.at, p.path = c, "include"
			if c.width == 0 {
				p.at = n
			}
			return doc.error(p)
		}
		for _, path := range paths {
			if err := l.includeOne(path, c, n, doc, abs); err != nil {
				return err
			}
		}
	}
	return nil
}

// included are the files that one word names, sorted.
func (l *loader) included(c *node, base string) ([]string, *problem) {
	if c.kind != isString {
		p := new(problem).mustBe(isString, c)
		p.hint = `such as include = ["services/*.toml"]`
		return nil, p
	}
	word, p := expand(c.text, l.env.Vars)
	switch {
	case p != nil:
		return nil, p
	case word == "":
		return nil, wrong("must not be empty", "name a file, or leave it out")
	case !strings.ContainsAny(word, "*?["):
		return []string{word}, nil
	}
	found, err := glob(absIn(base, word, l.env))
	switch {
	case errors.Is(err, errTooMuch):
		return nil, wrong(shown(word)+" would have too many directories looked through", "name the directory")
	case err != nil:
		return nil, wrong(shown(word)+" is no pattern", `such as "services/*.toml"`)
	}
	if len(found) == 0 {
		return nil, wrong("no file matches "+shown(word), "check the path")
	}
	for i := range found {
		if rel, err := filepath.Rel(base, found[i]); err == nil && !filepath.IsAbs(word) {
			found[i] = rel
		}
	}
	return found, nil
}

func (l *loader) includeOne(path string, c, whole *node, doc *document, abs string) error {
	file := absIn(filepath.Dir(abs), path, l.env)
	told := path
	if !filepath.IsAbs(path) && !strings.HasPrefix(path, "~") {
		told = filepath.Join(filepath.Dir(doc.path), path)
	}
	var p *problem
	var data []byte
	switch i := slices.Index(l.way, file); {
	case i >= 0:
		p = wrong("goes round in a circle: "+circleOf(l.way[i:], file), "leave one of these out")
	case l.read[file]:
		return nil // two files may include the same third
	case len(l.read) >= mostFiles:
		p = wrong("more than "+strconv.Itoa(mostFiles)+" files", "include fewer of them")
	default:
		var err error
		if data, err = readSmall(file); err == nil {
			break
		}
		e := readError(shown(told), err)
		p = &problem{code: e.Code, what: e.Message, hint: e.Hint}
	}
	if p == nil {
		return l.file(&document{path: told, data: data}, file)
	}
	if p.at, p.path = c, "include"; c.width == 0 {
		p.at = whole
	}
	return doc.error(p)
}

func circleOf(way []string, again string) string {
	var names []string
	for _, w := range append(slices.Clone(way), again) {
		names = append(names, shown(filepath.Base(w)))
	}
	return strings.Join(names, " → ")
}
