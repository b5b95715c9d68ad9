//go:build clients && linux

package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// machine is what containerd's configuration, of each version, has to have beside the guide's: the image of the pause container, where
// there is no registry, and what a machine wants that may not make a process less likely to be killed.
var machine = map[int]string{
	2: `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:latest"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.bare]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.bare.options]
  BinaryName = "crun"
`,
	3: `
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:latest"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.bare]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.bare.options]
  BinaryName = "crun"
`,
}

// cluster is the configuration of the guide for the containerd that is installed.
func cluster(t *testing.T) string {
	t.Helper()
	version := 2
	if r := run(t, "", "containerd", "--version"); regexp.MustCompile(` v?2\.\d+\.\d`).MatchString(r.stdout) {
		version = 3
	}
	return configurations(t, "containerd.md")[version-2] + machine[version]
}

// configurations are those in a guide, in their order.
func configurations(t *testing.T, guide string) (all []string) {
	t.Helper()
	b, err := os.ReadFile("../../../docs/" + guide)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)(?:```toml|config.toml <<'END')\n(.*?)(?:```|END\n)").FindAllStringSubmatch(string(b), -1) {
		all = append(all, m[1])
	}
	return all
}

// TestConfigurations: what the guides say to containerd of each version, to k3s and to CRI-O is the same, and what the tests use.
func TestConfigurations(t *testing.T) {
	type runtime struct {
		Type    string   `toml:"runtime_type"`
		Pod     []string `toml:"pod_annotations"`
		Own     []string `toml:"container_annotations"`
		Options struct {
			BinaryName    string
			SystemdCgroup bool
		}
	}
	of := func(config, plugin string) runtime {
		t.Helper()
		var about struct {
			Plugins map[string]struct {
				Containerd struct{ Runtimes map[string]runtime }
			}
		}
		if err := toml.Unmarshal([]byte(config), &about); err != nil {
			t.Fatalf("%v in\n%s", err, config)
		}
		return about.Plugins[plugin].Containerd.Runtimes["wasmoci"]
	}
	const v2, v3 = "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"
	guide, k3s, crio := configurations(t, "containerd.md"), configurations(t, "kubernetes.md"), configurations(t, "cri-o.md")
	if len(guide) != 2 || len(k3s) != 1 || len(crio) != 1 {
		t.Fatalf("%d, %d and %d configurations", len(guide), len(k3s), len(crio))
	}
	want := of(guide[0], v2)
	if want.Type != "io.containerd.runc.v2" || want.Options.BinaryName != ours || len(want.Pod) != 2 || !reflect.DeepEqual(want.Pod, want.Own) {
		t.Errorf("version 2: %+v", want)
	}
	filled := strings.NewReplacer(`{{ template "base" . }}`, "", "{{ .SystemdCgroup }}", "false").Replace(k3s[0])
	for name, got := range map[string]runtime{"version 3": of(guide[1], v3), "k3s": of(filled, v3)} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	var dropIn struct {
		Crio struct {
			Runtime struct{ Runtimes map[string]map[string]string }
		}
	}
	if err := toml.Unmarshal([]byte(crio[0]), &dropIn); err != nil {
		t.Fatal(err)
	}
	monitor, err := exec.LookPath("conmon")
	if err != nil {
		t.Fatalf("%v: run make deps", err)
	}
	wanted := map[string]string{"runtime_path": ours, "runtime_type": "oci", "runtime_root": crioRoot, "monitor_path": monitor}
	if got := dropIn.Crio.Runtime.Runtimes["wasmoci"]; !reflect.DeepEqual(got, wanted) {
		t.Errorf("CRI-O: %v, want %v", got, wanted)
	}
}

