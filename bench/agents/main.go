//go:build linux

// Command agents does twelve tasks of an agent with the command line of Velos
// and with that of PM2, on the same programs, and counts what they cost: calls,
// tokens (o200k, of what is typed and of what is answered) and seconds. What
// Velos answers is put to the proof; its tests do the same tasks.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/velospm/velos/bench/rig"
)

func main() { rig.Run("agents", run) }

func run(r *rig.Rig) error {
	for _, p := range []string{"node", "python3", "git"} {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("the programs of the tasks: %w", err)
		}
	}
	pm2, err := rig.PM2Program(r.Note)
	if err != nil {
		r.Note("without PM2: %v", err)
	}
	var calls, tokens, pm2Calls, pm2Tokens int
	for i := range tasks {
		t := &tasks[i]
		b, fault, err := doVelos(t, filepath.Join(r.Dir, fmt.Sprint("v", i+1)), filepath.Dir(r.Bin("velos")))
		if err != nil {
			return fmt.Errorf("task %d: %w", i+1, err)
		}
		f := rig.Figure{What: fmt.Sprintf("%d %s", i+1, t.name), Velos: b.String(), Target: t.target(), Met: fault == ""}
		if fault != "" {
			r.Note("task %d: %s\n%s", i+1, fault, b.text)
		}
		if os.Getenv("VELOS_BENCH_SHOW") != "" {
			fmt.Fprintf(os.Stderr, "%d %s\n%s\n", i+1, t.name, b.text)
		}
		if pm2 != "" {
			p, fault, err := doPM2(t, filepath.Join(r.Dir, fmt.Sprint("p", i+1)), pm2)
			if err != nil {
				r.Note("task %d with PM2: %v", i+1, err)
			} else {
				f.PM2, f.Ratio = p.String(), rig.Ratio(float64(p.tokens), float64(b.tokens))
				if fault != "" {
					f.PM2 += ", " + fault
				}
				calls, tokens = calls+b.calls, tokens+b.tokens
				pm2Calls, pm2Tokens = pm2Calls+p.calls, pm2Tokens+p.tokens
			}
		}
		r.Add(f)
	}
	if pm2Tokens > 0 {
		r.Add(rig.Figure{What: "those that both did: calls / tokens", Velos: fmt.Sprintf("%d / %d", calls, tokens),
			PM2: fmt.Sprintf("%d / %d", pm2Calls, pm2Tokens), Ratio: rig.Ratio(float64(pm2Tokens), float64(tokens))})
	}
	return nil
}

// doVelos does a task with the programs of bin, and judges it.
func doVelos(t *task, dir, bin string) (b *bill, fault string, err error) {
	s, err := newVelos(dir, bin)
	if err != nil {
		return nil, "", err
	}
	defer s.end()
	if b, err = t.velosSide(s); err != nil {
		return b, "", err
	}
	return b, t.judge(s, b), nil
}

// doPM2 does it with PM2, of which is only looked whether it answers.
func doPM2(t *task, dir, bin string) (b *bill, fault string, err error) {
	s, err := newPM2(dir, bin)
	if err != nil {
		return nil, "", err
	}
	defer s.end()
	if b, err = t.pm2Side(s); err != nil {
		return b, "", err
	}
	for _, w := range t.never {
		if fault == "" && strings.Contains(b.text, w) {
			fault = fmt.Sprintf("leaks %q", w)
		}
	}
	return b, fault, nil
}
