package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Change is one setting that differs between two Specs of an app. Empty
// text means that it is not there, or has its zero value.
type Change struct {
	Key      string
	From, To string // as TOML
	// Live says that it takes effect without a new run.
	Live bool
}

// Changes are the settings that differ between what an app is and what it is
// to become. A variable that both only inherit from whoever called does not
// count: it differs from shell to shell.
func Changes(old, now *velos.Spec) []Change {
	were, is := Settings(old), Settings(now)
	var list []Change
	if a, b := old.Port(), now.Port(); a != b && old.EnvFrom[velos.PortVar] == velos.FromAuto && now.EnvFrom[velos.PortVar] == velos.FromAuto {
		list = append(list, Change{Key: "port", From: strconv.Itoa(a), To: strconv.Itoa(b)}) // both are "auto"
	}
	if slices.Equal(were, is) {
		return list // empty, as most are
	}
	before := map[string]Setting{}
	for _, s := range were {
		before[s.Key] = s
	}
	inherited := func(key string) bool {
		name, ok := strings.CutPrefix(key, "env.")
		return ok && IsInherited(name) && old.EnvFrom[name] == "" && now.EnvFrom[name] == ""
	}
	for _, s := range is {
		was := before[s.Key]
		delete(before, s.Key)
		if was.Value != s.Value && !inherited(s.Key) {
			list = append(list, Change{s.Key, was.Value, s.Value, live(s.Key) || s.Key == "schedule" && was.Value != ""}) // a job stays one
		}
	}
	for _, s := range were { // in its order
		if _, gone := before[s.Key]; gone && !inherited(s.Key) {
			list = append(list, Change{s.Key, s.Value, "", live(s.Key)})
		}
	}
	return list
}

// live reports whether a key needs no new run. Another number of instances
// adds and takes away some, and leaves the others alone.
func live(key string) bool {
	switch key {
	case "source", "notify", "env_profiles", "instances":
		return true
	case "name", "command":
		return false
	}
	base, _, _ := strings.Cut(key, ".")
	k := keys()[base]
	return k != nil && k.live
}
