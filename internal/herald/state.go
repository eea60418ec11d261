package herald

import (
	"encoding/json"
	"maps"
	"os"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/config"
	"github.com/velospm/velos/internal/home"
)

// A State is how far notifications have come. It holds no address, token or
// password.
type State struct {
	Version  int               `json:"version"`
	Cursor   uint64            `json:"cursor"` // the newest event that was looked at
	Sinks    map[string]*Sink  `json:"sinks"`
	Down     map[string]Down   `json:"down"`
	Problems map[string]string `json:"problems,omitempty"` // of files, by path
}

// A Sink is what became of the messages of one table.
type Sink struct {
	Type   string       `json:"type"`
	Place  string       `json:"place"`
	Target string       `json:"target"`
	Sent   int          `json:"sent"`
	Failed int          `json:"failed"`
	Last   velos.Time   `json:"last_sent_at,omitempty"`
	Error  string       `json:"error,omitempty"` // of the last attempt
	At     velos.Time   `json:"error_at,omitempty"`
	Left   int          `json:"left_out"` // news that the next message counts
	Hour   []velos.Time `json:"hour"`     // when messages of the last hour were sent
	Unsent []News       `json:"unsent,omitempty"`
	Seen   velos.Time   `json:"seen_at"`
}

// A Down is an app that has crashed and is not known to be well again.
type Down struct {
	ID    uint32     `json:"id"`
	Since velos.Time `json:"since"`
	Kind  string     `json:"kind"`
}

const (
	mostUnsent = 200
	largest    = 16 << 20
	forgotten  = 7 * 24 * time.Hour // a table that no file has any more
	stale      = 24 * time.Hour     // news that nobody needs to hear any more
)

// Load reads the state; there may be none yet. A damaged one is as good as
// none: notifications go on.
func Load(h home.Home) (*State, error) {
	s := &State{}
	b, err := os.ReadFile(h.NoticesFile())
	if err != nil && !os.IsNotExist(err) {
		return nil, &velos.Error{Code: velos.Failed, Message: "read " + h.NoticesFile() + ": " + err.Error(), Cause: err}
	}
	if len(b) > largest || json.Unmarshal(b, s) != nil || s.Version > 1 {
		s = &State{}
	}
	s.Version = 1
	if s.Sinks == nil {
		s.Sinks = map[string]*Sink{}
	}
	maps.DeleteFunc(s.Sinks, func(_ string, k *Sink) bool { return k == nil }) // a damaged file's
	if s.Down == nil {
		s.Down = map[string]Down{}
	}
	return s, nil
}

func (s *State) save(h home.Home) error {
	now := time.Now()
	for id, k := range s.Sinks {
		if k == nil || now.Sub(k.Seen.Std()) > forgotten {
			delete(s.Sinks, id)
		}
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return home.Replace(h.NoticesFile(), append(b, '\n'))
}

// sink is what is known of a table.
func (s *State) sink(n config.Notice) *Sink {
	k := s.Sinks[n.ID]
	if k == nil {
		k = &Sink{}
		s.Sinks[n.ID] = k
	}
	now := time.Now()
	k.Type, k.Place, k.Target = n.Type, n.Place, n.Target()
	if now.Sub(k.Seen.Std()) > time.Minute {
		k.Seen = velos.TimeOf(now)
	}
	for len(k.Unsent) > 0 && now.Sub(k.Unsent[0].Time.Std()) > stale {
		k.Unsent, k.Left = k.Unsent[1:], k.Left+1
	}
	return k
}

// room reports whether another message may be sent in this hour.
func (k *Sink) room(rate int, now time.Time) bool {
	for len(k.Hour) > 0 && now.Sub(k.Hour[0].Std()) >= time.Hour {
		k.Hour = k.Hour[1:]
	}
	return rate == 0 || len(k.Hour) < rate
}
