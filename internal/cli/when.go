package cli

import (
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/verb"
)

// moment and age read points and lengths of time as every door does.
func moment(text string, now time.Time, loc *time.Location) (velos.Time, error) {
	return verb.Moment(text, now, loc)
}

func age(s string) (velos.Millis, bool) { return verb.Age(s) }
