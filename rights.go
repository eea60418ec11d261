package velos

import (
	"strconv"
	"strings"
)

// An Identity is the user that an app runs as, when that is not the daemon's.
type Identity struct {
	UID    int     `json:"uid"`
	GID    int     `json:"gid"`
	Groups []int64 `json:"groups,omitempty"` // besides GID
}

// Fields implements Record.
func (i *Identity) Fields(f Fields) {
	Int(f, "uid", &i.UID)
	Int(f, "gid", &i.GID)
	f.Ints("groups", &i.Groups)
}

// LimitNames are the limits of resources that a Spec may set, as setrlimit
// knows them.
var LimitNames = []string{"as", "core", "cpu", "data", "fsize", "memlock", "nofile", "nproc", "stack"}

// The limits of a control group (version 2) that a Spec may set, by the names of
// the kernel's files: bytes, percent of one core such as 150%, and how many
// processes and threads. They hold for each instance and all that it starts.
const (
	GroupMemory = "memory.max"
	GroupCPU    = "cpu.max"
	GroupPids   = "pids.max"
)

// GroupLimitNames are these.
var GroupLimitNames = []string{GroupCPU, GroupMemory, GroupPids}

// ParseGroupLimit reads the value of one: a whole number above zero, and
// percent of cpu.max.
func ParseGroupLimit(name, s string) (n int64, ok bool) {
	if name == GroupCPU {
		if s, ok = strings.CutSuffix(s, "%"); !ok {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && (name != GroupCPU || n <= 100_000)
}

func isGroupLimit(name string) bool {
	return name == GroupMemory || name == GroupCPU || name == GroupPids
}

// ParseLimit reads SOFT or SOFT:HARD, numbers or "unlimited", which is the
// highest number there is.
func ParseLimit(s string) (soft, hard uint64, ok bool) {
	first, second, both := strings.Cut(s, ":")
	soft, ok = limitNumber(first)
	if hard = soft; both && ok {
		hard, ok = limitNumber(second)
	}
	return soft, hard, ok && soft <= hard
}

func limitNumber(s string) (uint64, bool) {
	if s == "unlimited" {
		return 1<<64 - 1, true
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return n, err == nil
}

// ParseUmask reads up to four octal digits.
func ParseUmask(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 8, 16)
	return int(n), err == nil && n <= 0o777 && len(s) <= 4
}

func (s *Spec) checkRights() *fault {
	if i := s.Identity; i != nil {
		for at, n := range append([]int64{int64(i.UID), int64(i.GID)}, i.Groups...) {
			if n < 0 || n > 1<<32-2 {
				field := "user"
				if at == 1 && s.Group != "" {
					field = "group"
				}
				return &fault{field: field, what: "an id is between 0 and 4294967294, not " + strconv.FormatInt(n, 10), hint: "name the " + field + " instead"}
			}
		}
		if s.Mode == Cluster {
			return &fault{field: "user", what: "cluster mode runs workers as the user of the daemon only", hint: "use fork mode and listen, which shares ports, too"}
		}
	}
	if s.Umask != "" {
		if _, ok := ParseUmask(s.Umask); !ok {
			return &fault{field: "umask", what: "must be octal digits such as 022, not " + quote(s.Umask), hint: `such as umask = "027"`}
		}
	}
	if s.Nice < -20 || s.Nice > 19 {
		return &fault{field: "nice", what: "must be between -20 and 19, not " + strconv.Itoa(s.Nice), hint: "19 is the least urgent"}
	}
	name, value := "", ""
	for k, v := range s.Limits { // the first in order, for the same error each time
		_, _, ok := ParseLimit(v)
		if isGroupLimit(k) {
			_, ok = ParseGroupLimit(k, v)
		}
		if (!ok || !knownLimit(k) && !isGroupLimit(k)) && (name == "" || k < name) {
			name, value = k, v
		}
	}
	switch {
	case name == "":
		return nil
	case isGroupLimit(name):
		return &fault{field: "limits." + quote(name), what: "must be a number above zero, or percent such as 150% of cpu.max, not " + quote(value), hint: `such as limits = { "memory.max" = "512M" }`}
	case !knownLimit(name):
		return &fault{field: "limits." + quote(name), what: "unknown limit", hint: "there are " + strings.Join(LimitNames, ", ") + ", " + strings.Join(GroupLimitNames, ", ")}
	}
	return &fault{field: "limits." + name, what: "must be a number, SOFT:HARD or unlimited, not " + quote(value), hint: `such as limits = { nofile = 4096 }`}
}

func knownLimit(name string) bool {
	for _, n := range LimitNames {
		if n == name {
			return true
		}
	}
	return false
}
