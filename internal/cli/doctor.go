package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

const doctorLong = `Looks at the home directory, the socket, the versions of velos and velosd, limits, the disk, the size of logs,
the clock, ports that apps wait for, what agents start, and whether apps come back with the system. Each finding comes with the command that mends it. It changes
nothing and starts nothing. The exit code is 1 when something is bad; a warning is none.`

// A finding is what one check came to.
type finding struct {
	Check   string  `json:"check"`
	Status  verdict `json:"status"`
	Message string  `json:"message"`
	Mend    string  `json:"mend,omitempty"` // a command
}

type verdict string

const (
	fine verdict = "ok"
	odd  verdict = "warning" // works, and may not for long
	bad  verdict = "bad"
)

// A doctor collects findings.
type doctor struct {
	*session
	home     home.Home
	findings []finding
}

func (d *doctor) say(check string, v verdict, message, mend string) {
	d.findings = append(d.findings, finding{check, v, view.Text(message), mend})
}

type doctorAnswer struct {
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
}

func setupDoctor(s *session, _ *pflag.FlagSet) handler {
	return func(ctx context.Context, _ []string) error {
		h, err := s.home()
		if err != nil {
			return err
		}
		d := &doctor{session: s, home: h}
		d.checkHome()
		d.checkProgram()
		d.checkState()
		d.checkDaemon(ctx)
		d.checkDisk()
		d.checkLogs()
		d.checkBoot()
		d.checkAgents()
		d.checkNotices()
		return d.report()
	}
}

func (d *doctor) report() error {
	a := doctorAnswer{OK: true, Findings: d.findings}
	text := ""
	for _, f := range d.findings {
		text += fmt.Sprintf("%-8s %-8s %s\n", f.Status, f.Check, f.Message)
		if f.Mend != "" {
			text += fmt.Sprintf("%-17s %s\n", "", f.Mend)
		}
		a.OK = a.OK && f.Status != bad
	}
	if err := d.answer(a, text); err != nil {
		return err
	}
	if !a.OK {
		return exitCode(velos.Failed.Exit())
	}
	return nil
}

func (d *doctor) checkHome() {
	info, err := os.Lstat(d.home.Dir)
	switch {
	case os.IsNotExist(err):
		d.say("home", fine, d.home.Dir+" will be made by the first command", "")
	case err != nil:
		d.say("home", bad, err.Error(), "")
	case info.Mode()&fs.ModeSymlink != 0 || !info.IsDir():
		d.say("home", bad, d.home.Dir+" is not a directory of its own", "export VELOS_HOME=DIRECTORY")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		d.say("home", odd, d.home.Dir+" is open to others", "chmod 700 "+line([]string{d.home.Dir}))
	default:
		d.say("home", fine, d.home.Dir, "")
	}
}

func (d *doctor) checkProgram() {
	path, err := d.velosd()
	if err != nil {
		d.say("program", bad, err.Error()+": "+velos.HintOf(err), "")
		return
	}
	d.say("program", fine, path+" is what would be started", "")
}

// checkState: a file that no daemon can read is set aside by the next one, which
// goes on with the one before, if there is one. One that it must not touch holds it
// up.
func (d *doctor) checkState() {
	path := d.home.StateFile()
	_, err := home.Load(path)
	switch velos.CodeOf(err) {
	case velos.NotFound: // nothing was ever started here
		if _, err := home.Load(home.Backup(path)); err == nil {
			d.say("state", odd, "there is no "+path+"; the next velosd goes on with the one before", "velos list")
		}
	case velos.Invalid:
		next := "goes on with the one before"
		if _, err := home.Load(home.Backup(path)); err != nil {
			next = "knows no apps, since the one before cannot be read either"
		}
		d.say("state", bad, path+" is damaged; the next velosd sets it aside and "+next, "velos list")
	default:
		if err != nil {
			d.say("state", bad, err.Error(), velos.HintOf(err))
		}
	}
}

