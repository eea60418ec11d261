package config

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// readListen takes the addresses as they were written; resolveListen reads
// them.
func readListen(d *draft, n *node) *problem {
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	d.listen = nil
	for _, c := range list {
		if c.kind != isString && c.kind != isInteger {
			return wrong("must be an address or a list of addresses, not "+c.kind.String(), listenForms)
		}
		d.listen = append(d.listen, c.text)
	}
	return nil
}

// probeWords are other words for the keys of a probe.
var probeWords = map[string]string{"url": "http", "path": "http", "port": "tcp", "cmd": "exec", "command": "exec", "script": "exec", "every": "interval"}

// A probeKey is a key of ready and health.
type probeKey struct {
	name string
	help string
	form func(*velos.Probe) form
}

// probeKeys is the table of them.
var probeKeys = []probeKey{
	{"http", "a URL, /PATH for http://127.0.0.1:$PORT/PATH, or :PORT/PATH; status 200 to 399 is well", func(p *velos.Probe) form { return text(func(*draft) *string { return &p.HTTP }) }},
	{"tcp", "HOST:PORT, or a port; a connection is well", func(p *velos.Probe) form {
		return special(func(_ *draft, n *node) *problem {
			if n.kind != isString && n.kind != isInteger {
				return wrong("must be HOST:PORT, not "+n.kind.String(), `such as "127.0.0.1:3000"`)
			}
			p.TCP = n.text
			return nil
		}, "an address", ofType("string", "integer"))
	}},
	{"exec", "a command; exit code 0 is well", func(p *velos.Probe) form {
		return special(func(_ *draft, n *node) *problem { return readCommand(&p.Exec, n) }, "a list, or a line that is split into words", anyOf(ofType("string"), listOf(aScalar)))
	}},
	{"log", "text in a line of its output; for ready only", func(p *velos.Probe) form { return text(func(*draft) *string { return &p.Log }) }},
	{"interval", "between the end of one and the begin of the next", func(p *velos.Probe) form { return length(func(*draft) *velos.Millis { return &p.Interval }) }},
	{"timeout", "of one", func(p *velos.Probe) form { return length(func(*draft) *velos.Millis { return &p.Timeout }) }},
	{"retries", "failures in a row that count", func(p *velos.Probe) form { return whole(func(*draft) *int { return &p.Retries }) }},
	{"start_period", "from the start of a run, in which failures do not count; for health only", func(p *velos.Probe) form { return length(func(*draft) *velos.Millis { return &p.StartPeriod }) }},
}

// readProbe reads a table of ready or health.
func readProbe(field func(*draft) **velos.Probe) form {
	read := func(d *draft, n *node) *problem {
		if n.kind != isTable {
			p := new(problem).mustBe(isTable, n)
			p.hint = "such as " + n.key + ` = { http = "/health" }`
			return p
		}
		probe := new(velos.Probe)
		for _, c := range n.items {
			p := readProbeKey(d, n, c, probe)
			if p == nil {
				continue
			}
			if p.at == nil {
				p.at = c
			}
			p.below = "." + bare(c.key)
			return p
		}
		*field(d) = probe
		return nil
	}
	properties := schema{}
	for _, k := range probeKeys {
		f := k.form(new(velos.Probe)).schema
		f["description"] = k.help
		properties[k.name] = f
	}
	return form{read, "a table", schema{"type": "object", "properties": properties, "additionalProperties": false}}
}

func readProbeKey(d *draft, n, c *node, probe *velos.Probe) *problem {
	if n.key == "ready" && c.key == "start_period" {
		return wrong("is for health only", "leave it out; listen_timeout says how long it may take to become ready")
	}
	for _, k := range probeKeys {
		if k.name == c.key {
			return k.form(probe).read(d, c)
		}
	}
	return wrong("unknown key", unknownProbeKey(c.key))
}

func unknownProbeKey(key string) string {
	if ours := probeWords[strings.ToLower(key)]; ours != "" {
		return `did you mean "` + ours + `"?`
	}
	var names []string
	for _, k := range probeKeys {
		names = append(names, k.name)
	}
	return didYouMean(key, names, "there are "+strings.Join(names, ", "))
}

// readCommand reads a command of a probe. A variable is no business of a
// shell here: each probe replaces it.
func readCommand(into *[]string, n *node) *problem {
	if n.kind == isList {
		list, p := scalars(n)
		*into = list
		return p
	}
	if n.kind != isString {
		return wrong("must be a list or a string, not "+n.kind.String(), `such as ["curl", "-f", "http://127.0.0.1:$PORT/"]`)
	}
	const dollar = "\x00" // Split knows no variables
	if strings.Contains(n.text, dollar) {
		return wrong("must not contain a NUL byte", "remove the character")
	}
	list, p := splitWords(strings.ReplaceAll(n.text, "$", dollar), `["sh", "-c", "…"]`)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], dollar, "$")
	}
	*into = list
	return p
}

// readMessage takes JSON, or a word that becomes a string of JSON.
func readMessage(d *draft, n *node) *problem {
	if n.kind != isString {
		p := new(problem).mustBe(isString, n)
		p.hint = `such as '{"type":"shutdown"}'`
		return p
	}
	d.spec.ShutdownMessage = n.text
	switch {
	case n.text == "" || json.Valid([]byte(n.text)):
	case strings.ContainsAny(n.text[:1], `{["`):
		return wrong("is not valid JSON", `such as '{"type":"shutdown"}'`)
	default:
		word, err := json.Marshal(n.text)
		if err != nil {
			return wrong("is not valid JSON", `such as '{"type":"shutdown"}'`)
		}
		d.spec.ShutdownMessage = string(word)
	}
	return nil
}

var conditions = []string{string(velos.OnReady), string(velos.OnStarted), string(velos.OnHealthy), string(velos.OnExitedOK), string(velos.OnExited)}

func dependencySchema() schema {
	table := schema{"type": "object", "properties": schema{"name": ofType("string"), "condition": oneWord(conditions...)},
		"required": []string{"name"}, "additionalProperties": false}
	return oneOrMore(anyOf(ofType("string"), table))
}

func readDependsOn(d *draft, n *node) *problem {
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	d.spec.DependsOn = nil
	for _, c := range list {
		dep := velos.Dependency{Condition: velos.OnReady}
		switch c.kind {
		case isString:
			dep.Name = c.text
		case isTable:
			if p := readDependency(&dep, c); p != nil {
				return p
			}
		default:
			return wrong("must be names of apps, not "+c.kind.String(), `such as ["db"] or [{ name = "db", condition = "healthy" }]`)
		}
		d.spec.DependsOn = append(d.spec.DependsOn, dep)
	}
	return nil
}

func readDependency(dep *velos.Dependency, n *node) *problem {
	for _, c := range n.items {
		var p *problem
		switch {
		case c.key != "name" && c.key != "condition":
			p = wrong("unknown key", didYouMean(c.key, []string{"name", "condition"}, "there are name and condition"))
		case c.kind != isString:
			p = new(problem).mustBe(isString, c)
		case c.key == "name":
			dep.Name = c.text
		case !slices.Contains(conditions, c.text):
			p = wrong("unknown condition "+shown(c.text), didYouMean(c.text, conditions, "there are "+strings.Join(conditions, ", ")))
		default:
			dep.Condition = velos.Condition(c.text)
		}
		if p != nil {
			p.at, p.below = c, "."+bare(c.key)
			return p
		}
	}
	if dep.Name == "" {
		return wrong("an app has no name", `such as { name = "db", condition = "healthy" }`)
	}
	return nil
}
