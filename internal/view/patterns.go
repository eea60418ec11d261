package view

import (
	"io"
	"strconv"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/digest"
)

// A Found is what was found in the log of an app.
type Found[T any] struct {
	App  string
	List []T
}

type patternJSON struct {
	App       string     `json:"app,omitempty"`
	Template  string     `json:"template"`
	Count     uint64     `json:"count"`
	Frequency float64    `json:"frequency"` // per minute
	Level     string     `json:"level"`
	First     velos.Time `json:"first_seen"`
	Last      velos.Time `json:"last_seen"`
	Trend     string     `json:"trend"`
	Sample    string     `json:"sample"`
	ID        string     `json:"id"`
}

func patternOf(app string, p *digest.Pattern) patternJSON {
	return patternJSON{App: app, Template: p.Template, Count: p.Count, Frequency: rounded(p.Frequency), Level: p.Level.String(),
		First: p.First, Last: p.Last, Trend: p.Trend.String(), Sample: p.Sample, ID: strconv.FormatUint(p.ID, 16)}
}

func rounded(f float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	return v
}

// Patterns shows templates of what apps wrote.
func Patterns(w io.Writer, list []Found[digest.Pattern], o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		var rows []patternJSON
		for _, f := range list {
			for i := range f.List {
				rows = append(rows, patternOf(f.App, &f.List[i]))
			}
		}
		array(&b, rows)
	case AI:
		b.b = append(encode(o.patternRows(list)), '\n')
	default:
		o.patternTable(&b, list)
	}
	return b.to(w)
}

// rowsAI is rows of which the columns are named once.
type rowsAI struct {
	Cols []string `json:"cols"`
	Rows [][]any  `json:"rows"`
}

