package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/foreign"
	"github.com/velospm/velos/internal/verb"
	"github.com/velospm/velos/internal/view"
)

const exportLong = `Makes the files with which another engine runs apps as Velos does:

    velos export systemd api -o units      a unit for each, and a socket unit where Velos holds the sockets
    velos export compose velos.toml        services; images are guesses
    velos export procfile                  one line for each
    velos export kubernetes                a Deployment or a Job, and a Service where the port is known
    velos export nomad                     a job for each, as a process

Without names it takes all apps that are known; a configuration file stands for the apps in it. The text goes to
stdout, or with -o into a directory. What the other engine has no words for is said in comments. Values that look
like secrets are not written: the files name them, and where they come from instead.` + targetsHelp

// exportFlags are the flags of export.
type exportFlags struct {
	dir   string
	force bool
	only  []string
	env   []string // profiles
}

func setupExport(s *session, f *pflag.FlagSet) handler {
	var o exportFlags
	f.StringVarP(&o.dir, "output", "o", "", "directory for the files; it is made if it is not there")
	f.BoolVarP(&o.force, "force", "f", false, "write over files that are there")
	f.StringSliceVar(&o.only, "only", nil, "only these apps of the configuration file")
	profileFlag(f, &o.env)
	return func(ctx context.Context, args []string) error {
		if err := checkFile("export", o.env, o.only, slices.ContainsFunc(args[1:], fileName)); err != nil {
			return err
		}
		specs, err := s.exported(ctx, args[1:], &o)
		if err != nil {
			return err
		}
		files, err := foreign.Export(strings.ToLower(args[0]), specs, view.Secret)
		if err != nil {
			return err
		}
		if o.dir == "" {
			return s.showFiles(files)
		}
		return s.writeFiles(files, &o)
	}
}

// exported are the apps that words mean. Files need no daemon.
func (s *session) exported(ctx context.Context, words []string, o *exportFlags) ([]velos.Spec, error) {
	env, err := s.environ()
	if err != nil {
		return nil, err
	}
	env.Profiles = o.env
	env.Port = verb.UsualPort // another machine runs it
	var specs []velos.Spec
	var names []string
	p := &plan{open: s.opener(ctx, false)}
	for _, w := range words {
		if !p.isFile(w) {
			names = append(names, w)
			continue
		}
		file, err := p.open(w, env, false, o.only)
		if err != nil {
			return nil, err
		}
		specs = append(specs, file.Specs...)
	}
	if len(names) == 0 && len(words) > 0 {
		return specs, nil
	}
	if len(names) == 0 {
		names = []string{"all"}
	}
	list, err := s.targets(ctx, "export", names)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		specs = append(specs, t.app.Spec)
	}
	return specs, nil
}

type exportedFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (s *session) showFiles(files []foreign.Output) error {
	if !s.human() {
		list := make([]exportedFile, len(files))
		for i, f := range files {
			list[i] = exportedFile{f.Name, string(f.Data)}
		}
		return json.NewEncoder(s.Out).Encode(struct {
			Files []exportedFile `json:"files"`
		}{list})
	}
	for i, f := range files {
		text := view.Lines(string(f.Data))
		if len(files) > 1 {
			text = "# file: " + f.Name + "\n" + text
		}
		if i > 0 {
			text = "\n" + text
		}
		if _, err := io.WriteString(s.Out, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) writeFiles(files []foreign.Output, o *exportFlags) error {
	dir := o.dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(s.Dir, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &velos.Error{Code: velos.Failed, Message: "write " + quote(o.dir) + ": " + reasonOf(err), Hint: "name another directory with -o", Cause: err}
	}
	var names []string
	for _, f := range files {
		name := filepath.Join(o.dir, f.Name)
		if err := create(filepath.Join(dir, f.Name), f.Data, 0o600, o.force); err != nil {
			e := &velos.Error{Code: velos.Failed, Message: "write " + quote(name) + ": " + reasonOf(err), Hint: "name another directory with -o", Cause: err}
			if errors.Is(err, fs.ErrExist) {
				e.Code, e.Message, e.Hint = velos.Conflict, "write "+quote(name)+": there is such a file", "--force writes over it, -o names another directory"
			}
			return e
		}
		names = append(names, name)
	}
	if !s.human() {
		return json.NewEncoder(s.Out).Encode(struct {
			Wrote []string `json:"wrote"`
		}{names})
	}
	_, err := io.WriteString(s.Out, "wrote "+view.Text(strings.Join(names, ", "))+"\n")
	return err
}
