package history

import (
	"context"
	"time"

	"github.com/velospm/velos"
)

// mostRecent bounds an answer of Recent: a thousand instances with five
// minutes each.
const mostRecent = 200_000

// A Track is what one instance took lately.
type Track struct {
	App    string
	Inst   int
	Points []velos.Point // the oldest first; Time, CPU and Memory
}

// Recent is what every instance took in a short time, from single samples
// alone: what a view that begins now could not see.
func (r *Reader) Recent(ctx context.Context, since, until velos.Time, step time.Duration) ([]Track, error) {
	wide := max(int64(step/time.Second), 1)
	rows, err := r.db.QueryContext(ctx, `SELECT name, inst, t/?*? b, avg(cpu), avg(mem) FROM samples JOIN series ON series.id = s
WHERE t >= ? AND t < ? AND inst >= 0 GROUP BY name, inst, b ORDER BY name, inst, b LIMIT ?`, wide, wide, int64(since)/1000, (int64(until)+999)/1000, mostRecent)
	if err != nil {
		return nil, failed("read", r.path, err)
	}
	defer rows.Close()
	var list []Track
	for rows.Next() {
		var name string
		var inst int
		var t int64
		var cpu, mem float64
		if err := rows.Scan(&name, &inst, &t, &cpu, &mem); err != nil {
			return nil, failed("read", r.path, err)
		}
		if n := len(list); n == 0 || list[n-1].App != name || list[n-1].Inst != inst {
			list = append(list, Track{App: name, Inst: inst})
		}
		x := &list[len(list)-1]
		x.Points = append(x.Points, velos.Point{Time: velos.Time(t * 1000), CPU: cpu / 100, Memory: int64(mem) << 10})
	}
	if err := rows.Err(); err != nil {
		return nil, failed("read", r.path, err)
	}
	return list, nil
}