// network is that of the pods of one node.
const network = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local",
"dataDir": "/run/cni-ipam", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}`

// TestCRI: what Kubernetes does. A kubelet that is the tests' own has containerd run pods of native and WebAssembly containers.
func TestCRI(t *testing.T) {
	images(t)
	write(t, "/etc/cni/net.d/10-pods.conflist", network)
	d := startContainerd(t, cluster(t), "k8s.io", "pause", "native", "wasm", "server")
	eventually(t, "answer of the CRI", func() bool { return kubelet(t, "status", "none").status == 0 })
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *setup)
	}{
		{"pod", criPod},
		{"ends", criEnds},
		{"shared processes", criShared},
		{"server", criServer},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, delegates, tt.test, wasm, wasmtime) })
	}
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *setup)
	}{
		{"exec", criExec},
		{"attach", criAttach},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, delegates, tt.test, everyKind...) })
	}
	t.Run("refused", func(t *testing.T) { each(t, either, criRefused, wasm) })
	d.stop(t)
	nothingLeft(t)
}

// kubelet runs the tests' own.
func kubelet(t *testing.T, args ...string) result {
	t.Helper()
	line := kubeletLine(args...)
	return run(t, "", line[0], line[1:]...)
}

func kubeletLine(args ...string) []string {
	return append([]string{filepath.Join(os.Getenv(space), "kubelet"), "/run/containerd/containerd.sock"}, args...)
}

// pod is one that runs.
type pod struct {
	name, manifest string
	ids            map[string]string // of the containers by their names, and of the pod itself
}

// newPod runs a pod of the setup's engine, with more annotations, whose containers the manifest lists. It is removed in the end, and then nothing of it is left.
func (s *setup) newPod(t *testing.T, what, spec string, annotations ...string) *pod {
	t.Helper()
	p := &pod{s.name(what), filepath.Join(t.TempDir(), "pod.yaml"), make(map[string]string)}
	handler, class := "wasm", "wasmoci"
	switch s.kind {
	case wasmtime:
		handler = wasmtime
	case bare:
		class = bare
	}
	write(t, p.manifest, fmt.Sprintf(`apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata:
  name: wasm
handler: %s
---
apiVersion: v1
kind: Pod
metadata:
  name: %s
  annotations:
    run.oci.handler: %s
spec:
  runtimeClassName: wasm
%s`, class, p.name, strings.Join(append([]string{handler}, annotations...), "\n    "), spec))
	r := kubelet(t, "apply", p.manifest)
	t.Cleanup(func() { p.remove(t, s) })
	for line := range strings.Lines(r.stdout) {
		if name, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			p.ids[name] = id
		}
	}
	if r.status != 0 {
		t.Fatalf("apply: %s", r.stderr)
	}
	return p
}

func (p *pod) remove(t *testing.T, s *setup) {
	t.Helper()
	if r := kubelet(t, "delete", p.name); r.status != 0 {
		t.Errorf("delete: %s", r.stderr)
	}
	for _, id := range p.ids {
		s.gone(t, id)
	}
}

// do runs a verb of the kubelet about the pod, which has to succeed.
func (p *pod) do(t *testing.T, verb string, args ...string) string {
	t.Helper()
	r := kubelet(t, append([]string{verb, p.name}, args...)...)
	if r.status != 0 {
		t.Fatalf("%s %q: status %d, stderr %s", verb, args, r.status, r.stderr)
	}
	return r.stdout
}

func (p *pod) exec(t *testing.T, container string, command ...string) result {
	t.Helper()
	return kubelet(t, append([]string{"exec-sync", p.name, container}, command...)...)
}

// process is the number of a container's process, or of the pause container's.
func (p *pod) process(t *testing.T, container ...string) string {
	t.Helper()
	return strings.TrimSpace(p.do(t, "pid", container...))
}

// state waits until a container is in a state, and returns its exit status and the reason.
func (p *pod) state(t *testing.T, container, state string) string {
	t.Helper()
	var rest string
	eventually(t, state+" of "+container, func() bool {
		for line := range strings.Lines(p.do(t, "status")) {
			if text, ok := strings.CutPrefix(line, container+" "+state+" "); ok {
				rest = strings.TrimSpace(text)
				return true
			}
		}
		return false
	})
	return rest
}

// criPod: a pod with a pause container and a sidecar that are native, whatever the pod's annotations say, and a guest.
func criPod(t *testing.T, s *setup) {
	p := s.newPod(t, "pod", `  volumes:
  - name: shared
    emptyDir: {}
  containers:
  - name: guest
    image: localhost/wasm:latest
    args: ["sleep"]
    env:
    - name: FOO
      value: bar
    resources:
      limits:
        memory: 128Mi
        cpu: 500m
    volumeMounts:
    - name: shared
      mountPath: /shared
    livenessProbe:
      exec:
        command: ["/guest", "exit", "0"]
    readinessProbe:
      exec:
        command: ["/guest", "cat", "/shared/ready"]
  - name: sidecar
    image: localhost/native:latest
    args: ["sleep"]
    volumeMounts:
    - name: shared
      mountPath: /shared
    livenessProbe:
      exec:
        command: ["/guest", "exit", "3"]
