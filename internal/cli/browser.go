package cli

import (
	"context"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// browse opens the page in the browser of this desktop, if there is one. The
// link is in a file for our user alone, which leads there: what stands in a
// command line every user can read.
func (w *showing) browse(ctx context.Context, origin string) {
	program := desktop(runtime.GOOS, w.Vars, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
	if program == nil {
		return
	}
	code, err := w.codes.New(w.scope, openWithin)
	if err != nil {
		w.notice(err.Error())
		return
	}
	defer w.codes.Drop(code)
	file, err := w.leading(linkTo(origin, code))
	if err != nil {
		w.notice("no browser was opened: ", err.Error())
		return
	}
	defer os.Remove(file)
	c := exec.Command(program[0], append(program[1:], file)...)
	c.SysProcAttr = detached() // Ctrl-C is not meant for a browser
	if err := c.Start(); err != nil {
		w.notice("no browser was opened: ", err.Error())
		return
	}
	go c.Wait()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for w.codes.Waits(code) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// leading writes a page that leads to a link.
func (w *showing) leading(link string) (string, error) {
	dir := filepath.Dir(w.codes.Dir)
	// Browsers from a snap may read what is in the user's home and not hidden.
	if _, err := os.Stat("/snap/bin"); err == nil && runtime.GOOS == "linux" && w.Vars["HOME"] != "" {
		dir = w.Vars["HOME"]
	}
	f, err := os.CreateTemp(dir, "velos-*.html") // 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer><meta http-equiv=refresh content=\"0;url=" + html.EscapeString(link) + "\"><title>Velos</title>\n")
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// desktop is what opens a file on a desktop; nil where nobody sits before one.
func desktop(system string, vars map[string]string, there func(string) bool) []string {
	if vars["SSH_CONNECTION"] != "" || vars["CI"] != "" {
		return nil
	}
	switch system {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	if vars["DISPLAY"] == "" && vars["WAYLAND_DISPLAY"] == "" || !there("xdg-open") {
		return nil
	}
	return []string{"xdg-open"}
}
