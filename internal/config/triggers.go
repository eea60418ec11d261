package config

import (
	"errors"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/cron"
)

// readWatch takes true, false, or what to watch.
func readWatch(d *draft, n *node) *problem {
	if n.kind == isBool {
		d.spec.Watch = n.text == "true"
		return nil
	}
	if n.kind != isString && n.kind != isList {
		return wrong("must be true, false or a list of paths, not "+n.kind.String(), `such as watch = ["src", "config.json"]`)
	}
	p := paths(func(d *draft) *[]string { return &d.spec.WatchPaths })(d, n)
	d.spec.Watch = len(d.spec.WatchPaths) > 0
	return p
}

// paths reads one text or a list of them, word by word.
func paths(field func(*draft) *[]string) reader {
	return func(d *draft, n *node) *problem {
		list := []*node{n}
		if n.kind == isList {
			list = n.items
		}
		texts := make([]string, 0, len(list))
		for _, c := range list {
			if c.kind != isString {
				return wrong("must be a list of strings, not "+c.kind.String(), `such as ["src", "*.json"]`)
			}
			if c.text == "" {
				return wrong("must not be empty", "leave it out")
			}
			texts = append(texts, c.text)
		}
		*field(d) = texts
		return nil
	}
}

// readCron reads an expression, and knows where in it a problem is.
func readCron(field func(*draft) *string) reader {
	return func(d *draft, n *node) *problem {
		if n.kind != isString {
			p := new(problem).mustBe(isString, n)
			p.hint = `such as "0 3 * * *"`
			return p
		}
		*field(d) = n.text
		_, err := cron.Parse(n.text)
		var c *cron.Problem
		if !errors.As(err, &c) {
			return nil
		}
		p := wrong(shown(n.text)+": "+c.What, c.Hint)
		if n.from > 0 {
			p.at = &node{kind: n.kind, key: n.key, offset: n.from + c.At, width: c.Width}
		}
		return p
	}
}

var overlaps = []string{string(velos.Skip), string(velos.Queue), string(velos.Kill)}

func readOverlap(d *draft, n *node) *problem {
	if n.kind != isString {
		return new(problem).mustBe(isString, n)
	}
	d.spec.Overlap = velos.Overlap(n.text)
	for _, o := range overlaps {
		if n.text == o {
			return nil
		}
	}
	return wrong("must be skip, queue or kill, not "+shown(n.text), didYouMean(n.text, overlaps, "skip is the default"))
}

// fillWatch reads the flags about files.
func (o *Options) fillWatch(d *draft) {
	d.spec.WatchIgnore = o.IgnoreWatch
	d.spec.Watch = len(o.Watch) > 0
	for _, p := range o.Watch {
		if p != "" {
			d.spec.WatchPaths = append(d.spec.WatchPaths, p)
		}
	}
}

// resolveTriggers makes paths absolute. A job's policy is never to be restarted
// unless the file says otherwise, which is an error.
func (d *draft) resolveTriggers(env Environ) *problem {
	for i, p := range d.spec.WatchPaths {
		d.spec.WatchPaths[i] = absIn(d.base, p, env)
	}
	if d.node != nil && d.spec.Schedule != "" && d.at["autorestart"] == nil {
		d.spec.Autorestart = velos.Never
	}
	return nil
}
