package view

import (
	"hash/fnv"

	"github.com/velospm/velos"
)

// SGR parameters of the few colours in use. A colour only ever repeats what a
// word beside it says.
const (
	red     = "31"
	green   = "32"
	yellow  = "33"
	dim     = "2"
	bold    = "1"
	noColor = ""
)

func (o Options) paint(sgr, s string) string {
	if !o.Color || sgr == "" || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// StatusColor is the SGR parameter of a status: the terminal's own sixteen
// colours, which only repeat what the word says.
func StatusColor(s velos.Status) string {
	switch s {
	case velos.Online:
		return green
	case velos.Errored:
		return red
	case velos.Stopped:
		return dim
	}
	return yellow
}

// LevelColor is that of a level; empty for the usual ones.
func LevelColor(l velos.Level) string {
	switch {
	case l >= velos.Err:
		return red
	case l == velos.Warn:
		return yellow
	case l == velos.Debug:
		return dim
	}
	return noColor
}

// NameColor gives each name a colour of its own, the same every time.
func NameColor(name string) string {
	palette := [...]string{"36", "35", "34", "32", "33", "96", "95", "94", "92", "93"}
	h := fnv.New32a()
	h.Write([]byte(name))
	return palette[h.Sum32()%uint32(len(palette))]
}
