package foreign

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func isUnit(base string) bool { return strings.HasSuffix(base, ".service") }

// A unit is a .service while it is translated.
type unit struct {
	*File
	*App
	opts     *Options
	instance string // what stands behind the @ of its name
	env      Table
	typ      string
	restart  string
	codes    []int64 // that mean no restart
	success  []int64 // that count as 0

	startLimit, stopLimit int64 // of commands beside the main one

	starts []unitStart // each ExecStart
}

func readUnit(_ context.Context, f *File, data []byte, o *Options) error {
	list, err := unitEntries(f, data)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(f.Path), filepath.Ext(f.Path))
	u := &unit{File: f, App: &App{Line: 1}, opts: o, typ: "simple", restart: "no", startLimit: 90_000, stopLimit: 90_000}
	stem, instance, template := strings.Cut(name, "@")
	if u.instance = instance; template && instance == "" && strings.Contains(string(data), "%i") {
		return f.fail(0, "is a template, and its name says no instance", "copy it to "+stem+"@NAME.service and import that")
	}
	u.App.Name = f.called(strings.TrimSuffix(strings.ReplaceAll(name, "@", "-"), "-"))
	u.set("cwd", "/", 0)               // where systemd starts programs
	u.set("kill_timeout", "90s", 0)    // and how long it waits
	u.set("max_restarts", int64(4), 0) // five starts
	for _, e := range list {           // what says what others mean
		if e.key == "Type" {
			u.typ = e.value
		}
		if ms, ok := span(e.value); ok && ms > 0 {
			if e.key == "TimeoutStartSec" || e.key == "TimeoutSec" {
				u.startLimit = ms
			}
			if e.key == "TimeoutStopSec" || e.key == "TimeoutSec" {
				u.stopLimit = ms
			}
		}
	}
	for _, e := range list {
		if e.key == "" {
			if e.section == "Service" {
				u.App.Line = e.line
			}
			continue
		}
		if err := u.entry(e); err != nil {
			return err
		}
	}
	if len(u.starts) == 0 {
		return f.fail(u.App.Line, "ExecStart is missing: this unit runs no program", "import a unit that does")
	}
	if err := u.program(); err != nil {
		return err
	}
	u.end()
	f.Apps = append(f.Apps, *u.App)
	return nil
}

// unitEntries are the lines of a unit and of its drop-ins, which lie over it.
func unitEntries(f *File, data []byte) ([]entry, error) {
	list, bad := systemdDialect.entries(string(data))
	if bad != nil {
		return nil, f.fail(bad.line, bad.what, "mend the line")
	}
	dirs := []string{f.Abs + ".d"}
	if stem, _, ok := strings.Cut(filepath.Base(f.Abs), "@"); ok {
		dirs = append([]string{filepath.Join(f.dir(), stem+"@.service.d")}, dirs...)
	}
	for _, dir := range dirs {
		found, _ := filepath.Glob(filepath.Join(dir, "*.conf"))
		for _, path := range found {
			b, err := readFile(path)
			if err != nil {
				return nil, readError("read "+shown(path), err)
			}
			f.reads(path, b)
			more, bad := systemdDialect.entries(string(b))
			if bad != nil {
				return nil, f.at(entry{file: path, line: bad.line}, bad.what, "mend the line")
			}
			f.idle("", filepath.Base(dir)+"/"+filepath.Base(path), "lies over the unit, as for systemd")
			for _, e := range more {
				if e.key != "" { // its line is none of the unit's
					e.file, e.line = path+":"+strconv.Itoa(e.line), 0
					list = append(list, e)
				}
			}
		}
	}
	return list, nil
}

func (u *unit) wrong(e entry, what, hint string) error {
	return u.at(e, e.key+": "+what, hint)
}

