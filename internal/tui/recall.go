package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

const (
	usually = 2 * time.Second // between figures
	// recallWithin bounds a question about what was recorded.
	recallWithin = 5 * time.Second
	mostCarried  = velos.Time(30_000)
)

func (m *model) interval() time.Duration {
	if m.o.Interval <= 0 {
		return usually
	}
	return m.o.Interval
}

// Recalled is what was recorded shortly before the view began. That nothing
// was is no error that anybody has to see here.
type recalled []view.Past

// recall asks, once, for what was recorded before the view began.
func (m *model) recall() tea.Cmd {
	if m.recalled || m.o.Recent == nil {
		return nil
	}
	m.recalled = true
	q := view.Past{Inst: -1, Until: velos.TimeOf(m.clock), Step: velos.MillisOf(max(m.interval(), time.Second))}
	q.Since = q.Until - velos.Time(velos.MillisOf(past*m.interval())) - mostCarried
	ask := m.o.Recent
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(context.Background(), recallWithin)
		defer stop()
		list, err := ask(ctx, &q)
		if err != nil {
			return nil
		}
		return recalled(list)
	}
}

// remember has the sparklines begin with what was recorded.
func (m *model) remember(list recalled) {
	byName := map[string][]*view.Past{}
	for i := range list {
		byName[list[i].Name] = append(byName[list[i].Name], &list[i])
	}
	for _, a := range m.apps {
		tracks := byName[a.Spec.Name]
		if len(tracks) == 0 {
			continue
		}
		until := velos.TimeOf(m.clock)
		if !a.began.IsZero() {
			until = velos.TimeOf(a.began)
		}
		whole := rings{}
		whole.cpu.skip(past)
		whole.mem.skip(past)
		for _, p := range tracks {
			cpu, mem := m.slots(p.Points, until)
			plus(whole.cpu.v[:], cpu)
			plus(whole.mem.v[:], mem)
			if slices.ContainsFunc(a.Instances, func(in velos.Instance) bool { return in.Inst == p.Inst }) {
				a.instance(p.Inst).begin(cpu, mem)
			}
		}
		a.rings.begin(whole.cpu.v[:], whole.mem.v[:])
	}
}

// begin puts figures before those that there are. Gaps before the first are
// no figures.
func (r *rings) begin(cpu, mem []float32) {
	n := slices.IndexFunc(cpu, func(f float32) bool { return f == f })
	if n < 0 {
		return
	}
	r.cpu.begin(cpu[n:])
	r.mem.begin(mem[n:])
}

// plus adds figures up; nothing and something is something.
func plus(sum, more []float32) {
	for i, f := range more {
		switch {
		case f != f:
		case sum[i] != sum[i]:
			sum[i] = f
		default:
			sum[i] += f
		}
	}
}

// slots are the figures of one instance in the view's own steps up to a
// moment. Who recorded less often than the view looks has no gaps because of
// that.
func (m *model) slots(points []velos.Point, until velos.Time) (cpu, mem []float32) {
	carried := spacing(points)
	step := velos.Time(velos.MillisOf(m.interval()))
	cpu, mem = make([]float32, past), make([]float32, past)
	next := 0
	for i := range past {
		at := until - velos.Time(past-i)*step
		for next < len(points) && points[next].Time <= at {
			next++
		}
		cpu[i], mem[i] = nothing, nothing
		if next > 0 && at-points[next-1].Time < max(carried, step) {
			cpu[i], mem[i] = float32(points[next-1].CPU), float32(points[next-1].Memory)
		}
	}
	return cpu, mem
}

// spacing is how far apart looks were, with some more for a late one.
func spacing(points []velos.Point) velos.Time {
	least := mostCarried
	for i := 1; i < len(points); i++ {
		least = min(least, points[i].Time-points[i-1].Time)
	}
	return min(least*2, mostCarried)
}
