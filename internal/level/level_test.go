package level

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

const (
	debug = velos.Debug
	info  = velos.Info
	warn  = velos.Warn
	fail  = velos.Err
	fatal = velos.Fatal
)

var cases = []struct {
	want velos.Level
	line string
}{
	// JSON
	{info, `{"level":30,"time":1,"msg":"listening"}`},
	{fatal, `{"level":60,"msg":"no"}`},
	{warn, `{"msg":"error in a text","level":"WARN"}`},
	{fail, `{"ts":"2026","severity":"ERROR","msg":"x"}`},
	{fail, `{"severityNumber":18}`},
	{fail, `{"levelno":40,"message":"x"}`},
	{warn, `{"_m":1,"priority":4}`},
	{debug, `{"log":{"level":"debug"},"m":"failed"}`},
	{warn, `{"s":"W","c":"NETWORK","msg":"x"}`},
	{fail, `{"msg":"x","err":"connection reset"}`},
	{info, `{"msg":"x","err":null,"error":""}`},
	{fail, `{"path":"/","status":503}`},
	{warn, `{"path":"/","status":404}`},
	{fail, `{"msg":"request failed"}`},
	{info, `{"msg":"errors: 0"}`},
	{info, `{"a":{"level":"error"},"b":["error"]}`},
	{info, `{"msg":"a \" level\":\"error","x":1}`},
	{info, `{}`},
	{fail, `{not json but failed}`},
	// logfmt
	{warn, `ts=1 level=warn msg="error inside"`},
	{fail, `time=x lvl=error`},
	{info, `level=info msg="level=error in quotes"`},
	{info, `msg="level=error in quotes"`},
	{info, `sealevel=error count=3 msg=ok`},
	// heads
	{fail, `ERROR something broke`},
	{warn, `[WARN] slow`},
	{warn, `[ warn ] slow`},
	{debug, `2026-01-02 03:04:05,678 - my.mod - DEBUG - failed to care`},
	{info, `2026-01-02T03:04:05Z INFO error handler ready`},
	{fail, `2026/01/02 03:04:05 [error] 12#12: *1 open() failed`},
	{fail, `E0102 03:04:05.678901 7 x.go:1] went wrong`},
	{info, `I, [2026-01-02T03:04:05.6 #12]  INFO -- : error page built`},
	{fail, `01-02 03:04:05.678 100 200 E Tag: text`},
	{fatal, `<2>kernel: hot`},
	{info, `<30>Jan  2 03:04:05 host prog[1]: failed once, fine now`},
	{warn, `9:M 02 Jan 2026 03:04:05.678 # Connection lost`},
	{info, `9:M 02 Jan 2026 03:04:05.678 * Ready`},
	{fail, `[2026-01-02 03:04:05] local.ERROR: text`},
	{warn, `PHP Warning:  text`},
	{fatal, `fatal: not a repository`},
	{fatal, `fatal error: concurrent map writes`},
	{warn, `warning: unused variable`},
	{fail, `npm ERR! code ELIFECYCLE`},
	{debug, "\x1b[36mDEBUG\x1b[0m an error we expected"},
	{fail, "\x1b[31merror\x1b[39m: no"},
	{fail, `api-1  | ERROR down`},
	{fail, `=ERROR REPORT==== 2-Jan-2026::03:04:05 ===`},
	// access logs
	{fail, `127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 500 12`},
	{warn, `127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /error HTTP/1.1" 404 12`},
	{info, `127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /error HTTP/2.0" 200 12`},
	{fail, `POST /users 502 12ms`},
	{info, `GET /fatal.html 200 1ms`},
	{fail, `Completed 500 Internal Server Error in 3ms`},
	// traces
	{fail, `Traceback (most recent call last):`},
	{fail, `ValueError: invalid literal`},
	{fail, `Exception in thread "main" java.lang.IllegalStateException: x`},
	{fail, `    at main (/srv/app.js:1:2)`},
	{fatal, `panic: runtime error: index out of range`},
	{fatal, `goroutine 1 [running]:`},
	{fatal, `thread 'main' panicked at src/main.rs:1:2:`},
	{fail, `TypeError: Cannot read properties of undefined (reading 'x')`},
	{fail, `Uncaught exception`},
	{fail, `Error: listen EADDRINUSE: address already in use :::3000`},
	// words
	{fail, `connection to db failed`},
	{fail, `could not open the file`},
	{fail, `process exited with code 3`},
	{info, `process exited with code 0`},
	{fail, `JavaScript heap out of memory`},
	{warn, `this option is deprecated`},
	{info, `no errors`},
	{info, `that is not an error`},
	{info, `12 seen. 0 critical ones`},
	{fail, `2026-01-02 03:04:05 error it broke`},
	{fail, `03:04:05 error it broke`},
	{info, `connected to the server as user of the day`},
	{info, `0 errors, 0 warnings`},
	{info, `10 passed, 0 failed`},
	{info, `errors=0 failed=0`},
	{info, `errors: 0`},
	{info, `last error: none`},
	{info, `errors=0 done`},
	{fail, `error: no space left on device`},
	{fail, `write error: null pointer`},
	{fail, `{"msg":"x failed: no space","log":"text"}`},
	{fail, `{"log":{"x":1,"level":"error"},"level":"info"}`},
	{info, `{"log":{"message":"failed"},"level":"info"}`},
	{info, `done without any error`},
	{info, `error handler registered`},
	{info, `wrote /var/log/error.log`},
	{info, `started error-service at http://errors.local/errors`},
	{info, `replica failed over to b`},
	{info, `log level set to ERROR`},
	{info, `user said "fatal error" in chat`},
	{info, `terror and panicky people`},
	{info, `listening on 3000`},
	{info, ``},
	{info, `   `},
}