`)
	for _, container := range []string{"guest", "sidecar"} {
		p.state(t, container, "running")
		eventually(t, "line in the log of "+container, func() bool { return p.do(t, "logs", container) == "stdout F ready\n" })
		p.exec(t, container, "/guest", "cat", "/etc/hostname").want(t, 0, p.name+"\n")
	}
	if exe, err := os.Readlink("/proc/" + p.process(t) + "/exe"); exe != "/pause" {
		t.Errorf("the pause container is not native: it runs %q, %v", exe, err)
	}
	if got := p.exec(t, "sidecar", "/guest", "cat", "/proc/sys/kernel/ostype"); got.stdout != "Linux\n" {
		t.Errorf("the sidecar is not native: %q %s", got.stdout, got.stderr)
	}
	if got := p.exec(t, "guest", "/guest", "cat", "/proc/sys/kernel/ostype"); got.status != 1 {
		t.Errorf("the guest is native: %q %s", got.stdout, got.stderr)
	}
	// Exec, which probes are made of.
	p.exec(t, "guest", "/guest", "exit", "9").want(t, 9, "")
	p.exec(t, "guest", "/native", "exit", "9").want(t, 9, "")
	r := p.exec(t, "guest", "/guest", "both")
	if r.want(t, 0, "to stdout\n"); r.stderr != "to stderr\n" {
		t.Errorf("stderr %q", r.stderr)
	}
	if r := p.exec(t, "guest", "/guest", "env"); !strings.Contains(r.stdout, "FOO=bar\n") || strings.Contains(r.stdout, "WASMOCI") {
		t.Errorf("environment %q, stderr %s", r.stdout, r.stderr)
	}
	probes := func() result { return kubelet(t, "probe", p.manifest) }
	if r := probes(); r.status != 0 || !strings.Contains(r.stdout, "guest liveness 0\n") || !strings.Contains(r.stdout, "guest readiness 1\n") || !strings.Contains(r.stdout, "sidecar liveness 3\n") {
		t.Errorf("probes: status %d, %q, stderr %s", r.status, r.stdout, r.stderr)
	}
	p.exec(t, "sidecar", "/guest", "write", "/shared/ready", "now").want(t, 0, "")
	if r := probes(); !strings.Contains(r.stdout, "guest readiness 0\n") {
		t.Errorf("probes when it is ready: %q, stderr %s", r.stdout, r.stderr)
	}
	s.surroundings(t, p)
	// Both get their signal, long before the grace period ends.
	for _, container := range []string{"guest", "sidecar"} {
		begun := time.Now()
		p.do(t, "stop", container, "50")
		if took, ended := time.Since(begun), p.state(t, container, "exited"); took > 20*time.Second || ended != "143 Error" {
			t.Errorf("stop of %s took %v, it ended with %s", container, took, ended)
		}
	}
}

// surroundings: the guest's process is where the pod is: in its namespaces, and in its control group, whose limits can be changed.
func (s *setup) surroundings(t *testing.T, p *pod) {
	guest, pause := p.process(t, "guest"), p.process(t)
	p.engine(t, "guest", s.engine())
	for _, ns := range []string{"net", "ipc", "uts"} {
		in, err := os.Readlink("/proc/" + guest + "/ns/" + ns)
		with, perr := os.Readlink("/proc/" + pause + "/ns/" + ns)
		outside, oerr := os.Readlink("/proc/self/ns/" + ns)
		if err != nil || perr != nil || oerr != nil || in != with || in == outside {
			t.Errorf("the guest is in %q, %v; the pod in %q, %v; the node in %q, %v", in, err, with, perr, outside, oerr)
		}
	}
	if r := run(t, "", "nsenter", "--target", guest, "--net", "cat", "/proc/self/net/fib_trie"); !strings.Contains(r.stdout, "10.88.") {
		t.Errorf("the guest has no address of the pods' network: %s%s", r.stdout, r.stderr)
	}
	groups, err := os.ReadFile("/proc/" + guest + "/cgroup")
	group := "/kubepods/besteffort/poduid-of-" + p.name + "/" + p.ids["guest"]
	if err != nil || !strings.Contains(string(groups), ":memory:"+group+"\n") || !strings.Contains(string(groups), ":pids:"+group+"\n") {
		t.Errorf("the guest's process is not in the pod's group: %s, %v", groups, err)
	}
	limit := func() string {
		b, err := os.ReadFile("/sys/fs/cgroup/memory" + group + "/memory.limit_in_bytes")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	if got := limit(); got != "134217728" {
		t.Errorf("memory limit %s", got)
	}
	p.do(t, "update", "guest", "268435456")
	if got := limit(); got != "268435456" {
		t.Errorf("memory limit %s after update", got)
	}
	fields := strings.Fields(p.do(t, "stats", "guest"))
	if len(fields) != 2 {
		t.Fatalf("statistics %q", fields)
	}
	for i, least := range []int{64 << 10, 1} { // bytes, nanoseconds
		if n, err := strconv.Atoi(fields[i]); err != nil || n < least {
			t.Errorf("statistics %q", fields)
		}
	}
}

// engine is the name of the one that the setup's guests run on.
func (s *setup) engine() string {
	if s.kind == wasmtime {
		return wasmtime
	}
	return "wazero"
}

// engine looks whether a container runs on an engine, which an annotation has named.
func (p *pod) engine(t *testing.T, container, engine string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/" + p.process(t, container) + "/mountinfo")
	if err != nil || !strings.Contains(string(mounts), "/runner-"+engine+" ") {
		t.Errorf("%s does not run on %s: %s, %v", container, engine, mounts, err)
	}
	r := run(t, "", ours, "--root", "/run/containerd/runc/k8s.io", "state", p.ids[container])
	var about struct {
		Status, Bundle string
		Annotations    map[string]string
	}
	if err := json.Unmarshal([]byte(r.stdout), &about); err != nil {
		t.Fatalf("state: %v, %s", err, r.stderr)
	}
	if handler := about.Annotations["run.oci.handler"]; about.Status != "running" || filepath.Base(about.Bundle) != p.ids[container] || handler != engine && handler != "wasm" {
		t.Errorf("state of %s: %+v", container, about)
	}
}

// criEnds: how containers end by themselves, or are ended from outside.
func criEnds(t *testing.T, s *setup) {
	var spec strings.Builder
	spec.WriteString("  restartPolicy: Never\n  containers:\n")
	for name, args := range map[string]string{
		"completed": `["exit", "0"]`, "failed": `["exit", "7"]`, "trap": `["trap"]`, "killed": `["sleep"]`, "loop": `["loop"]`, "fill": `["fill"]`,
		"readonly": `["write", "/file", "x"]`,
	} {
		fmt.Fprintf(&spec, "  - name: %s\n    image: localhost/wasm:latest\n    args: %s\n", name, args)
		switch name {
		case "fill":
			spec.WriteString("    resources:\n      limits:\n        memory: 64Mi\n")
		case "readonly":
			spec.WriteString("    securityContext:\n      readOnlyRootFilesystem: true\n      runAsUser: 1000\n")
		}
	}
	p := s.newPod(t, "ends", spec.String())
	p.state(t, "killed", "running")
	kill(t, p.process(t, "killed"))
	eventually(t, "start of the loop", func() bool { return p.do(t, "logs", "loop") == "stdout F ready\n" })
	p.do(t, "stop", "loop", "50")
	for name, want := range map[string]string{
		"completed": "0 Completed", "failed": "7 Error", "trap": "134 Error", "killed": "137 Error", "loop": "143 Error", "fill": "0 Completed", "readonly": "1 Error",
	} {
		if got := p.state(t, name, "exited"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if log := p.do(t, "logs", "trap"); !regexp.MustCompile(`(?m)^stderr F .*unreachable`).MatchString(log) || !strings.Contains(log, "stumble") {
		t.Errorf("the log of the trap is %q", log)
	}
	m := regexp.MustCompile(`^stdout F (\d+)\n$`).FindStringSubmatch(p.do(t, "logs", "fill"))
	if m == nil || len(m[1]) != 2 {
		t.Errorf("of 64 MiB the guest had %q", m)
	}
	if log := p.do(t, "logs", "readonly"); log != "stdout F /file: Read-only file system\n" {
		t.Errorf("the log of what is read-only is %q", log)
	}
}

// criShared: guests that are not the first processes of their namespace, and one with an annotation of its own.
func criShared(t *testing.T, s *setup) {
	other := map[string]string{wasm: wasmtime, wasmtime: "wazero"}[s.kind]
	p := s.newPod(t, "shared", `  shareProcessNamespace: true
  hostNetwork: true
  containers:
  - name: guest
    image: localhost/wasm:latest
    command: ["/guest"]
    args: ["sleep"]
  - name: other
    image: localhost/wasm:latest
    args: ["sleep"]
  - name: sidecar
    image: localhost/native:latest
    args: ["sleep"]
