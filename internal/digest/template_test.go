package digest

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// alone is the template of one message.
func alone(line string) string {
	m := NewMiner(0)
	m.Add([]byte(line), 0, velos.Info)
	return m.Templates()[0].Template
}

func TestVariablesHaveTypes(t *testing.T) {
	for line, want := range map[string]string{
		"Connection to 192.168.1.5:5432 failed":                  "Connection to <IP>:<PORT> failed",
		"ban 10.0.0.0/8 now":                                     "ban <IP>/<NUM> now",
		"GET /api/users/7?x=1&y=2 took 12ms":                     "GET <PATH> took <NUM>ms",
		"took 1h2m3s, 1.5 s, -3, +4.2e7, 1,024 and 99.5%":        "took <NUM>, <NUM> s, <NUM>, <NUM>, <NUM> and <NUM>%",
		"job 123e4567-e89b-12d3-a456-426614174000 done":          "job <UUID> done",
		"at 2026-01-02T03:04:05.678Z and 03:04:05":               "at <TIME> and <TIME>",
		"on Fri Jun 17 20:55:06 2005 it rained":                  "on <TIME> it rained",
		"since 02/Jan/2026:03:04:05 +0000":                       "since <TIME>",
		"pointer 0xdeadbeef is bad":                              "pointer <HEX> is bad",
		"commit 3f9ac1b2 pushed":                                 "commit <HEX> pushed",
		"mac 00:1b:44:11:3a:b7 seen, and fe80::1":                "mac <HEX> seen, and <HEX>",
		"see https://example.org/a?b=c.":                         "see <URL>.",
		"mail to jane.doe@example.org bounced":                   "mail to <EMAIL> bounced",
		"lookup db-1.internal.example.net failed":                "lookup <HOST> failed",
		"dial redis-3:6379 refused":                              "dial <HOST> refused",
		"dial localhost:6379 refused":                            "dial <HOST> refused",
		"peer web-1/10.0.0.1:80":                                 "peer <HOST>/<IP>:<PORT>",
		`open C:\data\a.txt`:                                     "open <PATH>",
		"compile src/app/main.go":                                "compile <PATH>",
		"received blk_-1608999687919862906 from /10.1.2.3:50010": "received blk_<*> from /<IP>:<PORT>",
		"attempt_1445_0020_m_000008_0 ended":                     "attempt_<*> ended",
		"pod api-7d9f8b6c5d-x2k9p evicted":                       "pod api-<*>-<*> evicted",
		"Foo@3d2fe12 closed":                                     "Foo@<*> closed",
		"using HTTP/1.1, ipv4, utf-8 and sha256":                 "using HTTP/1.1, ipv4, utf-8 and sha256",
		"listening on eth0":                                      "listening on eth0",
		"state change: 4G/4G":                                    "state change: <NUM>G/<NUM>G",
		"user com.acme.shop.Orders ready":                        "user com.acme.shop.Orders ready",
		"install libc6:amd64 2.41-12+deb13u2 on 5.10.0-27-amd64": "install libc6:amd64 <*> on <*>",
		"password ****":                                          "password ****",
		"":                                                       "",
	} {
		if got := alone(line); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// mine returns the templates of lines, with their counts, sorted.
func mine(similarity float64, lines ...string) []string {
	m := NewMiner(similarity)
	for _, l := range lines {
		m.Add([]byte(l), 0, velos.Info)
	}
	var out []string
	for _, p := range m.Templates() {
		out = append(out, fmt.Sprintf("%d %s", p.Count, p.Template))
	}
	slices.Sort(out)
	return out
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func many(format string, values ...string) (lines []string) {
	for _, v := range values {
		lines = append(lines, fmt.Sprintf(format, v))
	}
	return lines
}

func TestNamesAreVariablesAndVerbsAreNot(t *testing.T) {
	names := []string{"ann", "bob", "carl", "dora", "emil", "fay", "gus", "hal", "ida", "jo", "kim", "leo", "mia", "ned"}
	expect(t, "names", mine(0, many("user %s logged in from the office", names...)...), "14 user <*> logged in from the office")
	expect(t, "two names", mine(0, many("session opened for user %s by cron", "root", "www", "root")...), "3 session opened for user <*> by cron")
	expect(t, "verbs", mine(0, append(many("the door was %s by hand", "opened", "closed", "opened", "closed"), many("GET %s", "/a", "/b")...)...),
		"2 the door was opened by hand", "2 the door was closed by hand", "2 GET <PATH>")
	expect(t, "states", mine(0, many("task went from RUNNING to %s", "STOPPED", "STOPPED", "FAILED", "FAILED", "LOST", "LOST")...),
		"2 task went from RUNNING to STOPPED", "2 task went from RUNNING to FAILED", "2 task went from RUNNING to LOST")
	expect(t, "subjects", mine(0, many("%s set to 5", "retries", "timeout", "workers", "backlog")...),
		"1 retries set to <NUM>", "1 timeout set to <NUM>", "1 workers set to <NUM>", "1 backlog set to <NUM>")
	expect(t, "services", mine(0, many("%s started in time", names...)...), "14 <*> started in time")
	expect(t, "values", mine(0, many("lock released, owner=%s, kind=write", names[:4]...)...), "4 lock released, owner=<*>, kind=write")
	expect(t, "quoted values", mine(0, many(`lock taken tag="%s" flags=1`, "View Lock", "Screen", "Wake me up", "Radio")...), `4 lock taken tag="<*>" flags=<NUM>`)
}

func TestListsOfAnyLengthAreOneTemplate(t *testing.T) {
	expect(t, "numbers", mine(0, "ids 1", "ids 1 2", "ids 1, 2, 3"), "3 ids <NUM>")
	expect(t, "blocks", mine(0, "delete blk_1 blk_2", "delete blk_7 blk_8 blk_9 blk_10"), "2 delete blk_<*> blk_<*>")
	expect(t, "pairs", mine(0, "nodes n-1 10 up n-2 20 up end", "nodes n-1 10 up n-2 20 up n-3 30 up end"), "2 nodes n-<*> <NUM> up n-<*> <NUM> up end")
	expect(t, "sizes", mine(0, "sent 10 bytes in all", "sent 10 bytes (1.5 KB) in all", "sent 10 bytes in all"), "3 sent <NUM> bytes in all")
}

func TestADigitThatNeverChangesIsShown(t *testing.T) {
	expect(t, "same", mine(0, "login on tty2 ok", "login on tty2 ok"), "2 login on tty2 ok")
	expect(t, "differs", mine(0, "login on tty2 ok", "login on tty3 ok"), "2 login on tty<*> ok")
}

func TestSimilarityIsHonoured(t *testing.T) {
	names := many("worker %s took the job", "ann", "bob", "carl", "dora", "emil", "fay", "gus", "hal", "ida", "jo", "kim", "leo", "mia")
	if n := len(mine(1, names...)); n != len(names) {
		t.Errorf("with 1 there are %d templates of %d messages; want nothing joined", n, len(names))
	}
	expect(t, "default", mine(Similarity, names...), "13 worker <*> took the job")
	// Half as strict, twice as many words may differ.
	lines := many("alpha beta %s", "delta one", "delta one", "gamma two", "gamma two")
	if strict, loose := len(mine(.85, lines...)), len(mine(.2, lines...)); strict < loose {
		t.Errorf("%d templates with .85, %d with .2", strict, loose)
	}
}

func TestTheSameLinesGiveTheSameTemplatesInAnyProcess(t *testing.T) {
	lines := many("cache miss for key %s", "a", "b", "c", "d", "e")
	lines = append(lines, many("slow query on table %s", "users", "orders")...)
	first := mine(0, lines...)
	for range 20 {
		expect(t, "again", mine(0, lines...), first...)
	}
	if a, b := hash([]byte("Connection to <IP>:<PORT> failed")), uint64(0xb3445f43d2a4a30e); a != b {
		t.Errorf("the id of a template is %#x; want %#x on every machine", a, b)
	}
}

// word makes names that have nothing in common.
func word(r *uint64) string {
	b := make([]byte, 0, 12)
	for range 6 + *r>>61 {
		*r = *r*6364136223846793005 + 1442695040888963407
		b = append(b, 'a'+byte(*r>>59)%26)
	}
	return string(b)
}

func keeps(f func() any) (mib float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(v)
	return float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / (1 << 20)
}

func TestMemoryIsBoundedWhateverComesIn(t *testing.T) {
	r := uint64(1)
	for name, line := range map[string]func(i int) string{
		"names":        func(int) string { return "user " + word(&r) + " logged in" },
		"first words":  func(int) string { return word(&r) + " is up and running" },
		"two names":    func(int) string { return "moved " + word(&r) + " to " + word(&r) + " at last" },
		"noise":        func(int) string { return word(&r) + " " + word(&r) + " " + word(&r) + " " + word(&r) },
		"long noise":   func(int) string { return strings.Repeat(word(&r)+" ", 150) },
		"all the same": func(int) string { return "tick" },
	} {
		n := 12_000
		if name == "long noise" || testing.Short() {
			n = 6000
		}
		m := NewMiner(0)
		if mib := keeps(func() any {
			for i := range n {
				m.Add([]byte(line(i)), velos.Time(i), velos.Info)
			}
			return m
		}); mib > 8 {
			t.Errorf("%s: %.1f MiB are kept; want at most 8", name, mib)
		}
		var sum uint64
		for _, p := range m.Templates() {
			sum += p.Count
		}
		if sum+m.Forgotten() != uint64(n) {
			t.Errorf("%s: %d messages in templates and %d forgotten; want %d in all", name, sum, m.Forgotten(), n)
		}
		if name == "names" || name == "first words" {
			if k := len(m.Templates()); k > 3 {
				t.Errorf("%s: %d templates; want one or two", name, k)
			}
		}
	}
}

func TestAKnownPatternAllocatesNothing(t *testing.T) {
	m := NewMiner(0)
	line := []byte("request 17 of 10.0.0.1 took 12ms on node-3")
	m.Add(line, 1, velos.Info)
	if n := testing.AllocsPerRun(100, func() { m.Add(line, 2, velos.Info) }); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}

func TestAMessageIsTheLineWithoutItsHeader(t *testing.T) {
	for line, want := range map[string]string{
		"2026-01-02 03:04:05,678 INFO  [main] com.acme.App - Started": "Started",
		"2026-01-02T03:04:05Z ERROR disk is full":                     "disk is full",
		"2026/01/02 03:04:05 listening on :8080":                      "listening on :8080",
		"Jan  2 03:04:05 web1 sshd[12]: Accepted key for root":        "Accepted key for root",
		"<30>Jan  2 03:04:05 web1 app: started":                       "started",
		"[2026-01-02 03:04:05 +0000] [7] [INFO] Booting":              "Booting",
		`{"level":"info","msg":"order 7 placed","n":1}`:               "order 7 placed",
		`{"a":"msg","message":"he said \"no\" twice"}`:                `he said \"no\" twice`,
		`ts=1 level=warn msg="slow query" ms=7`:                       "slow query",
		"level=info msg=up x=1":                                       "up",
		"I0102 03:04:05.678901 7 main.go:3] ready":                    "ready",
		"2026-01-02 03:04:05 - my.mod - WARNING - careful":            "careful",
		"03:04:05.678 [main] INFO  app - up":                          "up",
		"error: no such table":                                        "no such table",
		"plain words":                                                 "plain words",
		"Error: kept, it is the message of a stack":                   "Error: kept, it is the message of a stack",
		"api-1  | 2026-01-02 03:04:05 INFO up":                        "up",
		"03-17 16:13:38.814  1702  2395 W Dispatcher: slow":           "Dispatcher: slow",
		"E, [2026-01-02T03:04:05.678901 #12] ERROR -- : boom":         "boom",
		"I, [2026-01-02T03:04:05.678901 #12]  INFO -- web: up":        "up",
		"INFO": "INFO",
		"":     "",
	} {
		if got := string(Message([]byte(line))); got != want {
			t.Errorf("%s\n got %q\nwant %q", line, got, want)
		}
	}
}

func FuzzMiner(f *testing.F) {
	f.Add([]byte("user ann logged in from 10.0.0.1:80\nuser bob logged in"), 0.85)
	f.Add([]byte("\xff\xfe\x00\x00 \xf0\x9f 12ms blk_-1__-2 a=\"b c\" (((("), 0.1)
	f.Add([]byte(`2026-13-45T99:99:99 1.2.3.4.5 ::::: 0x 1e 1e+ C:\ ~/ ../ @ a@b.c.`), 1.0)
	f.Add(bytes.Repeat([]byte("x1 "), 5000), 0.5)
	f.Fuzz(func(t *testing.T, data []byte, similarity float64) {
		m := NewMiner(similarity)
		n := uint64(0)
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			before := string(line)
			m.Add(Message(line), velos.Time(n*1e6), velos.Info)
			n++
			if string(line) != before {
				t.Fatal("the line was written to")
			}
		}
		list, find := m.Finder()
		var sum uint64
		for _, p := range list {
			sum += p.Count
		}
		if sum != n {
			t.Fatalf("%d messages are in templates; want %d", sum, n)
		}
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if i := find(Message(line)); i < 0 || i >= len(list) {
				t.Fatalf("%q has no template", line)
			}
		}
	})
}
