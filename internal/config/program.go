package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/velospm/velos"
)

// A resolver finds out what the script of a draft is: a file, a program in
// PATH, or a command line.
type resolver struct {
	d    *draft
	env  Environ
	path string // the app's PATH
}

// runs is the program that the kernel will be asked to run.
func runs(s *velos.Spec) string {
	if s.Interpreter != "" {
		return s.Interpreter
	}
	return s.Script
}

func (r *resolver) program() *problem {
	d := r.d
	if d.spec.Shell {
		return r.shell()
	}
	p := r.word(d.script)
	if p != nil {
		return p
	}
	d.spec.Args = d.args
	return nil
}

// word resolves the script as it was written. What exists as a file is that
// file, blanks or not.
func (r *resolver) word(word string) *problem {
	file, st, err := r.find(word)
	if err == nil && (!st.IsDir() || isPath(word)) {
		return r.file(word, file, st)
	}
	if errors.Is(err, fs.ErrPermission) {
		return r.denied(word)
	}
	if strings.ContainsAny(word, " \t\r\n") {
		return r.commandLine(word)
	}
	return r.name(word, file)
}

// find looks for a relative script in the app's working directory and in the
// base directory: in a file, script and cwd read like "cd there and run this",
// while a word on the command line is a path from where the caller is.
func (r *resolver) find(word string) (string, os.FileInfo, error) {
	d := r.d
	first, second := d.base, d.base
	if d.cwd != "" {
		second = absIn(d.base, d.cwd, r.env)
		if d.node != nil {
			first, second = second, first
		}
	}
	file := absIn(first, word, r.env)
	st, err := os.Stat(file)
	if err == nil && (!st.IsDir() || first == second) {
		return file, st, nil
	}
	if other := absIn(second, word, r.env); other != file {
		if st2, err2 := os.Stat(other); err2 == nil {
			return other, st2, nil
		}
	}
	return file, st, err
}

// name resolves one word that is not a file.
func (r *resolver) name(word, file string) *problem {
	if !isPath(word) {
		if found := r.env.found.which(word, r.path); found != "" {
			r.d.spec.Script = found
			if in := r.d.interpreter; in != "" && in != "none" {
				return r.interpreter([]string{in}, "interpreter")
			}
			return nil
		}
	}
	if st, err := os.Stat(file); err == nil && st.IsDir() {
		return r.file(word, file, st)
	}
	return r.missing(word, file)
}

func isPath(word string) bool {
	return strings.ContainsRune(word, '/') || strings.ContainsRune(word, filepath.Separator) || word == "." || word == ".." || word == "~"
}

func (r *resolver) shell() *problem {
	d := r.d
	if runtime.GOOS == "windows" {
		return &problem{code: velos.Unsupported, field: "shell", what: "there is no /bin/sh on Windows", hint: "write cmd /c before the command line"}
	}
	if d.interpreter != "" && d.interpreter != "none" {
		return wrong("cannot be used with an interpreter", "leave one of them out").in("shell")
	}
	d.spec.Script = "/bin/sh"
	d.spec.Command = d.script
	if len(d.args) > 0 {
		d.spec.Command += " " + join(d.args)
	}
	return nil
}

func (r *resolver) commandLine(line string) *problem {
	d := r.d
	words, p := splitWords(line, r.wantShell())
	if p != nil {
		return p
	}
	if len(words) == 0 {
		return wrong("must not be empty", "name the script or program to run")
	}
	first := words[0]
	if i := strings.IndexByte(first, '='); i > 0 && !strings.ContainsAny(first[:i], "/.-") {
		return wrong("a variable before a command has a meaning to a shell only", "set "+first[:i]+" in the environment of the app, or ask for a shell: "+r.wantShell())
	}
	d.spec.Command = line
	d.args = append(words[1:len(words):len(words)], d.args...)
	file, st, err := r.find(first)
	switch {
	case err == nil && (!st.IsDir() || isPath(first)):
		return r.file(first, file, st)
	case errors.Is(err, fs.ErrPermission):
		return r.denied(first)
	}
	return r.name(first, file)
}

func (r *resolver) wantShell() string {
	if r.d.node != nil {
		return "shell = true"
	}
	return "--shell"
}

func (r *resolver) denied(word string) *problem {
	return (&problem{code: velos.Denied, what: "permission denied", hint: "check who may read it"}).about(word)
}

// missing explains that nothing was found, with the nearest file there is.
func (r *resolver) missing(word, file string) *problem {
	what := "no such file"
	if !isPath(word) && languages[extension(word)] == nil {
		what = "no such file, and no such program in PATH"
	}
	hint := "check the path, or write a command line in quotes"
	entries, err := readSome(filepath.Dir(file))
	if err != nil {
		hint = "there is no directory " + shown(filepath.Dir(file))
	}
	if n := nearest(filepath.Base(word), entries); n != "" {
		hint = "did you mean " + shown(strings.TrimSuffix(word, filepath.Base(word))+n) + "?"
	}
	return wrong(what, hint).about(word)
}

// readSome lists a directory, but not an endless one.
func readSome(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, _ := f.Readdirnames(1000)
	return names, nil
}

// file takes a file that exists as the script.
func (r *resolver) file(word, file string, st os.FileInfo) *problem {
	switch {
	case st.IsDir():
		return wrong("is a directory", "name a file in it, or a command line and cwd").about(word)
	case !st.Mode().IsRegular():
		return wrong("is not a regular file", "name a script or a program").about(word)
	}
	if p := notAScript(word); p != nil {
		return p.about(word)
	}
	d := r.d
	d.spec.Script, d.isPath = file, true
	switch d.interpreter {
	case "":
		return r.detect(word, file, st)
	case "none":
		if !executable(st) {
			return wrong("is not executable", "chmod +x "+shown(word)+", or name an interpreter").about(word)
		}
		return nil
	}
	if !readable(file) {
		return r.denied(word)
	}
	return r.interpreter([]string{d.interpreter}, "interpreter")
}

// notAScript answers for files that describe apps and are none.
func notAScript(word string) *problem {
	base := strings.ToLower(filepath.Base(word))
	switch ext := filepath.Ext(base); {
	case ext == ".toml":
		return wrong("is a configuration file, not a script", "velos start --config "+shown(word))
	case base == "package.json":
		return wrong("is not a script", `velos start "npm start" runs its start script`)
	case strings.Contains(base, "ecosystem") && languages[extension(base)] != nil,
		strings.HasSuffix(base, ".config.js"), strings.HasSuffix(base, ".config.cjs"), strings.HasSuffix(base, ".config.mjs"),
		ext == ".json", ext == ".yaml", ext == ".yml", base == "procfile":
		return wrong("is another manager's configuration file, not a script", "velos start "+shown(word)+" starts its apps, velos import makes a velos.toml of it")
	case ext == ".exe" && runtime.GOOS != "windows":
		return wrong("is a program for Windows", "name a program for this system")
	}
	return nil
}
