package config

import (
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// A hookKey is a key of a hook's table.
type hookKey struct {
	name string
	help string
	form func(*velos.Hook) form
}

// hookKeys is the table of them. With a shell the command is one word, so
// that what a listing says can be read again.
var hookKeys = []hookKey{
	{"command", "what is run: its first word is looked up as a script is", func(h *velos.Hook) form {
		return special(func(_ *draft, n *node) *problem { return readHookCommand(h, n) }, "a list, or a line that is split into words", anyOf(ofType("string"), listOf(aScalar)))
	}},
	{"shell", "command is a line for /bin/sh", func(h *velos.Hook) form { return boolean(func(*draft) *bool { return &h.Shell }) }},
	{"timeout", "how long it may take; left out, 30s", func(h *velos.Hook) form { return length(func(*draft) *velos.Millis { return &h.Timeout }) }},
}

const suchHook = `such as ["./migrate.sh"] or { command = "./migrate.sh --all", timeout = "2m" }`

func isHook(key string) bool { return slices.Contains(velos.HookNames[:], velos.HookName(key)) }

// readHook reads a hook: a list, a line, or a table.
func readHook(name velos.HookName) form {
	read := func(d *draft, n *node) *problem {
		h := new(velos.Hook)
		p := readHookValue(d, n, h)
		d.spec.Hooks = d.spec.With(name, h)
		return p
	}
	properties := schema{}
	for _, k := range hookKeys {
		f := k.form(new(velos.Hook)).schema
		f["description"] = k.help
		properties[k.name] = f
	}
	table := schema{"type": "object", "properties": properties, "required": []string{"command"}, "additionalProperties": false}
	return form{read, "a list, a line that is split into words, or a table", anyOf(ofType("string"), listOf(aScalar), table)}
}

func readHookValue(d *draft, n *node, h *velos.Hook) *problem {
	if n.kind != isTable {
		return readHookCommand(h, n)
	}
	if c := n.child("shell"); c != nil { // it says what the command is
		h.Shell = c.kind == isBool && c.text == "true"
	}
	for _, c := range n.items {
		p := readHookKey(d, c, h)
		if p == nil {
			continue
		}
		if p.at == nil {
			p.at = c
		}
		p.below = "." + bare(c.key)
		return p
	}
	if len(h.Command) == 0 {
		return wrong("has no command", suchHook)
	}
	return nil
}

func readHookKey(d *draft, c *node, h *velos.Hook) *problem {
	var names []string
	for _, k := range hookKeys {
		if k.name == c.key {
			return k.form(h).read(d, c)
		}
		names = append(names, k.name)
	}
	if ours := hookWords[strings.ToLower(c.key)]; ours != "" {
		return wrong("unknown key", `did you mean "`+ours+`"?`)
	}
	return wrong("unknown key", didYouMean(c.key, names, "there are "+strings.Join(names, ", ")))
}

// hookWords are other words for the keys of a hook.
var hookWords = map[string]string{"cmd": "command", "exec": "command", "script": "command", "run": "command", "argv": "command", "limit": "timeout"}

func readHookCommand(h *velos.Hook, n *node) *problem {
	var p *problem
	switch {
	case n.kind == isString && h.Shell:
		h.Command = []string{n.text}
	case n.kind == isString:
		h.Command, p = splitWords(n.text, "{ command = …, shell = true }")
	case n.kind == isList:
		h.Command, p = scalars(n)
	default:
		return wrong("must be a list, a string or a table, not "+n.kind.String(), suchHook)
	}
	if p == nil && (len(h.Command) == 0 || strings.TrimSpace(h.Command[0]) == "") {
		return wrong("has no command", suchHook)
	}
	return p
}

// resolveHooks looks up the programs of hooks. A script gets its interpreter,
// as the app's own does.
func (d *draft) resolveHooks(env Environ) *problem {
	for _, name := range velos.HookNames {
		if p := d.resolveHook(name, env); p != nil {
			return p
		}
	}
	return nil
}

func (d *draft) resolveHook(name velos.HookName, env Environ) *problem {
	h := d.spec.Hook(name)
	if h == nil || h.Shell {
		return nil
	}
	path, _ := d.variable("PATH")
	twin := newDraft() // a hook is found as an app would be that has its command
	twin.base, twin.cwd, twin.node = d.base, d.cwd, d.node
	twin.spec.Env, twin.spec.FileEnv = d.spec.Env, d.spec.FileEnv
	r := &resolver{d: twin, env: env, path: path}
	first := h.Command[0]
	file, st, err := r.find(first)
	var p *problem
	if err == nil && (!st.IsDir() || isPath(first)) {
		p = r.file(first, file, st)
	} else {
		p = r.name(first, file)
	}
	if p != nil {
		p.field = string(name)
		return p
	}
	var words []string
	if twin.spec.Interpreter != "" {
		words = append(append(words, twin.spec.Interpreter), twin.spec.InterpreterArgs...)
	}
	words = append(append(words, twin.spec.Script), h.Command[1:]...)
	d.spec.Hooks = d.spec.With(name, &velos.Hook{Command: words, Timeout: h.Timeout})
	return nil
}
