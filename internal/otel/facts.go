package otel

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/velospm/velos"
	"github.com/velospm/velos/internal/view"
)

// facts are what describes the machine and us: the resources that everything
// sent belongs to are made from them.
type facts struct {
	machine []attribute.KeyValue // of the file, of the machine
	env     []attribute.KeyValue // OTEL_RESOURCE_ATTRIBUTES, which wins
	velos   *resource.Resource
	host    string // of which machine and home a run is
}

// factsOf looks around. OTEL_SERVICE_NAME is the name of velos itself; apps
// have their own.
func factsOf(ctx context.Context, o *Options) (f facts, err error) {
	host, _ := os.Hostname()
	f.host = host + "\x00" + o.Home.Dir
	f.machine = []attribute.KeyValue{attribute.String("host.name", host), attribute.String("os.type", runtime.GOOS), attribute.String("host.arch", runtime.GOARCH)}
	for _, k := range sorted(o.Config.Resource) {
		f.machine = append(f.machine, attribute.String(k, valid(o.Config.Resource[k])))
	}
	env, err := resource.New(ctx, resource.WithFromEnv())
	if err != nil {
		return f, invalid("OTEL_RESOURCE_ATTRIBUTES: "+err.Error(), "write KEY=VALUE,KEY=VALUE")
	}
	name := "velos"
	if v := o.Config.Resource["service.name"]; v != "" {
		name = v
	}
	for _, kv := range env.Attributes() {
		if kv.Key == "service.name" {
			name = cmp.Or(kv.Value.AsString(), name)
		} else {
			f.env = append(f.env, attribute.String(string(kv.Key), valid(kv.Value.AsString())))
		}
	}
	f.velos = f.resource(name, attribute.String("service.version", velos.Version))
	return f, nil
}

// valid is a text that protobuf takes: one that it does not would keep
// everything else from being sent.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// resource is a service on this machine. What comes later wins.
func (f *facts) resource(service string, more ...attribute.KeyValue) *resource.Resource {
	all := slices.Concat(f.machine, more, f.env, []attribute.KeyValue{attribute.String("service.name", valid(service))})
	return resource.NewSchemaless(all...)
}

// app is the resource of what an app wrote. If it sends telemetry of its own
// under another name, its lines have that name as well.
func (f *facts) app(a *velos.App) *resource.Resource {
	name := a.Spec.Name
	for _, env := range []map[string]string{a.Spec.FileEnv, a.Spec.Env} {
		if v := view.Text(env["OTEL_SERVICE_NAME"]); v != "" {
			name = v
		}
	}
	more := []attribute.KeyValue{attribute.String("velos.app.name", a.Spec.Name), attribute.Int64("velos.app.id", int64(a.ID))}
	if ns := a.Spec.Namespace; ns != "" && ns != "default" {
		more = append(more, attribute.String("service.namespace", view.Text(ns)))
	}
	return f.resource(name, more...)
}
