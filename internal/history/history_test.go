package history

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
	"github.com/velospm/velos/internal/wire"
)

// TestMain makes the test binary a writer that is killed at some moment.
func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_WRITER"); path != "" {
		w, _, err := Create(path, Keep{}, noon.Std())
		if err != nil {
			panic(err)
		}
		for i := int64(0); ; i++ {
			if err := w.Record(context.Background(), noon+velos.Time(i*1000), fleet(5, int(i))); err != nil {
				panic(err)
			}
			if i == 130 {
				os.WriteFile(path+".going", nil, 0o600)
			}
		}
	}
	os.Exit(m.Run())
}

var noon = velos.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// fleet is n apps with two instances each, as they are at a moment.
func fleet(n, at int) []velos.App {
	var apps []velos.App
	for i := range n {
		sp := velos.NewSpec()
		sp.Name = "app" + strconv.Itoa(i)
		apps = append(apps, velos.App{ID: uint32(i + 1), Spec: sp, Log: velos.LogInfo{Lines: uint64(at * 10), Errors: uint64(at)}, Instances: []velos.Instance{
			{Inst: 0, Status: velos.Online, Usage: velos.Usage{CPU: float64(at % 60), Memory: 10 << 20}},
			{Inst: 1, Status: velos.Errored, Restarts: at / 100, Usage: velos.Usage{CPU: 1, Memory: 20 << 20}}}})
	}
	return apps
}

