package foreign

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// groupLimits are in the way of a start where the system hands on no control
// groups, so that an import does not write them.
const groupLimits = `limits has "cpu.max", "memory.max" and "pids.max", where the system gives velosd control groups`

// limit adds a limit as setrlimit has it, unless there is none of that name or
// the value is no number. "infinity" is systemd's word, -1 that of others.
func (a *App) limit(name, soft, hard string, line int) bool {
	value := limitWord(soft)
	if hard != "" && hard != soft {
		value += ":" + limitWord(hard)
	}
	words := strings.Split(value, ":")
	for i, w := range words {
		if n, err := config.Size(w); err == nil {
			words[i] = strconv.FormatInt(n, 10)
		}
	}
	if _, _, ok := velos.ParseLimit(strings.Join(words, ":")); !ok || !slices.Contains(velos.LimitNames, name) {
		return false
	}
	limits, _ := a.get("limits").(Table)
	if limits != nil {
		a.drop("limits")
	}
	a.set("limits", limits.with(Table{{name, value, line}}), line)
	return true
}

func limitWord(s string) string {
	if s == "infinity" || s == "-1" {
		return "unlimited"
	}
	return s
}

// umask adds one, written with or without the 0 in front.
func (a *App) umask(v string, line int) bool {
	if _, ok := velos.ParseUmask(v); !ok {
		return false
	}
	a.drop("umask")
	a.set("umask", v, line)
	return true
}

// rlimit takes LimitNOFILE=1024:4096 and its kin.
func (u *unit) rlimit(e entry, v string) error {
	soft, hard, _ := strings.Cut(v, ":")
	if !u.limit(strings.ToLower(strings.TrimPrefix(e.key, "Limit")), soft, hard, e.line) {
		u.lost(u.App.Name, e.key, "limits has "+strings.Join(velos.LimitNames, ", ")+", in numbers")
	}
	return nil
}

func (u *unit) mask(e entry, v string) error {
	if !u.umask(v, e.line) {
		return u.wrong(e, "must be octal digits, not "+shown(v), "such as UMask=0027")
	}
	return nil
}

func (u *unit) niceness(e entry, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < -20 || n > 19 {
		return u.wrong(e, "must be from -20 to 19, not "+shown(v), "such as Nice=5")
	}
	u.replace("nice", int64(n), e.line)
	return nil
}

// ulimits of a service: a number, or soft and hard.
func (s *service) ulimits(v *value) error {
	for i, name := range v.keys {
		in := v.items[i]
		soft, hard := in.text, ""
		if x, y := in.get("soft"), in.get("hard"); x != nil && y != nil {
			soft, hard = x.text, y.text
		}
		if !s.App.limit(name, soft, hard, in.line) {
			s.lost(s.App.Name, "ulimits."+name, "limits has "+strings.Join(velos.LimitNames, ", ")+", in numbers")
		}
	}
	return nil
}
