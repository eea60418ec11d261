package supervise

import (
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/child"
)

// rights are what a Spec gives its runs otherwise than the daemon has; nil is
// nothing. Only root may run something as somebody else.
func rights(s *velos.Spec) (*child.Rights, error) {
	if s.Identity == nil && s.Umask == "" && s.Nice == 0 && len(s.Limits) == len(bounds(s)) {
		return nil, nil
	}
	if runtime.GOOS == "windows" {
		return nil, &velos.Error{Code: velos.Unsupported, Message: "user, umask, nice and limits are not there on Windows", Hint: "leave them out"}
	}
	r := &child.Rights{Umask: -1, Nice: s.Nice}
	if i := s.Identity; i != nil {
		switch us := os.Geteuid(); {
		case us == 0:
			if i.UID != 0 && speaks(s) {
				return nil, &velos.Error{Code: velos.Invalid, Message: "another user's program cannot say that it is ready or alive: the socket for that (sd_notify) is in VELOS_HOME, which is root's alone",
					Hint: "leave wait_ready and watchdog out; ready and health ask the program instead"}
			}
			r.Switch, r.UID, r.GID = true, i.UID, i.GID
			for _, g := range i.Groups {
				r.Groups = append(r.Groups, int(g))
			}
		case us != i.UID || os.Getegid() != i.GID:
			return nil, &velos.Error{Code: velos.Denied, Message: "only a velosd of root can run it as another user or group",
				Hint: "leave user and group out, or run velosd as root"}
		}
	}
	if n, ok := velos.ParseUmask(s.Umask); ok {
		r.Umask = n
	}
	for _, name := range slices.Sorted(slices.Values(velos.LimitNames)) {
		if v, ok := s.Limits[name]; ok {
			soft, hard, _ := velos.ParseLimit(v)
			r.Limits = append(r.Limits, child.Limit{Name: name, Soft: soft, Hard: hard})
		}
	}
	return r, nil
}

// bounds are the limits of a Spec that its runs' control groups have.
func bounds(s *velos.Spec) []child.Bound {
	var list []child.Bound
	for _, name := range velos.GroupLimitNames {
		v, ok := s.Limits[name]
		if !ok {
			continue
		}
		if n, ok := velos.ParseGroupLimit(name, v); ok && name == velos.GroupCPU {
			const period = 100_000 // µs, the kernel's default
			v = strconv.FormatInt(n*period/100, 10) + " " + strconv.Itoa(period)
		}
		list = append(list, child.Bound{File: name, Value: v})
	}
	return list
}

// speaks reports whether runs of s have to say something on the socket of
// sd_notify. Who has Node's channel says there that it is ready.
func speaks(s *velos.Spec) bool { return s.Watchdog > 0 || s.WaitReady && !node(s) }

// handOver gives the pipes to the user who writes to them: programs that open
// /dev/stdout anew could not otherwise. The logs behind them stay ours.
func handOver(r *child.Rights, fds ...int) error {
	if r == nil || !r.Switch {
		return nil
	}
	for _, fd := range fds {
		if err := chownFD(fd, r.UID, r.GID); err != nil {
			return &velos.Error{Code: velos.Failed, Message: "give its output to user " + strconv.Itoa(r.UID) + ": " + err.Error(), Cause: err}
		}
	}
	return nil
}
