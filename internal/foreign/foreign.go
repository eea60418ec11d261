// Package foreign turns other managers' files (PM2's ecosystem files and its
// dump, Procfiles, supervisord's and systemd's, compose) into the text of a
// velos.toml, and Specs into files for what runs programs elsewhere. What it
// cannot say in our words it names, with the reason. It starts no app: the
// one program that it runs is node, for files that are programs themselves.
package foreign

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
)

// maxFile is the size of the largest file that is read. A dump of PM2 holds
// the whole environment of each process.
const maxFile = 4 << 20

// A File is another manager's file in our words.
type File struct {
	Path    string // as it was named
	Abs     string
	Manager string // whose file it is, for people: PM2, supervisord, …
	Apps    []App
	Notes   []Note

	sum      string
	profiles []string // of the environment, that an app or the deployment has
}

// An App is one program of a File.
type App struct {
	Name     string
	Line     int    // where it begins; 0 is unknown
	File     string // that all its lines are of; empty: the file itself
	Settings []Setting
}

// A Setting is a key of a velos.toml with its value: a string, bool, int64,
// []string, []int64, Table or []Table.
type Setting struct {
	Key   string
	Value any
	Line  int // where it comes from; 0 is unknown
}

// A Table is a value with keys, in their order.
type Table []Setting

// A Note says what became of a key that has no place in a velos.toml.
type Note struct {
	App  string `json:"app,omitempty"` // empty: the whole file
	Key  string `json:"key"`
	Why  string `json:"why"`
	Lost bool   `json:"lost"` // false: nothing is missing without it
}

// Options say how a file is read.
type Options struct {
	Env     config.Environ
	Profile string // of the environment: production takes what env_production says
	// Apart keeps the profiles of a file side by side, for a file that is to
	// be written. Without it they are named when none was asked for.
	Apart bool
	// Say hears what a file that is a program has printed; nil: nobody does.
	Say func(text string)
	// Trust is asked whether a file that is a program may be run; nil: it
	// may.
	Trust func(config.Claim) error
	// In is what Stdin stands for; nil: nothing.
	In io.Reader
	// Velos is the path of velos, which serves files; empty: that of PATH.
	Velos string
}

// Stdin is the path of what is piped in: an ecosystem file of PM2 in JSON or
// YAML, as if it were in the working directory.
const Stdin = "-"

// ServeFiles is the command of velos that serves files, as PM2's script "serve"
// does.
const ServeFiles = "serve-files"

// A format is one kind of file: how to tell it, and how to read it.
type format struct {
	manager string
	is      func(base string) bool
	read    func(ctx context.Context, f *File, data []byte, o *Options) error
}

// formats are asked in this order.
var formats []format

func init() {
	formats = []format{
		{"PM2", isDump, readDump},
		{"Procfile", isProcfile, readProcfile},
		{"process-compose", isProcesses, readProcesses},
		{"compose", isCompose, readCompose},
		{"systemd", isUnit, readUnit},

		{"supervisord", isSupervisor, readSupervisor},
		{"PM2", isScript, readScript},
	}
}

func formatOf(path string) *format {
	base := strings.ToLower(filepath.Base(path))
	for i := range formats {
		if formats[i].is(base) {
			return &formats[i]
		}
	}
	return nil
}

// Is reports whether a word names a file that Read understands, by its name
// alone.
func Is(path string) bool { return formatOf(path) != nil }

// Read reads a file. Errors are *velos.Error; those about the content begin
// with path:line where the line is known.
func Read(ctx context.Context, path string, o Options) (*File, error) {
	kind := formatOf(path)
	if path == Stdin {
		kind = &format{manager: "PM2", read: readPiped}
	}
	if kind == nil {
		return nil, &velos.Error{Code: velos.Invalid, Message: "read " + shown(path) + ": no manager's file has such a name",
			Hint: "such as ecosystem.config.js, dump.pm2, Procfile, supervisord.conf, compose.yaml, process-compose.yaml or api.service"}
	}
	f := &File{Path: path, Abs: path, Manager: kind.manager}
	if home := o.Env.Vars["HOME"]; home != "" && strings.HasPrefix(path, "~/") {
		f.Abs = filepath.Join(home, path[2:])
	}
	if !filepath.IsAbs(f.Abs) {
		f.Abs = filepath.Join(o.Env.Dir, f.Abs)
	}
	data, err := o.bytes(f)
	if err != nil {
		return nil, readError("read "+shown(path), err)
	}
	f.sum = config.Sum(f.Abs, data)
	if err := kind.read(ctx, f, []byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf")), &o); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return f, err
	}
	return f, f.has(o.Profile)
}

// has refuses a profile that nothing in the file knows: left unsaid, apps would
// run with another environment than the one that was asked for.
func (f *File) has(profile string) error {
	if profile == "" || slices.Contains(f.profiles, profile) {
		return nil
	}
	what := "--env " + shown(profile) + ": "
	if f.Manager != "PM2" {
		return f.fail(0, what+"such a file has no profiles of the environment", "velos import "+shown(f.Path)+" makes a velos.toml of it, where they can be added")
	}
	hint := "leave it out, or write env_" + profile
	if len(f.profiles) > 0 {
		slices.Sort(f.profiles)
		hint = "it has " + strings.Join(slices.Compact(f.profiles), ", ")
	}
	return f.fail(0, what+"no app has a profile of this name", hint)
}

