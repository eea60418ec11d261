package tui

import (
	"strings"
	"testing"

	"github.com/velospm/velos"
)

func TestTheScreensAreThoseThatWereLookedAt(t *testing.T) {
	color := func(o *Options) { o.Color = true }
	ascii := func(o *Options) { o.ASCII = true }
	readOnly := func(o *Options) { o.ReadOnly = true }
	for _, c := range []struct {
		name          string
		width, height int
		options       []func(*Options)
		play          func(s *stage)
	}{
		{"usual-80x24", 80, 24, nil, func(s *stage) {}},
		{"usual-120x40", 120, 40, nil, func(s *stage) {}},
		{"usual-40x12", 40, 12, nil, func(s *stage) {}},
		{"tiny-20x5", 20, 5, nil, func(s *stage) {}},
		{"color", 80, 24, []func(*Options){color}, func(s *stage) {}},
		{"ascii", 80, 24, []func(*Options){ascii, readOnly}, func(s *stage) { s.keys("G") }},
		{"filter", 80, 24, nil, func(s *stage) { s.keys("/", "er") }},
		{"filtered", 80, 24, nil, func(s *stage) { s.keys("/", "err", "enter").rest() }},
		{"search", 80, 24, []func(*Options){color}, func(s *stage) { s.keys("tab", "/", "request", "enter") }},
		{"only", 80, 24, nil, func(s *stage) { s.keys("tab", "/", "re.*ms", "enter", "h") }},
		{"held", 80, 12, nil, func(s *stage) { s.keys("tab", "up", "up") }},
		{"wrapped", 40, 20, nil, func(s *stage) { s.keys("w", "t") }},
		{"zoom", 80, 16, nil, func(s *stage) { s.keys("tab", "z") }},
		{"events", 80, 24, nil, func(s *stage) { s.keys("v", "a") }},
		{"folded", 80, 24, nil, func(s *stage) { s.keys("enter", "o", "O") }},
		{"confirm", 80, 24, nil, func(s *stage) { s.keys("r") }},
		{"read-only", 80, 24, []func(*Options){readOnly}, func(s *stage) { s.keys("r") }},
		{"palette", 80, 24, nil, func(s *stage) { s.keys(":", "s") }},
		{"scale", 80, 24, nil, func(s *stage) { s.keys("x", "+2", "enter") }},
		{"help", 80, 24, nil, func(s *stage) { s.keys("?") }},
		{"help-wide", 140, 40, nil, func(s *stage) { s.keys("?") }},
		{"gone", 80, 24, nil, func(s *stage) { gone3(s) }},
		{"back", 80, 24, nil, func(s *stage) {
			gone3(s)
			s.Update(news{link: &link{up: true, since: s.now, version: "0.1.0", pid: 4001}, epoch: s.wished.epoch})
		}},
		{"failed", 80, 24, nil, func(s *stage) {
			s.Update(answered{command: "velos restart api", err: &velos.Error{Code: velos.Crashed, Message: "restart api: crashed", Hint: "velos why api"}})
		}},
		{"why", 80, 24, nil, func(s *stage) {
			s.keys("i")
			s.Update(looked{pane: paneWhy, about: s.watched, text: []string{"api is online since 12:00:00 (2d 3h ago)", "  why         lived through min_uptime"}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.width, c.height, c.options...).fleet()
			c.play(s)
			s.golden(c.name)
		})
	}
}

// gone3 takes the daemon away for three seconds.
func gone3(s *stage) {
	s.Update(news{link: &link{since: s.now}, epoch: s.wished.epoch})
	s.now = s.now.Add(3e9)
	s.Update(news{link: &link{since: s.now}, epoch: s.wished.epoch})
}

func TestAScreenWithoutADaemonSaysSo(t *testing.T) { newStage(t, 80, 24).golden("none") }

func TestAScreenWithoutAppsSaysHowToAddOne(t *testing.T) {
	s := newStage(t, 80, 24)
	s.Update(news{link: &link{up: true, since: noon, version: "0.1.0"}, listed: true})
	s.golden("empty")
}

func TestNoScreenIsLargerThanTheTerminal(t *testing.T) {
	for _, keys := range []string{"", "r", "?", ":", "z", "i", "v", "x"} {
		for wide := 1; wide <= 130; wide += 16 {
			for _, height := range []int{1, 2, 3, 4, 5, 7, 9, 12, 16, 24} {
				s := newStage(t, wide, height).fleet().keys(keys)
				rows := strings.Split(s.screen(), "\n")
				if len(rows) > height {
					t.Fatalf("%d rows on %dx%d after %q", len(rows), wide, height, keys)
				}
				for _, r := range rows {
					if width(r) > wide {
						t.Fatalf("%d columns on %dx%d after %q: %q", width(r), wide, height, keys, r)
					}
				}
			}
		}
	}
}

func TestNothingIsDrawnAnewWhileNothingHappens(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	s.screen()
	if s.Update("an unknown message"); s.stale {
		t.Error("a message that means nothing has the screen drawn anew")
	}
	was := s.screen()
	s.Update(tick(s.now))
	if s.screen() != was {
		t.Error("the same moment gives another screen")
	}
}

func TestWithoutColourThereAreAttributesOnly(t *testing.T) {
	s := newStage(t, 80, 24).fleet()
	for _, e := range escapes.FindAllString(s.screen(), -1) {
		if e != "\x1b[0m" && e != "\x1b[1m" && e != "\x1b[2m" && e != "\x1b[7m" {
			t.Errorf("%q is a colour", e)
		}
	}
}
