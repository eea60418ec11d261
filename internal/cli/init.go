package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/view"
)

const initLong = `Writes a velos.toml with comments for the directory that it is called in. It looks, in this order, at Procfile,
package.json (start and its like), pyproject.toml, go.mod (cmd/*), and scripts with usual names. Nothing is
started: read the file, then velos start velos.toml. A file that is there stays as it is, unless --force is given.`

type initAnswer struct {
	File  string   `json:"file,omitempty"`
	Text  string   `json:"text,omitempty"` // in the place of File, with --print
	Apps  []string `json:"apps"`
	Notes []string `json:"notes"`
}

func setupInit(s *session, f *pflag.FlagSet) handler {
	force := f.BoolP("force", "f", false, "replace a file that is there")
	show := f.Bool("print", false, "print the file, and write none")
	return func(ctx context.Context, args []string) error {
		file := "velos.toml"
		if len(args) > 0 {
			file = args[0]
		}
		switch {
		case s.Lost != nil:
			return s.Lost
		case !config.IsConfig(file):
			return invalid("init "+quote(file)+": is no configuration file", "its name ends in .toml; without one it is velos.toml")
		}
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		sk := config.NewSketch(filepath.Dir(path))
		answer := initAnswer{File: path, Apps: sk.Apps, Notes: sk.Notes}
		if answer.Apps == nil {
			answer.Apps = []string{}
		}
		if answer.Notes == nil {
			answer.Notes = []string{}
		}
		if *show {
			answer.File, answer.Text = "", sk.Text
			return s.answer(answer, sk.Text)
		}
		if err := create(path, []byte(sk.Text), 0o644, *force); err != nil {
			return initError(file, err)
		}
		s.written(ctx, path)
		for _, n := range sk.Notes {
			s.notice(n)
		}
		text := "wrote " + view.Text(file) + ", with no app in it yet\n"
		if len(sk.Apps) > 0 {
			text = "wrote " + view.Text(file) + ": " + view.Text(strings.Join(sk.Apps, ", ")) + "\nread it, then: velos start " + view.Text(file) + "\n"
		}
		return s.answer(answer, text)
	}
}

// create writes a file that is not there, or with force any.
func create(path string, data []byte, mode fs.FileMode, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func initError(file string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	e := &velos.Error{Code: velos.Failed, Message: "init: write " + quote(file) + ": " + err.Error(), Hint: "name another file", Cause: err}
	switch {
	case errors.Is(err, fs.ErrExist):
		e.Code, e.Message, e.Hint = velos.Conflict, "init: "+quote(file)+" is there already", "--force replaces it, --print shows what would be written"
	case errors.Is(err, fs.ErrPermission):
		e.Code, e.Hint = velos.Denied, "check who may write there"
	}
	return e
}
