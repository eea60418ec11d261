package view

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestCleanTakesAwayWhatCouldDeceive(t *testing.T) {
	for _, c := range []struct{ name, in, plain, tty string }{
		{"plain text", "hello, world", "hello, world", ""},
		{"tab", "a\tb", "a\tb", ""},
		{"umlauts, Cyrillic, emoji", "äöü привет 🚀", "äöü привет 🚀", ""},
		{"colour", "\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m"},
		{"colour left open is closed", "\x1b[1;38;5;8mx", "x", "\x1b[1;38;5;8mx\x1b[0m"},
		{"true colour", "\x1b[38;2;8;8;8mx", "x", "\x1b[38;2;8;8;8mx\x1b[0m"},
		{"conceal", "a\x1b[8msecret\x1b[0m", "asecret", "asecret\x1b[0m"},
		{"cursor up and erase", "\x1b[2A\x1b[2Kforged", "forged", ""},
		{"clear screen", "\x1bc\x1b[2J\x1b[Hx", "x", ""},
		{"title", "\x1b]0;title\x07x", "x", ""},
		{"clipboard", "\x1b]52;c;ZXZpbA==\x1b\\x", "x", ""},
		{"link", "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\", "text", ""},
		{"DCS", "\x1bP$q\"p\x1b\\x", "x", ""},
		{"APC", "\x1b_Gi=1\x1b\\x", "x", ""},
		{"string without an end keeps its text", "\x1b]52;text", "52;text", ""},
		{"sequence without an end keeps its text", "a\x1b[31", "a31", ""},
		{"escape at the end", "a\x1b", `a\x1b`, ""},
		{"C1 control sequence", "\u009b31mx", "x", "\x1b[31mx\x1b[0m"},
		{"C1 as a bare byte", "a\x9b31m", `a\x9b31m`, ""},
		{"carriage return hides nothing", "evil\rgood", `evil\rgood`, ""},
		{"CRLF", "line\r", "line", ""},
		{"only carriage returns", "\r\r", "", ""},
		{"newline", "a\nb", `a\nb`, ""},
		{"bell and backspace", "a\x07\x08", `a\x07\x08`, ""},
		{"NUL", "a\x00b", `a\x00b`, ""},
		{"DEL", "a\x7f", `a\x7f`, ""},
		{"not UTF-8", "a\xff\xfe", `a\xff\xfe`, ""},
		{"bidi override", "user\u202etxt.exe", "usertxt.exe", ""},
		{"bidi isolates", "\u2066a\u2069", "a", ""},
		{"zero width", "pass\u200bword\ufeff", "password", ""},
		{"tags", "a\U000e0041\U000e0042", "a", ""},
		{"variation selectors that smuggle", "a\U000e0100", "a", ""},
		{"line separator", "a\u2028b", `a\u2028b`, ""},
		{"character set", "\x1b(0x", "x", ""},
		{"SGR with too many parameters", "\x1b[" + strings.Repeat("1;", 60) + "1mx", "x", ""},
		{"private mode", "\x1b[?1049hx", "x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Clean([]byte(c.in), false); got != c.plain {
				t.Errorf("plain: got %q, want %q", got, c.plain)
			}
			if c.tty == "" {
				c.tty = c.plain
			}
			if got := Clean([]byte(c.in), true); got != c.tty {
				t.Errorf("terminal: got %q, want %q", got, c.tty)
			}
		})
	}
}

func TestCleanTakesTimeInProportionToTheLine(t *testing.T) {
	for _, s := range []string{"\x1b]", "\x1b[1;", "\u009d", "\x1bP\x1b"} {
		start := time.Now()
		Clean([]byte(strings.Repeat(s, 1<<18)), true)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%q: %v", s, d)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a\x1b[31mb", "\x1b]0;x\x07", "\u202e\u009b1m", "\xff\r\n", "\x1b[38;5;8;8m"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s := Clean(in, false)
		if !utf8.ValidString(s) {
			t.Fatalf("not UTF-8: %q", s)
		}
		for _, r := range s {
			if r != '\t' && unicode.IsControl(r) || hidden(r) {
				t.Fatalf("%U came through: %q", r, s)
			}
		}
		if again := Clean([]byte(s), false); again != s {
			t.Fatalf("cleaning twice changes it: %q, %q", s, again)
		}
		coloured := Clean(in, true)
		if Clean([]byte(coloured), false) != s {
			t.Fatalf("a terminal shows other text: %q, %q", coloured, s)
		}
		if strings.Contains(coloured, "\x1b[8m") {
			t.Fatalf("hidden text: %q", coloured)
		}
	})
}
