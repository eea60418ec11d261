//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/velospm/velos/bench/rig"
)

// bad are new versions that must not take over, and what the answer of the
// reload has to say about them.
var bad = []struct{ name, text, reason string }{
	{"never listens", `setInterval(() => {}, 1000);`, "did not listen"},
	{"crashes", `throw new Error('broken on purpose');`, "broken on purpose"},
	{"is too slow", `setTimeout(() => require('http').createServer((req, res) => res.end('ok slow')).listen(process.env.PORT, '127.0.0.1'), 20000);`, "did not listen"},
}

// A refusal is what came of a reload with a version that must not take over.
type refusal struct {
	name   string
	code   int
	out    string
	took   time.Duration
	same   bool // the processes that served before still do
	failed int
	why    string
}

func (f refusal) ok(reason string) bool {
	return f.code == 1 && f.same && f.failed == 0 && strings.Contains(f.out, reason)
}

// refuse reloads with a bad version under load.
func refuse(h *house, a app, name, text string) (refusal, error) {
	good, err := os.ReadFile(a.args[0])
	if err != nil {
		return refusal{}, err
	}
	before, err := h.instances(a.name)
	if err != nil {
		return refusal{}, err
	}
	if err := os.WriteFile(a.args[0], []byte(text), 0o600); err != nil {
		return refusal{}, err
	}
	f := refusal{name: name}
	l := load{ports: a.ports, clients: *clients, keep: true}
	began := time.Now()
	t, err := l.during(func() (err error) {
		f.out, f.code, err = h.do(nil, "reload", a.name)
		f.took = time.Since(began)
		return err
	})
	if err != nil {
		return f, err
	}
	f.failed, f.why = t.failed, t.why()
	after, err := h.instances(a.name)
	f.same = fmt.Sprint(before) == fmt.Sprint(after)
	if err == nil {
		err = os.WriteFile(a.args[0], good, 0o600)
	}
	return f, err
}

// refused is the part of versions that must not take over.
func refused(r *rig.Rig, p programs) error {
	return onHouse(p, func(h *house) (app, error) { return h.node("web", "plain.js", 2, 1, "--listen-timeout", "3s") }, func(h *house, a app) error {
		for _, b := range bad {
			f, err := refuse(h, a, b.name, b.text)
			if err != nil {
				return err
			}
			r.Note("a version that %s, after %v:\n%s", b.name, f.took, f.out)
			said := "no reason"
			if strings.Contains(f.out, b.reason) {
				said = "reason shown"
			}
			kept := "the old generation has changed"
			if f.same {
				kept = "old generation untouched"
			}
			r.Add(rig.Figure{What: "reload with a version that " + b.name, Velos: fmt.Sprintf("exit code %d, %s, %s, %d failed", f.code, said, kept, f.failed),
				Target: "1, shown, untouched, 0", Met: f.ok(b.reason)})
		}
		return nil
	})
}