func (u *unit) entry(e entry) error {
	if e.section == "Install" {
		u.idle(u.App.Name, e.key, "velos startup brings everything back with the system")
		return nil
	}
	if read := unitKeys[e.key]; read != nil {
		v, err := u.specifiers(e.value)
		if err != nil {
			return u.wrong(e, err.Error(), "write what it stands for")
		}
		return read(u, e, v)
	}
	if strings.HasPrefix(e.key, "X-") { // a note of somebody
		return nil
	}
	u.about(u.App.Name, e.key, unitIdle, unitLost, notConfined+", and knows no such key")
	return nil
}

// specifiers replaces %h and the like, as far as they are known here.
func (u *unit) specifiers(text string) (string, error) {
	var b strings.Builder
	name := strings.TrimSuffix(filepath.Base(u.Path), ".service")
	stem, _, _ := strings.Cut(name, "@")
	vars := u.opts.Env.Vars
	known := map[byte]string{'%': "%", 'n': name + ".service", 'N': name, 'p': stem, 'P': stem, 'i': u.instance, 'I': u.instance,
		'h': vars["HOME"], 'u': vars["USER"], 's': vars["SHELL"], 't': vars["XDG_RUNTIME_DIR"], 'T': os.TempDir(), 'V': "/var/tmp",
		'E': "/etc", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log"}
	if known['t'] == "" {
		known['t'] = "/run"
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		v, ok := known[text[i]]
		if text[i] == 'H' {
			v, _ = os.Hostname()
			ok = v != ""
		}
		if !ok {
			return "", errors.New("%" + text[i:i+1] + " is known to systemd only")
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// end sets what takes several keys to know.
func (u *unit) end() {
	if len(u.env) > 0 {
		u.set("env", u.env, 0)
	}
	policy := map[string]string{"no": "never", "always": "always", "on-success": "always"}[u.restart]
	if policy == "" {
		policy = "on-failure"
	}
	switch {
	case u.restart == "on-success":
		u.lost(u.App.Name, "Restart", "on-success has no counterpart: it is started again after every end")
	case u.restart == "on-abnormal" || u.restart == "on-abort" || u.restart == "on-watchdog":
		u.lost(u.App.Name, "Restart", u.restart+" is on-failure here: it is started again after an exit code that is not 0, too")
	case u.typ == "oneshot":
		policy = "never"
	}
	codes := u.codes
	if policy == "on-failure" {
		codes = append(codes, u.success...)
	}
	if policy != "always" {
		u.set("autorestart", policy, 0)
	}
	if len(codes) > 0 {
		u.set("stop_exit_codes", codes, 0)
	}
	switch {
	case policy == "never":
		u.drop("max_restarts")
	case u.get("restart_delay") == nil:
		u.set("restart_delay", "100ms", 0) // what systemd does unasked
	}
}

// span reads a length of time as systemd writes it: seconds, or 1min 30s.
func span(s string) (int64, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "infinity" {
		return 0, true
	}
	if ms, ok := seconds(s); ok {
		return ms, true
	}
	units := []struct {
		name string
		d    time.Duration
	}{{"minutes", time.Minute}, {"minute", time.Minute}, {"seconds", time.Second}, {"second", time.Second}, {"hours", time.Hour}, {"hour", time.Hour},
		{"days", 24 * time.Hour}, {"day", 24 * time.Hour}, {"msec", time.Millisecond}, {"usec", time.Microsecond}, {"min", time.Minute}, {"sec", time.Second},
		{"hr", time.Hour}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}}
	var sum time.Duration
next:
	for s != "" {
		end := 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
			end++
		}
		n, err := strconv.ParseFloat(s[:end], 64)
		if err != nil || n > 1e7 {
			return 0, false
		}
		s = strings.TrimLeft(s[end:], " ")
		for _, u := range units {
			if rest, ok := strings.CutPrefix(s, u.name); ok {
				sum += time.Duration(n * float64(u.d))
				s = strings.TrimLeft(rest, " ")
				continue next
			}
		}
		return 0, false
	}
	return sum.Milliseconds(), true
}
