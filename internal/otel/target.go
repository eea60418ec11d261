package otel

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/velospm/velos"
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
	switch v := o.Vars["OTEL_"+signal+"_EXPORTER"]; v {
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
	if o.Vars["OTEL_SDK_DISABLED"] == "true" {
		return 0, invalid("OTEL_SDK_DISABLED is true", "unset it to have anything sent")
	}
	d, err := millis("OTEL_METRIC_EXPORT_INTERVAL", o.Vars["OTEL_METRIC_EXPORT_INTERVAL"])
	return cmpOr(cmpOr(o.Interval, d), cmpOr(o.Config.Interval, everyFigures)), err
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

// target puts together where a signal goes; path is below the endpoint.
func (o *Options) target(signal, path string) (*target, error) {
	if p := o.variable(signal, "PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, invalid("OTEL_EXPORTER_OTLP_PROTOCOL: "+strconv.Quote(p)+" is not spoken here", "http/protobuf is; collectors take it on port 4318")
	}
	t := &target{}
	if err := o.address(t, signal, path); err != nil {
		return nil, err
	}
	if o.variable(signal, "HEADERS") == "" {
		t.headers = o.Config.Headers
	}
	t.gzip = o.variable(signal, "COMPRESSION") == "" && o.Config.Compression == "gzip" || o.variable(signal, "COMPRESSION") == "gzip"
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
		return invalid("no address of a collector: "+strconv.Quote(t.url), "write http://HOST:4318 or https://HOST")
	}
	t.url = u.Redacted()
	return nil
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
	if cert := o.variable(signal, "CLIENT_CERTIFICATE"); cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, o.variable(signal, "CLIENT_KEY"))
		if err != nil {
			return nil, invalid("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "+err.Error(), "")
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: listener{t}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
