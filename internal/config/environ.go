package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/dotenv"
)

// An Environ is what a Spec is resolved against: the caller's working
// directory and environment.
type Environ struct {
	Dir  string // absolute
	Vars map[string]string
	CPUs int // what instances "max" means; 0: as many as this process may use
	// Lookup finds the IP address of a host's name; nil: as the system does.
	Lookup func(host string) (string, error)
	// Note hears, app by app, what is done otherwise than it was written,
	// and why; nil: nobody does.
	Note func(text string)
	// Profiles are laid over the environment of an app from a file, one
	// after the other.
	Profiles []string
	// Trust is asked whether what a file says may be run, before anything of
	// it is looked up; nil: it may.
	Trust func(Claim) error
	// Port chooses a port for an app whose port is "auto", none of those that
	// are taken; nil: nobody chooses any.
	Port func(s *velos.Spec, taken func(port int) bool) (int, error)

	found *findings
}

// Current is the Environ of this process. With an error it lacks the working
// directory alone, which may have been removed: most of what one asks for
// needs none.
func Current() (Environ, error) {
	dir, err := os.Getwd()
	if err != nil {
		dir, err = "", &velos.Error{Code: velos.Failed, Message: "find the working directory: " + err.Error(),
			Hint: "change to a directory that exists", Cause: err}
	}
	env := Environ{Dir: dir, Vars: map[string]string{}}
	for _, kv := range os.Environ() {
		// Windows has variables such as "=C:".
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			env.Vars[k] = v
		}
	}
	return env, err
}

// Inherited are the variables that an app from a configuration file gets from
// the caller; LC_ variables too. All others must be written in the file: what
// an app does should not depend on the shell that happened to start it. An
// app started without a file gets the caller's whole environment.
var Inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
	// Without these, programs do not start on Windows.
	"SystemRoot", "SystemDrive", "ComSpec", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "ProgramData", "USERNAME",
}

// IsInherited reports whether an app from a file gets the caller's variable.
func IsInherited(name string) bool {
	return strings.HasPrefix(name, "LC_") || slices.Contains(Inherited, name)
}

// ours reports a variable that Velos, or a service manager, sets for each
// process. The caller's are never handed on: velos may itself run inside a
// managed app or a service, and what is said there is said to that one alone.
func ours(name string) bool {
	switch name {
	case "NODE_APP_INSTANCE", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES":
		return true
	}
	return strings.HasPrefix(name, "VELOS_")
}

// note passes on what the drafts have to say, once it is known that there is
// no error.
func (e Environ) note(drafts []*draft, specs []velos.Spec) {
	if e.Note == nil {
		return
	}
	for i, d := range drafts {
		for _, note := range d.notes {
			e.Note(specs[i].Name + ": " + note)
		}
	}
}

func (e Environ) whole() map[string]string {
	m := make(map[string]string, len(e.Vars))
	for k, v := range e.Vars {
		if !ours(k) {
			m[k] = v
		}
	}
	return m
}

func (e Environ) base() map[string]string {
	m := map[string]string{}
	for k, v := range e.Vars {
		if IsInherited(k) {
			m[k] = v
		}
	}
	return m
}

func (e Environ) abs(path string) string { return absIn(e.Dir, path, e) }

// absIn makes path absolute within dir. A leading ~/ is the home directory:
// files have no shell that would have replaced it.
func absIn(dir, path string, e Environ) string {
	if home := e.Vars["HOME"]; home != "" && (path == "~" || strings.HasPrefix(path, "~/")) {
		path = home + path[1:]
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// Cores is what instances "max" means.
func (e Environ) Cores() int {
	if e.CPUs > 0 {
		return e.CPUs
	}
	return runtime.NumCPU()
}

func extensions(name string) []string {
	if runtime.GOOS != "windows" || filepath.Ext(name) != "" {
		return []string{""}
	}
	return []string{".exe", ".cmd", ".bat", ".com"}
}

func executable(st os.FileInfo) bool {
	return runtime.GOOS == "windows" || st.Mode()&0o111 != 0
}

// environment fills Env and FileEnv of the draft's Spec: inherited variables,
// beaten by env files, beaten by what was written for the app, beaten by the
// profiles asked for. EnvFrom remembers which it was.
func (d *draft) environment(inherited map[string]string, env Environ) *problem {
	d.spec.FileEnv, d.spec.EnvFrom, d.spec.EnvProfiles = nil, nil, nil
	for _, name := range d.envFiles {
		vars, p := d.envFile(name, env)
		if p != nil {
			return p.in("env_file")
		}
		for k, v := range vars {
			if d.spec.FileEnv == nil {
				d.spec.FileEnv = map[string]string{}
			}
			d.spec.FileEnv[k] = v
			delete(inherited, k)
		}
	}
	from := velos.FromFile
	if d.node == nil {
		from = velos.FromFlags
	}
	d.spec.Env = inherited
	d.setAll(d.env, from)
	for _, name := range env.Profiles {
		if vars, ok := d.profiles[name]; ok {
			d.setAll(vars, velos.FromProfile+name)
			d.spec.EnvProfiles = append(d.spec.EnvProfiles, name)
		}
	}
	return nil
}

// envFile reads a dotenv file and remembers its name.
func (d *draft) envFile(name string, env Environ) (map[string]string, *problem) {
	name, optional := velos.OptionalFile(name)
	file := absIn(d.base, name, env)
	listed := file
	if optional {
		listed = "?" + file
	}
	b, err := readSmall(file)
	if st, e := os.Stat(file); err == nil && e == nil && !st.Mode().IsRegular() {
		err = errors.New("is no file, and each run reads it again")
	}
	if err != nil {
		if optional && errors.Is(err, fs.ErrNotExist) {
			d.spec.EnvFiles = append(d.spec.EnvFiles, listed)
			return nil, nil
		}
		e := readError(shown(name), err)
		return nil, &problem{code: e.Code, what: e.Message, hint: e.Hint}
	}
	vars, err := dotenv.Parse(b)
	if err != nil {
		return nil, wrong(shown(name)+": "+err.Error(), `lines are written NAME=value`)
	}
	d.spec.EnvFiles = append(d.spec.EnvFiles, listed)
	return vars, nil
}

// setAll sets variables and remembers where they are from.
func (d *draft) setAll(vars map[string]string, from string) {
	for k, v := range vars {
		d.set(k, v, from)
	}
}

func (d *draft) set(name, value, from string) {
	if d.spec.EnvFrom == nil {
		d.spec.EnvFrom = map[string]string{}
	}
	d.spec.Env[name], d.spec.EnvFrom[name] = value, from
}

// variable is what the app will see.
func (d *draft) variable(name string) (string, bool) {
	if v, ok := d.spec.Env[name]; ok {
		return v, true
	}
	v, ok := d.spec.FileEnv[name]
	return v, ok
}

// readSecret reads names of variables.
func readSecret(d *draft, n *node) *problem {
	list := []*node{n}
	if n.kind == isList {
		list = n.items
	}
	names := make([]string, 0, len(list))
	for _, c := range list {
		if c.kind != isString {
			return wrong("must be a list of names, not "+c.kind.String(), `such as ["STRIPE_ID"]`)
		}
		names = append(names, c.text)
	}
	d.spec.Secret = names
	return nil
}
