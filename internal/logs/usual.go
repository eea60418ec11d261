package logs

// A tally is what the ingest goroutine knows of an app's minutes.
type tally struct {
	open    minute // at 0: nothing was written in this minute
	usual   usual
	judged  uint32 // the minute at whose beginning usual was last asked
	watched bool   // is in Store.counted
}

// A usual is a rough idea of what an app writes in a minute. It decides
// whether somebody should look closer, and nothing else.
type usual struct {
	last          uint32 // the newest minute in it
	seen          uint32 // minutes in it, up to memory
	lines, errors float32
	silent        uint8 // minutes in a row in which a busy app said next to nothing
}

const (
	memory   = 60 // minutes over which is averaged
	recalled = memory
	known    = 10 // minutes before anything but errors is worth a look
	chatty   = 20 // lines a minute of which silence is worth a look
	silence  = 3  // minutes
	hardly   = .02
	few      = 3 // errors that are too few to look at
)

// judge takes in a minute that is over, which may be one without lines, and
// reports whether it is worth a closer look.
func (u *usual) judge(at uint32, m *minute) bool {
	if m.at != 0 {
		at = m.at
	}
	lines, errors := float32(m.lines), float32(m.errs)
	look := m.errs >= few && errors >= 1.4*u.errors
	if u.seen >= known {
		times := float32(1.4)
		if u.lines < 50 {
			times = 2
		}
		look = look || lines >= chatty && lines >= times*u.lines
		if u.lines >= chatty && lines <= hardly*u.lines {
			u.silent++
			return look || u.silent == silence
		}
	}
	u.silent = 0
	if m.at != 0 {
		u.note(at, m)
	}
	return look
}

// waits reports that a silence may be about to be one.
func (u *usual) waits() bool { return u.silent > 0 && u.silent < silence }

// note averages a minute in. Those since the last one had no lines.
func (u *usual) note(at uint32, m *minute) {
	for gap := min(at-min(at, u.last), memory+1); u.last != 0 && gap > 1; gap-- {
		u.average(0, 0)
	}
	u.average(float32(m.lines), float32(m.errs))
	u.last = max(u.last, at)
}

func (u *usual) average(lines, errors float32) {
	u.seen = min(u.seen+1, memory)
	u.lines += (lines - u.lines) / float32(u.seen)
	u.errors += (errors - u.errors) / float32(u.seen)
}
