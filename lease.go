package velos

import "slices"

// A Lease says whose an app is. One that an agent has started is the agent's,
// and ends with it; what people have started has no lease, or one without an
// Agent that holds nothing but grants.
type Lease struct {
	Agent string `json:"agent,omitempty"` // name of the agent; empty: the app is people's
	// PID and Start name the agent's own process; 0: it is not known, and only
	// TTL ends the lease.
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start_ticks,omitempty"`
	TTL   Millis `json:"ttl,omitempty"`   // how long it lasts without a word from the agent; 0: for ever
	Until Time   `json:"until,omitempty"` // when the TTL is over, as it is now
	Keep  bool   `json:"keep,omitempty"`  // the app outlives its agent
	// Gone is when the lease was found to have ended, and Ended when the app
	// was stopped because of that. Cause says in words what ended it.
	Gone   Time     `json:"gone_at,omitempty"`
	Ended  Time     `json:"ended_at,omitempty"`
	Cause  string   `json:"cause,omitempty"`
	Grants []string `json:"grants,omitempty"` // agents that may act on the app although it is not theirs; * is any
}

// Fields implements Record.
func (l *Lease) Fields(f Fields) {
	f.String("agent", &l.Agent)
	Int(f, "pid", &l.PID)
	Int(f, "start_ticks", &l.Start)
	Int(f, "ttl", &l.TTL)
	Int(f, "until", &l.Until)
	f.Bool("keep", &l.Keep)
	Int(f, "gone_at", &l.Gone)
	Int(f, "ended_at", &l.Ended)
	f.String("cause", &l.Cause)
	f.Strings("grants", &l.Grants)
}

// AnyAgent is the grant to all agents.
const AnyAgent = "*"

// Granted reports whether people have allowed an agent to act on the app.
func (l *Lease) Granted(agent string) bool {
	return l != nil && (slices.Contains(l.Grants, agent) || slices.Contains(l.Grants, AnyAgent))
}

// Binds reports whether the app ends with its agent, and has not yet.
func (l *Lease) Binds() bool { return l != nil && l.Agent != "" && !l.Keep && l.Ended == 0 }

// Over reports whether the app's agent has left it behind.
func (l *Lease) Over() bool {
	return l != nil && l.Agent != "" && !l.Keep && (l.Gone != 0 || l.Ended != 0)
}
