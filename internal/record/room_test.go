package record

import (
	"testing"

	"github.com/velospm/velos"
)

// A crowd is a list with more in it than it needs bytes for.
type crowd struct{ apps []velos.App }

func (c *crowd) Fields(f velos.Fields) { velos.List(f, "apps", &c.apps) }

func TestRoomForAListIsBoundedByWhatHasCome(t *testing.T) {
	liar := append([]byte{0x81, 0xa4}, "apps"...)
	liar = append(liar, 0xdd, 0x7f, 0xff, 0xff, 0xff) // two thousand million of them, and then nothing
	var c crowd
	if err := DecodeMsgpack(liar, &c); err == nil || cap(c.apps) > 0 {
		t.Errorf("%v, and room for %d; want an error and none", err, cap(c.apps))
	}
	honest := crowd{make([]velos.App, 100)}
	for i := range honest.apps {
		honest.apps[i].Spec = velos.NewSpec()
	}
	c = crowd{}
	if err := DecodeMsgpack(AppendMsgpack(nil, &honest), &c); err != nil || len(c.apps) != 100 {
		t.Errorf("%d apps, %v; want 100", len(c.apps), err)
	}
}
