package daemon

import (
	"path/filepath"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/wire"
)

// watchHome is called now and then. Somebody may have removed or moved the
// home of a daemon that runs: then nobody can reach it, and the next command
// would start a second one beside it. The home is made anew around what is
// known; where another daemon has taken the place already, this one ends and
// takes its apps along, since two would run them twice.
func (d *Daemon) watchHome() {
	if d.lock.Holds(d.home) {
		return
	}
	say("velosd: " + d.home.Dir + " was removed or moved; making it anew")
	if err := d.home.Prepare(); err != nil {
		say("velosd: " + err.Error())
		return // perhaps next time
	}
	lock, err := d.home.Lock()
	if velos.CodeOf(err) == velos.Conflict {
		say("velosd: " + err.Error() + "; ending")
		d.end()
		return
	}
	if err != nil {
		say("velosd: " + err.Error())
		return
	}
	d.lock = lock // the keeper has the former one; that descriptor stays as it is
	d.rehouse()
}

// rehouse makes socket, pid file and state anew in a home that was made anew.
// Log files follow when they are reopened.
func (d *Daemon) rehouse() {
	if l, err := wire.Listen(d.home.Socket()); err != nil {
		say("velosd: " + err.Error())
	} else {
		go d.accept(l)
		if old := d.listener.Swap(l); old != nil {
			_ = old.Close()
		}
	}
	d.writePID()
	d.reload()
	d.changed()
	d.event(velos.Event{Kind: velos.KindDaemon, Inst: -1, Actor: velos.Policy,
		Cause: "the home was removed or moved while velosd ran; it was made anew"})
}

// reserved refuses log files that would overwrite what is ours, whichever links
// lead there.
func reserved(h home.Home, s *velos.Spec) error {
	for _, f := range []struct{ key, path string }{{"log_file", s.LogFile}, {"out_file", s.OutFile}, {"error_file", s.ErrFile}} {
		if f.path == "" {
			continue
		}
		path := filepath.Clean(f.path)
		real := filepath.Join(policy.Real(filepath.Dir(path)), filepath.Base(path)) // the file itself may be no link
		if private(h.Dir, path) || private(policy.Real(h.Dir), real) {
			return &velos.Error{Code: velos.Invalid, Message: "app " + s.Name + ": " + f.key + ": " + f.path + " is velosd's own",
				Hint: "choose a file outside of " + h.Dir + ", or one in its logs directory that ends in .log"}
		}
	}
	return nil
}

// private reports whether a file of the home is no log that an app may have.
func private(dir, path string) bool {
	inside, ok := strings.CutPrefix(path, dir+string(filepath.Separator))
	if !ok {
		return false
	}
	sub, file := filepath.Split(inside)
	return sub != "logs"+string(filepath.Separator) || !strings.HasSuffix(file, ".log") || file == "daemon.log"
}
