package otel

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/view"
)

// A verdict is what a collector answered; 0 is nothing.
type verdict struct {
	status int
	after  time.Duration // Retry-After
}

type verdictKey struct{}

// A listener notes the verdict of each request.
type listener struct{ next http.RoundTripper }

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if v, ok := r.Context().Value(verdictKey{}).(*verdict); ok && err == nil {
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
	// pass reads what is new and sends it. more: there is more at once.
	pass func(ctx context.Context, c *client.Client) (more bool, err error)
	end  func(context.Context) error // of the SDK's exporter

	sent, dropped atomic.Uint64
	down          bool // it was said that the collector is away
	told          bool // it was said that the daemon is
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
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
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

// send delivers a batch of n. It tries until the collector takes it or says
// that it never will, which is counted; false: ctx ended before.
func (l *lane) send(ctx context.Context, n int, export func(context.Context) error) bool {
	began, pause := time.Now(), l.x.o.pause
	for {
		v, err := l.attempt(ctx, export)
		switch {
		case v.status >= 200 && v.status < 300:
			l.taken(n, err)
			return true
		case v.bad():
			l.dropped.Add(uint64(n))
			l.x.o.Notice(l.name + ": the collector refused " + strconv.Itoa(n) + " of them for good: " + v.why(err))
			return true
		case ctx.Err() != nil:
			return false
		case l.lifetime > 0 && time.Since(began) > l.lifetime:
			l.dropped.Add(uint64(n))
			return true
		}
		if !l.down && err != nil {
			l.x.o.Notice(l.name + ": " + v.why(err) + "; trying again")
			l.down = true
		}
		wait(ctx, max(v.after, pause/2+rand.N(pause/2+1)))
		pause = min(pause*2, pauseMost)
	}
}

func (l *lane) taken(n int, err error) {
	l.sent.Add(uint64(n))
	if l.down {
		l.x.o.Notice(l.name + ": the collector takes them again")
		l.down = false
	}
	if err != nil { // it took a part
		l.x.o.Notice(l.name + ": " + view.Text(err.Error()))
	}
}

// attempt tries once. A request that is under way when ctx ends has a moment
// to get there, so that it need not be sent twice.
func (l *lane) attempt(ctx context.Context, export func(context.Context) error) (*verdict, error) {
	v := &verdict{}
	on, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), verdictKey{}, v))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords/2, cancel) })
	defer stop()
	err := export(on)
	return v, err
}
