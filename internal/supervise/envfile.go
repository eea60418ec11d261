package supervise

import (
	"errors"
	"io"
	"maps"
	"os"
	"syscall"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/dotenv"
)

// EnvFiles reads an app's env files, later ones winning. Their values are
// never stored, and what counts is what they say when a run begins.
func EnvFiles(s *velos.Spec) (map[string]string, error) {
	if len(s.EnvFiles) == 0 {
		return s.FileEnv, nil
	}
	all := map[string]string{}
	for _, file := range s.EnvFiles {
		path, optional := velos.OptionalFile(file)
		b, err := readEnvFile(path)
		if optional && os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, &velos.Error{Code: velos.Failed, Message: "env_file: " + err.Error(), Cause: err}
		}
		m, err := dotenv.Parse(b)
		if err != nil {
			return nil, &velos.Error{Code: velos.Invalid, Message: "env_file " + path + ": " + err.Error(), Cause: err}
		}
		maps.Copy(all, m)
	}
	return all, nil
}

// largestEnvFile is as large as a client takes one.
const largestEnvFile = 1 << 20

// readEnvFile reads a file. What is none, such as a pipe that nobody writes to
// or a device without an end, would hold up a lane of the pool, or all memory.
func readEnvFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch st, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errors.New(path + " is no file")
	case st.Size() > largestEnvFile:
		return nil, errors.New(path + " is larger than 1 MiB")
	}
	b, err := io.ReadAll(io.LimitReader(f, largestEnvFile+1))
	if err == nil && len(b) > largestEnvFile {
		err = errors.New(path + " is larger than 1 MiB")
	}
	return b, err
}
