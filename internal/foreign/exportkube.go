package foreign

import (
	"strconv"
	"strings"

	"github.com/velospm/velos"
)

// exportKubernetes makes a Deployment of each app, a Job of what is not
// started again, and a Service where the port is known.
func exportKubernetes(apps []app) []Output {
	p := &page{}
	p.line("# Workloads, as Velos runs them as processes. Images are guesses, and must contain the programs: build them from the app's directory.")
	for i, a := range apps {
		if i > 0 {
			p.line("---")
		}
		a.workload(p)
		if n := a.port(); n > 0 && a.Autorestart != velos.Never {
			p.line("---")
			a.kubeService(p, n)
		}
	}
	return []Output{{"kubernetes.yaml", []byte(p.String())}}
}

// kubeName is a name of DNS: small letters, digits and dashes.
func kubeName(name string) string {
	s := strings.Map(func(r rune) rune {
		if r == '.' || r == '_' {
			return '-'
		}
		return r
	}, strings.ToLower(name))
	s = strings.Trim(s, "-")
	return strings.TrimRight(s[:min(len(s), 63)], "-")
}

// kubeString keeps $(NAME) from being replaced.
func kubeString(s string) string { return jsonString(strings.ReplaceAll(s, "$(", "$$(")) }

func (a app) workload(p *page) {
	p.comments("", a.missing("health ready files memory secrets restart cluster autostart"))
	job := a.Autorestart == velos.Never
	name := kubeName(a.Name)
	if job {
		p.line("apiVersion: batch/v1\nkind: Job")
	} else {
		p.line("apiVersion: apps/v1\nkind: Deployment")
	}
	p.line("metadata:\n  name: ", jsonString(name), "\n  labels:\n    app: ", jsonString(name))
	p.line("spec:")
	replicas := a.Instances
	if !a.Autostart {
		replicas = 0
	}
	if job {
		p.line("  backoffLimit: 0\n  completions: ", strconv.Itoa(a.Instances), "\n  parallelism: ", strconv.Itoa(replicas))
	} else {
		p.line("  replicas: ", strconv.Itoa(replicas), "\n  selector:\n    matchLabels:\n      app: ", jsonString(name))
		p.line("  strategy:\n    rollingUpdate:\n      maxUnavailable: 0")
	}
	p.line("  template:\n    metadata:\n      labels:\n        app: ", jsonString(name))
	p.line("    spec:")
	if job {
		p.line("      restartPolicy: Never")
	}
	p.line("      terminationGracePeriodSeconds: ", strconv.FormatInt(int64((a.KillTimeout+999)/1000), 10))
	p.line("      containers:\n        - name: ", jsonString(name))
	p.line("          image: ", jsonString(a.image()))
	p.line("          command: ", quotedList(a.argv(true), kubeString))
	p.line("          workingDir: ", jsonString(a.Cwd))
	a.kubeEnv(p, name)
	if n := a.port(); n > 0 {
		p.line("          ports:\n            - containerPort: ", strconv.Itoa(n))
	}
	if a.MaxMemory > 0 {
		p.line("          resources:\n            limits:\n              memory: ", jsonString(strconv.FormatInt(a.MaxMemory, 10)))
	}
	if !job {
		a.kubeProbe(p, "livenessProbe", a.Health)
		ready := a.Ready
		if ready == nil {
			ready = a.Health
		}
		a.kubeProbe(p, "readinessProbe", ready)
	}
}

func (a app) kubeEnv(p *page, name string) {
	if len(a.env)+len(a.secrets) > 0 {
		p.line("          env:")
	}
	for _, e := range a.env {
		p.line("            - name: ", jsonString(e.key), "\n              value: ", kubeString(e.value))
	}
	for _, k := range a.secrets {
		p.line("            - name: ", jsonString(k))
		p.line("              valueFrom:\n                secretKeyRef:\n                  name: ", jsonString(name+"-secrets"), "\n                  key: ", jsonString(k))
	}
	if len(a.secrets) > 0 {
		p.line("          # kubectl create secret generic ", name, "-secrets --from-literal=NAME=value for each")
	}
	if len(a.EnvFiles) == 0 {
		return
	}
	p.line("          envFrom:")
	for i, f := range a.EnvFiles {
		p.line("            # kubectl create secret generic ", name, "-env-", strconv.Itoa(i), " --from-env-file=", comment(f))
		p.line("            - secretRef:\n                name: ", jsonString(name+"-env-"+strconv.Itoa(i)))
	}
}

func (a app) kubeProbe(p *page, key string, probe *velos.Probe) {
	if probe == nil || probe.Log != "" {
		return
	}
	_, port, path := httpParts(probe.HTTP)
	if probe.TCP != "" {
		port = probe.TCP[strings.LastIndexByte(probe.TCP, ':')+1:]
	}
	n := a.number(port)
	switch {
	case probe.HTTP != "" && n > 0 && !strings.Contains(path, "$"):
		p.line("          ", key, ":\n            httpGet:\n              path: ", jsonString(path), "\n              port: ", strconv.Itoa(n))
	case probe.TCP != "" && n > 0:
		p.line("          ", key, ":\n            tcpSocket:\n              port: ", strconv.Itoa(n))
	default:
		p.line("          ", key, ":\n            exec:\n              command: ", quotedList(checkLine(probe), kubeString))
	}
	seconds := func(name string, v velos.Millis) {
		if v > 0 {
			p.line("            ", name, ": ", strconv.FormatInt(int64((v+999)/1000), 10))
		}
	}
	seconds("periodSeconds", probe.Interval)
	seconds("timeoutSeconds", probe.Timeout)
	seconds("initialDelaySeconds", probe.StartPeriod)
	if probe.Retries > 0 {
		p.line("            failureThreshold: ", strconv.Itoa(probe.Retries))
	}
}

func (a app) kubeService(p *page, port int) {
	name := kubeName(a.Name)
	p.line("apiVersion: v1\nkind: Service\nmetadata:\n  name: ", jsonString(name))
	p.line("spec:\n  selector:\n    app: ", jsonString(name), "\n  ports:\n    - port: ", strconv.Itoa(port), "\n      targetPort: ", strconv.Itoa(port))
}
