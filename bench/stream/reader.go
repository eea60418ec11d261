//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// A reader is one WebSocket that follows a log.
type reader struct {
	ws    *websocket.Conn
	pause time.Duration // between two messages

	last               uint64 // number of the last line
	got, missed, wrong uint64
}

func dial(ctx context.Context, door, app string) (*reader, error) {
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", door)
	}}}
	ws, _, err := websocket.Dial(ctx, "ws://localhost/v1/stream", &websocket.DialOptions{HTTPClient: h, Subprotocols: []string{"velos.v1"}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(64 << 20)
	name, err := json.Marshal(app)
	if err == nil {
		err = ws.Write(ctx, websocket.MessageText, []byte(`{"op":"subscribe","id":"1","topic":"logs","apps":[`+string(name)+`]}`))
	}
	return &reader{ws: ws}, err
}

// subscribed returns when the subscription is there.
func (r *reader) subscribed(ctx context.Context) error {
	for range 10 {
		_, b, err := r.ws.Read(ctx)
		if err != nil {
			return err
		}
		if bytes.Contains(b, []byte(`"type":"subscribed"`)) {
			return nil
		}
	}
	return fmt.Errorf("there was no subscription")
}

func (r *reader) close() { _ = r.ws.CloseNow() }

// catchUp is how long a reader that was slow reads fast in the end, to get to
// where it is told what it has missed.
const catchUp = 5 * time.Second

// read counts lines until the time is over.
func (r *reader) read(ctx context.Context) {
	defer r.close()
	last := context.WithoutCancel(ctx)
	if end, ok := ctx.Deadline(); ok && r.pause > 0 {
		end = end.Add(catchUp)
		var stop context.CancelFunc
		last, stop = context.WithDeadline(last, end)
		defer stop()
	} else {
		last = ctx
	}
	for last.Err() == nil {
		_, b, err := r.ws.Read(last)
		if err != nil {
			return
		}
		r.count(b)
		if r.pause > 0 {
			select {
			case <-time.After(r.pause):
			case <-ctx.Done():
			}
		}
	}
}

// count looks at the numbers of the lines of a message, without the cost of
// understanding it all.
func (r *reader) count(b []byte) {
	if i := bytes.LastIndex(b, []byte(`,"missed":`)); i > bytes.LastIndexByte(b, ']') {
		n := number(b[i+len(`,"missed":`):])
		r.missed += n
		if r.last > 0 {
			r.last += n
		}
	}
	key := []byte(`,"seq":`)
	for {
		i := bytes.Index(b, key)
		if i < 0 {
			return
		}
		b = b[i+len(key):]
		seq := number(b)
		if r.last > 0 && seq != r.last+1 {
			r.wrong++
		}
		r.last = seq
		r.got++
	}
}

// number is the one that b begins with.
func number(b []byte) uint64 {
	end := bytes.IndexAny(b, ",}")
	n, _ := strconv.ParseUint(string(b[:max(end, 0)]), 10, 64)
	return n
}
