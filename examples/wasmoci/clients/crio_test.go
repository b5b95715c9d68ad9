//go:build clients && linux

package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCRIO runs no CRI-O, which Debian does not have, but what CRI-O runs: conmon, and the runtime itself, with the command lines and the
// environment that it gives them (internal/oci/runtime_oci.go of its sources), and reads from them what it reads.
func TestCRIO(t *testing.T) {
	images(t)
	for _, tt := range []struct {
		name  string
		test  func(t *testing.T, s *setup)
		kinds []string
	}{
		{"container", crioContainer, everyKind},
		{"attach", crioAttach, everyKind},
		{"ends", crioEnds, everyKind},
		{"refused", crioRefused, []string{wasm}},
		{"features", crioFeatures, []string{wasm}},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, delegates, tt.test, tt.kinds...) })
	}
	nothingLeft(t)
}

// crio is what it knows of one container.
type crio struct {
	setup               *setup
	id, bundle, dir     string
	log, exits, sockets string
	terminal            bool
	process             map[string]any // of the specification
	pid                 int
}

// crioRoot is where it has the runtime keep its state; XDG_RUNTIME_DIR is all that a runtime has in its environment.
const (
	crioRoot = "/run/wasmoci-crio"
	crioXDG  = "XDG_RUNTIME_DIR=/run/crio-xdg"
)

// newCRIO writes the bundle of a container, which is removed in the end.
func newCRIO(t *testing.T, s *setup, terminal bool, args ...string) *crio {
	t.Helper()
	guest := "guest"
	if s.guest() {
		guest = "guest.wasm"
	}
	c := &crio{setup: s, id: s.newTask(), bundle: newBundle(t, guest), dir: t.TempDir(), terminal: terminal}
	c.log, c.exits, c.sockets = filepath.Join(c.dir, "log"), filepath.Join(c.dir, "exits"), filepath.Join(c.dir, "s")
	if err := mkdirs(c.exits, c.sockets, filepath.Join(c.bundle, "rootfs", "tmp")); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", "cp", filepath.Join(os.Getenv(space), "guests", "guest"), filepath.Join(c.bundle, "rootfs", "native")); r.status != 0 {
		t.Fatal(r.stderr)
	}
	name := filepath.Join(c.bundle, "config.json")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	c.process = config["process"].(map[string]any)
	c.process["args"], c.process["terminal"] = args, terminal
	c.process["env"] = []string{"PATH=/usr/bin", "HOSTNAME=" + c.id}
	config["root"].(map[string]any)["readonly"] = false
	config["annotations"] = map[string]string{
		"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.TTY": strconv.FormatBool(terminal), "io.kubernetes.container.name": "guest",
	}
	if s.kind == wasmtime {
		config["annotations"].(map[string]string)["run.oci.handler"] = wasmtime
	}
	linux := config["linux"].(map[string]any)
	linux["cgroupsPath"] = "/crio/crio-" + c.id
	linux["resources"] = map[string]any{"memory": map[string]any{"limit": 128 << 20}, "pids": map[string]any{"limit": 64}}
	if b, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	write(t, name, string(b))
	return c
}

// conmon runs the monitor with the pipes that it is to tell by, and returns what it has told first.
func (c *crio) conmon(t *testing.T, args ...string) (said struct {
	Pid      int    `json:"pid"`
	ExitCode int    `json:"exit_code"`
	Message  string `json:"message"`
},
) {
	t.Helper()
	told, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	begin, start, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "conmon", args...)
	cmd.Dir = c.bundle
	cmd.ExtraFiles = []*os.File{tell, begin}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", crioXDG}
	err = cmd.Start()
	tell.Close()
	begin.Close()
	if err != nil {
		t.Fatalf("%v: run make deps", err)
	}
	if _, err := start.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it ends like a command that it has run
	if err := told.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(told).Decode(&said); err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return said
}

// create makes the container, and returns what went wrong.
func (c *crio) create(t *testing.T, flags ...string) (message string) {
	t.Helper()
	args := []string{
		"-b", c.bundle, "-c", c.id, "--exit-dir", c.exits, "-l", c.log, "--log-level", "info", "-n", "k8s_guest", "-P", c.bundle + "/conmon-pidfile",
		"-p", c.bundle + "/pidfile", "--persist-dir", c.dir, "-r", c.setup.runtime, "--runtime-arg", "--root=" + crioRoot,
		"--socket-dir-path", c.sockets, "--syslog", "-u", c.id,
	}
	if c.terminal {
		flags = append(flags, "-t")
	}
	said := c.conmon(t, append(args, flags...)...)
	c.pid = said.Pid
	t.Cleanup(func() {
		c.must(t, "delete", "--force", c.id)
		eventually(t, "end of conmon", func() bool { _, err := os.Stat("/proc/" + readFile(c.bundle+"/conmon-pidfile")); return err != nil })
		c.setup.gone(t, c.id)
	})
	return said.Message
}