// reads puts a further file into the sum of what was read: what it says is
// trusted with the file.
func (f *File) reads(path string, data []byte) {
	f.sum = config.Sum(path, append([]byte(f.sum), data...))
}

// check refuses a file without apps, and names that are there twice: a
// velos.toml could not say it.
func (f *File) check() error {
	if len(f.Apps) == 0 {
		hint := "name a file that describes apps"
		if lost := f.Lost(); len(lost) > 0 {
			hint = lost[0].String()
		}
		return f.fail(0, "no app in it", hint)
	}
	seen := map[string]bool{}
	for i := range f.Apps {
		a := &f.Apps[i]
		if seen[strings.ToLower(a.Name)] {
			return f.at(entry{line: a.Line, file: a.File}, "two apps are named "+shown(a.Name), "rename one of them")
		}
		seen[strings.ToLower(a.Name)] = true
	}
	return nil
}

// fail is the error for something in the file; line 0 is unknown.
func (f *File) fail(line int, what, hint string) error {
	place := shown(f.Path)
	if line > 0 {
		place += ":" + strconv.Itoa(line)
	}
	return &velos.Error{Code: velos.Invalid, Message: place + ": " + what, Hint: hint}
}

// lost notes a key that has no counterpart, idle one that needs none.
func (f *File) lost(app, key, why string) {
	f.Notes = append(f.Notes, Note{App: app, Key: key, Why: why, Lost: true})
}

func (f *File) idle(app, key, why string) {
	f.Notes = append(f.Notes, Note{App: app, Key: key, Why: why})
}

// Lost are the notes about what is missing.
func (f *File) Lost() []Note {
	return slices.DeleteFunc(slices.Clone(f.Notes), func(n Note) bool { return !n.Lost })
}

// dir is where relative paths of the file start.
func (f *File) dir() string { return filepath.Dir(f.Abs) }

// set adds a setting.
func (a *App) set(key string, value any, line int) {
	a.Settings = append(a.Settings, Setting{key, value, line})
}

// get finds a setting; nil when it is not there.
func (a *App) get(key string) any {
	for i := range a.Settings {
		if a.Settings[i].Key == key {
			return a.Settings[i].Value
		}
	}
	return nil
}

// drop removes a setting.
func (a *App) drop(key string) {
	a.Settings = slices.DeleteFunc(a.Settings, func(s Setting) bool { return s.Key == key })
}

func (o *Options) bytes(f *File) ([]byte, error) {
	if f.Path != Stdin {
		return readFile(f.Abs)
	}
	if o.In == nil {
		return nil, errors.New("nothing is piped in")
	}
	return readAll(o.In)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, errors.New("is a directory")
	}
	return readAll(f)
}

func readAll(f io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("is larger than " + strconv.Itoa(maxFile>>20) + " MiB")
	}
	return b, err
}

func readError(operation string, err error) error {
	e := &velos.Error{Code: velos.Invalid, Cause: err, Hint: "check the path"}
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Message = operation + ": no such file"
	case errors.Is(err, fs.ErrPermission):
		e.Code, e.Message, e.Hint = velos.Denied, operation+": permission denied", "check who may read it"
	case errors.As(err, &pe):
		e.Message = operation + ": " + pe.Err.Error()
	default:
		e.Message = operation + ": " + err.Error()
	}
	return e
}

// shown is a path or a word for a message: as it is when it is plain.
func shown(s string) string {
	for _, r := range s {
		if !strconv.IsGraphic(r) || r == ' ' || r == '"' || r == '\uFFFD' {
			return strconv.QuoteToGraphic(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// Env are the variables of an app, those of profiles too.
func (a *App) Env() map[string]string {
	vars := map[string]string{}
	for _, s := range a.Settings {
		t, ok := s.Value.(Table)
		if !ok || !profile(s.Key) {
			continue
		}
		for _, v := range t {
			vars[v.Key], _ = v.Value.(string)
		}
	}
	return vars
}

// Move makes relative paths absolute when the text is written into another
// directory than the file's.
func (f *File) Move(dir string, env config.Environ) {
	if dir == f.dir() {
		return
	}
	abs := func(path string) string {
		if may, ok := strings.CutPrefix(path, "?"); ok { // be missing
			if filepath.IsAbs(may) {
				return path
			}
			return "?" + filepath.Join(f.dir(), may)
		}
		if filepath.IsAbs(path) || env.Vars["HOME"] != "" && (path == "~" || strings.HasPrefix(path, "~/")) {
			return path
		}
		return filepath.Join(f.dir(), path)
	}
	for i := range f.Apps {
		for j := range f.Apps[i].Settings {
			s := &f.Apps[i].Settings[j]
			switch v := s.Value.(type) {
			case string:
				program := s.Key == "interpreter" && strings.ContainsRune(v, '/')
				if program || slices.Contains([]string{"cwd", "log_file", "out_file", "error_file"}, s.Key) {
					s.Value = abs(v)
				}
			case []string:
				if s.Key == "env_file" || s.Key == "watch_paths" {
					list := slices.Clone(v)
					for k := range list {
						list[k] = abs(list[k])
					}
					s.Value = list
				}
			}
		}
	}
}
