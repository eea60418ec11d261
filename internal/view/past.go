package view

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// A Past is what an app took over time.
type Past struct {
	Name   string        `json:"name"`
	Inst   int           `json:"instance"` // -1: all of them, added up
	Since  velos.Time    `json:"since"`
	Until  velos.Time    `json:"until"`
	Step   velos.Millis  `json:"step_ms"`
	Points []velos.Point `json:"points"`
}

// Stretch makes p be about so much time until now, in about so many steps:
// lengths in which figures are kept, or several of them.
func (p *Past) Stretch(now velos.Time, length velos.Millis, points int) {
	p.Step = stepOf(length, max(points, 1))
	step := velos.Time(p.Step)
	p.Until = (now + step - 1) / step * step
	p.Since = p.Until - (velos.Time(length)+step-1)/step*step
}

func stepOf(span velos.Millis, points int) velos.Millis {
	const second, minute, hour = 1000, 60_000, 3_600_000
	step := (span + velos.Millis(points) - 1) / velos.Millis(points)
	unit := velos.Millis(2 * second) // what is recorded
	switch {
	case step > hour:
		unit = hour
	case step > 30*second:
		unit = minute
	}
	return (step + unit - 1) / unit * unit
}

// Pasts are what several apps took over the same time: a value for each step
// from Since on, nil where nobody recorded.
type Pasts struct {
	Since velos.Time   `json:"since"`
	Until velos.Time   `json:"until"`
	Step  velos.Millis `json:"step_ms"`
	Apps  []PastRow    `json:"apps"`
}

// A PastRow is one app of them.
type PastRow struct {
	Name     string     `json:"name"`
	CPU      []*float64 `json:"cpu_percent"`
	Memory   []*int64   `json:"memory_bytes"`
	Restarts []*int     `json:"restarts"`
}

// Add puts an app's points in as a row.
func (p *Pasts) Add(name string, points []velos.Point) {
	list := (&Past{Since: p.Since, Until: p.Until, Step: p.Step, Points: points}).Columns()
	r := PastRow{name, make([]*float64, len(list)), make([]*int64, len(list)), make([]*int, len(list))}
	for i, x := range list {
		if x != nil {
			cpu := math.Round(x.CPU*100) / 100
			r.CPU[i], r.Memory[i], r.Restarts[i] = &cpu, &x.Memory, &x.Restarts
		}
	}
	p.Apps = append(p.Apps, r)
}

// Histories writes them as JSON.
func Histories(w io.Writer, p *Pasts) error {
	if p.Apps == nil {
		p.Apps = []PastRow{}
	}
	b := buffer{b: append(encode(p), '\n')}
	return b.to(w)
}

type pastAI struct {
	Name   string    `json:"n"`
	Since  int64     `json:"t"` // of the first value, in seconds
	Step   int64     `json:"step"`
	CPU    []float64 `json:"c"` // -1: nobody recorded
	Memory []int64   `json:"m"` // MB
	Starts int       `json:"r"`
}

// mostColumns is how wide a line of bars gets where nobody knows the width.
const mostColumns = 72

// Columns is how many points History draws beside each other.
func (o Options) Columns() int {
	if o.Width <= 0 {
		return mostColumns
	}
	return min(max(o.Width-11, 10), 2*mostColumns)
}

// History draws what an app took over time: bars from nothing to the highest,
// and a gap where nobody recorded.
func History(w io.Writer, p *Past, o Options) error {
	var b buffer
	if p.Points == nil {
		p.Points = []velos.Point{}
	}
	switch o.Format {
	case JSON:
		b.b = append(encode(p), '\n')
	case AI:
		b.b = append(encode(p.ai()), '\n')
	default:
		o.past(&b, p)
	}
	return b.to(w)
}

// Columns puts each point into its place; nil is a gap.
func (p *Past) Columns() []*velos.Point {
	step := velos.Time(max(p.Step, 1))
	list := make([]*velos.Point, max((p.Until-p.Since+step-1)/step, 1))
	for i := range p.Points {
		if at := int((p.Points[i].Time - p.Since) / step); at >= 0 && at < len(list) {
			list[at] = &p.Points[i]
		}
	}
	return list
}

