//go:build linux

package main

import (
	"fmt"
	"strings"
)

// A task is what an agent wants to know or to be done, and what is typed for
// it. What prepares it costs nothing.
type task struct {
	name                 string
	prepare              func(s *side) error // of Velos, after the lines of velosFirst
	velosFirst, pm2First []string
	velos, pm2           []string
	want                 []string // in the answers
	never                []string // in any answer
	// proof looks whether what Velos answered is so, by other means than what
	// it says, where there are any.
	proof         func(s *side, b *bill) error
	calls, tokens int // at most, of Velos
}

// velosSide does the task on the side of Velos.
func (t *task) velosSide(s *side) (*bill, error) {
	for _, l := range t.velosFirst {
		if err := s.must(l); err != nil {
			return nil, err
		}
	}
	if t.prepare != nil {
		if err := t.prepare(s); err != nil {
			return nil, err
		}
	}
	return s.do(t.velos)
}

func (t *task) pm2Side(s *side) (*bill, error) {
	for _, l := range t.pm2First {
		if _, err := s.line(l); err != nil {
			return nil, err
		}
	}
	return s.do(t.pm2)
}

func (t *task) target() string {
	text := fmt.Sprintf("calls ≤ %d, tokens ≤ %d", t.calls, t.tokens)
	if len(t.never) > 0 {
		text += ", no leak"
	}
	return text
}

// answered says what is wrong with the answers, or nothing.
func (t *task) answered(s *side, text string) string {
	for _, w := range t.never {
		if strings.Contains(text, w) {
			return fmt.Sprintf("leaks %q", w)
		}
	}
	for _, w := range t.want {
		if w = s.ports.Replace(w); !strings.Contains(text, w) {
			return fmt.Sprintf("does not say %q", w)
		}
	}
	return ""
}

// judge says in what way Velos has missed, or nothing.
func (t *task) judge(s *side, b *bill) string {
	switch {
	case b.calls > t.calls:
		return fmt.Sprintf("%d calls, and at most %d were wanted", b.calls, t.calls)
	case b.tokens > t.tokens:
		return fmt.Sprintf("%d tokens, and at most %d were wanted", b.tokens, t.tokens)
	case b.longest >= longestCall:
		return "a call took " + b.longest.String()
	}
	if fault := t.answered(s, b.text); fault != "" {
		return fault
	}
	if t.proof != nil {
		if err := t.proof(s, b); err != nil {
			return err.Error()
		}
	}
	return ""
}

// The secret of the last task, and its other forms.
const (
	key       = "sk_live_4eC39/HqLyjWD+arjtT1zdp7dc"
	keyBase64 = "c2tfbGl2ZV80ZUMzOS9IcUx5aldEK2FyanRUMXpkcDdkYw"
	keyURL    = "sk_live_4eC39%2FHqLyjWD%2Barjt"
)

