package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/velospm/velos"
)

// resolveMode decides between fork and cluster. Who starts several instances
// of a script that node runs means them to share their ports, as PM2 has it;
// who gives them sockets by listen, or ports of their own by increment_var,
// means something else.
func (d *draft) resolveMode(Environ) *problem {
	s := &d.spec
	asked := d.mode == velos.Cluster
	if !asked && (d.mode == velos.Fork || !d.several && s.Instances < 2 || len(d.listen) > 0 || s.IncrementVar != "") {
		return nil
	}
	why := d.underNode()
	switch {
	case why == "":
		s.Mode = velos.Cluster
	case asked:
		d.notes = append(d.notes, "cluster mode is for scripts that node runs, and "+why+
			": it runs in fork mode; listen shares a port in any language, PORT and increment_var give each instance its own")
	}
	return nil
}

// underNode sees to it that the Spec has node as its interpreter, also where
// the first line of the script or a command line says so. It returns why it
// cannot.
func (d *draft) underNode() string {
	s := &d.spec
	switch {
	case runtime.GOOS == "windows":
		return "Windows cannot hand sockets over"
	case s.Identity != nil:
		return "this one runs as another user"
	case s.Shell:
		return "a shell runs this one"
	case isNode(s.Interpreter):
		return ""
	case s.Interpreter != "":
		return filepath.Base(s.Interpreter) + " runs this one"
	case isNode(s.Script):
		return d.nodeCommand()
	case d.isPath:
		return d.nodeBang()
	}
	return filepath.Base(s.Script) + " is a program of its own"
}

func isNode(program string) bool {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(program), ".exe"))
	return base == "node" || base == "nodejs"
}

// nodeCommand takes "node app.js" apart.
func (d *draft) nodeCommand() string {
	s := &d.spec
	if len(s.Args) == 0 || strings.HasPrefix(s.Args[0], "-") {
		return "flags of node stand before this one (they go into node_args)"
	}
	file := s.Args[0]
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.Cwd, file)
	}
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
		return "there is no file " + shown(s.Args[0])
	}
	s.Interpreter, s.Script, s.Args = s.Script, file, s.Args[1:]
	return ""
}

// nodeBang takes the interpreter from a script's first line, where the kernel
// would have.
func (d *draft) nodeBang() string {
	s := &d.spec
	head, err := readHead(s.Script)
	b := parseBang(head)
	if err != nil || b == nil || !isNode(b.program) {
		return filepath.Base(s.Script) + " is a program of its own"
	}
	program := b.program
	if !filepath.IsAbs(program) {
		path, _ := d.variable("PATH")
		if program = which(program, path); program == "" {
			return "node is not in PATH"
		}
	}
	s.Interpreter = program
	s.InterpreterArgs = append(b.args[:len(b.args):len(b.args)], s.InterpreterArgs...)
	return ""
}
