package config

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A language is how scripts of one extension are run.
type language struct {
	programs []string // the first that is in PATH is taken
	args     []string // before the script
	// asWritten lets a #! line win over the extension: it says more than
	// ".sh" does.
	asWritten bool
	// rather decides among programs when there is more to it.
	rather func(r *resolver) (string, *problem)
}

var languages = map[string]*language{}

func init() {
	add := func(l language, extensions ...string) {
		for _, e := range extensions {
			languages[e] = &l
		}
	}
	add(language{programs: []string{"node", "bun"}}, "js", "mjs", "cjs")
	add(language{programs: []string{"bun", "tsx", "ts-node"}, asWritten: true, rather: typescript}, "ts", "mts", "cts", "tsx")
	add(language{programs: []string{"python3", "python"}}, "py")
	add(language{programs: []string{"ruby"}}, "rb")
	add(language{programs: []string{"php"}}, "php")
	add(language{programs: []string{"perl"}}, "pl")
	add(language{programs: []string{"sh"}, asWritten: true}, "sh")
	add(language{programs: []string{"bash"}, asWritten: true}, "bash")
	add(language{programs: []string{"zsh"}, asWritten: true}, "zsh")
	add(language{programs: []string{"fish"}, asWritten: true}, "fish")
	add(language{programs: []string{"lua", "lua5.4", "lua5.3", "luajit"}}, "lua")
	add(language{programs: []string{"Rscript"}}, "r")
	add(language{programs: []string{"julia"}}, "jl")
	add(language{programs: []string{"tclsh"}}, "tcl")
	add(language{programs: []string{"elixir"}}, "exs", "ex")
	add(language{programs: []string{"groovy"}}, "groovy")
	add(language{programs: []string{"pwsh", "powershell"}, args: []string{"-File"}}, "ps1")
	add(language{programs: []string{"coffee"}}, "coffee")
	add(language{programs: []string{"java"}, args: []string{"-jar"}}, "jar")
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// detect finds out how a file is run, when nobody said so.
func (r *resolver) detect(word, file string, st os.FileInfo) *problem {
	l := languages[extension(file)]
	head, err := readHead(file)
	if err != nil && (l != nil || !executable(st)) {
		return r.denied(word)
	}
	b := parseBang(head)
	if b != nil && (l == nil || l.asWritten || virtual(b.program)) {
		p := r.bang(b, executable(st))
		if p == nil || l == nil {
			return p.about(word)
		}
	}
	switch {
	case l != nil && l.rather != nil:
		found, p := l.rather(r)
		if p != nil {
			return p.about(word)
		}
		r.d.spec.Interpreter = found
		return nil
	case l != nil:
		r.d.spec.InterpreterArgs = append(r.d.spec.InterpreterArgs[:len(r.d.spec.InterpreterArgs):len(r.d.spec.InterpreterArgs)], l.args...)
		return r.interpreter(l.programs, "script").about(word)
	case executable(st):
		return nil
	}
	return wrong("is not executable, and nothing says which interpreter it needs",
		"chmod +x "+shown(word)+", or name an interpreter").about(word)
}

// interpreter takes the first of some programs that exists. It is looked for
// in the app's PATH, or relative to its base directory when it is a path.
func (r *resolver) interpreter(names []string, field string) *problem {
	for _, n := range names {
		if isPath(n) {
			file := absIn(r.d.base, n, r.env)
			st, err := os.Stat(file)
			switch {
			case err != nil:
				return wrong("no interpreter: no such file: "+shown(n), "check the path").in(field)
			case st.IsDir() || !executable(st):
				return wrong("no interpreter: "+shown(n)+" is not executable", "name a program").in(field)
			}
			r.d.spec.Interpreter = file
			return nil
		}
		if found := r.env.found.which(n, r.path); found != "" {
			r.d.spec.Interpreter = found
			return nil
		}
	}
	first := names[0]
	hint := "install " + first + ", or name another interpreter by its path"
	if strings.ContainsRune(first, ' ') {
		hint = "arguments of the interpreter go into interpreter_args"
	}
	return wrong("no interpreter: "+shown(first)+" is not in PATH", hint).in(field)
}

// typescript prefers what runs TypeScript as it is, and takes Node when it is
// one that strips types by itself.
func typescript(r *resolver) (string, *problem) {
	for _, n := range languages["ts"].programs {
		if found := r.env.found.which(n, r.path); found != "" {
			return found, nil
		}
	}
	const hint = "install tsx or bun, or name an interpreter"
	node := r.env.found.which("node", r.path)
	if node == "" {
		return "", wrong("no interpreter: none of bun, tsx, ts-node and node is in PATH", hint)
	}
	major, minor := nodeVersion(node)
	if major > 23 || major == 23 && minor >= 6 || major == 22 && minor >= 18 {
		return node, nil
	}
	return "", wrong("no interpreter: none of bun, tsx and ts-node is in PATH, and this Node is too old for TypeScript", hint)
}

func nodeVersion(node string) (major, minor int) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return 0, 0
	}
	parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if len(parts) < 2 {
		return 0, 0
	}
	major, _ = strconv.Atoi(parts[0])
	minor, _ = strconv.Atoi(parts[1])
	return major, minor
}

func readHead(file string) ([]byte, error) {
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() {
		return nil, nil // reading a pipe could take for ever
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 256)
	n, err := io.ReadFull(f, b)
	if n > 0 || err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// A bang is what a #! line asks for.
type bang struct {
	program string   // a path, or a name when it was asked for through env
	args    []string // before the script
	strange bool     // the kernel would misread the line: it ends in CR
}

// parseBang reads the #! line at the head of a file; nil when there is none.
func parseBang(head []byte) *bang {
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return nil
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 || bytes.IndexByte(line, 0) >= 0 {
		return nil
	}
	b := &bang{program: words[0], args: words[1:], strange: bytes.HasSuffix(line, []byte("\r"))}
	if filepath.Base(b.program) == "env" {
		rest := b.args
		for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
			rest = rest[1:]
		}
		if len(rest) == 0 || strings.Contains(rest[0], "=") {
			return b // env itself does the rest
		}
		b.program, b.args = rest[0], rest[1:]
	}
	return b
}

// virtual reports whether a program belongs to a virtual environment of
// Python: a first line that names it means it, and no other python3.
func virtual(program string) bool {
	if !filepath.IsAbs(program) {
		return false
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(filepath.Dir(program)), "pyvenv.cfg"))
	return err == nil
}

// bang runs a script as its first line says. The interpreter must exist: the
// kernel would call the script itself missing.
func (r *resolver) bang(b *bang, executable bool) *problem {
	own := r.d.spec.InterpreterArgs
	if p := r.interpreter([]string{b.program}, "script"); p != nil {
		p.what = strings.Replace(p.what, "no interpreter: ", "no interpreter: its first line asks for "+shown(b.program)+": ", 1)
		return p
	}
	if executable && !b.strange && runtime.GOOS != "windows" && len(own) == 0 {
		r.d.spec.Interpreter = ""
		return nil
	}
	r.d.spec.InterpreterArgs = append(b.args[:len(b.args):len(b.args)], own...)
	return nil
}
