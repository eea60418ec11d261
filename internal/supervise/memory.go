package supervise

import (
	"slices"
	"strconv"
	"time"

	"github.com/velospm/velos"
)

// A balance weighs the memory of one run against its app's limit. It is the
// sampler's.
type balance struct {
	pid    int
	over   time.Time // since when it is over the limit; zero: it is not
	warned bool      // and has not been well below it since
	done   bool      // its restart is ordered
	past   []weight  // now and then, oldest first
}

// A weight is what a run had at a time.
type weight struct {
	at    time.Time
	bytes int64
}

const (
	overFor   = watchedSample * 3 / 4 // two measurements, and not two in a moment
	warnAt    = 90                    // percent of the limit
	calmAt    = 85
	pastEvery = 30 * time.Second
	mostPast  = 10
)

// limited reports whether a run that is there has a limit of memory.
func (s *Supervisor) limited() bool {
	for _, a := range s.all() {
		if a.spec.Load().MaxMemory > 0 && a.serves() {
			return true
		}
	}
	return false
}

// weigh compares a measurement with the limit: it warns, and when the run stays
// over it, orders its restart. The sampler calls it, and it does not block.
func (r *runner) weigh(pid int, bytes int64, now time.Time) {
	limit := r.app.spec.Load().MaxMemory
	if limit <= 0 {
		r.balance = nil
		return
	}
	if r.balance == nil || r.balance.pid != pid {
		r.balance = &balance{pid: pid}
	}
	w := r.balance
	w.remember(bytes, now)
	switch {
	case bytes*100 < limit*calmAt:
		w.warned = false
	case bytes*100 >= limit*warnAt && !w.warned:
		w.warned = true
		r.app.warn(r.inst, "memory: "+megabytes(bytes)+", "+strconv.FormatInt(bytes*100/limit, 10)+"% of max_memory "+megabytes(limit)+w.trend(bytes, limit, now))
	}
	if bytes <= limit {
		w.over = time.Time{}
		return
	}
	if w.over.IsZero() {
		w.over = now
	}
	if w.done || now.Sub(w.over) < overFor || !slices.Contains(r.app.cast.Load().slots, r) {
		return // the last: a reload has it come or go
	}
	w.done = true
	why := "memory: " + megabytes(bytes) + " over max_memory " + megabytes(limit)
	r.app.sup.pool.do(func() {
		if i := r.snapshot.Load(); i.PID != pid || !i.Wanted { // it has ended, or is about to
			return
		}
		r.app.record(velos.KindOrder, r.inst, "restart, "+why)
		_ = r.app.order(r.app.sup.ctx, []*runner{r}, order{verb: restart, actor: velos.Policy, why: why, spec: r.app.spec.Load(), own: true, fault: true, grace: -1})
	})
}

// remember keeps a weight now and then.
func (w *balance) remember(bytes int64, now time.Time) {
	if n := len(w.past); n > 0 && now.Sub(w.past[n-1].at) < pastEvery {
		return
	}
	if len(w.past) == mostPast {
		w.past = append(w.past[:0], w.past[1:]...)
	}
	w.past = append(w.past, weight{now, bytes})
}

// trend says how fast memory grows, and where that leads.
func (w *balance) trend(bytes, limit int64, now time.Time) string {
	first := w.past[0]
	passed := now.Sub(first.at)
	grown := bytes - first.bytes
	if passed < overFor || grown <= 0 {
		return ""
	}
	rate := float64(grown) / passed.Seconds() // bytes a second
	text := ", growing " + megabytes(int64(rate*60)) + " a minute"
	if left := limit - bytes; left > 0 {
		text += "; at that rate it is over in " + velos.Millis(float64(left)/rate*1000).String()
	}
	return text
}

// megabytes is a size as people compare it with a limit.
func megabytes(n int64) string {
	const mb = 1 << 20
	if n < 100*mb {
		return strconv.FormatFloat(float64(n)/mb, 'f', 1, 64) + " MB"
	}
	return strconv.FormatInt(n/mb, 10) + " MB"
}
