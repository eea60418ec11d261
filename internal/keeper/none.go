//go:build !linux

package keeper

import (
	"time"

	"github.com/velospm/velos"
)

// Supported reports whether Run and Dial do anything on this system. Where it
// is false the daemon is nobody's child: what it holds ends with it.
func Supported() bool { return false }

// Daemon reports whether a keeper has started this process to be the daemon.
func Daemon() bool { return false }

// Resumed reports whether this process was a keeper that has just become this
// program.
func Resumed() bool { return false }

// Run is for systems where Supported is true; here it returns 1.
func Run(Options) int { return 1 }

// A Line is the daemon's connection to its keeper. Here it is always nil.
type Line struct{}

func none() error {
	return &velos.Error{Code: velos.Unsupported, Message: "reach the keeper: there is none on this system"}
}

// Dial and the methods are described where there is a keeper; here they do
// what they do there for a nil Line.
func Dial(int) (*Line, error)                        { return nil, none() }
func (l *Line) Park(string, int) error               { return nil }
func (l *Line) Hold(string, int) error               { return nil }
func (l *Line) Flush() error                         { return nil }
func (l *Line) Drop(string) error                    { return nil }
func (l *Line) List() ([]Parked, error)              { return nil, nil }
func (l *Line) Follow(func(Exit), func(error)) error { return nil }
func (l *Line) Beat(time.Duration) error             { return nil }
func (l *Line) Ack(Exit) error                       { return nil }
func (l *Line) Ready() error                         { return nil }
func (l *Line) Upgrade(string) error                 { return none() }
func (l *Line) State() (State, error)                { return State{}, none() }
func (l *Line) PID() int                             { return 0 }
func (l *Line) FD() int                              { return -1 }
func (l *Line) Version() int                         { return 0 }
func (l *Line) Close() error                         { return nil }
