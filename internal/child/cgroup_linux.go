package child

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/velospm/velos/internal/proc"
	"golang.org/x/sys/unix"
)

// cgroups are control groups of version 2, one for each run, below the group
// that the daemon itself is in. A process cannot leave its group unless it may
// write to the group's files, so the group tells with certainty whose an
// orphan is, and one write kills all members at once. A controller is turned on
// only for a run that is to have a bound of its own.
//
// Making and removing one costs about 30 µs. A number is never used again: it
// names the run for good, and Linux since 6.15 goes on killing what is cloned
// into a group that was killed once. All methods do nothing on a nil receiver,
// which is what a system without such groups gets.
type cgroups struct {
	dir   string // where the groups are
	path  string // the same as /proc/PID/cgroup names it
	mount string // where all groups are shown, from the group root on
	root  string
	fd    int // of dir: a path from the root costs a third of what is made there

	keeper int // its process, which is in our group, too

	mu      sync.Mutex
	off     bool // cloning into a group does not work here
	next    int
	busy    []string            // could not be removed yet
	runs    map[int]*Process    // by number of the group
	adopted map[string]*Process // by the path of a group that a former daemon made
}

// cgroup is a run's group; fd is open only while the run is being forked.
type cgroup struct {
	n, fd int
	dir   string
	path  string // of a former daemon's
}

// maxBusy bounds the groups that are tried again. One that stays is removed at
// the end, or by the next daemon.
const maxBusy = 32

const cgroupPrefix = "velos."

// openCgroups is nil where groups cannot be made.
func openCgroups(keeper int) *cgroups {
	mount, root := cgroupMount()
	own, ok := cgroupPath("/proc/self/cgroup")
	if mount == "" || !ok {
		return nil
	}
	// A former daemon may have moved itself, and the keeper that started us.
	own = strings.TrimSuffix(own, "/"+ownLeaf)
	rel, ok := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
	if !ok {
		return nil
	}
	parent := filepath.Join(mount, rel)
	removeStale(parent)
	name := cgroupPrefix + strconv.Itoa(os.Getpid())
	c := &cgroups{
		dir:   filepath.Join(parent, name),
		path:  strings.TrimSuffix(own, "/") + "/" + name + "/",
		mount: mount,
		root:  strings.TrimSuffix(root, "/"),

		keeper: keeper,
		runs:   make(map[int]*Process),
	}
	if err := syscall.Mkdir(c.dir, 0o755); err != nil && err != syscall.EEXIST {
		return nil
	}
	// Without cgroup.kill, which came after the rest, a group is not worth it.
	if syscall.Access(c.dir+"/cgroup.kill", unix.W_OK) != nil {
		syscall.Rmdir(c.dir)
		return nil
	}
	var err error
	if c.fd, err = unix.Open(c.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		syscall.Rmdir(c.dir)
		return nil
	}
	return c
}

// cgroupMount finds where version 2 is mounted and which group is shown there.
func cgroupMount() (mount, root string) {
	proc.Lines("/proc/self/mountinfo", func(line []byte) bool {
		head, tail, ok := bytes.Cut(line, []byte(" - "))
		if !ok || !bytes.HasPrefix(tail, []byte("cgroup2 ")) {
			return true
		}
		if f := strings.Fields(string(head)); len(f) > 4 {
			mount, root = f[4], f[3]
		}
		return mount == ""
	})
	return mount, root
}

// cgroupPath is the version 2 group in a file like /proc/self/cgroup.
func cgroupPath(file string) (path string, ok bool) {
	proc.Lines(file, func(line []byte) bool {
		rest, found := bytes.CutPrefix(line, []byte("0::"))
		if found {
			path, ok = string(rest), true
		}
		return !found
	})
	return path, ok
}

// removeStale removes what daemons that did not end well have left, as far as
// nobody lives in it.
func removeStale(parent string) {
	below(unix.AT_FDCWD, parent, func(at int, name string) {
		rest, ok := strings.CutPrefix(name, cgroupPrefix)
		pid, err := strconv.Atoi(rest)
		if ok && err == nil && (pid == os.Getpid() || syscall.Kill(pid, 0) == syscall.ESRCH) {
			removeTree(at, name)
		}
	})
}

// removeTree removes a group and those that its members made below it, as far
// as nobody lives in them.
func removeTree(at int, name string) {
	if unix.Unlinkat(at, name, unix.AT_REMOVEDIR) == nil {
		return
	}
	below(at, name, removeTree)
	_ = unix.Unlinkat(at, name, unix.AT_REMOVEDIR)
}

// below calls f for each group in the directory that name is below at. What
// os.ReadDir makes of all files of a group stays in the heap of a daemon that
// has just begun: 37 KiB at least, megabytes where daemons with many runs were
// killed.
func below(at int, name string, f func(at int, name string)) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var space [2 << 10]byte
	for {
		n, err := unix.ReadDirent(fd, space[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		for name, kind, rest := proc.Entry(space[:n]); name != nil; name, kind, rest = proc.Entry(rest) {
			if kind == unix.DT_DIR && string(name) != "." && string(name) != ".." {
				f(fd, string(name))
			}
		}
	}
}

func (c *cgroups) name(n int) string { return c.dir + "/" + strconv.Itoa(n) }

// join has the next fork with sys make p a member of a group of its own.
func (c *cgroups) join(p *Process, sys *syscall.SysProcAttr) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return
	}
	n, fd := c.make()
	if fd < 0 {
		return
	}
	p.cgroup = &cgroup{n: n, fd: fd, dir: c.name(n)}
	c.runs[n] = p
	sys.UseCgroupFD = true
	sys.CgroupFD = fd
}

