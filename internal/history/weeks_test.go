package history

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/velospm/velos"
)

// TestARecordingThatBeganWithinAnHourIsShownFromItsBeginning, also when the hour
// is over and has a sum: the sum begins before what is asked for.
func TestARecordingThatBeganWithinAnHourIsShownFromItsBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	looks(45*60+8, 26*60, 2, w, t)
	now := noon + 72*60_000
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Second} {
		list := points(t, path, Question{App: "app0", Inst: -1, Since: now - 3600_000, Until: now, Step: step})
		if len(list) == 0 || list[0].Time < noon+45*60_000 || list[0].Time > noon+45*60_000+8_000 {
			t.Fatalf("in steps of %v it begins with %+v", step, list[:min(1, len(list))])
		}
		lines := int64(0)
		for _, p := range list {
			lines += p.Lines
		}
		if lines != (26*60-2)*10 {
			t.Errorf("in steps of %v: %d lines", step, lines)
		}
	}
}

// perDay is how many looks weeks has of a day, one in fifteen minutes.
const perDay = 24 * 4

// weeks fills a file as so many days of looks do, and returns when the last one
// was. Four looks are one transaction, and their sums are made then.
func weeks(t testing.TB, path string, apps, days int) velos.Time {
	t.Helper()
	w := created(t, path, Keep{})
	var tx *sql.Tx
	n := days * perDay
	for i := range n {
		var err error
		if tx == nil {
			if tx, err = w.db.BeginTx(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		at := int64(noon)/1000 + int64(i)*900
		w.round++
		if err = w.samples(t.Context(), tx, at, fleet(apps, i)); err == nil && i%4 == 3 {
			if err = w.turn(t.Context(), tx, at); err == nil {
				err = tx.Commit()
			}
			tx = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return noon + velos.Time(n-1)*900_000
}

// TestWeeksAreBoundedAndAnsweredAtOnce: minutes end after a week, nothing is
// counted twice where tiers meet, and a question takes no longer than before.
func TestWeeksAreBoundedAndAnsweredAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	const apps, days = 2, 10
	end := weeks(t, path, apps, days)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// A row takes some 30 bytes. A series has a week of minutes and all hours.
	rows := int64(apps * 3 * (7*perDay + 24 + days*24 + 24))
	if info.Size() > rows*40+128<<10 {
		t.Errorf("%d rows at most, and the file has %d bytes", rows, info.Size())
	}
	whole := Question{App: "app1", Inst: -1, Since: noon, Until: end + 1000, Step: time.Hour}
	for _, step := range []time.Duration{time.Hour, 24 * time.Hour} {
		whole.Step = step
		lines, restarts := int64(0), 0
		list := points(t, path, whole)
		for _, p := range list {
			lines += p.Lines
			restarts += p.Restarts
		}
		if n := days * perDay; lines != int64(n-1)*10 || restarts != (n-1)/100 {
			t.Errorf("%d steps of %v have %d lines and %d restarts of %d looks", len(list), step, lines, restarts, n)
		}
	}
	// Minutes where there are minutes, hours before.
	whole.Step, whole.Since = 15*time.Minute, end-8*86400_000
	list := points(t, path, whole)
	hours := 0
	for i := range list[1:] {
		if d := list[i+1].Time - list[i].Time; d == 3600_000 {
			hours++
		} else if d != 15*60_000 {
			t.Fatalf("%v, then %v", list[i].Time, list[i+1].Time)
		}
	}
	if hours < 21 || hours > 26 || len(list) < 7*96 {
		t.Errorf("%d hours of %d steps", hours, len(list))
	}
	// Of a part of an hour nothing is known any more, and the next hour is none of it.
	whole.Since, whole.Until = noon+86400_000+15*60_000, noon+86400_000+45*60_000
	if list := points(t, path, whole); len(list) > 0 {
		t.Errorf("half an hour of which only the sum is left has %+v", list)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	best := time.Hour
	for range 5 { // of several, since the machine has other things to do
		began := time.Now()
		if _, err := r.All(t.Context(), Question{Inst: -1, Since: end - 7*86400_000, Until: end, Step: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
	}
	t.Logf("%d bytes; a week of %d apps in %v", info.Size(), apps, best)
	if best > 10*time.Second {
		t.Errorf("a week of %d apps takes %v", apps, best)
	}
}

// BenchmarkQuestionsAboutWeeks is how large the file of three weeks is, and what
// questions about it take, with 20 apps of two instances. It fills the file
// first, which takes half a minute.
func BenchmarkQuestionsAboutWeeks(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.db")
	end := weeks(b, path, 20, 21)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, days := range []int{1, 7, 21} {
		for _, app := range []string{"one", "all"} {
			b.Run(app+" of "+strconv.Itoa(days)+" days", func(b *testing.B) {
				q := Question{App: "app7", Inst: -1, Since: end - velos.Time(days)*86400_000, Until: end, Step: time.Duration(days) * 12 * time.Minute}
				for b.Loop() {
					var err error
					if app == "one" {
						_, err = r.Query(b.Context(), q)
					} else {
						_, err = r.All(b.Context(), q)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(info.Size())/1e6, "MB")
			})
		}
	}
}