// runtime runs the runtime itself.
func (c *crio) runtime(t *testing.T, args ...string) result {
	t.Helper()
	return c.runtimeInput(t, "", args...)
}

func (c *crio) runtimeInput(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return run(t, stdin, "env", append([]string{"-i", crioXDG, c.setup.runtime, "--root", crioRoot}, args...)...)
}

// must runs a verb that has to succeed.
func (c *crio) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.runtime(t, args...)
	if r.status != 0 {
		t.Fatalf("%q: status %d, stderr %s", args, r.status, r.stderr)
	}
	return r.stdout
}

// start starts the container, and waits until it has printed something.
func (c *crio) start(t *testing.T, flags ...string) {
	t.Helper()
	if message := c.create(t, flags...); message != "" || c.pid <= 0 {
		t.Fatalf("create: %s", message)
	}
	if state := c.state(t); state.Status != "created" || state.Pid != c.pid {
		t.Errorf("after create: %+v, the process is %d", state, c.pid)
	}
	c.must(t, "start", c.id)
}

type crioState struct {
	Status, Bundle string
	Pid            int
	Annotations    map[string]string
}

func (c *crio) state(t *testing.T) (s crioState) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.must(t, "state", c.id)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// exited waits for the exit status that conmon writes down.
func (c *crio) exited(t *testing.T) string {
	t.Helper()
	eventually(t, "exit file", func() bool { return readFile(filepath.Join(c.exits, c.id)) != "" })
	if state := c.state(t); state.Status != "stopped" {
		t.Errorf("after its end: %+v", state)
	}
	return readFile(filepath.Join(c.exits, c.id))
}

// lines are what a log in the format of Kubernetes has, without times.
func lines(log string) (all string) {
	for line := range strings.Lines(log) {
		_, rest, _ := strings.Cut(line, " ")
		all += rest
	}
	return all
}

func readFile(name string) string {
	b, _ := os.ReadFile(name)
	return string(b)
}

// processFile writes the process of an exec: the container's, with other arguments.
func (c *crio) processFile(t *testing.T, terminal bool, args ...string) string {
	t.Helper()
	process := make(map[string]any)
	for k, v := range c.process {
		process[k] = v
	}
	process["args"], process["terminal"] = args, terminal
	b, err := json.Marshal(process)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "exec-process")
	write(t, name, string(b))
	return name
}

// execSync is how probes run: by a conmon, whose log has the output.
func (c *crio) execSync(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "crio-log")
	said := c.conmon(t, "-c", c.id, "-n", "k8s_guest", "-r", c.setup.runtime, "-p", filepath.Join(dir, "pidfile"), "-e", "-l", log,
		"--socket-dir-path", c.sockets, "--log-level", "info", "--sync", "--log-global-size-max", "16777216", "-T", "10",
		"--exec-process-spec", c.processFile(t, false, args...), "--runtime-arg", "--root="+crioRoot)
	if said.Message != "" {
		t.Errorf("exec %q: %s", args, said.Message)
	}
	return said.ExitCode, lines(readFile(log))
}

func crioContainer(t *testing.T, s *setup) {
	c := newCRIO(t, s, false, "/guest", "tick")
	c.start(t)
	state := c.state(t)
	if state.Status != "running" || state.Pid != c.pid || state.Bundle != c.bundle || state.Annotations["io.kubernetes.container.name"] != "guest" {
		t.Errorf("state %+v; the process is %d, the bundle %s", state, c.pid, c.bundle)
	}
	if groups := readFile(fmt.Sprintf("/proc/%d/cgroup", c.pid)); !strings.Contains(groups, ":memory:/crio/crio-"+c.id+"\n") {
		t.Errorf("the process is in other groups: %s", groups)
	}
	for _, program := range []string{"/guest", "/native"} {
		if status, output := c.execSync(t, program, "exit", "9"); status != 9 || output != "" {
			t.Errorf("exec %s: status %d, %q", program, status, output)
		}
		if status, output := c.execSync(t, program, "both"); status != 0 || !strings.Contains(output, "stdout F to stdout\n") || !strings.Contains(output, "stderr F to stderr\n") {
			t.Errorf("exec %s: status %d, %q", program, status, output)
		}
		// What kubectl exec is: the runtime, without conmon.
		exec := func(terminal bool, args ...string) []string {
			return []string{"exec", "--process", c.processFile(t, terminal, append([]string{program}, args...)...), c.id}
		}
		c.runtimeInput(t, "one\n", exec(false, "echo")...).want(t, 0, "got one\nend\n")
		c.runtime(t, exec(false, "exit", "7")...).want(t, 7, "")
		onTerminal(t, talk, s.runtime, append([]string{"--root", crioRoot}, exec(true, "echo")...)...).shows(t, talked)
	}
	c.must(t, "pause", c.id)
	eventually(t, "pause", func() bool { return c.state(t).Status == "paused" }) // crun does not wait for the kernel
	c.must(t, "resume", c.id)
	before := readFile(c.log)
	eventually(t, "further line", func() bool { return readFile(c.log) != before })
	if r := c.runtimeInput(t, `{"memory": {"limit": 268435456}}`, "update", "--resources", "-", c.id); r.status != 0 {
		t.Errorf("update: %s", r.stderr)
	}
	if limit := readFile("/sys/fs/cgroup/memory/crio/crio-" + c.id + "/memory.limit_in_bytes"); limit != "268435456\n" {
		t.Errorf("limit %q after update", limit)
	}
	c.must(t, "kill", c.id, "TERM")
	if status := c.exited(t); status != "143" {
		t.Errorf("status %s, want 143", status)
	}
	if log := lines(readFile(c.log)); !strings.HasPrefix(log, "stdout F 0\nstdout F 1\n") {
		t.Errorf("log %q", log)
	}
	if r := c.runtime(t, "kill", c.id, "KILL"); r.status == 0 || !gone(r.stderr) {
		t.Errorf("a container that has ended: status %d, stderr %q", r.status, r.stderr)
	}
	c.must(t, "delete", "--force", c.id)
	c.must(t, "delete", "--force", c.id) // as CRI-O does, who does not know whether it has
	if r := c.runtime(t, "state", c.id); r.status == 0 {
		t.Errorf("there is still a state: %s", r.stdout)
	}
}