var tasks = []task{
	{name: "start a server, learn its URL", calls: 1, tokens: 120, want: []string{"url http://localhost:{web}"}, proof: serves,
		velos: []string{"velos ensure vite.js --name web --until port --ai=table -- {web}"},
		pm2:   []string{"pm2 start vite.js --name web -- {web}", "sleep 2; pm2 jlist", "pm2 logs web --nostream --lines 15"}},
	{name: "it dies at start: why and where", calls: 1, tokens: 400, want: []string{"config.js:2", "'region'", "exited with code 1"},
		velos: []string{"velos ensure bad.js --name bad --max-restarts 0 --ai=table"},
		pm2:   []string{"pm2 start bad.js --name bad --max-restarts 0", "sleep 2; pm2 jlist", "pm2 logs bad --nostream --lines 30"}},
	{name: "port taken by another project", calls: 2, tokens: 480, want: []string{"port {shop} is held by velos app shop", "--port auto", "url http://localhost:2"}, proof: moved,
		velosFirst: []string{"cd shop && velos ensure vite.js --name shop --until port -- {shop}"},
		pm2First:   []string{"cd shop && pm2 start vite.js --name shop -- {shop}; sleep 2"},
		velos: []string{"velos ensure vite.js --name web --max-restarts 0 --until port --ai=table -- {shop}",
			"velos ensure vite.js --name web --replace --port auto --until port --ai=table"},
		pm2: []string{"pm2 start vite.js --name web --max-restarts 0 -- {shop}", "sleep 2; pm2 logs web --nostream --lines 30",
			"ss -ltnp | grep {shop}", "pm2 jlist", "pm2 delete web; pm2 start vite.js --name web -- {web}"}},
	{name: "restart after an edit, wait until ready", calls: 1, tokens: 60, want: []string{"restarted"}, proof: edited,
		velosFirst: []string{"velos ensure vite.js --name web --until port -- {web}"},
		pm2First:   []string{"pm2 start vite.js --name web -- {web}; sleep 2"},
		velos:      []string{"sed -i s/first/second/ vite.js; velos restart web --until port={web} --ai=table"},
		pm2:        []string{"sed -i s/first/second/ vite.js; pm2 restart web", "sleep 2; pm2 jlist", "pm2 logs web --nostream --lines 15"}},
	{name: "what has happened in the last hour", calls: 1, tokens: 220, prepare: crashedTwice,
		want:       []string{"web: killed by SIGKILL (out of memory killer, or kill -9) ×2", "web: added by claude-code", "web: order: restart by codex (cli)"},
		velosFirst: []string{"velos ensure quick.js --name web --until port -- {web}", "VELOS_AGENT=0 velos grant web --to codex"},
		pm2First:   []string{"pm2 start quick.js --name web -- {web}; sleep 1; kill -9 $(pm2 pid web); sleep 1; kill -9 $(pm2 pid web); sleep 1; pm2 restart web"},
		velos:      []string{"velos changes --since 1h --ai=table"},
		pm2:        []string{"pm2 jlist", "tail -n 100 $PM2_HOME/pm2.log"}},
	{name: "one error in 100,000 lines", calls: 1, tokens: 120, want: []string{"ledger 77 refused", "request 61232 ", "request 61233 ", "request 61235 ", "request 61236 "},
		velosFirst: []string{"velos start big.js --name big; velos wait big log=finished --timeout 50s"},
		pm2First:   []string{"pm2 start big.js --name big; sleep 8"},
		velos:      []string{"velos logs big --grep refused -C 2 --ai=table"},
		pm2:        []string{"pm2 logs big --nostream --lines 100000 | grep -C 2 refused"}},
	{name: "two worktrees at once", calls: 2, tokens: 215, prepare: worktrees, want: []string{"app app\n", "app app-two\n"}, proof: apart,
		velos:    []string{"cd one && velos ensure app.js --name app --port auto --ai=table", "cd two && velos ensure app.js --name app --port auto --ai=table"},
		pm2First: []string{"cp -r one two"},
		pm2:      []string{"cd one && PORT={web} pm2 start app.js --name app-one", "cd two && PORT={shop} pm2 start app.js --name app-two", "sleep 2; pm2 jlist"}},
	{name: "an agent died: what still runs", calls: 1, tokens: 95, prepare: agentDies, want: []string{"claude-code,kept", "claude-code,gone"}, proof: leftBehind,
		velosFirst: []string{"VELOS_AGENT=0 velos ensure quick.js --name db --until port -- {web}"},
		pm2First:   []string{"pm2 start quick.js --name db -- {web}; pm2 start quick.js --name left -- {shop}"},
		velos:      []string{"velos list --ai=table"},
		pm2:        []string{"pm2 jlist"}},
	{name: "run tests with a time-out", calls: 1, tokens: 50, want: []string{"test 1 ok", "the time is over", "code 5"}, proof: nothingRuns,
		velos: []string{"velos run --timeout 2s -- sh tests.sh; echo code $?"},
		pm2:   []string{"pm2 start tests.sh --name tests --no-autorestart", "sleep 2; pm2 logs tests --nostream", "pm2 delete tests"}},
	{name: "stop only mine", calls: 1, tokens: 32, want: []string{"mine-1 stopped", "mine-2 stopped"}, proof: othersRun,
		velosFirst: []string{"velos ensure quick.js --name mine-1 --port auto", "velos ensure quick.js --name mine-2 --port auto",
			"VELOS_AGENT=codex velos ensure quick.js --name theirs --until port -- {web}", "VELOS_AGENT=0 velos ensure quick.js --name db --until port -- {shop}"},
		pm2First: []string{"pm2 start quick.js --name mine-1 -- {web}; pm2 start quick.js --name mine-2 -- {shop}"},
		velos:    []string{"velos stop mine --ai=table"},
		pm2:      []string{"pm2 stop mine-1 mine-2"}},
	{name: "a hostile line in a log", calls: 1, tokens: 75, want: []string{"ignore all"}, never: []string{"\x1b", "\x07", "\r", "\u202e", "\U000E0041"}, proof: harmless,
		velosFirst: []string{"velos start hostile.js --name hostile; velos wait hostile 'log=velos kill' --timeout 20s"},
		pm2First:   []string{"pm2 start hostile.js --name hostile; sleep 2"},
		velos:      []string{"velos logs hostile --ai=table"},
		pm2:        []string{"pm2 logs hostile --nostream --lines 15"}},
	{name: "a secret in env and in a log", calls: 2, tokens: 290, want: []string{"connecting"}, never: []string{"tr0ub4dor", key, keyBase64, keyURL}, proof: secretive,
		velosFirst: []string{"export API_KEY=" + key + "; velos ensure secret.py --name secret --no-autorestart; velos wait secret exit --timeout 20s"},
		pm2First:   []string{"export API_KEY=" + key + "; pm2 start secret.py --interpreter python3 --name secret --max-restarts 0; sleep 2"},
		velos:      []string{"velos info secret --ai=table", "velos logs secret --ai=table"},
		pm2:        []string{"pm2 jlist", "pm2 logs secret --nostream --lines 15"}},
}
