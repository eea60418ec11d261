package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
	"github.com/velospm/velos/internal/wire"
)

// A pane is what the lower part of the screen shows.
type pane int

const (
	paneLogs pane = iota
	paneEvents
	paneWhy
	paneCrash
	panePast
)

var paneNames = [...]string{"logs", "events", "why", "crash", "past"}

// A mode is who gets the keys.
type mode int

const (
	modeNormal  mode = iota
	modeFilter       // the filter of the table is being written
	modeSearch       // the expression of the lines is being written
	modePalette      // a command is being written
	modeConfirm      // an order waits for yes
	modeHelp
)

// A model is everything that the screen shows. Update changes it, nothing else
// does, and it knows no clock but the one it was given.
type model struct {
	o      Options
	y      style
	total  int64 // memory of the machine; 0 is unknown
	binds  []bind
	width  int
	height int
	clock  time.Time
	frame  tea.View
	stale  bool // the frame is not what it should be
	link   link

	daemon   wire.DaemonMetrics
	spoke    time.Time // when it was heard last
	apps     []*app
	byID     map[uint32]*app
	veils    map[uint32]*view.Veil // of all apps that there were: events tell of those, too
	table    table
	widest   map[string]int // columns have been this wide: one that is narrower by now should not move all others
	tape     tape
	events   eventList
	sheet    sheet
	chart    chart
	recalled bool // what was recorded before has been asked for
	pane     pane
	lower    bool // the lower pane has the keys
	zoom     bool // and the whole screen
	merged   bool // lines of all apps
	noMouse  bool
	mode     mode
	input    input
	choice   int // in the palette
	below    int // rows of the lower pane
	help     int // lines that are scrolled away
	confirm  order
	status   status
	wished   wish
	watched  target // whose lines, whose why
	settle   int    // number of the newest change of the selection

	// What goes to the daemon. In tests, elsewhere.
	want    func(wish)
	suspend func()
	look    func(question) tea.Cmd
	carry   func(order) tea.Cmd
}

// A target is an app, or one of its instances; inst -1 is all of them.
type target struct {
	id   uint32
	inst int
}

// A status is the one line about what was done last.
type status struct {
	text    string
	command string // the same on the command line
	bad     bool
	until   time.Time
}

const statusFor = 8 * time.Second

// An app is one row of the table, with its instances.
type app struct {
	velos.App
	name string // fit to be shown
	open bool
	rings
	insts map[int]*rings
	began time.Time // the first figures of our own
	heard time.Time // the newest
}

type rings struct{ cpu, mem ring }

// instance is the figures of an instance.
func (a *app) instance(inst int) *rings {
	r := a.insts[inst]
	if r == nil {
		r = &rings{}
		a.insts[inst] = r
	}
	return r
}

func newModel(o Options, total int64) *model {
	m := &model{o: o, y: newStyle(o.Color, o.ASCII), total: total, width: 80, height: 24, stale: true, byID: map[uint32]*app{}, veils: map[uint32]*view.Veil{}, widest: map[string]int{},
		want: func(wish) {}, suspend: func() {}, look: func(question) tea.Cmd { return nil }, carry: func(order) tea.Cmd { return nil }}
	m.clock = o.Now()
	m.link.none, m.link.since = true, m.clock
	m.tape = newTape()
	m.binds = bindings()
	return m
}

// A tick is the time passing: ages grow.
type tick time.Time

// A settled is the selection having rested for a moment: who runs through the
// table does not want the lines of everything that is passed.
type settled int

const (
	between = time.Second
	rest    = 150 * time.Millisecond
)

func (m *model) ticking() tea.Cmd {
	return tea.Tick(between, func(t time.Time) tea.Msg { return tick(t) })
}

// Resumed: this job was stopped, and goes on.
type resumed struct{}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return m.ticking() }

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.clock = m.o.Now()
	m.stale = true
	switch msg := msg.(type) {
	case tick:
		return m, tea.Batch(m.ticking(), m.again())
	case news:
		return m, m.hear(msg)
	case settled:
		if int(msg) == m.settle {
			return m, m.rested()
		}
	case resumed:
		return m, tea.ClearScreen
	case recalled:
		m.remember(msg)
	case charted:
		return m, m.drawn(msg)
	case looked:
		return m, m.told(msg)
	case askAgain:
		return m, m.ask()
	case answered:
		m.outcome(msg)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return m, m.resized()
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		return m, m.paste(msg.Content)
	case tea.MouseWheelMsg:
		m.wheel(msg)
		return m, m.selected()
	case tea.MouseClickMsg:
		return m, m.click(msg)
	default:
		m.stale = false
	}
	return m, nil
}

// View implements tea.Model. It draws when something has changed.
func (m *model) View() tea.View {
	if m.stale {
		m.stale = false
		m.draw()
	}
	return m.frame
}

// say puts a line at the foot of the screen.
func (m *model) say(text string) { m.status = status{text: text, until: m.clock.Add(statusFor)} }

// complain is say about something that went wrong.
func (m *model) complain(text string) {
	m.say(text)
	m.status.bad = true
}

// outcome says what an order came to.
func (m *model) outcome(a answered) {
	if a.err != nil {
		text := shown(a.err.Error())
		if h := velos.HintOf(a.err); h != "" {
			text += "; " + shown(h)
		}
		m.complain(text)
		m.status.until = m.clock.Add(2 * statusFor)
	} else {
		m.say(a.text)
	}
	m.status.command = a.command
}

// selected is to be called when another row may have been chosen.
func (m *model) selected() tea.Cmd {
	if m.table.at == m.watched {
		return nil
	}
	m.settle++
	n := m.settle
	return tea.Tick(rest, func(time.Time) tea.Msg { return settled(n) })
}

// rested turns the lower pane to the row that is chosen now.
func (m *model) rested() tea.Cmd {
	m.watched = m.table.at
	m.tape.only = m.watched.inst
	m.follow()
	return m.ask()
}

// follow tells the feed whose lines are shown.
func (m *model) follow() {
	w := wish{epoch: m.wished.epoch, level: m.tape.level}
	for _, a := range m.apps {
		if m.merged || a.ID == m.watched.id {
			w.apps = append(w.apps, a.ID)
		}
	}
	begins := m.tape.merged != m.merged || m.tape.level != m.wished.level || !m.merged && m.tape.about != m.watched.id
	if same(w.apps, m.wished.apps) && !begins {
		return
	}
	if begins {
		w.epoch++
		m.tape.begin(m.merged, m.watched.id)
	}
	m.wished = w
	m.want(w)
}

func same(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// options are those of view for a pane of the present size.
func (m *model) options() view.Options {
	return view.Options{Color: m.o.Color, TTY: true, Width: m.width - 2, Now: velos.TimeOf(m.clock), Loc: m.o.Loc}
}
