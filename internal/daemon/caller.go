package daemon

import (
	"os"
	"sync"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/policy"
	"github.com/velospm/velos/internal/proc"
)

// maxAncestors bounds how far up is looked for an agent.
const maxAncestors = 24

// A seen is what the daemon finds out about the process at the other end of a
// connection. It is looked for once, when the first order comes.
type seen struct {
	once   sync.Once
	agent  string // whose environment it runs in; empty: nobody's
	waived string // the agent that VELOS_AGENT=0 says it is not
	tty    bool
	known  bool // the system tells who has a terminal
	user   string
	exe    string
}

func (s *session) look() *seen {
	s.who.once.Do(func() {
		look := lookAt
		if s.d.look != nil {
			look = s.d.look
		}
		look(s.peer.PID, &s.who)
		s.who.user, s.who.exe = userName(s.peer.UID), exeOf(s.peer.PID)
	})
	return &s.who
}

// lookAt goes from a process up through its ancestors. What VELOS_AGENT says
// nearest to the process counts, then the nearest mark.
func lookAt(pid int, w *seen) {
	person := false // VELOS_AGENT=0 was met
	for n := 0; n < maxAncestors && pid > 1 && pid != os.Getpid(); n++ {
		st, err := proc.One(pid)
		if err != nil {
			return
		}
		if n == 0 {
			w.tty, w.known = st.Terminal, st.State != 0
		}
		var sign policy.Sign
		proc.Variables(pid, policy.Longest, sign.Look)
		if sign.Said && !person {
			if person = sign.No; !person {
				w.agent = sign.Name
				return
			}
		}
		switch {
		case sign.Agent == "":
		case person:
			w.waived = sign.Agent
			return
		default:
			w.agent = sign.Agent
			return
		}
		pid = st.PPID
	}
}

// actor is who gives the order of a request: what the system knows, and what
// was announced. An announcement makes nobody less of an agent.
func (c *call) actor() velos.Actor {
	w := c.look()
	a := velos.Actor{Kind: "user", UID: c.peer.UID, User: w.user, PID: c.peer.PID, Exe: w.exe,
		Agent: w.agent, Channel: policy.Word(c.said.Channel), Client: policy.Word(c.said.Client), TTY: w.tty}
	if a.Agent == "" {
		a.Agent = policy.Word(c.said.Agent)
	}
	if a.Agent == "" && a.Channel == mcpChannel {
		a.Agent = "mcp"
	}
	if !w.known {
		a.TTY = c.said.TTY
	}
	return a
}

// mcpChannel is the door that agents alone come through.
const mcpChannel = "mcp"

// by is who asked, for the journal. Looked up when it is needed: most
// requests only read.
func (c *call) by() velos.Actor {
	if c.deed != nil {
		return c.deed.Actor
	}
	return c.actor()
}
