package child

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/velospm/velos"
)

// ownLeaf is the group into which daemon and keeper move when controllers are
// to be turned on: a group that hands them on must have no processes itself
// (Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint").
const ownLeaf = "velosd"

// bound writes the bounds of a run into its group, before the run is there.
func (c *cgroups) bound(p *Process, bounds []Bound) error {
	if len(bounds) == 0 {
		return nil
	}
	if c == nil || p.cgroup == nil {
		return fault(velos.Unsupported, nil, boundHint, `limits of a control group, such as `, bounds[0].File, `: velosd has no control groups here`)
	}
	if err := c.enable(bounds); err != nil {
		return err
	}
	for _, b := range bounds {
		if err := writeFile(filepath.Join(p.cgroup.dir, b.File), b.Value); err != nil {
			return fault(velos.Failed, err, "", `limit `, b.File, ` = `, b.Value, `: `, err.Error())
		}
		if b.File == "memory.max" {
			// The tree is one program: half of it is of no use. Older kernels
			// have no such file.
			writeFile(filepath.Join(p.cgroup.dir, "memory.oom.group"), "1")
		}
	}
	return nil
}

const boundHint = "velos startup makes a systemd service that has them (Delegate=yes); without them max_memory stops what takes too much"

// enable turns on the controllers that bounds need, for the groups of runs.
func (c *cgroups) enable(bounds []Bound) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range bounds {
		controller, _, _ := strings.Cut(b.File, ".")
		if c.has(c.dir, "cgroup.subtree_control", controller) {
			continue
		}
		parent := filepath.Dir(c.dir)
		if !c.has(parent, "cgroup.controllers", controller) {
			return fault(velos.Unsupported, nil, boundHint, `limit `, b.File, `: the system gives velosd no control over `, controller)
		}
		if !c.has(parent, "cgroup.subtree_control", controller) {
			if err := c.vacate(parent); err != nil {
				return err
			}
			if err := writeFile(filepath.Join(parent, "cgroup.subtree_control"), "+"+controller); err != nil {
				return fault(velos.Unsupported, err, boundHint, `limit `, b.File, `: turn on `, controller, `: `, err.Error())
			}
		}
		if err := writeFile(filepath.Join(c.dir, "cgroup.subtree_control"), "+"+controller); err != nil {
			return fault(velos.Unsupported, err, boundHint, `limit `, b.File, `: turn on `, controller, `: `, err.Error())
		}
	}
	return nil
}

func (c *cgroups) has(dir, file, controller string) bool {
	b, err := os.ReadFile(filepath.Join(dir, file))
	return err == nil && slices.Contains(strings.Fields(string(b)), controller)
}

// vacate moves daemon and keeper out of their group, when nobody else is in
// it: somebody else's processes are not ours to move.
func (c *cgroups) vacate(parent string) error {
	b, err := os.ReadFile(filepath.Join(parent, "cgroup.procs"))
	if err != nil {
		return fault(velos.Unsupported, err, boundHint, `limits of a control group: `, err.Error())
	}
	pids := strings.Fields(string(b))
	own := []string{strconv.Itoa(os.Getpid()), strconv.Itoa(c.keeper)}
	for _, pid := range pids {
		if !slices.Contains(own, pid) {
			return fault(velos.Unsupported, nil, boundHint, `limits of a control group: the one of velosd is shared with others, such as process `, pid)
		}
	}
	if len(pids) == 0 {
		return nil
	}
	leaf := filepath.Join(parent, ownLeaf)
	if err := syscall.Mkdir(leaf, 0o755); err != nil && err != syscall.EEXIST {
		return fault(velos.Unsupported, err, boundHint, `limits of a control group: make `, leaf, `: `, err.Error())
	}
	for _, pid := range pids {
		if err := writeFile(filepath.Join(leaf, "cgroup.procs"), pid); err != nil {
			return fault(velos.Unsupported, err, boundHint, `limits of a control group: move velosd into `, leaf, `: `, err.Error())
		}
	}
	return nil
}

// outOfMemory reports whether the kernel has killed a member of p's group
// because the group was out of memory.
func (c *cgroups) outOfMemory(p *Process) bool {
	if c == nil || p.cgroup == nil {
		return false
	}
	b, err := os.ReadFile(filepath.Join(p.cgroup.dir, "memory.events"))
	if err != nil {
		return false // no such controller
	}
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strings.TrimSpace(n) != "0"
		}
	}
	return false
}

// writeFile writes into a file of the kernel's, which is there or is an error.
func writeFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
