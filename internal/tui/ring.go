package tui

import "math"

// past is how many figures are kept of each kind: two minutes, at the usual
// interval.
const past = 60

// nothing stands where there is no figure: nobody measured.
var nothing = float32(math.NaN())

// A ring is the last figures of one kind.
type ring struct {
	v    [past]float32
	next int
	n    int
}

func (r *ring) add(f float64) { r.put(float32(f)) }

func (r *ring) put(f float32) {
	r.v[r.next] = f
	r.next = (r.next + 1) % past
	r.n = min(r.n+1, past)
}

// skip leaves a gap of so many figures.
func (r *ring) skip(n int) {
	for range min(n, past) {
		r.put(nothing)
	}
}

// begin puts figures before those that there are, as many as there is room
// for.
func (r *ring) begin(before []float32) {
	own := r.last(past)
	before = before[max(0, len(before)-(past-len(own))):]
	*r = ring{}
	for _, f := range append(before[:len(before):len(before)], own...) {
		r.put(f)
	}
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
func highest(list []float32) float32 {
	var top float32
	for _, f := range list {
		if f > top { // nothing is not
			top = f
		}
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
	return g.bars(r.last(columns), columns, 1, max(highest(r.v[:r.n])*headroom, floor))[0]
}

// bars draws figures in so many rows, the newest at the right, from 0 to top;
// a gap is blank.
func (g *glyphs) bars(list []float32, columns, rows int, top float32) []string {
	list = list[max(0, len(list)-columns):]
	steps := len(g.steps)
	out := make([]string, rows)
	for row := range rows {
		below := (rows - 1 - row) * steps
		line := make([]rune, 0, columns)
		for range columns - len(list) {
			line = append(line, ' ')
		}
		for _, f := range list {
			level := g.level(f, top, rows*steps) - below
			switch {
			case level <= 0:
				line = append(line, ' ')
			default:
				line = append(line, g.steps[min(level, steps)-1])
			}
		}
		out[row] = string(line)
	}
	return out
}

// level is how high a figure goes, of so many steps: the lowest is nothing
// measured, the next 0.
func (g *glyphs) level(f, top float32, steps int) int {
	if f != f {
		return 0
	}
	if top <= 0 {
		return 1
	}
	return 1 + int(min(max(f/top, 0), 1)*float32(steps-1)+0.5)
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