// checkDaemon asks the daemon, if there is one, and looks at what it is.
func (d *doctor) checkDaemon(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, patience/6)
	defer stop()
	err := d.dial()
	var p wire.Pong
	if err == nil {
		p, err = d.conn.Ping(ctx)
	}
	switch {
	case err != nil && velos.CodeOf(err) == velos.Unreachable && !d.home.Kept():
		d.say("socket", odd, "no daemon runs", "velos list")
		return
	case velos.CodeOf(err) == velos.Denied && err != nil:
		d.say("socket", bad, err.Error(), "export VELOS_HOME=DIRECTORY")
		return
	case err != nil:
		d.say("socket", bad, late(err, patience/6).Error(), "velos kill --timeout 10s")
		return
	}
	d.say("socket", fine, "velosd answers, pid "+strconv.Itoa(p.PID)+", up "+view.Span(p.Uptime), "")
	if p.Version != velos.Version {
		d.say("version", odd, "velos is "+velos.Version+" and velosd is "+p.Version, "velos daemon upgrade")
	} else {
		d.say("version", fine, "velos and velosd are "+p.Version, "")
	}
	if runtime.GOOS == "linux" && p.Keeper == 0 {
		d.say("keeper", odd, "the daemon has no keeper: if it is killed, output of programs may be lost", "velos kill --leave && velos list")
	}
	d.checkLimits(p.PID)
	d.checkApps(ctx)
	d.checkClock(ctx)
}

func (d *doctor) checkApps(ctx context.Context) {
	list, err := d.conn.List(ctx)
	if err != nil {
		d.say("apps", bad, late(err, patience/6).Error(), "velos ping")
		return
	}
	ill := 0
	for i := range list.Apps {
		a := &list.Apps[i]
		switch {
		case a.Status == velos.Errored:
			d.say("apps", odd, a.Spec.Name+" has given up", "velos why "+a.Spec.Name)
		case a.Log.Dropped > 0:
			d.say("apps", odd, a.Spec.Name+": "+strconv.FormatUint(a.Log.Dropped, 10)+" lines could not be written", "velos why "+a.Spec.Name)
		default:
			continue
		}
		ill++
	}
	if ill == 0 {
		d.say("apps", fine, countApps(len(list.Apps))+", none has given up", "")
	}
	d.checkPorts(list.Apps)
}

// mostSkew is how far a clock may have gone back since the last event.
const mostSkew = time.Minute

// checkClock: what is recorded must not be in the future, and a machine whose
// clock was never set begins at 1970.
func (d *doctor) checkClock(ctx context.Context) {
	mend := ""
	if runtime.GOOS == "linux" {
		mend = "sudo timedatectl set-ntp true"
	}
	now := d.Now()
	if now.Year() < 2025 {
		d.say("clock", bad, "it is "+now.Format(time.DateOnly)+" here: the clock was not set", mend)
		return
	}
	for e, err := range d.conn.Events(ctx, wire.EventsQuery{Last: 1}) {
		if err == nil && e.Time.Std().Sub(now) > mostSkew {
			d.say("clock", odd, "the newest event is from the future, "+e.Time.Std().In(d.Loc).Format(time.DateTime)+": the clock has gone back", mend)
			return
		}
	}
	d.say("clock", fine, now.In(d.Loc).Format("2006-01-02 15:04:05 MST"), "")
}

const (
	scarce   = 1 << 30   // bytes free, below which there is a warning
	exhaust  = 100 << 20 // below which programs are about to lose lines
	muchLogs = 5 << 30
)

func (d *doctor) checkDisk() {
	dir := d.home.Dir
	for !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	free, err := freeBytes(dir)
	what := view.Bytes(free) + " free where " + d.home.Dir + " is"
	switch {
	case err != nil:
		d.say("disk", odd, "the disk cannot be asked: "+err.Error(), "")
	case free < exhaust:
		d.say("disk", bad, what, "velos flush")
	case free < scarce:
		d.say("disk", odd, what, "velos flush")
	default:
		d.say("disk", fine, what, "")
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (d *doctor) checkLogs() {
	files, err := os.ReadDir(d.home.LogDir())
	if err != nil {
		return // there are none yet
	}
	sum := int64(0)
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	what := strconv.Itoa(len(files)) + " log files have " + view.Bytes(sum)
	if sum > muchLogs {
		d.say("logs", odd, what+"; max_log_total bounds an app's", "velos flush")
		return
	}
	d.say("logs", fine, what, "")
}
