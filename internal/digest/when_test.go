package digest

import (
	"testing"
	"time"
)

func TestALineSaysWhenItWasWritten(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	for line, want := range map[string]string{
		"2026-01-02T03:04:05.678Z INFO x":                               "2026-01-02T03:04:05.678Z",
		"2026-01-02 03:04:05,678 INFO x":                                "2026-01-02T02:04:05.678Z",
		"2026-01-02 03:04:05+02:00 x":                                   "2026-01-02T01:04:05Z",
		"[2026-01-02 03:04:05 +0000] [7] [INFO] x":                      "2026-01-02T03:04:05Z",
		"2026/01/02 03:04:05 x":                                         "2026-01-02T02:04:05Z",
		`1.2.3.4 - - [02/Jan/2026:03:04:05 -0500] "GET / HTTP/1.1" 200`: "2026-01-02T08:04:05Z",
		"Jan  2 03:04:05 web1 app[1]: x":                                "2026-01-02T02:04:05Z",
		"Dec 31 03:04:05 web1 app[1]: x":                                "2025-12-31T02:04:05Z",
		"Fri Jan 02 03:04:05 2026 x":                                    "2026-01-02T02:04:05Z",
		"Jan 2, 2026 3:04:05 PM com.acme.App main":                      "2026-01-02T14:04:05Z",
		"1:M 02 Jan 2026 03:04:05.678 * Ready":                          "2026-01-02T02:04:05.678Z",
		`{"level":30,"time":1767323045678,"msg":"x"}`:                   "2026-01-02T03:04:05.678Z",
		`{"ts":1767323045.678,"msg":"x"}`:                               "2026-01-02T03:04:05.678Z",
		`{"@timestamp":"2026-01-02T03:04:05Z"}`:                         "2026-01-02T03:04:05Z",
		`time="2026-01-02T03:04:05Z" level=info`:                        "2026-01-02T03:04:05Z",
		"api-1  | 2026-01-02T03:04:05Z INFO x":                          "2026-01-02T03:04:05Z",
		"[GIN] 2026/01/02 - 03:04:05 | 200 |":                           "",
		"03:04:05 INFO x":                                               "",
		"no time at all":                                                "",
		"2026-13-45 99:99:99 x":                                         "",
		"":                                                              "",
	} {
		at, ok := When([]byte(line), berlin, noon)
		got := ""
		if ok {
			got = at.Std().UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func FuzzWhen(f *testing.F) {
	f.Add([]byte("2026-01-02 03:04:05,678 +01:00 x"))
	f.Add([]byte("Fri Jan  2, 2026 3:04 PM"))
	f.Add([]byte(`{"t":"1767323045.6","time": 02/Jan/2026:03:04`))
	f.Fuzz(func(t *testing.T, line []byte) {
		When(line, nil, noon)
		Message(line)
	})
}
