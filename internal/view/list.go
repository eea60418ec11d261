package view

import (
	"io"
	"math"
	"strconv"

	"github.com/velospm/velos"
)

// List shows apps.
func List(w io.Writer, apps []velos.App, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		list := make([]appJSON, len(apps))
		for i := range apps {
			list[i] = o.appJSON(&apps[i])
		}
		array(&b, list)
	case AI:
		if o.Rows && len(apps) > manyApps {
			rows := make([]Row, len(apps))
			for i := range apps {
				rows[i] = RowOf(&apps[i], o.Now)
			}
			b.str(Brief(rows, o.All, "--all"), "\n")
			break
		}
		list := make([]appAI, len(apps))
		for i := range apps {
			list[i] = o.appAI(&apps[i])
		}
		b.b = append(encode(list), '\n')
	default:
		o.listTable(&b, apps)
	}
	return b.to(w)
}

// appAI is an app in the short keys of --ai.
type appAI struct {
	Name     string   `json:"n"`
	Status   string   `json:"s"`
	CPU      *float64 `json:"c,omitempty"`
	Memory   string   `json:"m,omitempty"`
	Uptime   string   `json:"u,omitempty"`
	Restarts int      `json:"r,omitempty"`
	PID      int      `json:"p,omitempty"`
	Insts    string   `json:"i,omitempty"`
	Health   string   `json:"h,omitempty"`
	URL      string   `json:"at,omitempty"`
	Leaving  int      `json:"old,omitempty"`
	Next     string   `json:"next,omitempty"`
	Owner    string   `json:"own,omitempty"`
}

func (o Options) appAI(a *velos.App) appAI {
	j := appAI{Name: a.Spec.Name, Status: shortStatus(a.Status), Restarts: a.Restarts(), Health: shortHealth(healthOf(a)),
		URL: Text(URL(Addresses(a))), Leaving: leaving(a), Owner: own(a.Lease)}
	u := a.Usage()
	up, running, online := velos.Millis(0), 0, 0
	for i := range a.Instances {
		in := &a.Instances[i]
		if in.Status == velos.Online {
			online++
		}
		if waits(in) && in.NextRun > o.Now && j.Next == "" {
			j.Next = "in " + Span(velos.Millis(in.NextRun-o.Now))
		}
		if in.PID == 0 {
			continue
		}
		if running++; running == 1 {
			up = uptime(in, o.Now)
			if o.All {
				j.PID = in.PID
			}
		}
	}
	if running > 0 {
		cpu := math.Round(u.CPU*10) / 10
		j.CPU, j.Memory, j.Uptime = &cpu, ShortBytes(u.Memory), ShortSpan(up)
	}
	if n := len(a.Instances); n > 1 {
		j.Insts = strconv.Itoa(online) + "/" + strconv.Itoa(n)
	}
	return j
}

// leaving counts the old runs that finish their connections.
func leaving(a *velos.App) int {
	n := 0
	for i := range a.Leaving {
		if a.Leaving[i].Leaving {
			n++
		}
	}
	return n
}

// shortStatus is a status in --ai.
func shortStatus(s velos.Status) string {
	switch s {
	case velos.Online:
		return "on"
	case velos.Stopped:
		return "off"
	case velos.Errored:
		return "err"
	case velos.Starting:
		return "start"
	case velos.Stopping:
		return "stop"
	case velos.WaitingRestart:
		return "wait"
	}
	return string(s)
}

// The last columns of a list, and how many there are.
const (
	atHealth = iota + 10
	atMode
	atPorts
	atOwner
	columns
)

