package child

import (
	"strconv"
	"strings"
)

// Rights are what a program has otherwise than the daemon.
type Rights struct {
	Switch   bool // to another user
	UID, GID int
	Groups   []int
	Umask    int // -1: as it is
	Nice     int
	Limits   []Limit
}

// A Limit is one of setrlimit's, by the name that the tables of Velos have.
type Limit struct {
	Name       string
	Soft, Hard uint64
}

// rightsName is the variable that carries Rights to this program's own role.
const rightsName = "VELOS_RIGHTS="

// encode writes r in the order in which it is done: what needs root comes
// before what gives it up.
func (r *Rights) encode() string {
	var parts []string
	for _, l := range r.Limits {
		parts = append(parts, "limit:"+l.Name+":"+strconv.FormatUint(l.Soft, 10)+":"+strconv.FormatUint(l.Hard, 10))
	}
	if r.Nice != 0 {
		parts = append(parts, "nice:"+strconv.Itoa(r.Nice))
	}
	if r.Umask >= 0 {
		parts = append(parts, "umask:"+strconv.Itoa(r.Umask))
	}
	if r.Switch {
		s := "user:" + strconv.Itoa(r.UID) + ":" + strconv.Itoa(r.GID)
		for _, g := range r.Groups {
			s += ":" + strconv.Itoa(g)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}
