package otel

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

// A verdict is what a collector answered; 0 is nothing.
type verdict struct {
	asked  bool // there was a request
	status int
	after  time.Duration // Retry-After
}

type verdictKey struct{}

// A listener notes the verdict of each request.
type listener struct{ next http.RoundTripper }

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	v, ok := r.Context().Value(verdictKey{}).(*verdict)
	if ok {
		v.asked = true
	}
	resp, err := l.next.RoundTrip(r)
	if ok && err == nil {
		v.status = resp.StatusCode
		v.after = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return resp, err
}

func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return min(time.Duration(min(n, 3600))*time.Second, pauseMost*5)
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), pauseMost*5)
	}
	return 0
}

// bad reports whether the answer says that this very batch will never be
// taken. Everything else may pass: a collector that is away or busy, a token
// that somebody renews, a path that somebody mends.
func (v *verdict) bad() bool {
	switch v.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
		http.StatusInternalServerError, http.StatusNotImplemented:
		return true
	}
	return false
}

// why is what went wrong, in words.
func (v *verdict) why(err error) string {
	if v.status != 0 {
		return "it answers " + strconv.Itoa(v.status) + " " + http.StatusText(v.status)
	}
	return view.Text(err.Error())
}

// A lane brings one signal to its target, at its own pace.
type lane struct {
	name     string // traces, metrics, logs
	url      string
	x        *Exporter
	every    time.Duration
	lifetime time.Duration // how long a batch is worth anything; 0: forever
	whole    bool          // a batch cannot be divided
	// pass reads what is new and sends it. more: there is more at once.
	pass func(ctx context.Context, c *client.Client) (more bool, err error)
	end  func(context.Context) error // of the SDK's exporter

	sent, dropped atomic.Uint64
	down          bool      // it was said that the collector is away
	told          bool      // it was said that the daemon is
	lost          uint64    // dropped since that was said
	said          time.Time // when it was
}

// loseEvery is how often it is said that something was dropped.
const loseEvery = time.Minute

// lose counts what will never arrive, and says so now and then: a collector
// may refuse every batch.
func (l *lane) lose(n uint64, why string) {
	l.dropped.Add(n)
	l.lost += n
	if now := time.Now(); l.said.IsZero() || now.Sub(l.said) >= loseEvery {
		l.x.o.Notice(l.name + ": " + strconv.FormatUint(l.lost, 10) + " dropped: " + why)
		l.lost, l.said = 0, now
	}
}

// run passes until ctx ends, and once more.
func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil && !l.x.o.Once {
		more, err := l.once(ctx)
		if more && err == nil {
			continue
		}
		wait(ctx, l.every)
	}
	l.x.lookAgain()
	last, stop := context.WithTimeout(l.x.hard, lastWords)
	defer stop()
	for range 64 {
		if more, err := l.once(last); err != nil || !more {
			break
		}
	}
	_ = l.end(last)
	if n := l.dropped.Load(); n > 0 {
		l.x.o.Notice(l.name + ": " + strconv.FormatUint(n, 10) + " could not be delivered")
	}
}

// once connects anew, so that a daemon that was away is found again.
func (l *lane) once(ctx context.Context) (more bool, err error) {
	c, err := l.x.o.Dial()
	if err == nil {
		defer c.Close()
		more, err = l.pass(ctx, c)
	} else if l.name == "metrics" {
		_, err = l.pass(ctx, nil) // velos_up 0 is a figure as well
	}
	switch away := velos.CodeOf(err) == velos.Unreachable && err != nil; {
	case away && !l.told:
		l.x.o.Notice(l.name + ": no daemon answers; waiting for it")
		l.told = true
	case err == nil:
		l.told = false
	}
	return more, err
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// send delivers a batch, the items from one number to before another. It tries
// until the collector takes it or says that it never will, which is counted;
// false: ctx ended before. What is too large for the collector goes in halves.
func (l *lane) send(ctx context.Context, from, to int, export func(ctx context.Context, from, to int) error) bool {
	began, pause, n := time.Now(), l.x.o.pause, uint64(to-from)
	if n == 0 {
		return true
	}
	for {
		v, err := l.attempt(func(ctx context.Context) error { return export(ctx, from, to) })
		switch {
		case v.status >= 200 && v.status < 300, !v.asked && err == nil:
			l.taken(n, err)
			return true
		case v.status == http.StatusRequestEntityTooLarge && n > 1 && !l.whole:
			half := from + (to-from)/2
			return l.send(ctx, from, half, export) && l.send(ctx, half, to, export)
		case v.bad():
			l.lose(n, "the collector refused them for good, "+v.why(err))
			return true
		case ctx.Err() != nil:
			return false
		case !v.asked:
			l.lose(n, "they cannot be sent: "+view.Text(err.Error()))
			return true
		case l.lifetime > 0 && time.Since(began) > l.lifetime:
			l.dropped.Add(n)
			return true
		}
		if !l.down {
			l.x.o.Notice(l.name + ": " + v.why(err) + "; trying again")
			l.down = true
		}
		wait(ctx, max(v.after, pause/2+rand.N(pause/2+1)))
		pause = min(pause*2, pauseMost)
	}
}

func (l *lane) taken(n uint64, err error) {
	if l.down {
		l.x.o.Notice(l.name + ": the collector takes them again")
		l.down = false
	}
	refused := min(rejected(err), n)
	l.sent.Add(n - refused)
	if refused > 0 {
		l.lose(refused, view.Text(err.Error()))
	} else if err != nil {
		l.x.o.Notice(l.name + ": " + view.Text(err.Error()))
	}
}

// rejected is how many items a collector did not take although it has answered
// with success. The SDK says it in words only, at the end of them.
func rejected(err error) uint64 {
	if err == nil {
		return 0
	}
	text, ok := strings.CutSuffix(err.Error(), " rejected)")
	number, _, _ := strings.Cut(text[strings.LastIndexByte(text, '(')+1:], " ")
	n, wrong := strconv.ParseUint(number, 10, 32)
	if !ok || wrong != nil {
		return 0
	}
	return n
}

// attempt tries once. A request that is under way when the end is asked for has
// a moment to get there, so that it need not be sent twice.
func (l *lane) attempt(export func(context.Context) error) (*verdict, error) {
	v := &verdict{}
	err := export(context.WithValue(l.x.hard, verdictKey{}, v))
	return v, err
}
