package velos

import "strconv"

// MinMemory is the smallest limit of memory that a program could stay below.
const MinMemory = 1 << 20

// checkTriggers checks what restarts an app and what starts a job. Whether an
// expression is cron's is checked by those who can read one.
func (s *Spec) checkTriggers() *fault {
	switch {
	case s.MaxMemory < 0:
		return &fault{field: "max_memory", what: "must be 0 or more, not " + strconv.FormatInt(s.MaxMemory, 10), hint: `bytes, or a string such as "150M"`}
	case s.MaxMemory > 0 && s.MaxMemory < MinMemory:
		return &fault{field: "max_memory", what: strconv.FormatInt(s.MaxMemory, 10) + " bytes are less than any program takes", hint: `such as "150M"`}
	}
	for _, p := range s.WatchPaths {
		if p == "" {
			return &fault{field: "watch_paths", what: "must not be empty", hint: "name a directory or a file, or leave it out"}
		}
		if f := absolute("watch_paths", p); f != nil {
			return f
		}
	}
	if f := duration("watch_delay", s.WatchDelay); f != nil {
		return f
	}
	switch s.Overlap {
	case "", Skip, Queue, Kill:
	default:
		return &fault{field: "overlap", what: "must be skip, queue or kill, not " + quote(string(s.Overlap)), hint: "skip is the default"}
	}
	if s.Schedule == "" {
		if s.Overlap != "" {
			return &fault{field: "overlap", what: "needs schedule", hint: `such as schedule = "0 3 * * *"`}
		}
		return nil
	}
	switch {
	case s.CronRestart != "":
		return &fault{field: "schedule", what: "cron_restart is there, too", hint: "schedule starts a job that ends; cron_restart restarts a program that runs on"}
	case s.Watch:
		return &fault{field: "schedule", what: "watch is there, too", hint: "leave one of them out"}
	case s.Mode != Fork:
		return &fault{field: "schedule", what: "is for mode fork", hint: "leave mode out"}
	case s.Autorestart != Never:
		return &fault{field: "schedule", what: "needs autorestart = never, not " + string(s.Autorestart), hint: "leave autorestart out"}
	}
	return nil
}
