package verb

import (
	"context"
	"strconv"
	"strings"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/client"
)

// A Cursor says how far somebody has read: up to a line of an app, and up to
// an event. Both numbers only ever rise, over restarts of app and daemon and
// over rotation. It is written api#1842.512.3: the line, the event and the
// app's id, which tells a later app of the same name apart.
type Cursor struct {
	App   string
	Line  uint64
	Event uint64
	ID    uint32
}

// String is the cursor as clients hand it back.
func (c Cursor) String() string {
	s := c.App + "#" + strconv.FormatUint(c.Line, 10) + "." + strconv.FormatUint(c.Event, 10)
	if c.ID == 0 {
		return s
	}
	return s + "." + strconv.FormatUint(uint64(c.ID), 10)
}

// ParseCursor reads what String wrote. What is missing at the end is 0.
func ParseCursor(s string) (Cursor, error) {
	mark := strings.LastIndexByte(s, '#') // a name may hold one
	if mark < 0 {
		return Cursor{}, badCursor(s)
	}
	c := Cursor{App: s[:mark]}
	var numbers [3]uint64
	parts := strings.Split(s[mark+1:], ".")
	if len(parts) > len(numbers) {
		return Cursor{}, badCursor(s)
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil {
			return Cursor{}, badCursor(s)
		}
		numbers[i] = n
	}
	c.Line, c.Event, c.ID = numbers[0], numbers[1], uint32(numbers[2])
	return c, nil
}

func badCursor(s string) error {
	return &velos.Error{Code: velos.Invalid, Message: strconv.Quote(s) + " is no cursor", Hint: "hand back a cursor of an earlier answer, such as api#1842.512.3"}
}

// Of reports whether the cursor is of this app, and not of an earlier one with
// its name.
func (c Cursor) Of(a *velos.App) bool {
	return (c.ID == 0 || c.ID == a.ID) && c.Line <= a.Log.Seq
}

// Missed is how many lines behind a cursor are gone, rotation having removed
// them. It costs one short question.
func Missed(ctx context.Context, conn *client.Client, a *velos.App, line uint64) (uint64, error) {
	if line >= a.Log.Seq {
		return 0, nil
	}
	for e, err := range conn.Logs(ctx, a.ID, velos.Query{Inst: -1, After: line}) {
		if err != nil {
			return 0, err
		}
		return max(e.Seq, line+1) - line - 1, nil
	}
	return a.Log.Seq - line, nil
}
