package client

import (
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/wire"
)

// read hands out responses until the connection ends. It is the one goroutine
// that a Client has all the time.
func (c *Client) read() {
	defer close(c.ended)
	r := wire.NewReader(c.conn)
	for {
		p, err := r.Next()
		if err != nil {
			c.fail(lost(err))
			return
		}
		resp, err := wire.ParseResponse(p)
		if err == nil && resp.ID == 0 {
			// The daemon says what is wrong with the connection.
			err = failure(resp)
		}
		if err != nil {
			c.fail(err)
			return
		}
		c.deliver(resp)
	}
}

// deliver hands one response to the call that it belongs to.
func (c *Client) deliver(resp wire.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.pending[resp.ID]
	switch {
	case k == nil:
		return
	case resp.Status != wire.Streaming:
		delete(c.pending, resp.ID)
		c.conclude(k, resp)
	case k.stream == nil:
		// Nobody can have asked for a stream with this command. Its last
		// response is still to come.
		k.err = &velos.Error{Code: velos.BadFrame, Message: k.command.String() + ": the daemon answers with a stream"}
	default:
		c.queue(k, resp.Payload)
	}
}

// conclude keeps the last response of k. With mu held.
func (c *Client) conclude(k *call, resp wire.Response) {
	err := k.err
	switch {
	case err != nil:
	case resp.Status == wire.Failure:
		err = failure(resp)
	case k.answer != nil && !k.abandoned:
		err = understood(k.command, wire.Decode(resp.Payload, k.answer))
	}
	c.finish(k, err)
}

// finish ends a call. With mu held.
func (c *Client) finish(k *call, err error) {
	c.needs(k, false)
	k.over, k.err = true, err
	if k.stream != nil {
		k.stream.wake()
		return
	}
	close(k.done)
}

// fail ends the connection and every call. The first reason is the one that
// all of them get, and is returned.
func (c *Client) fail(err error) error {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
		for id, k := range c.pending {
			delete(c.pending, id)
			c.finish(k, err)
		}
		c.moved.Broadcast()
	}
	err = c.err
	c.mu.Unlock()
	_ = c.conn.Close()
	return err
}

// lost says why there is nothing more to read.
func lost(err error) error {
	var e *velos.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, os.ErrClosed):
		return &velos.Error{Code: velos.Unreachable, Message: "the daemon closed the connection", Cause: err}
	}
	return &velos.Error{Code: velos.Unreachable, Message: "the connection to the daemon is lost: " + err.Error(), Cause: err}
}

// failure is what a Failure response says.
func failure(resp wire.Response) error {
	e := new(velos.Error)
	if err := wire.Decode(resp.Payload, e); err != nil {
		return understood(wire.Error, err)
	}
	if e.Code == 0 {
		e.Code = velos.Failed
	}
	if e.Message == "" {
		e.Message = "the daemon refused and did not say why (status " + strconv.Itoa(int(resp.Status)) + ")"
	}
	return e
}

// understood turns the error of a decoder into one that says whose answer it
// was.
func understood(command wire.Command, err error) error {
	if err == nil {
		return nil
	}
	return &velos.Error{
		Code:    velos.BadFrame,
		Message: command.String() + ": the daemon's answer is not understood: " + err.Error(),
		Hint:    "velos and velosd must be of the same release: run velos kill, then start again",
		Cause:   err,
	}
}
