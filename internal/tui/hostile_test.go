package tui

import (
	"strings"
	"testing"

	"github.com/velospm/velos"
)

// What a program can write to take over a terminal, or to deceive who looks
// at it.
var hostile = []string{
	"\x1b[2J\x1b[H", "\x1b]52;c;c2VjcmV0\x07", "\x1b]0;title\x07", "\x1bP+q544e\x1b\\", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "\u009b2J", "\x1b[8mhidden\x1b[0m",
	"\x1b[?1049l", "\x1b[6n", "\x1b[200~", "\x1bc", "\x1b#8", "\a", "\b\b\b\b", "\r overwritten", "\v\f", "\x00\x7f", "\x0e\x0f", "a\u202eb\u2066c", "zero\u200bwidth\u200d\ufeff",
	"\u2028line\u2029", "\xff\xfe\x80", "\x1b[", "\x1b]unended", "\t\ttabs", "\x1b[31mred", "\x1b_apc\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\", "half \xe2\x82", "服务\u0301\u0302\u0303",
}

func TestWhatProgramsWriteDoesNotReachTheTerminalUncleaned(t *testing.T) {
	for _, color := range []bool{true, false} {
		for _, h := range append(hostile, everyByte()...) {
			s := newStage(t, 90, 24, func(o *Options) { o.Color = color })
			list := fleet()[:2]
			list[0].Spec.Name = "na" + h + "me"
			list[0].Instances = list[0].Instances[:1]
			list[0].Instances[0].Ports = velos.Addresses("tcp://" + h + ":80")
			list[0].Spec.Namespace = h
			s.Update(news{link: &link{up: true, since: noon, version: h}, listed: true, apps: list,
				events: []velos.Event{{Seq: 1, Time: at(0), Kind: velos.KindWarning, App: list[0].Spec.Name, ID: 1, Cause: h, Actor: velos.Actor{Kind: "user", User: h, Exe: h}}}})
			s.lines(1, "INFO "+h, "ERROR a"+h+"b")
			for _, keys := range []string{"", "w", "v", "a", "l", "r", "n", "e", "tab"} {
				s.keys(keys)
				clean(t, h, s)
			}
			s.keys("/", "a", "enter")
			clean(t, h, s)
			if text, _ := s.copied(); strings.ContainsAny(text, "\x1b\a\b\r") {
				t.Errorf("%q is copied as %q", h, text)
			}
			s.Update(answered{err: &velos.Error{Code: velos.Failed, Message: h, Hint: h}})
			clean(t, h, s)
			s.Update(news{link: &link{why: h, since: noon}, epoch: s.wished.epoch})
			clean(t, h, s)
		}
	}
}

// everyByte is each byte there is, eight to a text.
func everyByte() (list []string) {
	for b := 0; b < 256; b += 8 {
		text := ""
		for i := range 8 {
			text += "x" + string([]byte{byte(b + i)}) + "y"
		}
		list = append(list, text)
	}
	return list
}

// clean checks that the screen holds no control characters but ours, and has
// the size that it should have.
func clean(t *testing.T, what string, s *stage) {
	t.Helper()
	f := escapes.ReplaceAllString(s.screen(), "")
	bad := func(r rune) bool {
		return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2066 || r == 0x200b || r == 0x200d || r == 0x2028 || r == 0x2029
	}
	if strings.ContainsFunc(f, bad) {
		t.Fatalf("%q reaches the terminal: %q", what, f)
	}
	if rows := strings.Split(f, "\n"); len(rows) != s.height {
		t.Fatalf("%q makes %d rows of %d: %q", what, len(rows), s.height, f)
	}
}
