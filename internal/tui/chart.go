package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// Spans that the pane of the past can show.
var (
	spans     = [...]time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	spanNames = [...]string{"1h", "6h", "24h", "7d"}
)

const (
	recorder    = "velos metrics --history"
	chartGutter = 10
	chartTall   = 8 // rows of one figure, at most
	staleAfter  = 30 * time.Second
)

// A chart is what was recorded of an app, as the pane of the past shows it.
type chart struct {
	span  int
	shown pastQuestion // what p and err answer
	p     view.Past
	err   error
	busy  bool // an answer is on its way
}

// A pastQuestion is what the pane should show.
type pastQuestion struct {
	about  target
	name   string
	span   int
	points int
}

// Charted is the answer to a pastQuestion.
type charted struct {
	q   pastQuestion
	p   view.Past
	err error
}

// askPast asks what the pane should show now. One question is on its way at a
// time.
func (m *model) askPast() tea.Cmd {
	a := m.byID[m.watched.id]
	if a == nil || m.pane != panePast || m.chart.busy || m.o.Past == nil {
		return nil
	}
	q := pastQuestion{m.watched, a.Spec.Name, m.chart.span, max(10, m.width-chartGutter-1)}
	p := view.Past{Name: q.name, Inst: q.about.inst}
	p.Stretch(velos.TimeOf(m.clock), velos.MillisOf(spans[q.span]), q.points)
	m.chart.busy = true
	ask := m.o.Past
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(context.Background(), recallWithin)
		defer stop()
		err := ask(ctx, &p)
		return charted{q, p, err}
	}
}

// drawn takes an answer in. When something else is to be shown by now, that is
// asked for.
func (m *model) drawn(c charted) tea.Cmd {
	m.chart.busy = false
	m.chart.shown, m.chart.p, m.chart.err = c.q, c.p, c.err
	if c.q.about != m.watched || c.q.span != m.chart.span {
		return m.askPast()
	}
	return nil
}

// spanOf shows another length of the past.
func (m *model) spanOf(arg string) tea.Cmd {
	if arg == "" {
		if m.pane == panePast {
			m.chart.span = (m.chart.span + 1) % len(spans)
		}
	} else if i := slices.Index(spanNames[:], arg); i >= 0 {
		m.chart.span = i
	} else {
		m.complain("span: " + strings.Join(spanNames[:], ", "))
		return nil
	}
	m.pane = panePast
	return m.ask()
}

// drawPast draws what was recorded of the chosen app, or says why there is
// nothing.
func (m *model) drawPast(rows int) []string {
	c := &m.chart
	a := m.byID[m.watched.id]
	switch {
	case a == nil:
		return m.filled(nil, rows)
	case c.shown.about != m.watched || c.shown.span != c.span:
		return m.filled([]string{"", "  " + m.y.paint(dim, "asking"+m.y.more)}, rows)
	case velos.CodeOf(c.err) == velos.NotFound:
		return m.drawSeen(a, rows, "nothing was recorded yet: "+recorder+" records while it runs")
	case c.err != nil:
		text := shown(c.err.Error())
		if h := velos.HintOf(c.err); h != "" {
			text += "; " + shown(h)
		}
		return m.drawSeen(a, rows, text)
	case len(c.p.Points) == 0:
		return m.drawSeen(a, rows, "nothing was recorded of it in "+spanNames[c.span]+": "+recorder+" records while it runs")
	}
	list := c.p.Columns()
	cpu, mem := make([]float32, len(list)), make([]float32, len(list))
	for i, x := range list {
		cpu[i], mem[i] = nothing, nothing
		if x != nil {
			cpu[i], mem[i] = float32(x.CPU), float32(x.Memory)
		}
	}
	foot := []string{m.axis(len(list)), m.sums(list)}
	if s := m.restartMarks(list); s != "" {
		foot = append([]string{s}, foot...)
	}
	last := c.p.Points[len(c.p.Points)-1].Time + velos.Time(c.p.Step)
	if late := velos.Time(velos.MillisOf(staleAfter)); last+late < velos.TimeOf(m.clock) {
		o := m.options()
		foot = append(foot, " "+m.y.paint(yellow, "recorded until "+o.Clock(last)+"; "+recorder+" goes on"))
	}
	return m.charted(cpu, mem, foot, rows)
}

