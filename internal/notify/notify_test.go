package notify

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/velospm/velos"
)

func TestADatagramIsUnderstood(t *testing.T) {
	ä := strings.Repeat("ä", 200)
	for text, want := range map[string]Message{
		"":                                   {},
		"READY=1":                            {Ready: true},
		"READY=1\n":                          {Ready: true},
		"READY=1\x00":                        {Ready: true},
		"READY=0":                            {},
		"READY=11":                           {},
		" READY=1":                           {},
		"ready=1":                            {},
		"READY":                              {},
		"=1\n\n==\nREADY=1":                  {Ready: true},
		"READY=1\nREADY=0":                   {Ready: true},
		"STOPPING=1\nSTATUS=bye":             {Stopping: true, Status: "bye", HasStatus: true},
		"RELOADING=1\nMONOTONIC_USEC=7":      {Reloading: true},
		"WATCHDOG=1":                         {Watchdog: true},
		"WATCHDOG=trigger":                   {WatchdogTrigger: true},
		"WATCHDOG=2":                         {},
		"STATUS=":                            {HasStatus: true},
		"STATUS=a=b\nSTATUS=c":               {Status: "c", HasStatus: true},
		"STATUS= \tone\x1b[31mtwo\x7f\u0085": {Status: "one [31mtwo", HasStatus: true},
		"STATUS=x\xff\xfey":                  {Status: "x\ufffd\ufffdy", HasStatus: true},
		"STATUS=" + ä:                        {Status: ä[:MaxStatus], HasStatus: true},
		"STATUS=x" + ä:                       {Status: "x" + ä[:MaxStatus-2], HasStatus: true},
		"MAINPID=4711\nERRNO=2":              {MainPID: 4711, Errno: 2},
		"MAINPID=0\nERRNO=0":                 {},
		"MAINPID=-1\nERRNO=-2":               {},
		"MAINPID=2147483648\nERRNO=4096":     {},
		"MAINPID= 1\nERRNO=0x2":              {},
		"EXTEND_TIMEOUT_USEC=1500000":        {ExtendTimeout: 1500 * time.Millisecond},
		"EXTEND_TIMEOUT_USEC=9223372036854775807":            {ExtendTimeout: maxExtend},
		"EXTEND_TIMEOUT_USEC=99999999999999999999":           {},
		"EXTEND_TIMEOUT_USEC=999999999999999999999999999999": {},
		"FDSTORE=1\nFDNAME=x\nWATCHDOG_USEC=5\nX_Y=z":        {},
		"BARRIER=1":             {},
		"READY=1\x00STOPPING=1": {},
	} {
		var m Message
		m.parse([]byte(text))
		if m != want {
			t.Errorf("%.40q: got %+v; want %+v", text, m, want)
		}
		if m.PID = 1; m.empty() != (want == Message{}) {
			t.Errorf("%.40q: empty is %v", text, m.empty())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=hello\x1b\xff\nMAINPID=12\nERRNO=2\nEXTEND_TIMEOUT_USEC=5\nWATCHDOG=trigger\n"))
	f.Add([]byte("STATUS=\n\n=\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Message{PID: 1, UID: 2}
		m.parse(b)
		if m.PID != 1 || m.UID != 2 {
			t.Fatal("the sender is what the kernel says")
		}
		if len(m.Status) > MaxStatus || !utf8.ValidString(m.Status) || strings.ContainsFunc(m.Status, unicode.IsControl) {
			t.Fatalf("status %q", m.Status)
		}
		if m.MainPID < 0 || m.Errno < 0 || m.Errno > maxErrno || m.ExtendTimeout < 0 || m.ExtendTimeout > maxExtend {
			t.Fatalf("got %+v", m)
		}
		if m.Ready && !strings.Contains(string(b), "READY=1") {
			t.Fatalf("%q says nothing of being ready", b)
		}
	})
}

func TestAPathThatNoSocketCanHaveIsRefused(t *testing.T) {
	for _, path := range []string{"", "relative", "@abstract", "/" + strings.Repeat("x", MaxPath)} {
		if _, err := Open(path, nil); !errors.Is(err, velos.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
}
