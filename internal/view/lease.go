package view

import "github.com/velospm/velos"

// Owner says whose an app is, and for how long: "claude-code, until it ends".
// It is empty for what is people's.
func Owner(l *velos.Lease, now velos.Time) string {
	if l == nil || l.Agent == "" {
		return ""
	}
	who := Text(l.Agent)
	switch {
	case l.Keep:
		return who + ", kept"
	case l.Ended != 0:
		return who + ", which is gone"
	case l.Gone != 0:
		return who + ", which is gone: it is stopped soon"
	case l.PID == 0 && l.Until > now:
		return who + ", until it is silent for " + Span(l.TTL)
	case l.Until > now:
		return who + ", until it ends or is silent for " + Span(l.TTL)
	}
	return who + ", until it ends"
}

// own is Owner in a word: "claude-code", "claude-code,kept", "claude-code,gone".
func own(l *velos.Lease) string {
	if l == nil || l.Agent == "" {
		return ""
	}
	who := Text(l.Agent)
	switch {
	case l.Keep:
		return who + ",kept"
	case l.Over():
		return who + ",gone"
	}
	return who
}

// grants says which agents may act on an app that is not theirs.
func grants(l *velos.Lease) string {
	text := ""
	for i := 0; l != nil && i < len(l.Grants); i++ {
		if text != "" {
			text += ", "
		}
		if g := l.Grants[i]; g == velos.AnyAgent {
			text += "any agent"
		} else {
			text += Text(g)
		}
	}
	return text
}