func (p *Past) ai() pastAI {
	j := pastAI{Name: p.Name, Since: int64(p.Since) / 1000, Step: int64(p.Step) / 1000, CPU: []float64{}, Memory: []int64{}}
	for _, x := range p.Columns() {
		if x == nil {
			j.CPU, j.Memory = append(j.CPU, -1), append(j.Memory, -1)
			continue
		}
		j.CPU, j.Memory = append(j.CPU, math.Round(x.CPU*10)/10), append(j.Memory, x.Memory>>20)
		j.Starts += x.Restarts
	}
	return j
}

func (o Options) past(b *buffer, p *Past) {
	name := Text(p.Name)
	if p.Inst >= 0 {
		name += ":" + strconv.Itoa(p.Inst)
	}
	b.str(o.paint(bold, name), "  ", o.clock(p.Since), " to ", o.clock(p.Until), ", a bar is ", Span(p.Step), "\n")
	list := p.Columns()
	cpu := func(x *velos.Point) (mean, top float64) { return x.CPU, x.CPUMax }
	memory := func(x *velos.Point) (mean, top float64) { return float64(x.Memory), float64(x.MemoryMax) }
	o.row(b, "cpu", list, cpu, percent)
	o.row(b, "memory", list, memory, func(f float64) string { return Bytes(int64(f)) })
	o.marks(b, list)
}

// eighths are bars of rising height.
var eighths = []rune("▁▂▃▄▅▆▇█")

// row is the bars of one figure, and below them what it came to.
func (o Options) row(b *buffer, label string, list []*velos.Point, of func(*velos.Point) (mean, top float64), show func(float64) string) {
	least, most, sum, last, n := math.Inf(1), 0.0, 0.0, 0.0, 0
	high := 0.0
	for _, x := range list {
		if x == nil {
			continue
		}
		mean, top := of(x)
		least, most, high, sum, last = min(least, mean), max(most, top), max(high, mean), sum+mean, mean
		n++
	}
	b.str(pad(label, 9), bars(list, func(x *velos.Point) float64 { v, _ := of(x); return v }, high), "\n")
	if n > 0 {
		b.str(strings.Repeat(" ", 9), o.paint(dim, "min "+show(least)+"  avg "+show(sum/float64(n))+"  max "+show(most)+"  now "+show(last)), "\n")
	}
}

func bars(list []*velos.Point, of func(*velos.Point) float64, high float64) string {
	var line strings.Builder
	for _, x := range list {
		switch {
		case x == nil:
			line.WriteByte(' ')
		case high <= 0:
			line.WriteRune(eighths[0])
		default:
			line.WriteRune(eighths[min(int(of(x)/high*float64(len(eighths))), len(eighths)-1)])
		}
	}
	return strings.TrimRight(line.String(), " ")
}

// marks are restarts in their places, and what was counted.
func (o Options) marks(b *buffer, list []*velos.Point) {
	var line strings.Builder
	restarts, lines, errors, up, n := 0, int64(0), int64(0), 0.0, 0
	for _, x := range list {
		c := byte(' ')
		if x != nil {
			restarts, lines, errors, up, n = restarts+x.Restarts, lines+x.Lines, errors+x.Errors, up+x.Up, n+1
			switch {
			case x.Restarts > 9:
				c = '+'
			case x.Restarts > 0:
				c = '0' + byte(x.Restarts)
			}
		}
		line.WriteByte(c)
	}
	if restarts > 0 {
		b.str(pad("restarts", 9), o.paint(yellow, strings.TrimRight(line.String(), " ")), "\n")
	}
	if n == 0 {
		b.str("         nothing was recorded in this time; velos api --history records while it runs\n")
		return
	}
	b.str(strings.Repeat(" ", 9), o.paint(dim, "online "+percent(up/float64(n)*100)+"  "+plural(restarts, "restart")))
	if lines > 0 {
		b.str(o.paint(dim, "  "+plural(int(lines), "line")+", "+plural(int(errors), "error")))
	}
	b.str("\n")
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-len(s), 0)) }
