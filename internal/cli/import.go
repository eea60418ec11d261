package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/foreign"
	"github.com/velospm/velos/internal/view"
)

const importLong = `Makes a velos.toml of another manager's file and says what could not be translated, and why:

    velos import ecosystem.config.js       PM2: .js, .cjs, .mjs, .json, .yaml; node evaluates what is a program
    velos import ~/.pm2/dump.pm2           what pm2 save has written
    velos import Procfile                  one app for each line
    velos import supervisord.conf          its [program:…] sections
    velos import compose.yaml              what runs as a process
    velos import process-compose.yaml
    velos import api.service               a unit of systemd

The file is written where velos is called, for the owner alone, since environments hold secrets. -o - shows it instead.
Nothing is started: look at it, then velos start velos.toml. All these files can be started as they are, too.`

// importFlags are the flags of import.
type importFlags struct {
	out     string
	force   bool
	profile string
}

func setupImport(s *session, f *pflag.FlagSet) handler {
	var o importFlags
	f.StringVarP(&o.out, "output", "o", "velos.toml", "file to write; - is stdout")
	f.BoolVarP(&o.force, "force", "f", false, "write over a file that is there")
	s.trustFlag(f)
	f.StringVar(&o.profile, "env", "", "take this profile for the environment; without it all are kept apart")
	return func(ctx context.Context, args []string) error {
		env, err := s.environ()
		if err != nil {
			return err
		}
		if config.IsConfig(args[0]) {
			return invalid("import "+quote(args[0])+": is a velos.toml already", "velos start "+quote(args[0]))
		}
		file, err := foreign.Read(ctx, args[0], foreign.Options{Env: env, Velos: ourselves(), Profile: o.profile, Apart: true, Say: s.printed(args[0]), Trust: s.allowed(ctx)})
		if err != nil {
			return err
		}
		return s.writeImport(ctx, file, &o, env)
	}
}

// writeImport writes the file and tells what became of the rest.
func (s *session) writeImport(ctx context.Context, file *foreign.File, o *importFlags, env config.Environ) error {
	if o.out == "-" {
		if !s.human() {
			return s.imported(file, "", nil)
		}
		_, err := io.WriteString(s.Out, view.Lines(string(file.Text())))
		return err
	}
	path := o.out
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	file.Move(filepath.Dir(path), env)
	// It may hold secrets.
	if err := create(path, file.Text(), 0o600, o.force); err != nil {
		e := &velos.Error{Code: velos.Failed, Message: "write " + quote(o.out) + ": " + reasonOf(err), Hint: "name another file with -o", Cause: err}
		switch {
		case errors.Is(err, fs.ErrExist):
			e.Code, e.Message, e.Hint = velos.Conflict, "write "+quote(o.out)+": there is such a file", "--force writes over it, -o names another, -o - shows the text"
		case errors.Is(err, fs.ErrPermission):
			e.Code = velos.Denied
		}
		return e
	}
	_, err := config.Load(path, env)
	s.written(ctx, path)
	return s.imported(file, o.out, err)
}

func reasonOf(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// imported shows the outcome. bad is why the new file does not start yet.
func (s *session) imported(file *foreign.File, out string, bad error) error {
	names := make([]string, len(file.Apps))
	for i := range file.Apps {
		names[i] = file.Apps[i].Name
	}
	if !s.human() {
		answer := struct {
			File  string         `json:"file,omitempty"`
			Text  string         `json:"text,omitempty"`
			From  string         `json:"from"`
			Apps  []string       `json:"apps"`
			Notes []foreign.Note `json:"notes"`
			Error string         `json:"error,omitempty"`
		}{File: out, From: file.Manager, Apps: names, Notes: append([]foreign.Note{}, file.Notes...)}
		if out == "" {
			answer.Text = string(file.Text())
		}
		if bad != nil {
			answer.Error = bad.Error()
		}
		return json.NewEncoder(s.Out).Encode(answer)
	}
	var b strings.Builder
	b.WriteString("wrote " + out + ": " + countApps(len(names)) + " (" + strings.Join(names, ", ") + ")\n")
	for _, part := range []struct {
		title string
		lost  bool
	}{{"not translated:", true}, {"nothing is needed for:", false}} {
		title := part.title
		for _, n := range file.Notes {
			if n.Lost != part.lost {
				continue
			}
			if title != "" {
				b.WriteString(title + "\n")
				title = ""
			}
			b.WriteString("  " + view.Text(n.String()) + "\n")
		}
	}
	if _, err := io.WriteString(s.Out, b.String()); err != nil {
		return err
	}
	if bad != nil {
		s.notice(out+" does not start yet: ", bad.Error())
	}
	s.warn(file, out)
	return nil
}

// warn names variables whose values should not stand in a file that others
// read.
func (s *session) warn(file *foreign.File, out string) {
	var names []string
	for i := range file.Apps {
		for k, v := range file.Apps[i].Env() {
			if view.Secret(k, v) {
				names = append(names, k)
			}
		}
	}
	if names = distinct(names); len(names) > 0 {
		s.notice(out, " holds what looks like secrets (", strings.Join(names, ", "), "): move them into a file that env_file names before others read it")
	}
}
