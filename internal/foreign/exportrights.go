package foreign

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// unitRights are the user, the limits and what else of the kind a unit says.
func (a app) unitRights(p *page) {
	for _, l := range []struct{ key, value string }{{"User", a.User}, {"Group", a.Group}, {"UMask", a.Umask}} {
		if l.value != "" {
			p.line(l.key, "=", specifier(l.value))
		}
	}
	if a.Nice != 0 {
		p.line("Nice=", strconv.Itoa(a.Nice))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Limits)) {
		switch v := a.Limits[name]; name {
		case velos.GroupMemory:
			p.line("MemoryMax=", v)
		case velos.GroupCPU:
			p.line("CPUQuota=", v)
		case velos.GroupPids:
			p.line("TasksMax=", v)
		default:
			p.line("Limit", strings.ToUpper(name), "=", strings.ReplaceAll(v, "unlimited", "infinity"))
		}
	}
	if a.MaxMemory > 0 && a.Limits[velos.GroupMemory] == "" {
		p.line("# Velos restarts it in order; systemd kills what needs more.")
		p.line("MemoryMax=", strconv.FormatInt(a.MaxMemory, 10))
	}
}

// rightsText says in words what unitRights would write.
func (a app) rightsText() string {
	var list []string
	for _, l := range []struct{ key, value string }{{"as user ", a.User}, {"with group ", a.Group}, {"with umask ", a.Umask}} {
		if l.value != "" {
			list = append(list, l.key+l.value)
		}
	}
	if a.Nice != 0 {
		list = append(list, "with nice "+strconv.Itoa(a.Nice))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Limits)) {
		list = append(list, "with limit "+name+" "+a.Limits[name])
	}
	return cmp.Or(strings.Join(list, ", "), "as everybody")
}