func created(t testing.TB, path string, keep Keep) *Writer {
	t.Helper()
	w, aside, err := Create(path, keep, noon.Std())
	if err != nil || aside != "" {
		t.Fatal(aside, err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// looks are so many looks, a second or more apart.
func looks(from, n, every int, w *Writer, t testing.TB) {
	t.Helper()
	for i := from; i < from+n; i += every {
		if err := w.Record(t.Context(), noon+velos.Time(i*1000), fleet(1, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func points(t testing.TB, path string, q Question) []velos.Point {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := r.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func around(app string, inst int, step time.Duration) Question {
	return Question{App: app, Inst: inst, Since: noon - 3600_000, Until: noon + 3*3600_000, Step: step}
}

func second(app string) Question {
	return Question{App: app, Inst: -1, Since: noon, Until: noon + 3600_000, Step: time.Second}
}

func TestMinutesAndHoursAreTheSumOfTheirSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m", "history.db")
	w := created(t, path, Keep{})
	looks(0, 3600+90, 1, w, t)
	list := points(t, path, around("app0", -1, time.Minute))
	if len(list) != 62 {
		t.Fatalf("%d minutes", len(list))
	}
	m := list[1]
	if m.Time != noon+60_000 || m.CPU != 30.5 || m.CPUMax != 60 || m.Memory != 30<<20 || m.MemoryMax != 30<<20 || m.Up != 0.5 || m.Lines != 600 || m.Errors != 60 || m.Restarts != 1 {
		t.Errorf("the second minute is %+v", m)
	}
	if half := list[61]; half.Lines != 300 || half.CPU != 15.5 {
		t.Errorf("the minute that goes on is %+v", half)
	}
	if one := points(t, path, around("app0", 1, time.Minute))[1]; one.CPU != 1 || one.Restarts != 1 || one.Lines != 0 || one.Up != 0 {
		t.Errorf("of one instance: %+v", one)
	}
	hours := points(t, path, around("app0", -1, time.Hour))
	if len(hours) != 2 || hours[0].Lines != 35990 || hours[0].Restarts != 35 || math.Abs(hours[0].CPU-30.5) > 0.01 || hours[0].CPUMax != 60 {
		t.Errorf("hours: %+v", hours)
	}
	if s := points(t, path, Question{App: "app0", Inst: -1, Since: noon + 600_000, Until: noon + 4000_000, Step: 10 * time.Second}); len(s) != 309 || s[1].CPU != 15.5 {
		t.Errorf("%d steps of ten seconds, %+v", len(s), s[0])
	}
	if none := points(t, path, around("app9", -1, time.Minute)); len(none) != 0 {
		t.Errorf("of nobody: %v", none)
	}
}

func TestWhatIsTooOldGoesWhenItsSumIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{Samples: 10 * time.Minute, Minutes: 2 * time.Hour, Hours: 5 * time.Hour})
	looks(0, 8*3600, 20, w, t)
	for table, span := range map[string]int64{"samples": 11 * 60, "minutes": 3*3600 + 1, "hours": 6*3600 + 1} {
		var first, last, n int64
		if err := w.db.QueryRow("SELECT min(t), max(t), count(*) FROM "+table).Scan(&first, &last, &n); err != nil {
			t.Fatal(err)
		}
		if last-first > span || n == 0 {
			t.Errorf("%s hold %d s in %d rows", table, last-first, n)
		}
	}
	// A step of a second reaches back to where only minutes, and hours, are.
	list := points(t, path, Question{App: "app0", Inst: -1, Since: noon, Until: noon + 8*3600_000, Step: 20 * time.Second})
	if d := list[1].Time - list[0].Time; d != 3600_000 {
		t.Errorf("the oldest are %v apart", d)
	}
	lines := int64(0)
	for i, p := range list {
		if i > 0 && p.Time <= list[i-1].Time {
			t.Fatalf("%v after %v", p.Time, list[i-1].Time)
		}
		lines += p.Lines
	}
	if lines < 5*36000 || lines > 6*36000+10000 {
		t.Errorf("%d lines", lines)
	}
	var mode int
	if err := w.db.QueryRow("PRAGMA auto_vacuum").Scan(&mode); err != nil || mode != 2 {
		t.Errorf("auto_vacuum is %d, %v", mode, err)
	}
}

func TestAFileDoesNotGrowForever(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{Samples: 10 * time.Minute, Minutes: 2 * time.Hour, Hours: 5 * time.Hour})
	size := func(from int) int {
		looks(from, 6*3600, 20, w, t)
		n := 0
		if err := w.db.QueryRow("PRAGMA page_count").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if a, b := size(0), size(6*3600); b > a+a/4+8 {
		t.Errorf("%d pages, then %d", a, b)
	}
}

func TestAWriterThatIsKilledLeavesWholeRounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	for range 3 {
		os.Remove(path + ".going")
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "HISTORY_WRITER="+path)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(60 * time.Second)
		for _, err := os.Stat(path + ".going"); err != nil; _, err = os.Stat(path + ".going") {
			if time.Now().After(deadline) {
				t.Fatal("the writer did not write")
			}
			time.Sleep(time.Millisecond)
		}
		_ = c.Process.Kill()
		_ = c.Wait()
		w, aside, err := Create(path, Keep{}, noon.Std())
		if err != nil || aside != "" {
			t.Fatalf("after the kill: %q, %v", aside, err)
		}
		var odd int
		if err := w.db.QueryRow("SELECT count(*) FROM (SELECT t, count(*) n FROM samples JOIN series ON id = s WHERE inst >= 0 GROUP BY t HAVING n <> 10)").Scan(&odd); err != nil || odd != 0 {
			t.Errorf("%d rounds are not whole, %v", odd, err)
		}
		w.Close()
	}
	if list := points(t, path, around("app3", -1, time.Minute)); len(list) < 2 || list[0].CPU != 30.5 {
		t.Errorf("%+v", list)
	}
}

func TestReadersReadWhileTheWriterWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	looks(0, 1, 1, w, t)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		for i := 1; i < 300; i++ {
			if err := w.Record(context.Background(), noon+velos.Time(i*1000), fleet(1, i)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	seen := 0
	for {
		list, err := r.Query(t.Context(), second("app0"))
		if err != nil || len(list) < seen {
			t.Fatalf("%d points after %d, %v", len(list), seen, err)
		}
		seen = len(list)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if list, _ := r.Query(t.Context(), second("app0")); len(list) != 300 {
				t.Errorf("%d points", len(list))
			}
			return
		default:
		}
	}
}

func TestADamagedFileIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	looks(0, 300, 1, w, t)
	w.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"garbage": func([]byte) []byte { return []byte(strings.Repeat("no database at all ", 500)) },
		"holes": func(b []byte) []byte {
			for i := 4096; i < len(b); i++ {
				b[i] = 0xee
			}
			return b
		},
	} {
		path := filepath.Join(t.TempDir(), "history.db")
		if err := os.WriteFile(path, spoil(append([]byte(nil), b...)), 0o600); err != nil {
			t.Fatal(err)
		}
		w, aside, err := Create(path, Keep{}, noon.Std())
		if err != nil || !strings.HasPrefix(aside, path+".damaged-") {
			t.Fatalf("%s: %q, %v", name, aside, err)
		}
		looks(0, 3, 1, w, t)
		w.Close()
		if _, err := os.Stat(aside); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileOfANewerVelosIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	if _, err := w.db.Exec("PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, aside, err := Create(path, Keep{}, noon.Std()); !errors.Is(err, velos.ErrUnsupported) || aside != "" {
		t.Errorf("%q, %v", aside, err)
	}
	if _, err := Open(path); !errors.Is(err, velos.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func TestWithoutAFileTheHintSaysHowToRecord(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "history.db"))
	if !errors.Is(err, velos.ErrNotFound) || !strings.Contains(velos.HintOf(err), "velos metrics --history") {
		t.Errorf("%v (%s)", err, velos.HintOf(err))
	}
}

func TestFilesAreTheUsersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m", "history.db")
	w := created(t, path, Keep{})
	looks(0, 2, 1, w, t)
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
}

func TestAClockThatIsSetBackDoesNotStopTheSums(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	looks(7200, 120, 1, w, t) // two hours ahead
	looks(0, 240, 1, w, t)
	n := 0
	if err := w.db.QueryRow("SELECT count(DISTINCT t) FROM minutes WHERE t < ?", int64(noon)/1000+3600).Scan(&n); err != nil || n < 2 {
		t.Errorf("%d minutes, %v", n, err)
	}
}

func TestARenamedAppAndOneOfTheSameNameAreOneHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	for i, app := range []struct {
		id   uint32
		name string
	}{{1, "old"}, {1, "new"}, {2, "new"}} {
		a := fleet(1, 0)
		a[0].ID, a[0].Spec.Name = app.id, app.name
		if err := w.Record(t.Context(), noon+velos.Time(i*1000), a); err != nil {
			t.Fatal(err)
		}
	}
	if list := points(t, path, second("new")); len(list) != 3 {
		t.Errorf("%+v", list)
	}
	if list := points(t, path, second("old")); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestAllAppsAreAskedAtOnceAndAnswerAsEachDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	for i := 0; i < 400; i += 2 {
		if err := w.Record(t.Context(), noon+velos.Time(i*1000), fleet(3, i)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, step := range []time.Duration{30 * time.Second, time.Minute, time.Hour} {
		q := around("", -1, step)
		all, err := r.All(t.Context(), q)
		if err != nil || len(all) != 3 {
			t.Fatalf("%v: %d apps, %v", step, len(all), err)
		}
		for name, list := range all {
			q.App = name
			if one := points(t, path, q); len(one) == 0 || !slices.Equal(one, list) {
				t.Errorf("%s by %v: %v alone, %v among all", name, step, one, list)
			}
		}
	}
}

func TestASecondWriterWaitsAndSaysForWhom(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	if err := os.MkdirAll(filepath.Join(h.Dir, "metrics"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := h.Own(file)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(t.Context())
	said := ""
	err = Run(ctx, Options{Home: h, Now: time.Now, Notice: func(s string) { said += s; cancel() }})
	if err != nil || !strings.Contains(said, "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("%q, %v", said, err)
	}
}

func TestAQuestionHasABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	looks(0, 1, 1, created(t, path, Keep{}), t)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, q := range []Question{{Since: 0, Until: noon, Step: time.Second}, {Since: noon, Until: noon}} {
		if _, err := r.Query(t.Context(), q); !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func BenchmarkRecordOfAHundredInstances(b *testing.B) {
	w := created(b, filepath.Join(b.TempDir(), "history.db"), Keep{})
	apps := fleet(50, 1)
	i := 0
	for b.Loop() {
		if err := w.Record(b.Context(), noon+velos.Time(i*1000), apps); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkADayOfAHundredInstances asks for 24 hours of one app.
func BenchmarkADayOfAHundredInstances(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.db")
	w := created(b, path, Keep{})
	fill(b, w.db)
	r, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		list, err := r.Query(b.Context(), Question{App: "app7", Inst: -1, Since: noon - 86400_000, Until: noon, Step: 20 * time.Minute})
		if err != nil || len(list) < 70 {
			b.Fatal(len(list), err)
		}
	}
}

func fill(b *testing.B, db *sql.DB) {
	b.Helper()
	for _, q := range []string{
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99) INSERT INTO series SELECT i+1, i/2, i%2, 'app' || (i/2) FROM n",
		"WITH RECURSIVE m(t) AS (SELECT " + strconv.FormatInt(int64(noon)/1000-86400, 10) + " UNION ALL SELECT t+60 FROM m WHERE t < " + strconv.FormatInt(int64(noon)/1000-60, 10) +
			") INSERT INTO minutes SELECT t, id, 60, 60, 1234, 2000, 46080, 46080, 0, 0, 0 FROM m, series",
		"INSERT INTO rolled VALUES ('minutes', " + strconv.FormatInt(int64(noon)/1000, 10) + ")",
	} {
		if _, err := db.Exec(q); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNoLineIsMissedWhenADayEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	midnight := 12 * 3600
	looks(midnight-120, 240, 2, w, t)
	lines := int64(0)
	for _, p := range points(t, path, Question{App: "app0", Inst: -1, Since: noon + 11*3600_000, Until: noon + 13*3600_000, Step: time.Minute}) {
		lines += p.Lines
	}
	if lines != 238*10 { // the first look only says where to count from
		t.Errorf("%d lines", lines)
	}
}

func TestSeriesOfWhichNothingIsKeptGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{Samples: 10 * time.Minute, Minutes: 2 * time.Hour, Hours: 24 * time.Hour})
	if err := w.Record(t.Context(), noon, fleet(3, 0)); err != nil { // two of them are deleted then
		t.Fatal(err)
	}
	looks(60, 37*3600, 60, w, t)
	var n int
	if err := w.db.QueryRow("SELECT count(*) FROM series").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d series, %v", n, err)
	}
}

func TestAFileThatGoesAwayIsBegunAnew(t *testing.T) {
	h := home.Home{Dir: filepath.Join(t.TempDir(), "h")}
	if err := os.MkdirAll(filepath.Dir(Path(h)), 0o700); err != nil {
		t.Fatal(err)
	}
	w := created(t, Path(h), Keep{})
	looks(0, 3, 1, w, t)
	if err := os.Rename(Path(h), Path(h)+".mine"); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), noon+9000, fleet(1, 9)); !errors.Is(err, errGone) || velos.CodeOf(err) != velos.Failed {
		t.Errorf("it was moved away: %v", err)
	}
	w.Close()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		said := make(chan string)
		done := make(chan error, 1)
		go func() {
			done <- Run(ctx, Options{Home: h, Now: time.Now, Notice: func(s string) { said <- s }, Dial: func() (*client.Client, error) {
				ours, theirs := net.Pipe()
				go answer(theirs)
				return client.New(ours), nil
			}})
		}()
		hear := func(part string) {
			t.Helper()
			if s := <-said; !strings.Contains(s, part) {
				t.Errorf("%q, not %q", s, part)
			}
		}
		hear("recording to ")
		time.Sleep(5 * time.Second)
		os.Remove(Path(h))
		hear("not there any more")
		hear("recording to ")
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if list := points(t, Path(h), Question{App: "app0", Inst: -1, Since: velos.TimeOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)),
		Until: velos.TimeOf(time.Date(2000, 1, 1, 0, 2, 0, 0, time.UTC)), Step: time.Second}); len(list) == 0 {
		t.Error("nothing was recorded after all that")
	}
}

