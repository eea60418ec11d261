package cli

import (
	"os"

	"github.com/velospm/velos"
)

// become runs another program with the same arguments in our place: a process
// cannot turn into one here.
func become(path string) error {
	p, err := os.StartProcess(path, append([]string{path}, os.Args[1:]...), &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return &velos.Error{Code: velos.Failed, Message: "start " + path + ": " + err.Error(), Cause: err}
	}
	st, err := p.Wait()
	if err != nil {
		return err
	}
	return exitCode(st.ExitCode())
}