// drawSeen draws what the view itself has seen, below the reason why there is
// no more.
func (m *model) drawSeen(a *app, rows int, reason string) []string {
	r := &a.rings
	if m.watched.inst >= 0 {
		r = a.instance(m.watched.inst)
	}
	head := []string{"  " + m.y.paint(dim, reason)}
	if r.cpu.n == 0 {
		return m.filled(append([]string{""}, head...), rows)
	}
	long := velos.MillisOf(time.Duration(r.cpu.n) * m.interval())
	foot := []string{"  " + m.y.paint(dim, "the last "+view.Span(long)+", as seen from here")}
	return m.filled(append(head, m.charted(r.cpu.last(past), r.mem.last(past), foot, max(0, rows-1))...), rows)
}

// charted draws CPU above memory, as tall as there is room, and what stands
// below them as far as there is.
func (m *model) charted(cpu, mem []float32, foot []string, rows int) []string {
	foot = foot[:max(0, min(len(foot), rows-2))]
	tall := min(max(1, (rows-len(foot))/2), chartTall)
	out := m.figure("cpu", cpu, tall, 1, func(f float32) string { return percent(float64(f)) })
	out = append(out, m.figure("memory", mem, tall, 1, func(f float32) string { return view.Bytes(int64(f)) })...)
	return m.filled(append(out, foot...), rows)
}

// figure is the rows of one figure, the highest at its top.
func (m *model) figure(name string, list []float32, tall int, floor float32, word func(float32) string) []string {
	top := max(highest(list), floor)
	out := m.y.bars(list, min(len(list), max(1, m.width-chartGutter)), tall, top)
	for i, s := range out {
		label := ""
		switch {
		case i == tall-1:
			label = name
		case i == 0:
			label = word(top)
		}
		out[i] = " " + m.y.paint(dim, m.y.right(label, chartGutter-3)) + "  " + m.y.paint(cyan, s)
	}
	return out
}

// axis is the times of the first and the last bar.
func (m *model) axis(columns int) string {
	o := m.options()
	from, to := o.Clock(m.chart.p.Since), "now"
	return strings.Repeat(" ", chartGutter) + m.y.paint(dim, from+strings.Repeat(" ", max(1, columns-width(from)-width(to)))+to)
}

// sums is what the figures came to.
func (m *model) sums(list []*velos.Point) string {
	var cpu, mem, up, topCPU float64
	var topMem int64
	n := 0
	for _, x := range list {
		if x != nil {
			cpu, mem, up, n = cpu+x.CPU, mem+float64(x.Memory), up+x.Up, n+1
			topCPU, topMem = max(topCPU, x.CPUMax), max(topMem, x.MemoryMax)
		}
	}
	of := float64(max(n, 1))
	return strings.Repeat(" ", chartGutter) + m.y.paint(dim, "cpu avg "+percent(cpu/of)+" max "+percent(topCPU)+"   memory avg "+view.Bytes(int64(mem/of))+" max "+view.Bytes(topMem)+
		"   online "+percent(up/of*100))
}

// restartMarks counts restarts below the bars in which they were; empty when
// there were none.
func (m *model) restartMarks(list []*velos.Point) string {
	var b strings.Builder
	some := false
	for _, x := range list {
		c := byte(' ')
		if x != nil && x.Restarts > 0 {
			some = true
			if c = '+'; x.Restarts <= 9 {
				c = '0' + byte(x.Restarts)
			}
		}
		b.WriteByte(c)
	}
	if !some {
		return ""
	}
	return " " + m.y.paint(dim, m.y.right("starts", chartGutter-3)) + "  " + m.y.paint(yellow, b.String())
}
