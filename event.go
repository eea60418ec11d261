package velos

// An Actor is who asked for something.
type Actor struct {
	Kind string `json:"kind"` // "user" through the socket, "policy" for the daemon's own decisions
	UID  int    `json:"uid"`
	User string `json:"user,omitempty"`
	PID  int    `json:"pid,omitempty"`
	Exe  string `json:"exe,omitempty"` // name of the asking program

	Agent   string `json:"agent,omitempty"`   // name of the agent behind it, such as claude-code; empty: a person or a script
	Channel string `json:"channel,omitempty"` // the door: cli, mcp, api, web; empty: it did not say
	Client  string `json:"client,omitempty"`  // the program on the other side of that door, in its own words
	TTY     bool   `json:"tty,omitempty"`     // it has a terminal
}

// Policy is the actor of the daemon's own decisions.
var Policy = Actor{Kind: "policy"}

// Fields implements Record.
func (a *Actor) Fields(f Fields) {
	f.String("kind", &a.Kind)
	Int(f, "uid", &a.UID)
	f.String("user", &a.User)
	Int(f, "pid", &a.PID)
	f.String("exe", &a.Exe)
	f.String("agent", &a.Agent)
	f.String("channel", &a.Channel)
	f.String("client", &a.Client)
	f.Bool("tty", &a.TTY)
}

// A Kind says what an Event is about.
type Kind string

// The kinds of events.
const (
	KindOrder  Kind = "order"  // somebody asked for something: Cause is the verb
	KindState  Kind = "state"  // an instance changed from From to To
	KindExit   Kind = "exit"   // a run ended: Exit says how
	KindConfig Kind = "config" // an app was added, changed, renamed or deleted
	KindLog    Kind = "log"    // lines were dropped, a file was rotated or reopened
	KindDaemon Kind = "daemon" // the daemon started, recovered or stopped
	// KindWarning is about something that may need somebody: Cause says what.
	KindWarning Kind = "warning"
	// KindAlarm is a figure of an app's logs that is unusual: Alarm has it.
	KindAlarm Kind = "alarm"
)

// An Event is something that happened.
type Event struct {
	Seq   uint64 `json:"seq"`
	Time  Time   `json:"ts"`
	Kind  Kind   `json:"kind"`
	App   string `json:"app,omitempty"`
	ID    uint32 `json:"id,omitempty"`
	Inst  int    `json:"instance"` // -1 when it is about the whole app
	PID   int    `json:"pid,omitempty"`
	From  Status `json:"from,omitempty"`
	To    Status `json:"to,omitempty"`
	Cause string `json:"cause,omitempty"` // plain words: "exited with code 1 after 3s"
	Exit  *Exit  `json:"exit,omitempty"`
	Alarm *Alarm `json:"alarm,omitempty"`
	Actor Actor  `json:"actor"`
	Gen   int    `json:"generation,omitempty"` // of the app's Spec
}

// Fields implements Record.
func (e *Event) Fields(f Fields) {
	Int(f, "seq", &e.Seq)
	Int(f, "ts", &e.Time)
	Str(f, "kind", &e.Kind)
	f.String("app", &e.App)
	Int(f, "id", &e.ID)
	Int(f, "instance", &e.Inst)
	Int(f, "pid", &e.PID)
	Str(f, "from", &e.From)
	Str(f, "to", &e.To)
	f.String("cause", &e.Cause)
	Object(f, "exit", &e.Exit)
	Object(f, "alarm", &e.Alarm)
	f.Nest("actor", true, &e.Actor)
	Int(f, "generation", &e.Gen)
}
