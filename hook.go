package velos

import (
	"strconv"
	"strings"
)

// DefaultHookTimeout is how long a hook may take that names no timeout.
const DefaultHookTimeout Millis = 30_000

// Hooks are commands that are run at certain moments of an app's life. A hook
// that is nil is not there. They are never changed in place: several Specs may
// have the same.
type Hooks struct {
	PreStart   *Hook `json:"pre_start,omitempty"`    // before each run; without its success there is no run
	PostStart  *Hook `json:"post_start,omitempty"`   // when a run is online
	PreStop    *Hook `json:"pre_stop,omitempty"`     // before a run is told to stop
	OnCrash    *Hook `json:"on_crash,omitempty"`     // after a run has ended badly by itself
	OnGivingUp *Hook `json:"on_giving_up,omitempty"` // when an instance becomes errored
}

// A Hook is a command that is run to its end. Command is complete, its first
// word an absolute path; with Shell it is one word, a line for /bin/sh.
type Hook struct {
	Command []string `json:"command"`
	Shell   bool     `json:"shell,omitempty"`
	Timeout Millis   `json:"timeout,omitempty"` // 0: DefaultHookTimeout
}

// Fields implements Record.
func (h *Hook) Fields(f Fields) {
	f.Strings("command", &h.Command)
	f.Bool("shell", &h.Shell)
	Int(f, "timeout", &h.Timeout)
}

// Limit is how long it may take.
func (h *Hook) Limit() Millis {
	if h.Timeout == 0 {
		return DefaultHookTimeout
	}
	return h.Timeout
}

// A HookName says when a hook is run.
type HookName string

// The hooks.
const (
	PreStart   HookName = "pre_start"
	PostStart  HookName = "post_start"
	PreStop    HookName = "pre_stop"
	OnCrash    HookName = "on_crash"
	OnGivingUp HookName = "on_giving_up"
)

// HookNames are all of them, in the order of a run.
var HookNames = [...]HookName{PreStart, PostStart, PreStop, OnCrash, OnGivingUp}

// fields visits the hooks under their own names: to a Spec they are its keys.
func (h *Hooks) fields(f Fields) {
	for _, name := range HookNames {
		Object(f, string(name), h.at(name))
	}
}

// Hook is the hook of that name; nil when there is none.
func (h *Hooks) Hook(name HookName) *Hook {
	if h == nil {
		return nil
	}
	return *h.at(name)
}

// With are the hooks with another one in the place of that name; nil is none.
func (h *Hooks) With(name HookName, hook *Hook) *Hooks {
	var next Hooks
	if h != nil {
		next = *h
	}
	if *next.at(name) = hook; next == (Hooks{}) {
		return nil
	}
	return &next
}

func (h *Hooks) at(name HookName) **Hook {
	switch name {
	case PreStart:
		return &h.PreStart
	case PostStart:
		return &h.PostStart
	case PreStop:
		return &h.PreStop
	case OnCrash:
		return &h.OnCrash
	}
	return &h.OnGivingUp
}

// hookFields visits a Spec's hooks. Most have none, and then none are made.
func hookFields(f Fields, p **Hooks) {
	if !f.Decodes() {
		if *p != nil {
			(*p).fields(f)
		}
		return
	}
	var read Hooks
	if *p != nil {
		read = **p
	}
	if read.fields(f); read != (Hooks{}) {
		*p = &read
	}
}

// checkHooks checks the commands of hooks. Whether they can be run is found
// out when they are.
func (s *Spec) checkHooks() *fault {
	for _, name := range HookNames {
		h := s.Hook(name)
		if h == nil {
			continue
		}
		field := string(name)
		switch {
		case len(h.Command) == 0 || h.Command[0] == "":
			return &fault{field: field, what: "has no command", hint: `such as ` + field + ` = ["./hook.sh"]`}
		case h.Shell && len(h.Command) != 1:
			return &fault{field: field, what: "with shell, the command is one line, not " + strconv.Itoa(len(h.Command)) + " words", hint: "write it as one string"}
		}
		if !h.Shell {
			if f := absolute(field, h.Command[0]); f != nil {
				return f
			}
		}
		for _, w := range h.Command {
			if strings.IndexByte(w, 0) >= 0 {
				return nul(field)
			}
		}
		if f := duration(field, h.Timeout); f != nil {
			return f
		}
	}
	return nil
}