// answer is a daemon that knows one app.
func answer(c net.Conn) {
	defer c.Close()
	r := wire.NewReader(c)
	for {
		p, err := r.Next()
		if err != nil {
			return
		}
		req, err := wire.ParseRequest(p)
		if err != nil {
			return
		}
		if _, err := c.Write(wire.AppendResponse(nil, req.ID, wire.OK, &wire.Apps{Apps: fleet(1, 1)})); err != nil {
			return
		}
	}
}

func TestWhatInstancesTookLatelyIsKnownOfAllAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	w := created(t, path, Keep{})
	for i := range 60 {
		if i >= 20 && i < 30 {
			continue // nobody recorded
		}
		if err := w.Record(t.Context(), noon+velos.Time(i*1000), fleet(3, i)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := r.Recent(t.Context(), noon+10_000, noon+60_000, 2*time.Second)
	if err != nil || len(list) != 6 {
		t.Fatalf("%d tracks, %v", len(list), err)
	}
	x := list[2]
	if x.App != "app1" || x.Inst != 0 || len(x.Points) != 20 {
		t.Fatalf("%+v", x)
	}
	if p := x.Points[0]; p.Time != noon+10_000 || p.CPU != 10.5 || p.Memory != 10<<20 {
		t.Errorf("%+v", p)
	}
	if p := x.Points[5]; p.Time != noon+30_000 {
		t.Errorf("after the gap: %+v", p)
	}
	if none, err := r.Recent(t.Context(), noon-10_000, noon, time.Second); err != nil || len(none) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
}
