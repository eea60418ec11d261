package foreign

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
)

// evaluate.cjs runs a file that is a program and prints what it exports.
//
//go:embed evaluate.cjs
var evaluator string

// Bounds of a file that is a program.
const maxOutput = 16 << 20

var evaluateWithin = 10 * time.Second

// mark stands around the answer in what node prints: files print, too.
const mark = "\x01velos\x01"

// evaluate runs the file with node and returns what it exports.
func (f *File) evaluate(ctx context.Context, o *Options) (*value, error) {
	node := program("node", o.Env.Vars["PATH"])
	if node == "" {
		return nil, &velos.Error{Code: velos.Invalid, Message: shown(f.Path) + ": needs node to be understood, and there is none in PATH",
			Hint: "install node, or write the apps into a velos.toml"}
	}
	out, said, err := f.node(ctx, o, node, "-e", evaluator, "--", f.Abs)
	_, answer, found := bytes.Cut(out, []byte(mark))
	answer, _, ended := bytes.Cut(answer, []byte(mark))
	if noise, _, _ := bytes.Cut(out, []byte(mark)); o.Say != nil {
		if text := strings.TrimSpace(string(noise) + said); text != "" && (ended || err == nil) {
			o.Say(text)
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &velos.Error{Code: velos.Timeout, Message: shown(f.Path) + ": does not come to an end: node was stopped after " + velos.MillisOf(evaluateWithin).String(),
			Hint: "what describes apps should not wait for anything"}
	case err != nil && !found:
		return nil, f.fail(0, "node has failed: "+lastLine(said, err), "node "+shown(f.Path)+" shows more")
	case !ended:
		return nil, f.fail(0, "ends node before it has exported anything", "leave process.exit out")
	}
	v, bad := parseJSON(string(answer))
	if bad != nil {
		return nil, f.fail(0, "node's answer is not readable: "+bad.what, "this is a bug in velos")
	}
	if e := v.get("error"); e != nil {
		return nil, f.thrown(ctx, o, node, e)
	}
	if v = v.get("value"); v == nil { // undefined
		return &value{}, nil
	}
	unplaced(v)
	return v, nil
}

// unplaced forgets the lines of node's answer, which are none of the file, and
// finds what JSON could not hold.
func unplaced(v *value) {
	v.line = 0
	if v.kind == object && len(v.keys) == 1 && v.keys[0] == "\x01odd" {
		*v = value{kind: odd, text: v.items[0].text}
	}
	for _, c := range v.items {
		unplaced(c)
	}
}

// node runs node in the caller's directory and environment, as PM2 evaluates
// files.
func (f *File) node(ctx context.Context, o *Options, node string, args ...string) (out []byte, said string, err error) {
	ctx, stop := context.WithTimeout(ctx, evaluateWithin)
	defer stop()
	cmd := exec.CommandContext(ctx, node, args...)
	cmd.Dir = o.Env.Dir
	for k, v := range o.Env.Vars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	slices.Sort(cmd.Env)
	var stdout, stderr bounded
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	whole(cmd)
	cmd.WaitDelay = time.Second // what it has started may hold the pipes
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return stdout.Bytes(), stderr.String(), err
}

// bounded keeps what fits and forgets the rest.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, maxOutput-b.Len()))])
	return len(p), nil
}

// thrown is the error for what the file has thrown, with its place.
func (f *File) thrown(ctx context.Context, o *Options, node string, e *value) error {
	part := func(key string) string {
		if v := e.get(key); v != nil {
			return v.text
		}
		return ""
	}
	what, stack := part("message"), part("stack")
	if name := part("name"); name != "" && name != "Error" && !strings.HasPrefix(what, name) {
		what = name + ": " + what
	}
	line := f.lineIn(stack)
	if line == 0 && part("name") == "SyntaxError" {
		_, said, _ := f.node(ctx, o, node, "--check", f.Abs)
		line = f.lineIn(said)
	}
	if file, n := elsewhere(stack); line == 0 && file != "" {
		what += " (" + shown(file) + ":" + strconv.Itoa(n) + ")"
	}
	what, _, _ = strings.Cut(what, "\n")
	hint := "mend the file: node " + shown(f.Path) + " shows more"
	if part("code") == "MODULE_NOT_FOUND" {
		hint = "npm install, or leave the require out"
	}
	return f.fail(line, what, hint)
}

// lineIn finds the first line of the file in a stack.
func (f *File) lineIn(stack string) int {
	for _, path := range []string{f.Abs, real(f.Abs)} {
		if _, rest, ok := strings.Cut(stack, path+":"); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
			if n, err := strconv.Atoi(rest[:max(end, 0)]); err == nil {
				return n
			}
		}
	}
	return 0
}

func real(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// elsewhere is the file that a syntax error of a required file names first.
func elsewhere(stack string) (file string, line int) {
	first, _, _ := strings.Cut(stack, "\n")
	i := strings.LastIndexByte(first, ':')
	if i < 0 {
		return "", 0
	}
	n, err := strconv.Atoi(first[i+1:])
	if err != nil || !filepath.IsAbs(first[:i]) {
		return "", 0
	}
	return first[:i], n
}

func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if s := strings.TrimSpace(lines[len(lines)-1]); s != "" {
		return s
	}
	return err.Error()
}

// program finds a program in a PATH.
func program(name, path string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && st.Mode().IsRegular() && (runtime.GOOS == "windows" || st.Mode()&0o111 != 0) {
			return file
		}
	}
	return ""
}