func (o Options) listTable(b *buffer, apps []velos.App) {
	if len(apps) == 0 {
		b.str("no apps; velos start FILE adds one\n")
		return
	}
	cols := []column{{"id", true, 2}, {"name", false, shrinks}, {"namespace", false, 8}, {"×", true, 6}, {"status", false, 0},
		{"pid", true, 7}, {"cpu", true, 5}, {"mem", true, 3}, {"restarts", true, 4}, {"uptime", true, 1}, {"health", false, 9}, {"mode", false, 11}, {"ports", false, 10}, {"owner", false, 12}}
	spaces, clusters := false, false
	for i := range apps {
		spaces = spaces || apps[i].Spec.Namespace != "default"
		clusters = clusters || apps[i].Spec.Mode == velos.Cluster
	}
	rows := make([][]cell, 0, len(apps))
	add := func(of, row []cell, name string) {
		row[1].text = name
		if row[atPorts] == of[atPorts] {
			row[atPorts].text = "" // once is enough
		}
		rows = append(rows, row)
	}
	for i := range apps {
		a := &apps[i]
		row := o.appRow(a)
		if spaces {
			row[2].text = Text(a.Spec.Namespace)
		}
		if clusters {
			row[atMode].text = string(a.Spec.Mode)
		}
		rows = append(rows, row)
		if len(a.Instances) > 1 && (o.All || differ(a.Instances)) {
			for n := range a.Instances {
				in := &a.Instances[n]
				add(row, o.instanceRow(in), "  "+Text(a.Spec.Name)+":"+strconv.Itoa(in.Inst))
			}
		}
		for n := range a.Leaving {
			in := &a.Leaving[n]
			name, other := "  "+Text(a.Spec.Name)+":"+strconv.Itoa(in.Inst), o.instanceRow(in)
			if in.Leaving {
				other[4] = cell{"leaving", yellow}
				add(row, other, name+" old")
			} else {
				add(row, other, name+" new")
			}
		}
	}
	o.table(b, cols, rows)
}

// differ reports whether one row cannot tell the truth about all instances.
func differ(list []velos.Instance) bool {
	for i := range list {
		if list[i].Status != list[0].Status || list[i].Health != list[0].Health {
			return true
		}
	}
	return false
}

func (o Options) appRow(a *velos.App) []cell {
	var row []cell
	if len(a.Instances) > 0 {
		row = o.instanceRow(&a.Instances[0])
		if n := len(a.Instances); n > 1 {
			row[3].text, row[5].text = strconv.Itoa(n), ""
		}
	} else {
		row = make([]cell, columns)
	}
	u := a.Usage()
	row[0].text = strconv.Itoa(int(a.ID))
	row[1] = cell{Text(a.Spec.Name), bold}
	row[4] = cell{string(a.Status), StatusColor(a.Status)}
	row[8].text = strconv.Itoa(a.Restarts())
	if a.Lease != nil {
		row[atOwner].text = Text(a.Lease.Agent)
	}
	h := healthOf(a)
	row[atHealth], row[atPorts].text = cell{string(h), healthColor(h)}, portsCell(Addresses(a))
	if u.Procs > 0 || u.Memory > 0 {
		row[6].text, row[7].text = percent(u.CPU), Bytes(u.Memory)
	}
	return row
}

func (o Options) instanceRow(i *velos.Instance) []cell {
	row := make([]cell, columns)
	row[atHealth], row[atPorts].text = cell{string(i.Health), healthColor(i.Health)}, portsCell(i.Ports.List())
	row[4] = cell{string(i.Status), StatusColor(i.Status)}
	row[8].text = strconv.Itoa(i.Restarts)
	row[9].text = "-"
	if i.PID != 0 {
		row[5].text, row[6].text, row[7].text = strconv.Itoa(i.PID), percent(i.Usage.CPU), Bytes(i.Usage.Memory)
		row[9].text = Span(uptime(i, o.Now))
	} else if i.RetryAt > o.Now {
		row[9].text = "in " + Span(velos.Millis(i.RetryAt-o.Now))
	} else if waits(i) && i.NextRun > o.Now {
		row[9].text = "in " + Span(velos.Millis(i.NextRun-o.Now))
	}
	return row
}

// First is the first instance of an app that runs, or one of zeros.
func First(a *velos.App) *velos.Instance {
	for i := range a.Instances {
		if a.Instances[i].PID != 0 {
			return &a.Instances[i]
		}
	}
	return &velos.Instance{}
}
