package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

func past() *Past {
	p := &Past{Name: "api", Inst: -1, Since: fixtureNow - 600_000, Until: fixtureNow, Step: 60_000}
	for i := range 10 {
		if i == 4 {
			continue // nobody recorded
		}
		x := velos.Point{Time: p.Since + velos.Time(i)*60_000, Up: 1, CPU: float64(i) * 2, CPUMax: float64(i) * 3, Memory: 40 << 20, MemoryMax: 41 << 20, Lines: 10, Errors: 1}
		if i == 7 {
			x.Restarts, x.Up = 2, 0.5
		}
		p.Points = append(p.Points, x)
	}
	return p
}

func TestThePastIsDrawnWithItsGapsAndRestarts(t *testing.T) {
	var out bytes.Buffer
	if err := History(&out, past(), Options{Now: fixtureNow}); err != nil {
		t.Fatal(err)
	}
	want := `api  11:50:00 to 12:00:00, a bar is 1m
cpu      ▁▁▂▃ ▅▆▇██
         min 0.0%  avg 9.1%  max 27%  now 18%
memory   ████ █████
         min 40 MB  avg 40 MB  max 41 MB  now 40 MB
restarts        2
         online 94%  2 restarts  90 lines, 9 errors
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestThePastForProgramsAndAgents(t *testing.T) {
	var j, ai bytes.Buffer
	_ = History(&j, past(), Options{Format: JSON})
	_ = History(&ai, past(), Options{Format: AI})
	if s := j.String(); !strings.HasPrefix(s, `{"name":"api","instance":-1,"since":1772365800000,"until":1772366400000,"step_ms":60000,"points":[{"ts":1772365800000,"up":1,"cpu_percent":0,"cpu_percent_max":0,"memory_bytes":41943040,`) {
		t.Error(s)
	}
	if want := `{"n":"api","t":1772365800,"step":60,"c":[0,2,4,6,-1,10,12,14,16,18],"m":[40,40,40,40,-1,40,40,40,40,40],"r":2}` + "\n"; ai.String() != want {
		t.Error(ai.String())
	}
}

func TestAPastThatNobodyRecordedSaysSo(t *testing.T) {
	var out, j bytes.Buffer
	p := &Past{Name: "api", Inst: 1, Since: fixtureNow - 60_000, Until: fixtureNow, Step: 1000}
	_ = History(&out, p, Options{Now: fixtureNow})
	_ = History(&j, p, Options{Format: JSON})
	if !strings.HasPrefix(out.String(), "api:1  ") || !strings.Contains(out.String(), "nothing was recorded") || !strings.Contains(j.String(), `"points":[]`) {
		t.Errorf("%s%s", out.String(), j.String())
	}
}

func TestStepsAreLengthsInWhichFiguresAreKept(t *testing.T) {
	for span, want := range map[time.Duration]velos.Millis{time.Minute: 2000, 30 * time.Minute: 26_000, time.Hour: 60_000, 24 * time.Hour: 1200_000,
		7 * 24 * time.Hour: 3 * 3600_000, 365 * 24 * time.Hour: 122 * 3600_000} {
		var p Past
		p.Stretch(fixtureNow+1, velos.MillisOf(span), 72)
		if step := velos.Time(p.Step); p.Step != want || p.Since%step != 0 || p.Until%step != 0 || p.Until <= fixtureNow || p.Until-p.Since < velos.Time(velos.MillisOf(span)) {
			t.Errorf("%v: %+v, want steps of %v", span, p, want)
		}
	}
}
