package view

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/velospm/velos"
)

// An App in --json: the noun with its secrets masked, and what a script wants
// without having to look into the instances.
type appJSON struct {
	ID           uint32         `json:"id"`
	Name         string         `json:"name"`
	Namespace    string         `json:"namespace"`
	Status       velos.Status   `json:"status"`
	PID          int            `json:"pid"`
	RestartCount int            `json:"restart_count"`
	UptimeMS     velos.Millis   `json:"uptime_ms"`
	CPU          float64        `json:"cpu_percent"`
	Memory       int64          `json:"memory_bytes"`
	Health       velos.Health   `json:"health,omitempty"`
	URL          string         `json:"url,omitempty"`
	Ports        []string       `json:"ports,omitempty"`
	Port         int            `json:"port,omitempty"` // that it was given
	Generation   int            `json:"generation"`
	Created      velos.Time     `json:"created_at"`
	Updated      velos.Time     `json:"updated_at"`
	Instances    []instanceJSON `json:"instances"`
	Leaving      []instanceJSON `json:"leaving,omitempty"`
	Log          velos.LogInfo  `json:"log"`
	Lease        *velos.Lease   `json:"lease,omitempty"`
	Config       velos.Spec     `json:"config"`
}

type instanceJSON struct {
	velos.Instance
	Ports       []string     `json:"ports,omitempty"` // the Instance's, as a list
	UptimeMS    velos.Millis `json:"uptime_ms"`
	ExitCode    *int         `json:"exit_code"`
	ExitSignal  string       `json:"exit_signal"`
	ExitMeaning string       `json:"exit_meaning"`
}

func (o Options) appJSON(a *velos.App) appJSON {
	m := MaskOf(a).App(a)
	u := m.Usage()
	j := appJSON{
		ID: m.ID, Name: m.Spec.Name, Namespace: m.Spec.Namespace, Status: m.Status, RestartCount: m.Restarts(),
		CPU: u.CPU, Memory: u.Memory, Generation: m.Generation, Created: m.Created, Updated: m.Updated,
		Instances: make([]instanceJSON, len(m.Instances)), Log: m.Log, Config: m.Spec,
		Health: healthOf(&m), Ports: Addresses(&m), URL: URL(Addresses(&m)), Port: m.Spec.Port(), Lease: m.Lease,
	}
	for i := range m.Leaving {
		j.Leaving = append(j.Leaving, o.instanceJSON(&m.Leaving[i]))
	}
	for i := range m.Instances {
		in := o.instanceJSON(&m.Instances[i])
		if j.PID == 0 && in.PID != 0 {
			j.PID, j.UptimeMS = in.PID, in.UptimeMS
		}
		j.Instances[i] = in
	}
	return j
}

func (o Options) instanceJSON(i *velos.Instance) instanceJSON {
	j := instanceJSON{Instance: *i, Ports: i.Ports.List(), UptimeMS: uptime(i, o.Now)}
	if x := i.LastExit; x != nil {
		j.ExitMeaning, j.ExitSignal = x.String(), x.Signal
		if x.Signal == "" && !x.Unknown && x.Error == "" {
			code := x.Code
			j.ExitCode = &code
		}
	}
	return j
}

// encode is v as compact JSON in which nothing can hide: characters that a
// terminal would act upon, or not show, are escaped. The value stays the same.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"error":{"code":"failed","message":"answer cannot be written as JSON","retryable":false,"hints":[]}}`)
	}
	return escapeHidden(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func escapeHidden(b []byte) []byte {
	clean := true
	for _, c := range b {
		if c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r < 0x7f || r >= 0xa0 && !hidden(r):
			out = append(out, b[:n]...)
		case r >= 0x10000:
			r -= 0x10000
			out = appendU(appendU(out, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			out = appendU(out, r)
		}
		b = b[n:]
	}
	return out
}

func appendU(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// array writes one element a line, so that grep and diff are of use.
func array[T any](b *buffer, list []T) {
	if len(list) == 0 {
		b.str("[]\n")
		return
	}
	for i := range list {
		sep := ",\n"
		if i == 0 {
			sep = "[\n"
		}
		b.str(sep)
		b.b = append(b.b, encode(list[i])...)
	}
	b.str("\n]\n")
}

// Value writes any value as one line of JSON: answers that are no noun.
func Value(v any) []byte { return append(encode(v), '\n') }

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
