// Package config turns what people write (a velos.toml, flags and words on a
// command line, env files) into complete Specs: absolute paths, a found
// interpreter, the whole environment. An error names the flag, or the file
// with line and column. It starts nothing and talks to nobody but the system's
// resolver, for names in addresses to listen on; the one program it may run is "node --version", to learn whether Node understands
// TypeScript.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/velospm/velos"
)

// maxFile is the size of the largest configuration or env file that is read.
const maxFile = 1 << 20

// A File is a configuration file that was read, with those that it includes.
type File struct {
	Path  string       // absolute
	Names []string     // of all apps in it, in its order
	Specs []velos.Spec // of those that were asked for

	drafts []*draft
}

// IsConfig reports whether a word given to start means a configuration file.
func IsConfig(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ".toml")
}

// LoadNeeded is Load, but with the apps in only come those that they depend
// on.
func LoadNeeded(path string, env Environ, only ...string) (*File, error) {
	return loadWith(path, env, only, needed)
}

// Load reads a velos.toml. Specs come in the order of the file, complete and
// valid; with any error there are none. With names in only, just those apps are
// resolved: an interpreter that others lack does not matter. Errors are *velos.Error with code
// Invalid, NotYet or Denied; those about the content begin with
// path:line:column and end with the line and a caret below it. Relative paths
// in the file are relative to the file's directory.
func Load(path string, env Environ, only ...string) (*File, error) {
	return loadWith(path, env, only, nil)
}

func loadWith(path string, env Environ, only []string, more func([]*draft, []string) []string) (*File, error) {
	abs := env.abs(path)
	data, err := readSmall(abs)
	if err != nil {
		return nil, readError("read "+shown(path), err)
	}
	return parse(data, path, abs, env, only, more)
}

func parse(data []byte, shownPath, abs string, env Environ, only []string, more func([]*draft, []string) []string) (*File, error) {
	return (&document{path: shownPath, data: data}).load(abs, env, only, more)
}

func (doc *document) load(abs string, env Environ, only []string, more func([]*draft, []string) []string) (*File, error) {
	l := newLoader(env)
	l.sum = doc.sum
	if err := l.file(doc, abs); err != nil {
		return nil, err
	}
	p := checkNeeds(l.drafts)
	if p == nil {
		p = checkProfiles(l.drafts, env.Profiles)
	}
	if p != nil {
		return nil, doc.error(p)
	}
	if env.Trust != nil {
		if err := env.Trust(l.claim(abs)); err != nil {
			return nil, err
		}
	}
	if len(only) > 0 && more != nil {
		only = more(l.drafts, only)
	}
	file := &File{Path: abs, Specs: make([]velos.Spec, 0, len(l.drafts)), drafts: l.drafts}
	resolved := make([]*draft, 0, len(l.drafts))
	l.env.found.claimPorts(l.drafts, l.env)
	for _, d := range l.drafts {
		file.Names = append(file.Names, d.spec.Name)
		if len(only) > 0 && !slices.Contains(only, d.spec.Name) {
			continue
		}
		d.spec.Source, d.spec.Notify = abs, d.notify
		s, p := d.resolve(l.env)
		if p == nil {
			p = invalidField(s.Validate())
		}
		if p != nil {
			p.locate(d)
			return nil, doc.error(p)
		}
		file.Names[len(file.Names)-1] = s.Name // the file may leave the name to the script
		file.Specs = append(file.Specs, s)
		resolved = append(resolved, d)
	}
	if p := checkPorts(resolved, file.Specs); p != nil {
		return nil, doc.error(p)
	}
	env.note(resolved, file.Specs)
	return file, nil
}

// invalidField turns what Validate says into a problem that can be located.
func invalidField(err error) *problem {
	if err == nil {
		return nil
	}
	p := &problem{code: velos.CodeOf(err), what: err.Error(), hint: velos.HintOf(err)}
	var f *velos.FieldError
	if errors.As(err, &f) {
		p.field, p.what = f.Field, f.What
	}
	return p
}

// readSmall reads a regular file, or a pipe such as /dev/stdin, up to maxFile.
// A pipe that lies among files is none that a shell has made: nobody may ever
// write to it.
func readSmall(path string) ([]byte, error) {
	if st, err := os.Stat(path); err == nil && st.Mode()&fs.ModeNamedPipe != 0 && !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
		return nil, errors.New("is a pipe, and no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, errors.New("is a directory")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("is larger than %d KiB", maxFile>>10)
	}
	return b, err
}

func readError(operation string, err error) *velos.Error {
	e := &velos.Error{Code: velos.Invalid, Cause: err, Hint: "check the path"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Message = operation + ": no such file"
	case errors.Is(err, fs.ErrPermission):
		e.Code, e.Message, e.Hint = velos.Denied, operation+": permission denied", "check who may read it"
	default:
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		e.Message = operation + ": " + err.Error()
	}
	return e
}
