package daemon

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
	"github.com/velospm/velos/internal/home"
)

// A helper runs the velos program for work that needs more code than the
// daemon should hold: compressing rotated logs, and reading them back. One
// compression runs at a time, at low priority.
type helper struct {
	children *child.Host
	home     home.Home

	mu    sync.Mutex
	todo  []string
	busy  bool
	watch *sentinel // nil until there was something to look at
}

func newHelper(c *child.Host, h home.Home) *helper { return &helper{children: c, home: h} }

// program is velos beside our own binary, else in PATH.
func (h *helper) program() (string, error) {
	self, err := os.Executable()
	if err == nil {
		p := filepath.Join(filepath.Dir(self), exeName("velos"))
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		p := filepath.Join(dir, exeName("velos"))
		if st, err := os.Stat(p); filepath.IsAbs(dir) && err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", &velos.Error{Code: velos.NotFound, Message: "velos is neither beside velosd nor in PATH"}
}

func (h *helper) start(stdout int, args ...string) (*child.Process, error) {
	path, err := h.program()
	if err != nil {
		return nil, err
	}
	return h.children.Start(child.Command{
		Path: path, Args: append([]string{path}, args...), Dir: "/",
		Env:    []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "VELOS_HOME=" + h.home.Dir, "GOMAXPROCS=1"},
		Stdout: stdout, Stderr: -1,
	})
}

// compress takes a rotated file on its list and returns at once. A file that
// cannot be compressed stays as it is and can still be read.
func (h *helper) compress(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.Contains(h.todo, path) {
		return
	}
	h.todo = append(h.todo, path)
	if !h.busy {
		h.busy = true
		go h.work()
	}
}

func (h *helper) work() {
	for {
		h.mu.Lock()
		if len(h.todo) == 0 {
			h.busy, h.todo = false, nil
			h.mu.Unlock()
			return
		}
		path := h.todo[0]
		h.todo = h.todo[1:]
		h.mu.Unlock()
		if gone(path) {
			continue // flushed, renamed or rotated away: whoever moved it asks again
		}
		p, err := h.start(-1, "compress", path)
		if err != nil {
			say("velosd: compress " + path + ": " + err.Error())
			continue
		}
		lowPriority(p.PID()) // an expansion keeps its own: somebody waits for it
		if x := <-p.Exited(); (x.Code != 0 || x.Signal != "") && !gone(path) {
			say("velosd: compress " + path + ": " + ended(x))
		}
	}
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func ended(x child.Exit) string {
	if x.Signal != "" {
		return "killed by " + x.Signal
	}
	return "exit code " + itoa(x.Code)
}

// expand opens a compressed file for reading.
func (h *helper) expand(path string) (io.ReadCloser, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p, err := h.start(int(w.Fd()), "expand", path)
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return &expansion{File: r, p: p, path: path}, nil
}

// An expansion is the output of a helper. Closing it early ends the helper,
// which finds nobody reading.
type expansion struct {
	*os.File
	p    *child.Process
	path string
	over bool // how the helper has ended is known
}

// Read ends with an error when the helper has not come to the end of the file.
func (e *expansion) Read(b []byte) (int, error) {
	n, err := e.File.Read(b)
	if err != io.EOF || e.over {
		return n, err
	}
	e.over = true
	if x := <-e.p.Exited(); x.Code != 0 || x.Signal != "" {
		return n, &velos.Error{Code: velos.Failed, Message: "expand " + e.path + ": " + ended(x), Hint: "the file may be damaged"}
	}
	return n, err
}

// WriteTo is Read for io.Copy, which would go around it.
func (e *expansion) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{e}) }

func (e *expansion) Close() error {
	err := e.File.Close()
	_ = e.p.Kill() // an error means that it has ended already
	return err
}
