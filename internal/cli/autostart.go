package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
)

// raiseWithin is how long the daemon may take to answer after its start, or
// after its keeper was asked to start it.
const raiseWithin = 15 * time.Second

// kept are the variables that the daemon gets. It must not depend on whoever
// happened to start it; what an app gets comes with its Spec.
var kept = [...]string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "VELOS_HOME",
	"SystemRoot", "SystemDrive", "USERPROFILE", "LOCALAPPDATA", "TEMP"}

// raise starts velosd and connects to it. When two commands do this at the
// same moment one velosd gets the lock, the other one ends, and both commands
// reach the first.
func (s *session) raise(ctx context.Context, h home.Home) error {
	path, err := s.velosd()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(h.DaemonLog(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return &velos.Error{Code: velos.Denied, Message: "start velosd: " + err.Error(), Hint: "set VELOS_HOME to a directory that you may write to", Cause: err}
	}
	defer log.Close()
	before := int64(0)
	if st, err := log.Stat(); err == nil {
		before = st.Size()
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	p, err := os.StartProcess(path, []string{path}, &os.ProcAttr{Dir: rootDir(), Env: s.daemonEnv(h), Files: []*os.File{null, null, log}, Sys: detached()})
	if err != nil {
		return &velos.Error{Code: velos.Unreachable, Message: "start velosd: " + err.Error(), Hint: "install velosd beside velos", Cause: err}
	}
	ended := make(chan int, 1)
	go func() {
		st, err := p.Wait()
		if err == nil {
			ended <- st.ExitCode()
		}
	}()
	return s.await(ctx, h, p, ended, before)
}

// await dials until the daemon answers. A velosd that ended with Conflict has
// lost the race for the lock: its rival will answer.
func (s *session) await(ctx context.Context, h home.Home, ours *os.Process, ended <-chan int, logged int64) error {
	deadline := time.Now().Add(raiseWithin)
	pause := time.Millisecond
	for time.Now().Before(deadline) {
		c, err := client.Dial(h.Socket())
		if err == nil {
			s.conn = c
			if s.announceDaemon(ctx, h, ours, logged) {
				return nil
			}
			_ = c.Close() // it has died since
			s.conn = nil
		} else if code := velos.CodeOf(err); code != velos.Unreachable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case code := <-ended:
			ended = nil
			if code != velos.Conflict.Exit() {
				return raiseError(h, "it ended with code "+strconv.Itoa(code), logged)
			}
		case <-time.After(pause):
			pause = min(pause*3/2, 50*time.Millisecond)
		}
	}
	return raiseError(h, "no answer within "+velos.MillisOf(raiseWithin).String(), logged)
}

// announceDaemon says what was started, unless another command was faster and
// it is that command's daemon that answers. Then ours is not needed: it may not
// even have begun, and would be a daemon that nobody wants when it does and the
// other has ended. False: the connection is lost.
func (s *session) announceDaemon(ctx context.Context, h home.Home, ours *os.Process, logged int64) bool {
	ctx, stop := context.WithTimeout(ctx, raiseWithin)
	defer stop()
	p, err := s.conn.Ping(ctx)
	switch {
	case err != nil:
	case p.PID == ours.Pid || p.Keeper == ours.Pid:
		s.notice("started velosd, pid ", strconv.Itoa(p.PID))
		s.passOn(h, logged)
	default:
		_ = ours.Signal(syscall.SIGTERM)
	}
	return err == nil || velos.CodeOf(err) != velos.Unreachable
}

// raiseError carries the end of what velosd itself wrote since it was started.
func raiseError(h home.Home, what string, from int64) error {
	hint := "its log is " + h.DaemonLog()
	for _, l := range daemonLines(h, from) {
		hint += "\nvelosd: " + l
	}
	return &velos.Error{Code: velos.Unreachable, Message: "start velosd: " + what, Hint: hint}
}

// passOn shows what a daemon that we have started has to say, such as that
// its state was damaged. Words of rivals that have ended are not among it.
func (s *session) passOn(h home.Home, from int64) {
	for _, l := range daemonLines(h, from) {
		if len(l) > len(daemonStamp) {
			l = l[len(daemonStamp):]
		}
		if !strings.HasPrefix(l, "velosd: ") && !strings.HasPrefix(l, " ") {
			s.notice("velosd: ", l)
		}
	}
}

// daemonStamp stands before each line of the daemon's log.
const daemonStamp = "2006-01-02 15:04:05.000 "

// daemonLines are the last lines of the daemon's log from an offset on.
func daemonLines(h home.Home, from int64) []string {
	f, err := os.Open(h.DaemonLog())
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil {
		f.Seek(max(from, st.Size()-4096), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, 4096))
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
	return lines[max(0, len(lines)-5):]
}

// velosd finds the daemon's program.
func (s *session) velosd() (string, error) {
	path, err := s.beside("velosd", "start velosd")
	if err != nil {
		return "", &velos.Error{Code: velos.Unreachable, Message: err.Error(), Hint: velos.HintOf(err), Cause: err}
	}
	return path, nil
}

// handOver becomes another program of ours, which runs the same command line
// with more linked in.
func (s *session) handOver(program, command string) error {
	path, err := s.beside(program, command)
	if err != nil {
		return err
	}
	return become(path)
}

// beside finds another program of ours: beside our own, else in PATH.
func (s *session) beside(program, what string) (string, error) {
	name := program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	var dirs []string
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
		if real, err := filepath.EvalSymlinks(self); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, dir := range append(dirs, filepath.SplitList(s.Vars["PATH"])...) {
		if !filepath.IsAbs(dir) {
			continue // never from wherever we happen to be
		}
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() && executable(st) {
			return path, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			continue
		}
	}
	return "", &velos.Error{Code: velos.Unsupported, Message: what + ": no such program beside velos or in PATH", Hint: "install " + program + " in the directory of velos"}
}

func executable(st fs.FileInfo) bool { return runtime.GOOS == "windows" || st.Mode()&0o111 != 0 }

func (s *session) daemonEnv(h home.Home) []string {
	// More threads than one make the daemon larger and not faster.
	env := []string{"GOMAXPROCS=1"}
	for _, k := range kept {
		v, ok := s.Vars[k]
		if k == "VELOS_HOME" {
			v, ok = h.Dir, true
		}
		if ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// rootDir is where the daemon works: nowhere that could be unmounted.
func rootDir() string {
	if runtime.GOOS == "windows" {
		return ""
	}
	return "/"
}
