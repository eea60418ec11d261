package config

import (
	"maps"
	"slices"
	"strings"
)

// profileKey begins a key that is a profile's: env_production. Keys of the
// table that begin like this are themselves.
const profileKey = "env_"

func variablesSchema() schema {
	return schema{"type": "object", "additionalProperties": aScalar}
}

func envSchema() schema {
	return schema{"type": "object", "additionalProperties": anyOf(aScalar, variablesSchema())}
}

func envFileSchema() schema {
	return anyOf(ofType("string"), schema{"type": "object", "properties": schema{"path": ofType("string"), "optional": ofType("boolean")},
		"required": []string{"path"}, "additionalProperties": false})
}

// readEnv reads variables, and profiles among them.
func readEnv(d *draft, n *node) *problem {
	if n.kind != isTable {
		p := new(problem).mustBe(isTable, n)
		p.hint = `such as env = { PORT = "3000" }`
		return p
	}
	if d.env == nil {
		d.env = map[string]string{}
	}
	for _, c := range n.items {
		if c.kind != isTable {
			if p := readVariable(d.env, n, c); p != nil {
				return p
			}
		} else if p := d.readProfile(c.key, c, n); p != nil {
			return p
		}
	}
	return nil
}

// readProfiles reads env_profiles, a table of profiles.
func readProfiles(d *draft, n *node) *problem {
	if n.kind != isTable {
		p := new(problem).mustBe(isTable, n)
		p.hint = `such as env_profiles = { production = { NODE_ENV = "production" } }`
		return p
	}
	for _, c := range n.items {
		if c.kind != isTable {
			p := new(problem).mustBe(isTable, c)
			p.at, p.below, p.hint = c, "."+bare(c.key), "a profile is a table of variables; those of every profile go into env"
			return p
		}
		if p := d.readProfile(c.key, c, n); p != nil {
			return p
		}
	}
	return nil
}

// readProfile adds to the profile of that name.
func (d *draft) readProfile(name string, n, parent *node) *problem {
	if n.kind != isTable {
		p := wrong("must be a table of variables, not "+n.kind.String(), "such as "+n.key+` = { NODE_ENV = "production" }; a variable of that name goes into env`)
		return p
	}
	if name == "" || strings.Contains(name, "=") {
		p := wrong("a profile's name must not be empty, nor contain =", `such as [apps.api.env.production]`)
		p.at = n
		return p
	}
	if d.profiles == nil {
		d.profiles = map[string]map[string]string{}
	}
	if d.profiles[name] == nil {
		d.profiles[name] = map[string]string{}
	}
	for _, c := range n.items {
		if p := readVariable(d.profiles[name], n, c); p != nil {
			if n != parent {
				p.below = "." + bare(n.key)
			}
			return p
		}
	}
	return nil
}

func readVariable(into map[string]string, table, c *node) *problem {
	s, ok := scalar(c)
	if !ok {
		p := wrong(bare(table.key)+"."+bare(c.key)+" must be a string, a number, true or false, not "+c.kind.String(), "put it into quotes")
		p.at = c
		return p
	}
	into[c.key] = s
	return nil
}

// readEnvFile takes names of files; one that may be missing begins with ?.
func readEnvFile(d *draft, n *node) *problem {
	names := []*node{n}
	if n.kind == isList {
		names = n.items
	}
	d.envFiles = nil
	for _, c := range names {
		name := c.text
		switch {
		case c.kind == isTable:
			var p *problem
			if name, p = readEnvFileTable(c); p != nil {
				return p
			}
		case c.kind != isString:
			return wrong("must be a file or a list of files, not "+c.kind.String(), `such as env_file = ".env"`)
		}
		if strings.TrimPrefix(name, "?") == "" {
			return wrong("must not be empty", "name a file or leave it out")
		}
		d.envFiles = append(d.envFiles, name)
	}
	return nil
}

func readEnvFileTable(n *node) (string, *problem) {
	name, optional := "", false
	for _, c := range n.items {
		var p *problem
		switch {
		case c.key != "path" && c.key != "optional":
			p = wrong("unknown key", didYouMean(c.key, []string{"path", "optional"}, "there are path and optional"))
		case c.key == "path" && c.kind != isString:
			p = new(problem).mustBe(isString, c)
		case c.key == "optional" && c.kind != isBool:
			p = new(problem).mustBe(isBool, c)
		case c.key == "path":
			name = c.text
		default:
			optional = c.text == "true"
		}
		if p != nil {
			p.at, p.below = c, "."+bare(c.key)
			return "", p
		}
	}
	if optional && name != "" {
		name = "?" + name
	}
	return name, nil
}

// checkProfiles sees to it that each profile asked for is there in one app at
// least: a name that nobody knows is a mistake.
func checkProfiles(drafts []*draft, asked []string) *problem {
	known := map[string]bool{}
	for _, d := range drafts {
		for name := range d.profiles {
			known[name] = true
		}
	}
	for _, name := range asked {
		if known[name] {
			continue
		}
		names := slices.Sorted(maps.Keys(known))
		hint := "write it as [apps.NAME.env." + bare(name) + "]"
		if len(names) > 0 {
			hint = didYouMean(name, names, "there are "+strings.Join(names, ", "))
		}
		return wrong("--env "+shown(name)+": no app has a profile of this name", hint)
	}
	return nil
}