`, "containers.kubelet/other_run.oci.handler: "+other)
	eventually(t, "line in the log", func() bool { return p.do(t, "logs", "guest") == "stdout F ready\n" })
	if r := p.exec(t, "sidecar", "/guest", "cat", "/proc/1/cmdline"); r.stdout != "/pause\x00" {
		t.Errorf("process 1 is %q, stderr %s", r.stdout, r.stderr)
	}
	p.engine(t, "guest", s.engine())
	p.engine(t, "other", other)
	p.exec(t, "guest", "/guest", "exit", "9").want(t, 9, "")
	p.do(t, "stop", "guest", "50")
	if got := p.state(t, "guest", "exited"); got != "143 Error" {
		t.Errorf("it ended with %s", got)
	}
}

// criServer: a Go program with net/http serves at the pod's address, by a port of the operator's for containers of that name.
func criServer(t *testing.T, s *setup) {
	p := s.newPod(t, "server", `  containers:
  - name: web
    image: localhost/server:latest
  - name: sidecar
    image: localhost/native:latest
    args: ["sleep"]
`)
	routes, err := os.ReadFile("/proc/" + p.process(t, "web") + "/net/fib_trie")
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`(10\.88\.\d+\.\d+)\n +/32 host LOCAL`).FindSubmatch(routes)
	if address == nil {
		t.Fatalf("the pod has no address:\n%s", routes)
	}
	for i := range 100 {
		url := fmt.Sprintf("http://%s:8082/greet?name=%d", address[1], i)
		if text, want := s.get(t, url), fmt.Sprintf("hello, %d\n", i); text != want {
			t.Fatalf("got %q, want %q", text, want)
		}
	}
	p.do(t, "stop", "web", "50")
	if got := p.state(t, "web", "exited"); got != "143 Error" {
		t.Errorf("it ended with %s", got)
	}
}

// criRefused: Kubernetes shows why there is no container.
func criRefused(t *testing.T, s *setup) {
	manifest := filepath.Join(t.TempDir(), "pod.yaml")
	write(t, manifest, `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata:
  name: wasm
handler: wasmoci
---
apiVersion: v1
kind: Pod
metadata:
  name: refused
  annotations:
    run.oci.handler: wasmedge
spec:
  runtimeClassName: wasm
  containers:
  - name: guest
    image: localhost/wasm:latest
`)
	r := kubelet(t, "apply", manifest)
	defer (&pod{name: "refused"}).remove(t, s)
	if r.status == 0 || !strings.Contains(r.stderr, "wasmedge") || !strings.Contains(r.stderr, "installed are wasmtime, wazero") {
		t.Errorf("status %d, stderr %s", r.status, r.stderr)
	}
}
