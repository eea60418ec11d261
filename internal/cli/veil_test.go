package cli

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/velospm/velos"
)

const (
	sliced = "Kx7Qw9Zr4Lm2Vb8Ns5Tg"
	slice  = 11 // where it is cut
)

// withCut is a fake whose app 1 has written a line that was too long, with a
// cut inside of its secret, and a shorter one on the other stream between.
func withCut(t *testing.T) *fake {
	d := newFake(t, "api")
	d.apps[0].Spec.Env = map[string]string{"API_KEY": sliced}
	at := velos.TimeOf(now) - 10_000
	say := func(seq uint64, src velos.Stream, text string, more bool) velos.Entry {
		return velos.Entry{Seq: seq, Time: at + velos.Time(seq), App: 1, Level: velos.Err, Src: src, Msg: []byte(text), More: more}
	}
	d.lines = []velos.Entry{say(40, velos.Stderr, "begins", false), say(41, velos.Stderr, "long "+sliced[:slice], true), say(42, velos.Stdout, "beside", false), say(43, velos.Stderr, sliced[slice:]+" rest", false)}
	d.apps[0].Log.Seq = 43
	return d
}

// shownOf is a part of the secret that a text shows.
func shownOf(text string) string {
	for i := 0; i+4 <= len(sliced); i++ {
		if part := sliced[i : i+4]; strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

func TestACutSecretIsHiddenByEveryCommand(t *testing.T) {
	d := withCut(t)
	for line, want := range map[string]string{
		"logs api":                        "[masked] rest",
		"logs api --json":                 `"msg":"[masked] rest"`,
		"logs api --ai":                   "[masked] rest",
		"logs api --err":                  "[masked] rest",
		"logs api -n 1":                   "[masked] rest", // begins behind the cut
		"logs api -n 1 --json":            "[masked] rest",
		"logs api --since api#42.0.1":     "[masked] rest",
		"logs api --grep rest":            "[masked] rest", // that is all it sees
		"logs api --grep rest -C 1":       "[masked] rest",
		"logs api --grep long":            "long [masked]",
		"logs api --newest -n 9":          "[masked] rest",
		"logs api --limit 1 --newest":     "[masked] rest",
		"logs api --around 1m":            "",
		"logs api --patterns --since 1h":  "",
		"logs api --summary --since 1h":   "",
		"logs api --dedupe --since 1h":    "long [masked]",
		"logs api --dedupe --grep rest":   "[masked] rest",
		"why api":                         "[masked] rest",
		"why api --json":                  "[masked] rest",
		"why api --ai":                    "[masked] rest",
		"crash api":                       "",
		"wait api log=long --timeout 20s": "",
	} {
		out, errs, _ := d.run(t, strings.Fields(line)...)
		if part := shownOf(out + errs); part != "" || !strings.Contains(out, want) {
			t.Errorf("velos %s shows %q:\n%s%s", line, part, out, errs)
		}
	}
	out, _ := want(t, d, 0, sliced, "", "logs", "api", "--err", "--raw")
	if !strings.Contains(out, "long "+sliced+" rest") {
		t.Errorf("--raw is not what was written: %s", out)
	}
}

func TestNoCommandFindsWhatIsHidden(t *testing.T) {
	d := withCut(t)
	d.lines = append(d.lines, velos.Entry{Seq: 44, Time: velos.TimeOf(now), App: 1, Msg: []byte("whole " + sliced)})
	for _, part := range []string{sliced[:5], sliced[slice-5 : slice], sliced[slice : slice+5], sliced[15:], "[A-Z]x7", "s5T."} {
		for _, line := range []string{"logs api --grep", "logs api --newest --grep", "logs api --limit 5 --grep", "logs api -i --grep", "logs api --dedupe --grep"} {
			if out, _, _ := d.run(t, append(strings.Fields(line), part)...); strings.Contains(out, "api") || strings.Contains(out, "whole") || strings.Contains(out, "masked") {
				t.Errorf("velos %s %s finds %s", line, part, out)
			}
		}
		if out, _, code := d.run(t, "wait", "api", "log=/"+part+"/", "--timeout", "300ms"); code != velos.Timeout.Exit() {
			t.Errorf("velos wait for %s: %d, %s", part, code, out)
		}
	}
	want(t, d, 0, sliced, "", "logs", "api", "--raw", "--grep", sliced[:5])
}

func TestFollowersHideAcrossACut(t *testing.T) {
	d := withCut(t)
	rest := d.lines[3]
	d.lines = d.lines[:3]
	f := d.tail(t, "logs api -f -n 1")
	f.shows("beside\n")
	d.followed(t)
	d.happen(velos.Event{}, rest, velos.Entry{Seq: 44, Time: rest.Time, App: 1, Src: velos.Stdout, Msg: []byte("more " + sliced[:8]), More: true})
	f.shows("more [masked]\n")
	d.happen(velos.Event{}, velos.Entry{Seq: 45, Time: rest.Time, App: 1, Src: velos.Stdout, Msg: []byte(sliced[8:] + " end")})
	f.shows("[masked] end\n")
	if part := shownOf(f.out.String()); part != "" || !strings.Contains(f.out.String(), "[masked] rest") {
		t.Errorf("it shows %q: %s", part, f.out.String())
	}
	f.stop()
	f.ends(0)
}

func TestAFollowerHidesTheSecretOfARunThatIsNew(t *testing.T) {
	d := newFake(t, "api")
	d.apps[0].Spec.Env = map[string]string{"API_KEY": "former-0123456789"}
	f := d.tail(t, "logs api -f")
	d.followed(t)
	d.mu.Lock()
	d.apps[0].Generation++
	d.apps[0].Spec.Env = map[string]string{"API_KEY": "present-0123456789"}
	d.mu.Unlock()
	d.happen(velos.Event{}, velos.Entry{Seq: 1, Time: velos.TimeOf(now), App: 1, PID: 8, Msg: []byte("former-0123456789 and present-0123456789")})
	f.shows("[masked] and [masked]\n")
	f.stop()
	f.ends(0)
}

func TestACutSecretIsHiddenByEveryRoute(t *testing.T) {
	d := withCut(t)
	c := served(t, d, "read")
	for path, want := range map[string]string{
		"/v1/apps/api/logs":                            "[masked] rest",
		"/v1/apps/api/logs?lines=1":                    "[masked] rest",
		"/v1/apps/api/logs?after=42":                   "[masked] rest",
		"/v1/apps/api/logs?src=stderr":                 "[masked] rest",
		"/v1/apps/api/logs?grep=rest":                  "[masked] rest",
		"/v1/apps/api/logs?grep=" + sliced[:5]:         "[]",
		"/v1/apps/api/logs?grep=" + sliced[15:]:        "[]",
		"/v1/logs/search?app=api&q=rest":               "[masked] rest",
		"/v1/logs/search?app=api&q=rest&lines=1":       "[masked] rest",
		"/v1/logs/search?app=api&q=long&limit=1":       "long [masked]",
		"/v1/logs/search?app=api&q=" + sliced[15:]:     "[]",
		"/v1/logs/search?app=api&q=" + sliced[2:slice]: "[]",
		"/v1/apps/api/why":                             "[masked] rest",
		"/v1/apps/api/crash":                           "",
	} {
		if status, text := c.ask(t, "GET", path, ""); status != 200 || !strings.Contains(text, want) || shownOf(text) != "" {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func TestASecretThatIsHiddenPushesNoLineOutOfAnAnswer(t *testing.T) {
	d := newFake(t, "api")
	d.apps[0].Spec.Env = map[string]string{"API_KEY": sliced}
	d.lines = []velos.Entry{{Seq: 1, Time: velos.TimeOf(now), App: 1, Msg: []byte("Kx7 of somebody")}}
	for i := range uint64(30) {
		d.lines = append(d.lines, velos.Entry{Seq: 2 + i, Time: velos.TimeOf(now), App: 1, Msg: []byte("key " + sliced)})
	}
	d.apps[0].Log.Seq = 31
	c := served(t, d, "read")
	if status, text := c.ask(t, "GET", "/v1/apps/api/logs?lines=1&grep=Kx7", ""); status != 200 || !strings.Contains(text, "Kx7 of somebody") {
		t.Errorf("%d %s", status, text)
	}
	stream := c.stream(t, "/v1/apps/api/logs?lines=1&grep=Kx7&follow=true")
	if !stream.Scan() || !strings.Contains(stream.Text(), "Kx7 of somebody") {
		t.Errorf("%s", stream.Text())
	}
}

// stream reads lines of an answer without an end.
func (c *contract) stream(t *testing.T, path string) *bufio.Scanner {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(stop)
	r, _ := http.NewRequestWithContext(ctx, "GET", c.url+path, nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close() })
	return bufio.NewScanner(a.Body)
}

func TestStreamsAndTheWebSocketHideAcrossACut(t *testing.T) {
	d := withCut(t)
	rest := d.lines[3]
	d.lines = d.lines[:3]
	d.apps[0].Log.Seq = 42
	c := served(t, d, "read")
	stream := c.stream(t, "/v1/apps/api/logs?follow=true&lines=1")
	k := c.talk(t)
	k.say(`{"op":"subscribe","id":"l","topic":"logs","apps":["api"],"lines":2}`)
	past := k.until("entry")
	d.followedBy(t, 2)
	d.happen(velos.Event{}, rest)
	if live := k.until("entry"); len(past.Lines) != 2 || past.Lines[0].Msg != "long [masked]" || len(live.Lines) != 1 || live.Lines[0].Msg != "[masked] rest" {
		t.Errorf("the WebSocket has %+v and %+v", past.Lines, live.Lines)
	}
	d.mu.Lock()
	d.lines = append(d.lines, rest) // it is in the past now
	d.mu.Unlock()
	k.say(`{"op":"subscribe","id":"g","topic":"logs","apps":["api"],"cursor":"api#42.0.1","grep":"s5Tg|rest"}`)
	if w := k.until("entry"); len(w.Lines) != 1 || w.Lines[0].Msg != "[masked] rest" {
		t.Errorf("from a cursor it has %+v", w.Lines)
	}
	text := ""
	for range 2 {
		stream.Scan()
		text += stream.Text()
	}
	if shownOf(text) != "" || !strings.Contains(text, "[masked] rest") {
		t.Errorf("the stream has %s", text)
	}
}
