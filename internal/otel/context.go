package otel

import (
	"bytes"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// longestLine is how much of a line is searched for a trace.
const longestLine = 8 << 10

// traceOf finds the trace that a line says it belongs to: a traceparent of W3C
// anywhere, or a trace id and perhaps a span id by one of their usual keys, in
// JSON, logfmt or plain words.
func traceOf(line []byte) trace.SpanContext {
	line = line[:min(len(line), longestLine)]
	for rest := line; ; {
		i := bytes.Index(rest, []byte("traceparent"))
		if i < 0 {
			break
		}
		rest = rest[i+len("traceparent"):]
		if sc, ok := parent(after(rest)); ok {
			return sc
		}
	}
	var c trace.SpanContextConfig
	if b := keyed(line, traceKeys[:], 32); b != nil {
		copy(c.TraceID[:], b)
		copy(c.SpanID[:], keyed(line, spanKeys[:], 16))
	}
	return trace.NewSpanContext(c)
}

var (
	traceKeys = [...]string{"trace_id", "traceId", "traceID", "TraceId", "trace.id", "trace-id"}
	spanKeys  = [...]string{"span_id", "spanId", "spanID", "SpanId", "span.id", "span-id"}
)

// after skips what stands between a key and its value.
func after(b []byte) []byte {
	for i := 0; i < len(b) && i < 6; i++ {
		switch b[i] {
		case '"', '\'', ':', '=', ' ', '\\', '[':
		default:
			return b[i:]
		}
	}
	return nil
}

// parent reads 00-TRACE-SPAN-FLAGS.
func parent(b []byte) (trace.SpanContext, bool) {
	if len(b) < 55 || b[2] != '-' || b[35] != '-' || b[52] != '-' || string(b[:2]) == "ff" {
		return trace.SpanContext{}, false
	}
	var c trace.SpanContextConfig
	var flags, version [1]byte
	for _, part := range []struct{ to, from []byte }{{version[:], b[:2]}, {c.TraceID[:], b[3:35]}, {c.SpanID[:], b[36:52]}, {flags[:], b[53:55]}} {
		if _, err := hex.Decode(part.to, part.from); err != nil {
			return trace.SpanContext{}, false
		}
	}
	c.TraceFlags = trace.TraceFlags(flags[0])
	sc := trace.NewSpanContext(c)
	return sc, sc.IsValid()
}

// keyed is the id of n hexadecimal digits that stands behind one of the keys;
// nil when there is none, or zeros only.
func keyed(line []byte, keys []string, n int) []byte {
	for _, k := range keys {
		for rest := line; ; {
			i := bytes.Index(rest, []byte(k))
			if i < 0 {
				break
			}
			rest = rest[i+len(k):]
			v := after(rest)
			if len(v) < n || len(v) > n && word(v[n]) {
				continue
			}
			id := make([]byte, n/2)
			if _, err := hex.Decode(id, v[:n]); err == nil && len(bytes.Trim(id, "\x00")) > 0 {
				return id
			}
		}
	}
	return nil
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