// make makes and opens a group; fd is -1 when there is none to be had.
func (c *cgroups) make() (n, fd int) {
	err := syscall.EEXIST // taken: by a daemon that had our pid, and its run lives on
	name := ""
	for range 1 << 16 {
		n = c.next
		c.next++
		name = strconv.Itoa(n)
		if err, _ = unix.Mkdirat(c.fd, name, 0o755).(syscall.Errno); err != syscall.EEXIST {
			break
		}
	}
	if err != 0 {
		return n, -1
	}
	fd, fail := unix.Openat(c.fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if fail != nil {
		return n, -1
	}
	return n, fd
}

// forked ends what join began. When the system refused to fork into a group it
// turns groups off and answers that the fork should be tried without.
func (c *cgroups) forked(p *Process, sys *syscall.SysProcAttr, err error) (again bool) {
	if c == nil || p.cgroup == nil {
		return false
	}
	syscall.Close(p.cgroup.fd)
	p.cgroup.fd = -1
	sys.UseCgroupFD = false
	switch err {
	case syscall.ENOSYS, syscall.EBADF, syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.EBUSY, syscall.EOPNOTSUPP, syscall.ENODEV:
		c.leave(p)
		return true
	}
	return false
}

// refused is told that a fork succeeded only without a group.
func (c *cgroups) refused() {
	c.mu.Lock()
	c.off = true
	c.mu.Unlock()
}

// leave gives p's group back after the end of its tree.
func (c *cgroups) leave(p *Process) {
	if c == nil || p.cgroup == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.cgroup.path != "" {
		delete(c.adopted, p.cgroup.path)
	} else {
		delete(c.runs, p.cgroup.n)
	}
	c.busy = append(c.busy, p.cgroup.dir)
	p.cgroup = nil
	c.clean()
}

// clean removes groups without a run. The system lets go of the last member a
// moment after it was reaped, so that some need a second try; where the run
// made groups of its own, those go first.
func (c *cgroups) clean() {
	c.busy = slices.DeleteFunc(c.busy, func(dir string) bool {
		if syscall.Rmdir(dir) == syscall.EBUSY {
			return false
		}
		if above := filepath.Dir(dir); above != c.dir {
			syscall.Rmdir(above) // with the last group of a former daemon goes its own
		}
		return true
	})
	if len(c.busy) <= maxBusy {
		return
	}
	for _, dir := range c.busy {
		removeTree(unix.AT_FDCWD, dir)
	}
	c.busy = slices.Delete(c.busy, 0, maxBusy/2)
}

// kill ends all members of p's group at once.
func (c *cgroups) kill(h *Host, p *Process) {
	if c == nil {
		return
	}
	h.mu.Lock() // so that the group is not given to another run meanwhile
	defer h.mu.Unlock()
	if p.cgroup == nil {
		return
	}
	fd, err := syscall.Open(p.cgroup.dir+"/cgroup.kill", syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	syscall.Write(fd, []byte("1"))
	syscall.Close(fd)
}

// owner is the run whose group pid is in, nil when it is in none of them.
func (c *cgroups) owner(pid int) *Process {
	if c == nil {
		return nil
	}
	path, ok := cgroupPath("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.adopted) > 0 {
		// The group itself, or one that its members made below it.
		for up := path; len(up) > 1; up = filepath.Dir(up) {
			if r := c.adopted[up]; r != nil {
				return r
			}
		}
	}
	rest, ok := strings.CutPrefix(path, c.path)
	if !ok {
		return nil
	}
	number, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	return c.runs[n]
}

// adopt gives p the group dir that a former daemon made for it. A name can
// come back when a pid does: the group is p's if its root is in there, or, once
// the root has ended, if no daemon of that pid lives.
func (c *cgroups) adopt(p *Process, dir string, alive bool) {
	if c == nil || dir == "" {
		return
	}
	above := filepath.Dir(dir)
	owner, named := strings.CutPrefix(filepath.Base(above), cgroupPrefix)
	rel, below := strings.CutPrefix(dir, c.mount+"/")
	pid, err := strconv.Atoi(owner)
	n, bad := strconv.Atoi(filepath.Base(dir))
	if !named || !below || err != nil || bad != nil || filepath.Clean(dir) != dir {
		return
	}
	path := c.root + "/" + rel
	if alive {
		own, ok := cgroupPath("/proc/" + strconv.Itoa(p.pid) + "/cgroup")
		if !ok || own != path && !strings.HasPrefix(own, path+"/") {
			return
		}
	} else if pid != os.Getpid() && syscall.Kill(pid, 0) != syscall.ESRCH {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adopted[path] != nil || above == c.dir && c.runs[n] != nil {
		return
	}
	if c.adopted == nil {
		c.adopted = make(map[string]*Process)
	}
	c.adopted[path] = p
	p.cgroup = &cgroup{n: -1, fd: -1, dir: dir, path: path}
}

// close removes what is empty, or will be within a moment.
func (c *cgroups) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 20 {
		if c.clean(); len(c.busy) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	removeTree(unix.AT_FDCWD, c.dir)
	unix.Close(c.fd)
}
