package config

import (
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

func rightsKeys() section {
	limits := schema{}
	for _, name := range slices.Concat(velos.LimitNames, velos.GroupLimitNames) {
		limits[name] = ofType("integer", "string")
	}
	return section{"Its rights and limits", []key{
		{name: "user", help: "runs as this user, a name or a number, with that user's groups, HOME, USER and LOGNAME; only a velosd of root can do that, and not in cluster mode",
			form: special(nameOrNumber(func(d *draft) *string { return &d.spec.User }), "a name or a number", ofType("string", "integer"))},
		{name: "group", help: "with this group in the place of the user's own",
			form: special(nameOrNumber(func(d *draft) *string { return &d.spec.Group }), "a name or a number", ofType("string", "integer"))},
		{name: "umask", help: "bits that new files do not get; left out, the daemon's", form: special(readUmask, "octal digits as text, or 0o27", ofType("string", "integer"))},
		{name: "nice", preset: "0", help: "from -20, the most urgent, to 19; below 0 for root only", form: whole(func(d *draft) *int { return &d.spec.Nice })},
		{name: "limits", help: "of each process, as setrlimit has them: a number or size, \"SOFT:HARD\" or \"unlimited\" for " + strings.Join(velos.LimitNames, ", ") +
			"; and of an instance with all that it starts, where the system gives velosd control groups (version 2, delegated): \"memory.max\" = \"512M\", \"cpu.max\" = \"150%\" of a core, \"pids.max\" = 64",
			form: special(readLimits, "a table", schema{"type": "object", "properties": limits, "additionalProperties": false})},
	}}
}

func nameOrNumber(field func(*draft) *string) reader {
	return func(d *draft, n *node) *problem {
		if n.kind != isString && n.kind != isInteger {
			return wrong("must be a name or a number, not "+n.kind.String(), `such as "www-data"`)
		}
		if *field(d) = n.text; n.text == "" {
			return wrong("must not be empty", "name one, or leave it out")
		}
		return nil
	}
}

// readUmask takes octal digits. A plain number would be read as decimal by
// some and as octal by others.
func readUmask(d *draft, n *node) *problem {
	const hint = `such as umask = "027"`
	switch {
	case n.kind == isString:
		d.spec.Umask = n.text
	case n.kind == isInteger && strings.HasPrefix(n.text, "0o"):
		d.spec.Umask = strings.TrimPrefix(n.text, "0o")
	default:
		return wrong("must be octal digits in quotes, not "+n.kind.String(), hint)
	}
	if _, ok := velos.ParseUmask(d.spec.Umask); !ok {
		return wrong("must be octal digits from 0 to 777, not "+shown(d.spec.Umask), hint)
	}
	return nil
}

func readLimits(d *draft, n *node) *problem {
	if n.kind != isTable {
		p := new(problem).mustBe(isTable, n)
		p.hint = "such as limits = { nofile = 4096 }"
		return p
	}
	limits := map[string]string{}
	for k, v := range d.spec.Limits { // those of [defaults]
		limits[k] = v
	}
	for _, c := range groupLimits(n.items) {
		v, p := "", (*problem)(nil)
		switch {
		case slices.Contains(velos.GroupLimitNames, c.key):
			v, p = groupLimitText(c)
		case isLimit(c.key):
			v, p = limitText(c)
		default:
			known := slices.Concat(velos.LimitNames, velos.GroupLimitNames)
			p = wrong("unknown limit", didYouMean(c.key, known, "there are "+strings.Join(known, ", ")))
		}
		if p != nil {
			p.at, p.below = c, "."+bare(c.key)
			return p
		}
		limits[c.key] = v
	}
	d.spec.Limits = limits
	return nil
}

// groupLimits takes memory.max written without quotes, which TOML reads as a
// table in a table, for what it is.
func groupLimits(items []*node) []*node {
	var list []*node
	for _, c := range items {
		if c.kind != isTable || len(c.items) == 0 {
			list = append(list, c)
			continue
		}
		for _, in := range c.items {
			flat := *in
			flat.key = c.key + "." + in.key
			list = append(list, &flat)
		}
	}
	return list
}

// groupLimitText is a limit of a control group as a Spec has it: bytes, percent
// of one core, a number.
func groupLimitText(n *node) (string, *problem) {
	hint := map[string]string{velos.GroupMemory: `such as "512M"`, velos.GroupCPU: `such as "150%", which is one and a half cores`, velos.GroupPids: "such as 64"}[n.key]
	if n.kind != isString && n.kind != isInteger {
		return "", wrong("must be a number or text, not "+n.kind.String(), hint)
	}
	text := strings.ReplaceAll(n.text, "_", "")
	if b, err := Size(text); err == nil && n.key == velos.GroupMemory {
		text = strconv.FormatInt(b, 10)
	}
	if _, ok := velos.ParseGroupLimit(n.key, text); !ok {
		return "", wrong("will not do: "+shown(n.text), hint)
	}
	return text, nil
}

func isLimit(name string) bool {
	for _, n := range velos.LimitNames {
		if n == name {
			return true
		}
	}
	return false
}

// limitText is a limit as a Spec has it: sizes are bytes there.
func limitText(n *node) (string, *problem) {
	if n.kind != isString && n.kind != isInteger {
		return "", wrong("must be a number, not "+n.kind.String(), `such as 4096, "2G", "1024:4096" or "unlimited"`)
	}
	words := strings.Split(strings.ReplaceAll(n.text, "_", ""), ":")
	for i, w := range words {
		if b, err := Size(w); err == nil {
			words[i] = strconv.FormatInt(b, 10)
		}
	}
	text := strings.Join(words, ":")
	if _, _, ok := velos.ParseLimit(text); !ok {
		return "", wrong("must be a number, SOFT:HARD or unlimited, not "+shown(n.text), `such as 4096, "2G", "1024:4096" or "unlimited"`)
	}
	return text, nil
}

// resolveRights looks the user up, and gives the app that user's home.
func (d *draft) resolveRights(Environ) *problem {
	s := &d.spec
	s.Identity = nil
	if runtime.GOOS == "windows" && (s.User != "" || s.Group != "" || s.Umask != "" || s.Nice != 0 || len(s.Limits) > 0) {
		return &problem{code: velos.Unsupported, field: "user", what: "user, group, umask, nice and limits are not there on Windows", hint: "leave them out"}
	}
	if s.User == "" && s.Group == "" {
		return nil
	}
	id := &velos.Identity{UID: os.Geteuid(), GID: os.Getegid()}
	if s.User != "" {
		u, p := d.lookUpUser(id)
		if p != nil {
			return p.in("user")
		}
		if u != nil {
			d.atHome(u)
		}
	}
	if s.Group != "" {
		g, err := user.LookupGroup(s.Group)
		if err != nil {
			g, err = user.LookupGroupId(s.Group)
		}
		n, numeric := strconv.Atoi(s.Group)
		switch {
		case err == nil:
			id.GID, _ = strconv.Atoi(g.Gid)
		case numeric == nil:
			id.GID = n
		default:
			return wrong("no such group: "+shown(s.Group), "name one of this machine, or its number").in("group")
		}
	}
	if us := os.Geteuid(); us != 0 && (id.UID != us || id.GID != os.Getegid()) {
		return (&problem{code: velos.Denied, what: "only root can run an app as another user", hint: "leave it out, or use velos as root"}).in("user")
	}
	s.Identity = id
	return nil
}

// lookUpUser fills ids. A number that nobody has is taken as it is, if there
// is a group, too.
func (d *draft) lookUpUser(id *velos.Identity) (*user.User, *problem) {
	s := &d.spec
	u, err := user.Lookup(s.User)
	if err != nil {
		u, err = user.LookupId(s.User)
	}
	if err != nil {
		n, numeric := strconv.Atoi(s.User)
		switch {
		case numeric != nil:
			return nil, wrong("no such user: "+shown(s.User), "name one of this machine, or its number")
		case s.Group == "":
			return nil, wrong("no user has the number "+s.User+", so its group is not known", "name the group, too")
		}
		id.UID = n
		return nil, nil
	}
	id.UID, _ = strconv.Atoi(u.Uid) // numbers, on systems that have users like these
	id.GID, _ = strconv.Atoi(u.Gid)
	groups, _ := u.GroupIds()
	for _, g := range groups {
		if n, err := strconv.ParseInt(g, 10, 64); err == nil && int(n) != id.GID {
			id.Groups = append(id.Groups, n)
		}
	}
	return u, nil
}

// atHome tells the app who it is, as a login would, unless the file says
// otherwise.
func (d *draft) atHome(u *user.User) {
	for k, v := range map[string]string{"HOME": u.HomeDir, "USER": u.Username, "LOGNAME": u.Username} {
		_, fromFile := d.spec.FileEnv[k]
		if d.spec.EnvFrom[k] == "" && !fromFile {
			d.set(k, v, velos.FromVelos)
		}
	}
}
