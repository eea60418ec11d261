package tui

// past is how many figures are kept of each kind: two minutes, at the usual
// interval.
const past = 60

// A ring is the last figures of one kind.
type ring struct {
	v    [past]float32
	next int
	n    int
}

func (r *ring) add(f float64) {
	r.v[r.next] = float32(f)
	r.next = (r.next + 1) % past
	r.n = min(r.n+1, past)
}

// last is the newest n figures, the oldest first; fewer if there are fewer.
func (r *ring) last(n int) []float32 {
	n = min(n, r.n)
	out := make([]float32, n)
	for i := range out {
		out[i] = r.v[(r.next-n+i+past)%past]
	}
	return out
}

// highest is the highest figure there is.
func (r *ring) highest() float32 {
	var top float32
	for _, f := range r.v[:r.n] {
		top = max(top, f)
	}
	return top
}

// headroom is how much higher than the highest figure a sparkline could go: a
// steady program should not look like a full one.
const headroom = 1.4

// spark draws the newest figures in so many columns, from 0 to the highest of
// them or to floor, whichever is more: that a program does nothing should not
// look like a mountain.
func (g *glyphs) spark(r *ring, columns int, floor float32) string {
	list := r.last(columns)
	top := max(r.highest()*headroom, floor)
	out := make([]rune, 0, columns)
	for range columns - len(list) {
		out = append(out, ' ')
	}
	for _, f := range list {
		at := 0
		if top > 0 {
			at = int(f/top*float32(len(g.steps)-1) + 0.5)
		}
		out = append(out, g.steps[min(max(at, 0), len(g.steps)-1)])
	}
	return string(out)
}

// bar draws a share in so many columns.
func (g *glyphs) bar(share float64, columns int) (full, empty string) {
	n := int(min(max(share, 0), 1)*float64(columns) + 0.5)
	for i := range columns {
		if i < n {
			full += g.full
		} else {
			empty += g.empty
		}
	}
	return full, empty
}
