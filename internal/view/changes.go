package view

import (
	"io"
	"strings"

	"github.com/velospm/velos"
)

// A Plan is what a file comes to for one app.
type Plan struct {
	Name    string
	Action  string // start, reload, change, delete, leave
	Why     string // in words, where the changes do not say it
	Changes []Change
}

// A Change is a setting that differs. Empty text is a setting that is not
// there.
type Change struct {
	Key  string `json:"key"` // dotted; env_file:NAME is a variable of an env file
	From string `json:"from"`
	To   string `json:"to"`
}

// Hide masks the secrets of a setting: by the name of its variable, whatever
// comes from an env file, and the app's secrets wherever they are.
func (m Mask) Hide(key, value string) string {
	name, variable := strings.CutPrefix(key, "env.")
	bare := strings.Trim(value, `"`)
	switch {
	case value == "":
		return ""
	case strings.HasPrefix(key, "env_file:"), variable && m.secret(name, bare):
		return Masked
	}
	return m.String(value)
}

// HideAll is the changes between two Specs without their secrets.
func HideAll(list []Change, specs ...*velos.Spec) []Change {
	var apps []*velos.App
	for _, s := range specs {
		apps = append(apps, &velos.App{Spec: *s})
	}
	m := MaskOf(apps...)
	out := make([]Change, len(list))
	for i, c := range list {
		out[i] = Change{c.Key, m.Hide(c.Key, c.From), m.Hide(c.Key, c.To)}
	}
	return out
}

type planJSON struct {
	Name    string   `json:"name"`
	Action  string   `json:"action"`
	Why     string   `json:"why,omitempty"`
	Changes []Change `json:"changes"`
}

type plansJSON struct {
	File      string     `json:"file"`
	Apps      []planJSON `json:"apps"`
	Unchanged int        `json:"unchanged"`
}

type planAI struct {
	Name   string   `json:"n"`
	Action string   `json:"do"`
	Keys   []string `json:"k,omitempty"`
}

// Plans shows what a file would change. unchanged is the number of apps that
// are as it says.
func Plans(w io.Writer, file string, plans []Plan, unchanged int, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		j := plansJSON{File: file, Apps: []planJSON{}, Unchanged: unchanged}
		for _, p := range plans {
			if p.Changes == nil {
				p.Changes = []Change{}
			}
			j.Apps = append(j.Apps, planJSON(p))
		}
		b.b = Value(j)
	case AI:
		list := make([]planAI, len(plans))
		for i, p := range plans {
			list[i] = planAI{Name: p.Name, Action: p.Action}
			for _, c := range p.Changes {
				list[i].Keys = append(list[i].Keys, c.Key)
			}
		}
		b.b = Value(list)
	default:
		for i := range plans {
			o.plan(&b, &plans[i])
		}
		if unchanged > 0 || len(plans) == 0 {
			b.str(asItSays(unchanged, len(plans), file), "\n")
		}
	}
	return b.to(w)
}

// asItSays counts the apps that need nothing.
func asItSays(unchanged, others int, file string) string {
	n := plural(unchanged, "app")
	if unchanged == 1 {
		n += " is"
	} else {
		n += " are"
	}
	if others == 0 && unchanged > 1 {
		n = "all " + n
	}
	return n + " as " + Text(file) + " says"
}

// plan is one app with its changes below.
func (o Options) plan(b *buffer, p *Plan) {
	sign, color := "~", yellow
	switch p.Action {
	case "start", "undelete":
		sign, color = "+", green
	case "delete":
		sign, color = "-", red
	case "leave":
		sign, color = "?", dim
	}
	b.str(o.paint(color, sign), " ", o.paint(bold, Text(p.Name)), ": ", p.Action)
	if p.Why != "" {
		b.str(", ", Text(p.Why))
	}
	b.str("\n")
	o.Changes(b, p.Changes, "    ")
}

// Changes is one line for each setting, below each other.
func (o Options) Changes(b *buffer, list []Change, indent string) {
	widest := 0
	for _, c := range list {
		widest = max(widest, len(c.Key))
	}
	for _, c := range list {
		key := Text(c.Key) + strings.Repeat(" ", widest-len(c.Key)+2)
		switch {
		case c.From == "":
			b.str(indent, o.paint(green, "+"), " ", key, Text(c.To), "\n")
		case c.To == "":
			b.str(indent, o.paint(red, "-"), " ", key, Text(c.From), "\n")
		default:
			b.str(indent, o.paint(yellow, "~"), " ", key, Text(c.From), " → ", Text(c.To), "\n")
		}
	}
}
