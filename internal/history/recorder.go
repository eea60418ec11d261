package history

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
	"github.com/velospm/velos/internal/home"
)

const (
	usually    = 2 * time.Second // between looks
	askWithin  = 5 * time.Second
	lookAgain  = 10 * time.Second // whether the other writer has gone
	afterFault = 10 * time.Second
)

// Options say whose figures are recorded, and how.
type Options struct {
	Dial   func() (*client.Client, error)
	Home   home.Home
	Every  time.Duration // between looks; 0: two seconds
	Keep   Keep
	Notice func(text string)
	Now    func() time.Time
}

// Run records until ctx ends. While another process writes the history of this
// home it waits, and takes over when that one has gone. A daemon that is away
// leaves a gap.
func Run(ctx context.Context, o Options) error {
	if o.Every <= 0 {
		o.Every = usually
	}
	lock, err := turn(ctx, &o)
	if lock == nil {
		return err
	}
	defer lock.Close()
	for {
		err := write(ctx, &o)
		switch {
		case errors.Is(err, errGone):
			o.Notice("history: the file is not there any more; a new one is begun")
		case damaged(err):
			aside, err := setAside(Path(o.Home), o.Now())
			if err != nil {
				return failed("set aside", Path(o.Home), err)
			}
			o.Notice(setAsideAs + aside)
		default:
			return err
		}
		if !wait(ctx, afterFault) {
			return nil
		}
	}
}

const setAsideAs = "history: the file was damaged; a new one is begun, and the old one kept as "

// write records to one file.
func write(ctx context.Context, o *Options) error {
	w, aside, err := Create(Path(o.Home), o.Keep, o.Now())
	if aside != "" {
		o.Notice(setAsideAs + aside)
	}
	if err != nil {
		return err
	}
	defer w.Close()
	o.Notice("recording to " + w.path)
	return record(ctx, w, o)
}

// turn waits until nobody else writes; nil: ctx ended first.
func turn(ctx context.Context, o *Options) (*home.Lock, error) {
	if err := o.Home.Prepare(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(Path(o.Home)), 0o700); err != nil {
		return nil, failed("make the directory of", Path(o.Home), err)
	}
	told := false
	for {
		lock, err := o.Home.Own(file)
		if err == nil || velos.CodeOf(err) != velos.Conflict {
			return lock, err
		}
		if !told {
			o.Notice("history: " + err.Error() + "; waiting for its end")
			told = true
		}
		if !wait(ctx, lookAgain) {
			return nil, nil
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// record looks again and again. What goes wrong is said once, until it goes
// well again.
func record(ctx context.Context, w *Writer, o *Options) error {
	t := time.NewTicker(o.Every)
	defer t.Stop()
	var c *client.Client
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	said := ""
	for {
		err := look(ctx, &c, w, o)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			said = ""
		case damaged(err), errors.Is(err, errGone):
			return err
		case velos.CodeOf(err) != velos.Unreachable && said != err.Error():
			said = err.Error()
			o.Notice(said + "; trying again")
		}
		if err != nil && velos.CodeOf(err) != velos.Unreachable && !wait(ctx, afterFault) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// look asks the daemon once, over a connection that it keeps, and records.
func look(ctx context.Context, c **client.Client, w *Writer, o *Options) (err error) {
	ctx, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	if *c == nil {
		if *c, err = o.Dial(); err != nil {
			return err
		}
	}
	list, err := (*c).List(ctx)
	if err != nil {
		(*c).Close()
		*c = nil
		return err
	}
	return w.Record(ctx, velos.TimeOf(o.Now()), list.Apps)
}
