package otel

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// A target is where one signal goes. The SDK reads the variables that it knows
// by itself, so that what is said here is only what they do not say.
type target struct {
	url     string            // for people
	set     string            // for the SDK; empty: its variables say it
	headers map[string]string // nil: its variables say them, or nobody
	gzip    bool
	timeout time.Duration
	http    *http.Client
}

func invalid(message, hint string) error {
	return &velos.Error{Code: velos.Invalid, Message: "otel: " + message, Hint: hint}
}

// variable is one of OTLP's: that of the signal, else that of all.
func (o *Options) variable(signal, name string) string {
	if v := o.Vars["OTEL_EXPORTER_OTLP_"+signal+"_"+name]; v != "" {
		return v
	}
	return o.Vars["OTEL_EXPORTER_OTLP_"+name]
}

// on reports whether a signal, such as TRACES, is wanted.
func (o *Options) on(signal string, file bool) (bool, error) {
	switch v := strings.TrimSpace(o.Vars["OTEL_"+signal+"_EXPORTER"]); v {
	case "":
		return file, nil
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	default:
		return false, invalid("OTEL_"+signal+"_EXPORTER: there is no exporter "+strconv.Quote(v), "otlp or none")
	}
}

// interval is how often figures are sent.
func (o *Options) interval() (time.Duration, error) {
	if strings.EqualFold(strings.TrimSpace(o.Vars["OTEL_SDK_DISABLED"]), "true") {
		return 0, invalid("OTEL_SDK_DISABLED is true", "unset it to have anything sent")
	}
	d, err := millis("OTEL_METRIC_EXPORT_INTERVAL", o.Vars["OTEL_METRIC_EXPORT_INTERVAL"])
	return cmpOr(cmpOr(o.Interval, d), cmpOr(o.Config.Interval, everyFigures)), err
}

// unfit refuses what is asked for by variables that we cannot do: silence would
// look like consent.
func (o *Options) unfit(signal string) error {
	for _, x := range []struct{ name, value, fits, hint string }{
		{"PROTOCOL", o.variable(signal, "PROTOCOL"), "http/protobuf", "http/protobuf is; collectors take it on port 4318"},
		{"COMPRESSION", o.variable(signal, "COMPRESSION"), "gzip none", "gzip or none"},
		{"METRICS_TEMPORALITY_PREFERENCE", o.Vars["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"], "cumulative", "figures are cumulative; a collector can make deltas of them"},
		{"METRICS_DEFAULT_HISTOGRAM_AGGREGATION", o.Vars["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"], "explicit_bucket_histogram", "the histogram has explicit buckets"},
	} {
		v := strings.ToLower(strings.TrimSpace(x.value))
		if v != "" && !slices.Contains(strings.Fields(x.fits), v) {
			return invalid("OTEL_EXPORTER_OTLP_"+x.name+": "+strconv.Quote(x.value)+" is not spoken here", x.hint)
		}
	}
	for pair := range strings.SplitSeq(o.variable(signal, "HEADERS"), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		text, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !isName(strings.TrimSpace(name)) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return invalid("OTEL_EXPORTER_OTLP_HEADERS: a part of it is no header", "write NAME=VALUE,NAME=VALUE, with %20 for a space and %2C for a comma") // which one may be secret
		}
	}
	return nil
}

func millis(name, v string) (time.Duration, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n <= 0 {
		return 0, invalid(name+": "+strconv.Quote(v)+" is no number of milliseconds", "")
	}
	return time.Duration(n) * time.Millisecond, nil
}

// isName reports whether a header can have this name.
func isName(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(others, r)
	})
}

// target puts together where a signal goes; path is below the endpoint.
func (o *Options) target(signal, path string) (*target, error) {
	if err := o.unfit(signal); err != nil {
		return nil, err
	}
	t := &target{}
	if err := o.address(t, signal, path); err != nil {
		return nil, err
	}
	if o.variable(signal, "HEADERS") == "" {
		t.headers = o.Config.Headers
	}
	t.gzip = strings.EqualFold(strings.TrimSpace(cmp.Or(o.variable(signal, "COMPRESSION"), o.Config.Compression)), "gzip")
	d, err := millis("OTEL_EXPORTER_OTLP_TIMEOUT", o.variable(signal, "TIMEOUT"))
	if err != nil {
		return nil, err
	}
	t.timeout = cmpOr(d, cmpOr(o.Config.Timeout, 10*time.Second))
	t.http, err = o.client(signal, t.timeout)
	return t, err
}

// address is the flag's, else the environment's, else the file's, else the one
// that collectors listen at.
func (o *Options) address(t *target, signal, path string) error {
	own, all := o.Vars["OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"], o.Vars["OTEL_EXPORTER_OTLP_ENDPOINT"]
	base := o.Endpoint
	switch {
	case base != "":
	case own != "":
		t.url = own
	case all != "":
		t.url = strings.TrimSuffix(all, "/") + path
	case o.Config.Endpoint != "":
		base = o.Config.Endpoint
	default:
		base = "http://localhost:4318"
	}
	if base != "" {
		t.set = strings.TrimSuffix(base, "/") + path
		t.url = t.set
	}
	u, err := url.Parse(t.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return invalid("no address of a collector: "+strconv.Quote(redacted(t.url)), "write http://HOST:4318 or https://HOST")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return invalid("the address of a collector is a host and a path: "+strconv.Quote(redacted(t.url)), "put what it asks for into headers: [otel] headers, or OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

// redacted is an address without what may be secret in it.
func redacted(text string) string {
	text, _, _ = strings.Cut(text, "?")
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		scheme, _, ok := strings.Cut(text, "://")
		if text = "…" + text[at:]; ok {
			text = scheme + "://" + text
		}
	}
	return view.Text(text)
}

// client is the HTTP client of a signal. It notes what a collector answered,
// which the SDK keeps to itself, and follows no redirection: the headers may
// hold a secret.
func (o *Options) client(signal string, timeout time.Duration) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 1
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	ca := o.variable(signal, "CERTIFICATE")
	if ca == "" {
		ca = o.Config.Certificate
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, invalid(err.Error(), "it is the file of the authorities to trust")
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, invalid(ca+": no certificate in it", "it must be PEM")
		}
	}
	cert, key := o.variable(signal, "CLIENT_CERTIFICATE"), o.variable(signal, "CLIENT_KEY")
	if (cert == "") != (key == "") {
		return nil, invalid("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: a certificate needs its key, and a key its certificate", "set OTEL_EXPORTER_OTLP_CLIENT_KEY as well")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, invalid("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "+err.Error(), "")
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: listener{t}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
