package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/unit"
	"github.com/velospm/velos/internal/view"
)

// show is the dry run.
func (b *boot) show(ctx context.Context) error {
	if _, err := b.ours(); velos.CodeOf(err) == velos.Conflict {
		return err
	}
	text := ""
	for _, f := range b.service.Files {
		out := bootFile{Path: f.Path, Mode: fmt.Sprintf("%04o", f.Mode)}
		if b.verb == "startup" {
			out.Text = f.Text
			text += "# " + f.Path + ", mode " + out.Mode + "\n" + f.Text + "\n"
		} else {
			text += "would remove " + f.Path + "\n"
		}
		b.answer.Files = append(b.answer.Files, out)
	}
	if b.verb == "startup" {
		b.advise(ctx)
	}
	return b.reply(view.Lines(text), "$ ")
}

// install writes the service and switches it on.
func (b *boot) install(ctx context.Context) error {
	if _, err := b.ours(); err != nil {
		return err
	}
	text := ""
	for _, f := range b.service.Files {
		if err := write(f); err != nil {
			return b.fault("write", f.Path, err)
		}
		b.answer.Files = append(b.answer.Files, bootFile{Path: f.Path, Mode: fmt.Sprintf("%04o", f.Mode)})
		text += "wrote " + f.Path + "\n"
	}
	if err := b.run(ctx, b.service.Enable); err != nil {
		return err
	}
	b.advise(ctx)
	return b.reply(view.Lines(text), "ran ")
}

// remove switches the service off and removes its files. What runs goes on.
func (b *boot) remove(ctx context.Context) error {
	there, err := b.ours()
	if err != nil {
		return err
	}
	if !there {
		b.answer.Commands = []string{}
		return b.session.answer(b.answer, "there is no service "+b.facts.Name+"\n")
	}
	if err := b.run(ctx, b.service.Disable); err != nil {
		return err
	}
	text := ""
	for _, f := range b.service.Files {
		if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b.fault("remove", f.Path, err)
		}
		b.answer.Files = append(b.answer.Files, bootFile{Path: f.Path, Mode: fmt.Sprintf("%04o", f.Mode)})
		text += "removed " + f.Path + "\n"
	}
	if b.service.Folder != "" {
		_ = os.Remove(b.service.Folder) // stays if the supervisor keeps something there
	}
	return b.reply(view.Lines(text), "ran ")
}

// ours reports whether the service is there. One that somebody else has made,
// or another VELOS_HOME, is not touched.
func (b *boot) ours() (there bool, err error) {
	path := b.service.Files[0].Path
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, b.fault("read", path, err)
	}
	owner, ok := unit.HomeOf(string(text))
	switch {
	case !ok:
		return true, &velos.Error{Code: velos.Conflict, Message: b.verb + ": " + path + " was not written by velos startup", Hint: "choose another name with --name"}
	case owner != b.facts.Home:
		return true, &velos.Error{Code: velos.Conflict, Message: b.verb + ": " + path + " is the service of " + owner, Hint: "choose another name with --name"}
	}
	return true, nil
}

// run runs commands of the init system, if it is there to be asked.
func (b *boot) run(ctx context.Context, commands [][]string) error {
	if !b.running {
		return nil
	}
	for _, c := range commands {
		if out, err := b.command(ctx, c); err != nil {
			return &velos.Error{Code: velos.Failed, Message: b.verb + ": " + line(c) + ": " + err.Error(), Hint: strings.TrimSpace(out), Cause: err}
		}
	}
	b.answer.Ran = len(commands) > 0
	return nil
}

// command runs a program of PATH and returns what it had to say.
func (b *boot) command(ctx context.Context, words []string) (string, error) {
	for _, dir := range filepath.SplitList(b.facts.Path + string(filepath.ListSeparator) + "/usr/sbin" + string(filepath.ListSeparator) + "/sbin") {
		path := filepath.Join(dir, words[0])
		if st, err := os.Stat(path); err != nil || st.IsDir() || !executable(st) {
			continue
		}
		cmd := exec.CommandContext(ctx, path, words[1:]...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		for k, v := range b.Vars {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		if dir := "/run/user/" + strconv.Itoa(b.euid); b.Vars["XDG_RUNTIME_DIR"] == "" && !b.facts.System && b.machine.Exists(dir) {
			cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+dir) // after su there is none, and systemctl finds no bus
		}
		err := cmd.Run()
		return out.String(), err
	}
	return "", errors.New("no such program")
}

// advise says what remains to be done.
func (b *boot) advise(ctx context.Context) {
	next := &b.answer.Next
	if !b.facts.System && b.facts.Init == unit.Systemd && b.running {
		out, err := b.command(ctx, []string{"loginctl", "show-user", b.facts.User, "--property=Linger"})
		if err != nil || strings.TrimSpace(out) != "Linger=yes" {
			*next = append(*next, "lingering is off for "+b.facts.User+": without it the service starts with the first login, not with the system, and ends with the last: "+
				line([]string{"sudo", "loginctl", "enable-linger", b.facts.User}))
		}
	}
	*next = append(*next, b.service.Advice...)
	if b.service.Start != nil && b.running && !b.dryRun {
		start := "to have velosd run as a service at once: " + line(b.service.Start)
		if b.dial() == nil {
			start = "velosd runs already, and goes on as it is: the service starts it from the next start of the system on"
		}
		*next = append(*next, start)
	}
	if u := b.Vars["SUDO_USER"]; b.facts.System && u != "" && u != b.facts.User && b.Vars["VELOS_HOME"] == "" {
		*next = append(*next, "this is the service of "+b.facts.User+"; for "+u+", run velos "+b.verb+" --system as "+u+": it shows the command for sudo")
	}
}

// reply is the answer of both verbs.
func (b *boot) reply(text, before string) error {
	if !b.running && len(b.answer.Commands) > 0 && !b.dryRun {
		text += view.Text(string(b.facts.Init)) + " does not run here; where it does, run:\n"
		before = "    "
	}
	for _, c := range b.answer.Commands {
		text += before + view.Text(c) + "\n"
	}
	for _, n := range b.answer.Next {
		text += "next: " + view.Text(n) + "\n"
	}
	return b.session.answer(b.answer, text)
}

func (b *boot) fault(what, path string, err error) error {
	code := velos.Failed
	if errors.Is(err, fs.ErrPermission) {
		code = velos.Denied
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &velos.Error{Code: code, Message: b.verb + ": " + what + " " + path + ": " + err.Error(), Cause: err}
}

// write replaces a file as a whole: an init system may read it at any time.
func write(f unit.File) error {
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	t, err := os.CreateTemp(dir, ".velos-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name()) // fails when all went well
	_, err = t.WriteString(f.Text)
	if err == nil {
		err = t.Chmod(f.Mode)
	}
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), f.Path)
}

// line is a command as a person would type it.
func line(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = unit.Word(w)
	}
	return strings.Join(list, " ")
}

// absolute is PATH without what depends on where somebody happens to be.
func absolute(path string) string {
	var list []string
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) && !seen[dir] {
			seen[dir] = true
			list = append(list, dir)
		}
	}
	if len(list) == 0 {
		return "/usr/local/bin:/usr/bin:/bin"
	}
	return strings.Join(list, string(filepath.ListSeparator))
}
