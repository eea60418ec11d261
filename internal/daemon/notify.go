package daemon

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/velospm/velos"
)

// A manager is the service manager that has started us, if it wants to hear
// from us: systemd with Type=notify, or what speaks as it does.
//
// Its main process is the keeper, the process that it has started. The daemon
// is a child of the keeper and comes and goes, and only the daemon knows when
// clients are answered: so the daemon speaks, and the unit says
// NotifyAccess=all. Naming the daemon as the main process (MAINPID) would
// let the manager take a crash of it, which the keeper repairs at once, for the
// end of the service. The variables stay in our environment: a program that
// replaces us needs them too. Apps never get them, their environment comes with
// their Specs.
type manager struct {
	socket string
	watch  time.Duration // it wants to hear from us at least so often; 0: never
}

// findManager reads the environment. The watchdog's variables name the process
// that they are for; main is the keeper.
func findManager(getenv func(string) string, self, main int) manager {
	m := manager{socket: getenv("NOTIFY_SOCKET")}
	if m.socket == "" || m.socket[0] != '/' && m.socket[0] != '@' {
		return manager{}
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 || usec > int64(24*time.Hour/time.Microsecond) {
		return m
	}
	if p := getenv("WATCHDOG_PID"); p == "" || p == itoa(self) || p == itoa(main) {
		m.watch = time.Duration(usec) * time.Microsecond
	}
	return m
}

// tell sends one message. A manager that cannot be reached is no reason to
// stop working; the log says so.
func (m manager) tell(text string) {
	if m.socket == "" {
		return
	}
	if err := notify(m.socket, text); err != nil {
		say("velosd: tell the service manager: " + err.Error())
	}
}

func (d *Daemon) tellReady() {
	text := "READY=1\nSTATUS=velosd " + velos.Version + ", pid " + itoa(pid()) + ", answers at " + d.home.Socket()
	if d.manager.watch > 0 { // a daemon before us may have taken it back: see tellLeaving
		text += "\nWATCHDOG_USEC=" + strconv.FormatInt(d.manager.watch.Microseconds(), 10)
	}
	d.manager.tell(text)
}

// tellLeaving takes back that there will be signs of life: there is no daemon
// until somebody wants one, and the keeper does not speak.
func (d *Daemon) tellLeaving() {
	if d.manager.watch > 0 {
		d.manager.tell("WATCHDOG_USEC=0\nSTATUS=velosd has left, programs run on")
	}
}

// tellStopping asks for as much time as the slowest app may take.
func (d *Daemon) tellStopping() {
	if d.manager.socket == "" {
		return
	}
	var longest velos.Millis
	n := 0
	for _, a := range d.sup.List() {
		longest = max(longest, a.Spec.KillTimeout)
		n++
	}
	usec := (longest.Std() + 30*time.Second).Microseconds()
	d.manager.tell("STOPPING=1\nSTATUS=stopping " + itoa(n) + " apps\nEXTEND_TIMEOUT_USEC=" + strconv.FormatInt(usec, 10))
}

// pulse tells the manager twice in each of its intervals that the supervisor
// works: it asks, and sends a sign of life when the answer is there. A
// supervisor that is stuck does not answer, so no sign is sent. The keeper
// hears the signs too, and its patience is shorter: it kills a daemon that is
// stuck and starts another one, which adopts the apps, before the manager
// loses patience with both.
func (d *Daemon) pulse(alive func(context.Context) error) (stop func()) {
	if d.manager.watch == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() {
		t := time.NewTicker(d.manager.watch / 2)
		defer t.Stop()
		for {
			if !d.answered(ctx, alive) {
				return
			}
			_ = d.line.Beat(d.manager.watch * 3 / 4) // whoever follows the line says once that it is broken
			d.manager.tell("WATCHDOG=1")
			d.tidy.sampled() // this has touched a megabyte of the program
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	})
	return func() {
		cancel()
		over.Wait()
		_ = d.line.Beat(0)
	}
}

// answered waits until the supervisor has answered, however long that takes;
// false: it is no longer asked.
func (d *Daemon) answered(ctx context.Context, alive func(context.Context) error) bool {
	done := make(chan error, 1)
	go func() { done <- alive(ctx) }()
	late := time.NewTimer(d.manager.watch / 4)
	defer late.Stop()
	for {
		select {
		case err := <-done:
			return err == nil
		case <-ctx.Done():
			return false
		case <-late.C:
			say("velosd: the supervisor does not answer: no sign of life is sent until it does")
		}
	}
}