// gone says whether CRI-O takes a message to say that there is no process. The crun of Debian 12 begins it with a capital.
func gone(message string) bool {
	for _, text := range []string{"no such process", "container not running", "invalid process"} {
		if strings.Contains(strings.ToLower(message), text) {
			return true
		}
	}
	return false
}

// crioAttach: standard input and a terminal go by conmon's socket.
func crioAttach(t *testing.T, s *setup) {
	for _, terminal := range []bool{false, true} {
		c := newCRIO(t, s, terminal, "/guest", "echo")
		var flags []string
		if !terminal {
			flags = []string{"--leave-stdin-open", "-i"}
		}
		c.start(t, flags...)
		conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: filepath.Join(c.sockets, c.id, "attach"), Net: "unixpacket"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("one\n")); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		var shown string
		for buf := make([]byte, 8192); !strings.Contains(shown, "got one"); {
			n, err := conn.Read(buf)
			if err != nil || n == 0 {
				t.Fatalf("terminal %t: the container has written %q, %v", terminal, shown, err)
			}
			shown += string(buf[1:n]) // the first byte names the stream
		}
		c.must(t, "kill", c.id, "15")
		if status := c.exited(t); status != "143" {
			t.Errorf("terminal %t: status %s, want 143", terminal, status)
		}
	}
}

func crioEnds(t *testing.T, s *setup) {
	for _, tt := range []struct {
		name   string
		args   []string
		end    func(c *crio)
		status string
	}{
		{"by itself", []string{"exit", "7"}, func(*crio) {}, "7"},
		{"killed by CRI-O", []string{"loop"}, func(c *crio) { c.must(t, "kill", c.id, "KILL") }, "137"},
		{"all killed", []string{"loop"}, func(c *crio) { c.must(t, "kill", "-a", c.id, "9") }, "137"},
		{"killed by others", []string{"sleep"}, func(c *crio) { _ = syscall.Kill(c.pid, syscall.SIGKILL) }, "137"},
	} {
		c := newCRIO(t, s, false, append([]string{"/guest"}, tt.args...)...)
		c.start(t)
		tt.end(c)
		if status := c.exited(t); status != tt.status {
			t.Errorf("%s: status %s, want %s", tt.name, status, tt.status)
		}
	}
}

// crioRefused: why there is no container is what conmon tells.
func crioRefused(t *testing.T, s *setup) {
	c := newCRIO(t, s, false, "/none.wasm")
	if message := c.create(t); c.pid != -1 || !strings.Contains(message, "/none.wasm") {
		t.Errorf("create of a container without a module: process %d, %q", c.pid, message)
	}
}

// crioFeatures is what CRI-O asks for when it starts.
func crioFeatures(t *testing.T, s *setup) {
	if r := run(t, "", "env", "-i", crioXDG, s.runtime, "--version"); r.status != 0 || !strings.HasPrefix(r.stdout, "wasmoci ") {
		t.Errorf("--version: status %d, %q, stderr %s", r.status, r.stdout, r.stderr)
	}
	var about struct{ OCIVersionMin, OCIVersionMax string }
	r := run(t, "", "env", "-i", crioXDG, s.runtime, "features")
	if err := json.Unmarshal([]byte(r.stdout), &about); r.status != 0 || err != nil || about.OCIVersionMin == "" {
		t.Errorf("features: status %d, %q, %v, stderr %s", r.status, r.stdout, err, r.stderr)
	}
}
