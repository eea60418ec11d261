package view

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/velospm/velos"
)

// A Veil hides the secrets of one app in the lines that it wrote: those that it
// has and those that it is known to have had, also where a line was too long
// for one entry and a secret is cut between two. Every door shows lines
// through one.
//
// An entry does not say that it goes on with the one before it. Who hands over
// all entries of an app in their order has told that; where some were left out,
// or come newest first, or a page begins in the middle, Before is asked, but
// only about an entry that begins like the rest of a secret.
type Veil struct {
	// Before is the entry that the same instance wrote to the same stream just
	// before e; false when nobody knows. Nil: nobody does, and what looks like
	// the rest of a secret is hidden.
	Before func(e *velos.Entry) (velos.Entry, bool)

	mask    atomic.Pointer[Mask]
	asked   atomic.Int32
	hunches atomic.Int32 // of the questions, those about what may be anybody's address

	mu    sync.Mutex
	known []*velos.App // what the secrets are from, the newest last

	// Of Hide alone.
	parts  map[origin]*part
	seq    uint64 // the entry that came last
	since  uint64 // and where those began that came without a gap
	from   origin
	newest *part // of from
}

// An origin is where the rest of a line comes from.
type origin struct {
	inst int
	src  velos.Stream
}

// A part is the newest entry of an origin.
type part struct {
	seq  uint64
	more bool
	end  string // of the line so far, when there is more of it
}

// mostAsked bounds the questions of one Veil: a program that begins all its
// lines with a part of its secret would have one asked for each.
const (
	mostAsked   = 256
	mostHunches = 32
)

// NewVeil hides the secrets of an app, given as all that it was and, last, what
// it is now.
func NewVeil(apps ...*velos.App) *Veil {
	v := &Veil{}
	v.Learn(apps...)
	return v
}

// Learn adds what an app is now. What it was stays hidden: its runs of then may
// still write. It may be called at any time.
func (v *Veil) Learn(apps ...*velos.App) {
	v.mu.Lock()
	defer v.mu.Unlock()
	have := len(v.known)
	for _, a := range apps {
		if !slices.ContainsFunc(v.known, func(b *velos.App) bool { return sameSecrets(a, b) }) {
			v.known = append(v.known, &velos.App{Spec: velos.Spec{Env: a.Spec.Env, FileEnv: a.Spec.FileEnv, Secret: a.Spec.Secret}, Coming: a.Coming})
		}
	}
	if v.mask.Load() != nil && len(v.known) == have {
		return
	}
	if over := len(v.known) - max(mostKnown, len(apps)); over > 0 {
		v.known = slices.Clone(v.known[over:])
	}
	m := MaskOf(v.known...)
	v.mask.Store(&m)
}

// mostKnown is how many states of an app are remembered: those that the daemon
// keeps, the present one, and as many that came while somebody watched.
const mostKnown = 2*velos.MaxFormer + 1

func sameSecrets(a, b *velos.App) bool {
	return maps.Equal(a.Spec.Env, b.Spec.Env) && maps.Equal(a.Spec.FileEnv, b.Spec.FileEnv) && slices.Equal(a.Spec.Secret, b.Spec.Secret) &&
		(a.Coming == b.Coming || a.Coming != nil && b.Coming != nil && maps.Equal(a.Coming.Env, b.Coming.Env) && maps.Equal(a.Coming.FileEnv, b.Coming.FileEnv) && slices.Equal(a.Coming.Secret, b.Coming.Secret))
}

// Twin hides the same secrets, for another goroutine that shows lines.
func (v *Veil) Twin() *Veil {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := &Veil{known: slices.Clone(v.known)}
	t.mask.Store(v.mask.Load())
	return t
}

// Mask hides the same secrets in texts that are no lines.
func (v *Veil) Mask() Mask { return *v.mask.Load() }

// Text is what an entry says, fit to be shown.
func (v *Veil) Text(e *velos.Entry) string { return Clean(v.Hide(e), false) }

// Hide is what an entry says without the secrets. It remembers the entry for
// the next one: one goroutine hands over what is shown, in the order in which
// it comes.
func (v *Veil) Hide(e *velos.Entry) []byte {
	if e.Missed > 0 {
		v.seq = 0
		return e.Msg
	}
	if e.Seq != v.seq+1 || v.seq == 0 {
		v.since = e.Seq
	}
	v.seq = e.Seq
	p, before := v.newest, ""
	if from := (origin{e.Inst, e.Src}); p == nil || from != v.from {
		p = v.parts[from]
		v.from = from
	}
	m := v.mask.Load()
	earlier := p != nil && (p.seq < e.Seq || e.Seq == 0)
	known := v.since <= 1 || earlier && p.seq >= v.since
	var out []byte
	switch {
	case earlier && p.more && (known || !m.suspects(e.Msg, e.More)):
		before = p.end
		out = m.part(before, e.Msg, e.More)
	case known:
		out = m.whole(e)
	default:
		out, before = v.alone(m, e)
	}
	v.keep(p, e, m, before)
	return out
}

// Alone is Hide for an entry of which it does not matter what came before, and
// that is not remembered: any goroutine may ask, in any order. What is searched
// for is compared with this, so that nobody can ask for a secret letter by
// letter.
func (v *Veil) Alone(e *velos.Entry) []byte {
	if e.Missed > 0 {
		return e.Msg
	}
	out, _ := v.alone(v.mask.Load(), e)
	return out
}

// alone hides where the entry before is not at hand. It is asked for when there
// is a reason to, and the end of it is handed back when e goes on with it.
func (v *Veil) alone(m *Mask, e *velos.Entry) (out []byte, before string) {
	doubt := m.suspects(e.Msg, e.More)
	if !doubt && !(beginsLikePassword(e.Msg) && v.hunches.Add(1) <= mostHunches) {
		return m.whole(e), ""
	}
	b, ok := v.ask(e)
	switch {
	case !ok && doubt, ok && doubt && b.More && len(b.Msg) < m.r.Longest():
		return m.guess(e.Msg, e.More), ""
	case !ok || !b.More:
		return m.whole(e), ""
	}
	before = lastOf("", b.Msg, m.reach())
	return m.part(before, e.Msg, e.More), before
}

func (v *Veil) ask(e *velos.Entry) (b velos.Entry, ok bool) {
	if v.Before == nil || v.asked.Add(1) > mostAsked {
		return b, false
	}
	return v.Before(e)
}

// keep remembers e for the next entry of its origin.
func (v *Veil) keep(p *part, e *velos.Entry, m *Mask, before string) {
	if p == nil {
		p = &part{}
		if v.parts == nil {
			v.parts = map[origin]*part{}
		}
		v.parts[v.from] = p
	}
	v.newest = p
	if p.seq, p.more, p.end = e.Seq, e.More, ""; e.More {
		p.end = lastOf(before, e.Msg, m.reach())
	}
}

// lastOf is the last n bytes of two texts.
func lastOf(before string, b []byte, n int) string {
	if len(b) >= n {
		return string(b[len(b)-n:])
	}
	return before[max(0, len(before)+len(b)-n):] + string(b)
}

// whole is an entry with which a line begins.
func (m *Mask) whole(e *velos.Entry) []byte {
	if e.More {
		return m.part("", e.Msg, true)
	}
	return m.Bytes(e.Msg)
}

// beginsLikePassword reports whether b may begin with the rest of an address's
// password.
func beginsLikePassword(b []byte) bool {
	i := bytes.IndexByte(b, '@')
	return i > 0 && !bytes.ContainsAny(b[:i], authorityEnds)
}
