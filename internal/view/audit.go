package view

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/velospm/velos/internal/audit"
)

// auditAI is an order in short.
type auditAI struct {
	Time   int64  `json:"t"`
	Op     string `json:"o"`
	App    string `json:"n,omitempty"`
	By     string `json:"by"`
	Result string `json:"r"`
}

// Audit shows orders, oldest first.
func Audit(w io.Writer, list []audit.Record, o Options) error {
	var b buffer
	switch o.Format {
	case JSON:
		array(&b, list)
	case AI:
		short := []auditAI{}
		for i := range list {
			r := &list[i]
			short = append(short, auditAI{int64(r.Time) / 1000, r.Op, r.App, by(r.Actor), r.Result})
		}
		b.b = Value(short)
	default:
		if len(list) == 0 {
			b.str("no order on record\n")
		}
		for i := range list {
			r := &list[i]
			b.str(o.paint(dim, r.Time.Std().In(o.Loc).Format("2006-01-02 15:04:05")), "  ", AuditText(r, o), "\n")
		}
	}
	return b.to(w)
}

// AuditText is an order in one line, without its time.
func AuditText(r *audit.Record, o Options) string {
	text := Text(r.Op)
	if r.App != "" {
		text += " " + Text(r.App)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Args)) {
		if v := r.Args[k]; v != "" {
			text += " " + Text(k) + "=" + Text(v)
		}
	}
	if who := by(r.Actor); who != "" {
		text += ", by " + who
	}
	if r.Waived != "" {
		text += ", not " + Text(r.Waived) + " by VELOS_AGENT=0"
	}
	switch {
	case r.Result == "ok" && r.Approval != "":
		text += ": ok, approved (" + Text(r.Approval) + ")"
	case r.Result == "ok":
		text += ": ok"
	default:
		text += ": " + o.paint(red, Text(r.Result))
		if r.Message != "" {
			text += ", " + Text(strings.TrimPrefix(r.Message, strings.TrimSpace(r.Op+" "+r.App)+": ")) // one verb is enough
		}
	}
	return text
}
