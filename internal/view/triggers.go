package view

import (
	"strings"

	"github.com/velospm/velos"
)

// triggersSheet is what restarts an app that runs well, or starts a job. What
// is not configured is no line.
func (o Options) triggersSheet(s sheet, c *velos.Spec) {
	if c.MaxMemory > 0 {
		s.line("max memory", Bytes(c.MaxMemory)+" for each instance")
	}
	s.line("watch", watching(c))
	s.line("cron", c.CronRestart)
	if c.Schedule != "" {
		overlap := c.Overlap
		if overlap == "" {
			overlap = velos.Skip
		}
		s.line("schedule", c.Schedule+", overlap: "+string(overlap))
	}
}

// hooksSheet is what is run beside an app.
func (o Options) hooksSheet(s sheet, c *velos.Spec) {
	for _, name := range velos.HookNames {
		h := c.Hook(name)
		if h == nil {
			continue
		}
		line := words(h.Command)
		if h.Shell {
			line = "sh -c " + words(h.Command)
		}
		s.line(strings.ReplaceAll(string(name), "_", " "), line+", "+Span(h.Limit())+" at most")
	}
}

// watching says which files an app's restarts follow.
func watching(c *velos.Spec) string {
	if !c.Watch {
		return ""
	}
	text := c.Cwd
	if len(c.WatchPaths) > 0 {
		text = strings.Join(c.WatchPaths, ", ")
	}
	if len(c.WatchIgnore) > 0 {
		text += ", but not " + strings.Join(c.WatchIgnore, " ")
	}
	delay := c.WatchDelay
	if delay == 0 {
		delay = velos.DefaultWatchDelay
	}
	return text + "; after " + Span(delay) + " of quiet"
}

// triggers names in one line what may restart an app.
func triggers(c *velos.Spec) string {
	var list []string
	if c.Watch {
		list = append(list, "changed files")
	}
	if c.CronRestart != "" {
		list = append(list, "cron "+c.CronRestart)
	}
	if c.MaxMemory > 0 {
		list = append(list, "memory over "+Bytes(c.MaxMemory))
	}
	if c.Schedule != "" {
		list = append(list, "schedule "+c.Schedule)
	}
	return strings.Join(list, ", ")
}

// nextRun is when cron has its next turn; empty when it has none.
func (o Options) nextRun(i *velos.Instance) string {
	if i.NextRun <= o.Now {
		return ""
	}
	return "in " + Span(velos.Millis(i.NextRun-o.Now)) + ", at " + o.clock(i.NextRun)
}

// waits reports a job between two of its times.
func waits(i *velos.Instance) bool {
	return i.Status == velos.Stopped && i.Wanted && i.NextRun != 0
}