func TestLinesHaveTheLevelThatAReaderSees(t *testing.T) {
	for _, c := range cases {
		for _, src := range []velos.Stream{velos.Stdout, velos.Stderr} {
			if got := Classify([]byte(c.line), src); got != c.want {
				t.Errorf("%s: got %s, want %s", c.line, got, c.want)
			}
		}
	}
}

func TestALineIsReadInBoundedTime(t *testing.T) {
	long := []byte(strings.Repeat("failed ", 10_000) + "ERROR")
	if got := Classify(long, velos.Stdout); got != fail {
		t.Errorf("got %s", got)
	}
	tail := []byte(strings.Repeat("x ", 5_000) + "ERROR: far away")
	if got := Classify(tail, velos.Stdout); got != info {
		t.Errorf("got %s; want what lies beyond the first bytes to be left alone", got)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, c := range cases {
		line := []byte(c.line)
		if n := testing.AllocsPerRun(10, func() { Classify(line, velos.Stdout) }); n != 0 {
			t.Errorf("%s: %.0f allocations", c.line, n)
		}
	}
}

// Each word that matters must pass the quick look too.
func TestTheQuickLookMissesNoWord(t *testing.T) {
	for _, w := range strings.Fields("error errors exception failure fail failed crash crashed aborted aborting unhandled uncaught " +
		"segfault unable corrupted deadlock unreachable fatal panic panicked warning warn deprecated cannot KeyError IOException ENOENT ECONNRESET") {
		for _, line := range []string{w, "all is " + w, "all is " + strings.ToUpper(w[:1]) + w[1:]} {
			if ofWords([]byte(line), false) == velos.LevelNone {
				t.Errorf("%s: nothing found", line)
			}
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := string(line)
		if l := Classify(line, velos.Stderr); l < velos.Debug || l > velos.Fatal {
			t.Fatalf("level %d", l)
		}
		if string(line) != before {
			t.Fatal("the line was written to")
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	for name, line := range map[string]string{
		"plain":  `request 8123 for user 42 took 12 ms and returned 512 bytes from the cache of node seven in the second rack, all good here`,
		"number": `12345 ` + strings.Repeat("x", 110),
		"head":   `2026-01-02 03:04:05,678 INFO [main] com.acme.shop.Orders - order 4711 placed by customer 42 in 12 ms`,
		"json":   `{"time":1731513600123,"pid":4121,"hostname":"web-1","msg":"server listening at http://0.0.0.0:3000","level":30}`,
		"access": `127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /static/app.js HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux)"`,
	} {
		b.Run(name, func(b *testing.B) {
			l := []byte(line)
			b.ReportAllocs()
			for b.Loop() {
				Classify(l, velos.Stdout)
			}
		})
	}
}

// TestLabelledLines measures against files of labelled lines that the
// environment names: JSON objects with line, level and format.
func TestLabelledLines(t *testing.T) {
	paths := strings.Fields(os.Getenv("LEVEL_CASES"))
	if len(paths) == 0 {
		t.Skip("LEVEL_CASES names no files")
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, good := 0, 0
		for row := range strings.Lines(string(b)) {
			var c struct {
				Line, Level, Format string
				NeedsContext        bool `json:"needs_context"`
			}
			if err := json.Unmarshal([]byte(row), &c); err != nil {
				t.Fatal(err)
			}
			if c.NeedsContext {
				continue
			}
			n++
			if got := Classify([]byte(c.Line), velos.Stdout).String(); got == c.Level {
				good++
			} else {
				t.Logf("%s: got %s, want %s: %.150s", c.Format, got, c.Level, c.Line)
			}
		}
		t.Logf("%s: %d of %d right, %.1f %%", path, good, n, 100*float64(good)/float64(n))
	}
}
