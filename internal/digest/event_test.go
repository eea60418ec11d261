package digest

import (
	"slices"
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// streams are lines of one stream; a line that begins an event has a ">"
// before it, one that continues a "|".
var streams = map[string]string{
	"node, uncaught": `
>listening on 3000
>/srv/shop/cart.js:17
|    throw new TypeError('no items');
|    ^
|
|TypeError: no items
|    at add (/srv/shop/cart.js:17:11)
|    at Object.<anonymous> (/srv/shop/main.js:4:1)
|    at node:internal/main/run_main_module:28:49
|
|Node.js v22.1.0
>listening on 3000`,
	"node, module not found": `
>node:internal/modules/cjs/loader:1228
|  throw err;
|  ^
|
|Error: Cannot find module 'left'
|Require stack:
|- /srv/a.js
|    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15) {
|  code: 'MODULE_NOT_FOUND',
|  requireStack: [ '/srv/a.js' ]
|}
|
|Node.js v22.1.0
>next`,
	"node, rejected": `
>up
>[UnhandledPromiseRejection: This error originated either by throwing] {
|  code: 'ERR_UNHANDLED_REJECTION'
|}
>up`,
	"node, cause": `
>Error: outer
|    at run (/srv/a.js:1:1) {
|  [cause]: Error: inner
|      at run (/srv/a.js:2:2)
|}
>done`,
	"python, bare": `
>starting
>Traceback (most recent call last):
|  File "/srv/main.py", line 9, in <module>
|    main()
|  File "/srv/main.py", line 5, in main
|    return 1 / n
|           ~~^~~
|ZeroDivisionError: division by zero
>starting
>ready`,
	"python, chained": `
>Traceback (most recent call last):
|  File "a.py", line 1, in f
|    x["k"]
|KeyError: 'k'
|
|During handling of the above exception, another exception occurred:
|
|Traceback (most recent call last):
|  File "a.py", line 3, in <module>
|    f()
|app.errors.Missing: k
>bye`,
	"python, logging": `
>2026-01-02 03:04:05,678 ERROR worker: job 7 failed
|Traceback (most recent call last):
|  File "/srv/w.py", line 2, in run
|    raise TimeoutError("slow")
|TimeoutError: slow
>2026-01-02 03:04:06,678 INFO worker: job 8 done`,
	"go, panic": `
>2026/01/02 03:04:05 listening on :8080
>panic: runtime error: invalid memory address or nil pointer dereference
|[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f5a1]
|
|goroutine 1 [running]:
|main.(*Server).Run(0x0)
|	/src/server.go:21 +0x1d
|main.main()
|	/src/main.go:9 +0x45
|exit status 2
>2026/01/02 03:04:07 listening on :8080`,
	"go, deadlock": `
>ready
>fatal error: all goroutines are asleep - deadlock!
|
|goroutine 1 [chan receive]:
|main.main()
|	/src/main.go:5 +0x2a
|
|goroutine 6 [select]:
|main.work(0xc000012345)
|	/src/work.go:8 +0x11
|created by main.main in goroutine 1
|	/src/main.go:4 +0x1b`,
	"go, http": `
>2026/01/02 03:04:05 http: panic serving 127.0.0.1:5000: boom
|goroutine 34 [running]:
|net/http.(*conn).serve.func1()
|	/usr/local/go/src/net/http/server.go:1898 +0xbe
|panic({0x6a1b20?, 0x74f5c0?})
|	/usr/local/go/src/runtime/panic.go:770 +0x132
>2026/01/02 03:04:06 GET / 200`,
	"java, bare": `
>Server up
>java.io.UncheckedIOException: disk gone
|	at com.acme.Disk.write(Disk.java:10)
|	at com.acme.Main.main(Main.java:4)
|Caused by: java.io.IOException: I/O error
|	at com.acme.Disk.raw(Disk.java:3)
|	... 1 more
>Server down`,
	"java, logback": `
>03:04:05.678 [main] INFO  com.acme.App - up
>03:04:06.678 [exec-1] ERROR com.acme.App - request failed
|com.acme.NotFound: order 7
|	at com.acme.Orders.find(Orders.java:7)
|
|	Suppressed: java.lang.IllegalStateException: closed
|		at com.acme.Db.close(Db.java:1)
>03:04:07.678 [main] INFO  com.acme.App - next`,
	"java.util.logging": `
>Jan 02, 2026 3:04:05 AM com.acme.App main
|INFO: started
>Jan 02, 2026 3:04:06 AM com.acme.App main
|SEVERE: broken
|java.lang.RuntimeException: x
|	at com.acme.App.main(App.java:5)
>Jan 02, 2026 3:04:07 AM com.acme.App main
|INFO: stopped`,
	"rust, panic": `
>listening
>thread 'tokio-runtime-worker' panicked at src/db.rs:41:9:
|called ` + "`Option::unwrap()` on a `None` value" + `
|stack backtrace:
|   0: rust_begin_unwind
|             at /rustc/abc/library/std/src/panicking.rs:645:5
|   1: app::db::get
|note: Some details are omitted, run with ` + "`RUST_BACKTRACE=full`" + ` for a verbose backtrace.
>listening`,
	"rust, old panic": `
>thread 'main' panicked at 'index out of bounds', src/main.rs:4:5
|note: run with ` + "`RUST_BACKTRACE=1`" + ` environment variable to display a backtrace
>again`,
	"rust, anyhow": `
>boot
>Error: read config
|
|Caused by:
|    0: open app.toml
|    1: No such file or directory (os error 2)
>boot`,
	"ruby, bare": `
>booting
>app/models/user.rb:12:in ` + "`load': undefined method `name' for nil (NoMethodError)" + `
|	from app/models/user.rb:20:in ` + "`each'" + `
|	from bin/run:3:in ` + "`<main>'" + `
>booting`,
	"rails": `
>F, [2026-01-02T03:04:05.678901 #12] FATAL -- : [abc]   
|[abc] ActionView::Template::Error (undefined local variable):
|[abc]     1: <h1>
|app/views/x.html.erb:1:in ` + "`show'" + `
>I, [2026-01-02T03:04:06.678901 #12]  INFO -- : Completed 500`,
	"php": `
>[02-Jan-2026 03:04:05 UTC] ready
>PHP Fatal error:  Uncaught RuntimeException: no db in /var/www/db.php:9
|Stack trace:
|#0 /var/www/index.php(3): connect()
|#1 {main}
|  thrown in /var/www/db.php on line 9
>[02-Jan-2026 03:04:06 UTC] ready`,
	"laravel": `
>[2026-01-02 03:04:05] production.ERROR: Undefined index: id {"exception":"[object] (ErrorException(code: 0): Undefined index: id at /var/www/a.php:3)
|[stacktrace]
|#0 /var/www/a.php(3): f()
|#1 {main}
|"} 
>[2026-01-02 03:04:06] production.INFO: ok`,
	"dotnet": `
>Now listening on: http://localhost:5000
>Unhandled exception. System.InvalidOperationException: Sequence contains no elements
| ---> System.ArgumentException: bad
|   at App.Data.First() in /src/Data.cs:line 12
|   --- End of inner exception stack trace ---
|   at App.Program.Main() in /src/Program.cs:line 3
>Now listening on: http://localhost:5000`,
	"dotnet, host": `
>info: Microsoft.Hosting.Lifetime[14]
|      Now listening on: http://localhost:5000
>fail: App.Worker[0]
|      Unhandled exception in worker
|      System.TimeoutException: slow
|         at App.Worker.Run() in /src/Worker.cs:line 9
>info: App.Worker[0]
|      restarted`,
	"elixir": `
>03:04:05.678 [info] up
>03:04:06.678 [error] Task #PID<0.1.0> started from App terminating
|** (ArithmeticError) bad argument in arithmetic expression
|    (app 0.1.0) lib/a.ex:3: A.run/1
|Function: #Function<0.1/0 in A.run/1>
|    Args: []
>03:04:07.678 [info] up`,
	"elixir, bare": `
>Compiling 3 files (.ex)
>** (Mix) Could not start application app
|    (mix 1.16.0) lib/mix/cli.ex:92: Mix.CLI.run_task/2
>done`,
	"sql, stamped": `
>2026-01-02 03:04:05 DEBUG executing
|SELECT o.id
|FROM orders o
|WHERE o.total > 10
>2026-01-02 03:04:05 DEBUG 3 rows`,
	"sql, bare": `
>connected
>SELECT id
|FROM users
|  LEFT JOIN x ON x.id = users.id
|ORDER BY id
>2 rows`,
	"json, pretty": `
>got
>{
|  "a": {
|    "b": [1, 2]
|  }
|}
>got
>[
|  1
|]
>end`,
	"json lines": `
>{"level":"info","msg":"a"}
>{"level":"error","msg":"b","stack":"x\n    at y"}
>{"level":"info","msg":"c"}`,
	"yaml": `
>2026-01-02T03:04:05Z INFO config
|server:
|  port: 80
|debug: false
>2026-01-02T03:04:06Z INFO ready`,
	"logfmt": `
>level=info msg=a
>level=error msg="first
|second"
>level=info msg=b`,
	"plain": `
>one
>two
>
>three
>error: four
>WARNING: five
>GET /x 200 3ms
>127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 1`,
	"banner": `
>  ____  _
| / ___|| |__   ___  _ __
|| |___ | '_ \ / _ \| '_ \
|=========================
>2026-01-02 03:04:05 INFO up`,
	"postgres": `
>2026-01-02 03:04:05.678 UTC [7] ERROR:  syntax error at or near "FORM" at character 10
>2026-01-02 03:04:05.678 UTC [7] STATEMENT:  SELECT *
|	FORM users
>2026-01-02 03:04:06.678 UTC [7] LOG:  checkpoint`,
	"kotlin": `
>Exception in thread "main" kotlin.KotlinNullPointerException
|	at MainKt.main(Main.kt:5)
>next`,
	"java cause chain bare": `
>Starting
>java.lang.RuntimeException: outer
|	at A.b(A.java:1)
|Caused by: java.lang.IllegalArgumentException: inner
|	at A.c(A.java:2)
|	... 3 common frames omitted
|Caused by: java.io.IOException
|	at A.d(A.java:3)
>Stopped`,
	"java multi-line message": `
>2025-01-15 09:30:00,123 ERROR [main] org.hibernate.Sql - could not execute
|org.hibernate.exception.GenericJDBCException: could not execute query
|SQL: select a
|	at org.hibernate.X.y(X.java:1)
>2025-01-15 09:30:01,123 INFO  [main] a - b`,
	"python warn": `
>/usr/lib/python3/site-packages/x.py:12: DeprecationWarning: y is deprecated
|  warnings.warn("y")
>ready`,
	"python syntax": `
>  File "/srv/a.py", line 3
|    def f(
|         ^
|SyntaxError: '(' was never closed
>retry`,
	"python group": `
>INFO:root:start
>ERROR:root:failed
|Traceback (most recent call last):
|  File "a.py", line 3, in g
|    raise E("x")
|mod.E: x
>INFO:root:next`,
	"python uvicorn": `
>INFO:     Started server process [7]
>ERROR:    Exception in ASGI application
|Traceback (most recent call last):
|  File "/x/uvicorn.py", line 1, in run
|    await app()
|RuntimeError: boom
>INFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 500 Internal Server Error`,
	"python print then tb": `
>connecting
>db error
>Traceback (most recent call last):
|  File "a.py", line 1, in <module>
|psycopg2.OperationalError: could not connect to server: Connection refused
|	Is the server running on host "db" (10.0.0.1) and accepting
|	TCP/IP connections on port 5432?
>retrying`,
	"go panic recovered": `
>panic: boom [recovered]
|	panic: boom
|
|goroutine 7 [running]:
|testing.tRunner.func1.2({0x1, 0x2})
|	/usr/lib/go/testing.go:1 +0x2
>ok`,
	"rust env": `
>[2025-03-03T03:03:03Z INFO  app] up
>[2025-03-03T03:03:04Z ERROR app] failed
>thread 'main' panicked at src/main.rs:10:5:
|boom
|note: run with ` + "`RUST_BACKTRACE=1`" + ` environment variable to display a backtrace
>[2025-03-03T03:03:05Z INFO  app] up`,
	"dotnet serilog": `
>[12:00:01 INF] up
>[12:00:02 ERR] failed
|System.InvalidOperationException: x
|   at A.B() in /src/A.cs:line 1
|--- End of stack trace from previous location ---
|   at A.C()
>[12:00:03 INF] next`,
	"dotnet bare exc": `
>up
>System.NullReferenceException: Object reference not set to an instance of an object.
|   at A.B() in /src/A.cs:line 1
>up`,
	"php bare": `
>starting
>PHP Warning:  Undefined variable $x in /a.php on line 3
>PHP Stack trace:
>ok`,
	"php fatal": `
>Fatal error: Uncaught Exception: x in /a.php:3
|Stack trace:
|#0 {main}
|  thrown in /a.php on line 3
>ok`,
	"monolog": `
>[2025-05-06T07:08:09.123456+00:00] app.ERROR: boom [] []
>[2025-05-06T07:08:10.123456+00:00] app.INFO: ok [] []`,
	"sidekiq": `
>2025-10-10T10:00:00.123Z pid=88 tid=abc INFO: start
>2025-10-10T10:00:02.123Z pid=88 tid=abc WARN: NoMethodError: undefined method
>2025-10-10T10:00:02.124Z pid=88 tid=abc WARN: /app/x.rb:3:in 'f'
|/app/y.rb:4:in 'g'
>2025-10-10T10:00:03.123Z pid=88 tid=abc INFO: done`,
	"yaml dump bare": `
>config:
|  a: 1
|  b:
|    - x
>ready`,
	"kv logfmt cont": `
>ts=2025-05-05T01:02:05Z level=error msg="panic" stack="goroutine 1 [running]:
|main.main()
|	/src/main.go:3
|"
>ts=2025-05-05T01:02:06Z level=info msg=ok`,
	"winston": `
>info: Server started
>error: Request failed
|Error: boom
|    at x (/a.js:1:1)
>info: next`,
	"winston json stack": `
>error: boom {"stack":"Error: boom\n at x"}
>info: next`,
	"pino pretty": `
>[10:00:00.123] INFO (7): up
|    port: 3000
|    req: {
|      "id": 1
|    }
>[10:00:01.123] ERROR (7): bad
|    err: {
|      "type": "Error",
|      "stack":
|          Error: x
|              at y
|    }
>[10:00:02.123] INFO (7): up`,
	"next": `
>   ▲ Next.js 14.0.0
|   - Local: http://localhost:3000
>✓ Ready in 2s
>GET / 200 in 30ms
>⨯ Error: boom
|    at x (a.js:1:1) {
|  digest: "123"
|}
>GET / 500 in 30ms`,
	"ts-node": `
>/srv/a.ts:5
|const x: number = "a";
|      ^
|TSError: ⨯ Unable to compile TypeScript:
|src/a.ts(5,7): error TS2322: Type 'string'
|    at createTSError (/x/index.ts:1:1)
>[nodemon] app crashed`,
	"console.error with obj": `
>Failed to save {
|  id: 1,
|  name: 'x'
|}
>done`,
	"axios": `
>AxiosError: Request failed with status code 500
|    at settle (/x/settle.js:19:12) {
|  code: 'ERR_BAD_RESPONSE',
|  config: {
|    url: 'http://x',
|    headers: [Object]
|  }
|}
>retry`,
	"aggregate": `
>AggregateError [ECONNREFUSED]: 
|    at internalConnectMultiple (node:net:1114:18) {
|  [errors]: [
|    Error: connect ECONNREFUSED ::1:5432
|        at createConnectionError (node:net:1634:14) {
|      errno: -111
|    }
|  ]
|}
>x`,
	"syslog": `
>Oct 11 22:14:15 web1 app[1]: a
>Oct 11 22:14:16 web1 app[1]: b
>Oct 11 22:14:17 web1 app[1]: c`,
	"postgres detail": `
>2025-08-01 10:00:01.000 UTC [88] ERROR:  duplicate key
>2025-08-01 10:00:01.000 UTC [88] DETAIL:  Key (id)=(1) already exists.
>2025-08-01 10:00:01.000 UTC [88] STATEMENT:  INSERT INTO t
|	VALUES (1)
>2025-08-01 10:00:02.000 UTC [88] LOG:  x`,
	"plain with dashes": `
>a
>- item
>* bullet
>--- sep
>b`,
	"knex": `
>Knex: run
>select * from users
>x`,
	"elixir genserver bare": `
>up
>** (EXIT from #PID<0.98.0>) shell process exited with reason: boom
>up`,
	"erlang report": `
>=ERROR REPORT==== 1-Jan-2025::10:00:01 ===
|** Generic server terminating
|** Last message in was tick
|** When Server state == []
>=INFO REPORT==== 1-Jan-2025::10:00:02 ===
|    application: x`,
	"cargo": `
>error[E0308]: mismatched types
|  --> src/main.rs:2:5
|   |
|2 |     "a"
|   |     ^^^ expected
|
>warning: unused`,
	"gunicorn": `
>[2025-04-01 12:00:06 +0000] [16] [ERROR] Exception in worker process
|Traceback (most recent call last):
|  File "/x.py", line 1, in y
|ModuleNotFoundError: No module named 'app'
>[2025-04-01 12:00:06 +0000] [16] [INFO] Worker exiting`,
	"spring boot failure": `
>2025-06-07T10:15:30.123Z ERROR 1 --- [main] o.s.b.d.LoggingFailureAnalysisReporter : 
|
|***************************
|APPLICATION FAILED TO START
|***************************
|
|Description:
|
|Port 8080 was already in use.
|
>2025-06-07T10:15:31.123Z  INFO 1 --- [main] x : y`,
	"segv": `
>up
>Segmentation fault (core dumped)
>up`,
	"deno": `
>error: Uncaught (in promise) Error: boom
|    throw new Error("boom");
|          ^
|    at file:///a.ts:1:7
>next`,
	"compose": `
>api-1  | Error: boom
|api-1  |     at run (/srv/a.js:1:2)
>api-1  | up`,
}

func TestLinesThatBelongTogetherAreOneEvent(t *testing.T) {
	for name, s := range streams {
		var g Grouper
		for i, row := range strings.Split(strings.TrimPrefix(s, "\n"), "\n") {
			want := row[0] == '>'
			if name == "plain" && row == ">" { // a blank line never begins one
				want = false
			}
			if got := g.Start([]byte(row[1:]), 0); got != want {
				t.Errorf("%s, line %d: %q begins an event: %v, want %v", name, i, row[1:], got, want)
			}
		}
	}
}

func TestSilenceAndLengthEndAnEvent(t *testing.T) {
	var g Grouper
	g.Start([]byte("Error: x"), 1000)
	if g.Start([]byte("    at y"), 1100) {
		t.Error("a frame soon after begins an event")
	}
	if !g.Start([]byte("    at z"), 1400) {
		t.Error("a frame long after does not begin an event")
	}
	if g.Start([]byte("    at z"), 900) {
		t.Error("a clock that went back begins an event")
	}
	var starts []int
	for i := range 1200 {
		if g.Start([]byte("  more"), 0) {
			starts = append(starts, i)
		}
	}
	if len(starts) != 2 {
		t.Errorf("events begin at %v of 1200 lines; want one for each 500", starts)
	}
	wide := []byte(" " + strings.Repeat("x", 2000))
	n := 0
	for range 100 {
		if g.Start(wide, 0) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("200 KB are %d events; want them cut at 64 KiB", n)
	}
}

func TestAStreamThatStopsWritingTimestampsIsNotOneEvent(t *testing.T) {
	var g Grouper
	g.Start([]byte("2026-01-02 03:04:05 INFO up"), 0)
	var starts []int
	for i := range 300 {
		if g.Start([]byte("tick of the clock"), velos.Time(0)) {
			starts = append(starts, i)
		}
	}
	if len(starts) < 150 || slices.Contains(starts, 10) {
		t.Errorf("%d of 300 lines begin an event, the first %v", len(starts), starts[:min(3, len(starts))])
	}
}