func (o Options) patternRows(list []Found[digest.Pattern]) rowsAI {
	r := rowsAI{Cols: []string{"n", "per_min", "trend", "level", "first", "last", "template"}, Rows: [][]any{}}
	if len(list) > 1 {
		r.Cols = append([]string{"app"}, r.Cols...)
	}
	for _, f := range list {
		for i := range f.List {
			p := &f.List[i]
			row := []any{p.Count, rounded(p.Frequency), p.Trend.String(), p.Level.String(), o.clock(p.First), o.clock(p.Last), Text(p.Template)}
			if len(list) > 1 {
				row = append([]any{Text(f.App)}, row...)
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

func (o Options) patternTable(b *buffer, list []Found[digest.Pattern]) {
	cols := []column{{title: "APP"}, {title: "COUNT", right: true}, {title: "/MIN", right: true, drop: 4}, {title: "TREND", drop: 2}, {title: "LEVEL", drop: 1},
		{title: "FIRST", drop: 5}, {title: "LAST", drop: 3}, {title: "PATTERN"}}
	var rows [][]cell
	for _, f := range list {
		for i := range f.List {
			p := &f.List[i]
			app := ""
			if len(list) > 1 {
				app = Text(f.App)
			}
			rows = append(rows, []cell{{app, NameColor(app)}, {thousands(p.Count), ""}, {short(p.Frequency), ""}, {p.Trend.String(), trendColor(p)},
				{p.Level.String(), LevelColor(p.Level)}, {o.clock(p.First), dim}, {o.clock(p.Last), dim}, {o.cut(Text(p.Template), 40), LevelColor(p.Level)}})
		}
	}
	if len(rows) == 0 {
		b.str("nothing found\n")
		return
	}
	o.table(b, cols, rows)
}

func trendColor(p *digest.Pattern) string {
	if p.Trend == digest.Rising && p.Level >= velos.Warn {
		return red
	}
	return noColor
}

type anomalyJSON struct {
	App      string     `json:"app,omitempty"`
	Metric   string     `json:"metric"`
	Current  float64    `json:"current_value"`
	Mean     float64    `json:"mean"`
	StdDev   float64    `json:"std_dev"`
	Sigma    float64    `json:"sigma"`
	Time     velos.Time `json:"timestamp"`
	Until    velos.Time `json:"until"`
	Severity string     `json:"severity"`
}

func anomalyOf(app string, e *digest.Episode) anomalyJSON {
	return anomalyJSON{App: app, Metric: e.Metric, Current: rounded(e.Current), Mean: rounded(e.Mean), StdDev: rounded(e.StdDev), Sigma: rounded(e.Sigma),
		Time: e.Time, Until: e.Until, Severity: e.Severity.String()}
}

// Anomalies shows when the counts of apps were unusual.
func Anomalies(w io.Writer, list []Found[digest.Episode], o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		var rows []anomalyJSON
		for _, f := range list {
			for i := range f.List {
				rows = append(rows, anomalyOf(f.App, &f.List[i]))
			}
		}
		array(&b, rows)
	case AI:
		lines := []string{}
		for _, f := range list {
			for i := range f.List {
				lines = append(lines, Text(f.App)+": "+f.List[i].Severity.String()+" "+o.anomaly(&f.List[i]))
			}
		}
		b.b = append(encode(lines), '\n')
	default:
		n := 0
		for _, f := range list {
			for i := range f.List {
				e := &f.List[i]
				b.str(Text(f.App), ": ", e.Severity.String(), ": ", o.anomaly(e), "\n")
				n++
			}
		}
		if n == 0 {
			b.str("nothing unusual\n")
		}
	}
	return b.to(w)
}

type foldJSON struct {
	App      string     `json:"app,omitempty"`
	Template string     `json:"template"`
	Count    uint64     `json:"count"`
	Level    string     `json:"level"`
	First    velos.Time `json:"first_seen"`
	Last     velos.Time `json:"last_seen"`
	Sample   string     `json:"sample"`
}

type foldAI struct {
	App   string `json:"app,omitempty"`
	Text  string `json:"m"`
	Count uint64 `json:"x,omitempty"`
	Level string `json:"l,omitempty"`
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
}

// Folds writes messages with their repeats as they come.
type Folds struct {
	w    io.Writer
	o    Options
	apps bool // there are several: name them
	wide int
	n    int
	line bool // one object a line
}

// NewFolds prepares to write folds of apps to w; lines asks for one JSON
// object a line instead of an array.
func NewFolds(w io.Writer, apps []string, lines bool, o Options) *Folds {
	f := &Folds{w: w, o: o, apps: len(apps) > 1, line: lines}
	for _, a := range apps {
		f.wide = max(f.wide, len(Text(a)))
	}
	return f
}

// Add writes one. What was seen once is shown as it was written, the rest as a
// template with its count.
func (f *Folds) Add(app string, x *digest.Fold) error {
	var b buffer
	switch f.o.Format {
	case JSON:
		f.object(&b, encode(foldJSON{app, x.Template, x.Count, x.Level.String(), x.First, x.Last, x.Sample}))
	case AI:
		j := foldAI{Text: Lines(x.Sample)}
		if f.apps {
			j.App = Text(app)
		}
		if x.Level != velos.Info {
			j.Level = x.Level.String()
		}
		if x.Count > 1 {
			j.Text, j.Count, j.First, j.Last = Text(x.Template), x.Count, f.o.clock(x.First), f.o.clock(x.Last)
		}
		f.object(&b, encode(j))
	default:
		if f.apps {
			name := Text(app)
			b.str(f.o.paint(NameColor(name), name), spaces(f.wide-len(name)), f.o.paint(dim, " | "))
		}
		if x.Count == 1 {
			b.str(f.o.paint(LevelColor(x.Level), Lines(x.Sample)), "\n")
		} else {
			b.str(f.o.paint(LevelColor(x.Level), Text(x.Template)), " (", f.o.fold(x), ")\n")
		}
	}
	f.n++
	return b.to(f.w)
}

func spaces(n int) string {
	const blank = "                                                                "
	return blank[:min(max(n, 0), len(blank))]
}

func (f *Folds) object(b *buffer, j []byte) {
	switch {
	case f.line:
		b.str(string(j), "\n")
		return
	case f.n == 0:
		b.str("[\n")
	default:
		b.str(",\n")
	}
	b.str(string(j))
}

// Close ends an array.
func (f *Folds) Close() error {
	var b buffer
	switch {
	case f.o.Format == Human || f.line:
	case f.n == 0:
		b.str("[]\n")
	default:
		b.str("\n]\n")
	}
	return b.to(f.w)
}
