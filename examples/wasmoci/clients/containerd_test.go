//go:build clients && linux

package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// containerd is a daemon of this mount namespace, in whose /run, /var and /etc nothing else is.
type containerd struct {
	process   *exec.Cmd
	log       string
	namespace string
}

// startContainerd starts a daemon with a configuration, and imports the tests' images for clients of a namespace. It ends with the
// test, or before by stop.
func startContainerd(t *testing.T, config, namespace string, names ...string) *containerd {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.toml"), config)
	d := &containerd{exec.Command("containerd", "--config", filepath.Join(dir, "config.toml")), filepath.Join(dir, "log"), namespace}
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.process.Stdout, d.process.Stderr = log, log
	d.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.process.Start(); err != nil {
		t.Fatalf("%v: run make deps", err)
	}
	t.Cleanup(func() { d.stop(t) })
	eventually(t, "answer of containerd", func() bool { return run(t, "", "ctr", "version").status == 0 })
	t.Log(strings.TrimSpace(run(t, "", "containerd", "--version").stdout))
	importImages(t, namespace, names...)
	return d
}

// importImages gives images that buildah has made to the clients of a namespace.
func importImages(t *testing.T, namespace string, names ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		archive := filepath.Join(dir, name+".tar")
		if err := command(shell(fmt.Sprintf("buildah push --quiet localhost/%s oci-archive:%s:localhost/%s:latest && ctr --namespace %s images import %s",
			name, archive, name, namespace, archive))); err != nil {
			t.Fatal(err)
		}
	}
}

// stop ends the daemon. What it has said is of interest where the test has failed.
func (d *containerd) stop(t *testing.T) {
	t.Helper()
	if d.process == nil {
		return
	}
	if r := run(t, "", "sh", "-c", fmt.Sprintf("ctr --namespace %[1]s images list --quiet | xargs -r ctr --namespace %[1]s images remove --sync", d.namespace)); r.status != 0 {
		t.Errorf("images of containerd: %s", r.stderr)
	}
	_ = d.process.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = d.process.Process.Kill() })
	if err := d.process.Wait(); err != nil {
		t.Errorf("containerd ended with %v", err)
	}
	late.Stop()
	d.process = nil
	if log, err := os.ReadFile(d.log); t.Failed() && err == nil {
		lines := bytes.Split(log, []byte("\n"))
		t.Logf("containerd's log ends with\n%s", bytes.Join(lines[max(0, len(lines)-30):], []byte("\n")))
	}
}

// minimal is a configuration without Kubernetes.
const minimal = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`

// TestContainerd: what a user of ctr does. It calls the runtime by containerd's shim, as all of containerd's clients do.
func TestContainerd(t *testing.T) {
	images(t)
	d := startContainerd(t, minimal, "default", "native", "wasm", "wasmtime", "marked", "neither", "damaged")
	for _, tt := range []struct {
		name      string
		delegates []string
		test      func(t *testing.T, s *setup)
		kinds     []string
	}{
		{"exit status", delegates, taskStatus, everyKind},
		{"streams", either, taskStreams, everyKind},
		{"environment", either, taskEnvironment, everyKind},
		{"mounts", either, taskMounts, everyKind},
		{"seccomp, namespaces, privileges", delegates, taskProfiles, everyKind},
		{"terminal and attach", delegates, taskTerminal, everyKind},
		{"exec", delegates, taskExec, everyKind},
		{"signals", delegates, taskSignals, everyKind},
		{"pause", delegates, taskPause, everyKind},
		{"metrics", delegates, taskMetrics, everyKind},
		{"crash of the process", delegates, taskCrash, everyKind},
		{"crash of the shim", delegates, shimCrash, everyKind},
		{"trap", either, taskTrap, []string{wasm, wasmtime}},
		{"memory", delegates, taskMemory, []string{wasm, wasmtime}},
		{"choice", either, taskChoice, []string{wasm}},
		{"not runnable", delegates, taskRefused, []string{wasm}},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, tt.delegates, tt.test, tt.kinds...) })
	}
	if r := run(t, "", "ctr", "containers", "list", "--quiet"); r.status != 0 || r.stdout != "" {
		t.Errorf("containers are left: %s%s", r.stdout, r.stderr)
	}
	d.stop(t)
	nothingLeft(t)
}

var everyKind = []string{bare, native, wasm, wasmtime}

// runcRoot is another root directory for the delegate than containerd's own choice.
const runcRoot = "/run/other-root"

// newTask is the name of a container that there was not before.
func (s *setup) newTask() string { return fmt.Sprintf("task-%s-%d", s.kind, tasks.Add(1)) }

var tasks atomic.Int64

// ctrRun are the arguments of ctr that make a container of the setup's image, and run it.
func (s *setup) ctrRun(id string, flags []string, args ...string) []string {
	line := []string{"run", "--runc-binary", s.runtime, "--runc-root", runcRoot}
	if s.kind == wasmtime { // ctr does not look at the image's annotations
		line = append(line, "--annotation", "run.oci.handler=wasmtime")
	}
	return append(append(append(line, flags...), s.image+":latest", id), args...)
}

// task runs a container in the foreground, after which nothing of it may be left.
func (s *setup) task(t *testing.T, flags []string, args ...string) result {
	t.Helper()
	id := s.newTask()
	r := run(t, "", "ctr", s.ctrRun(id, append([]string{"--rm"}, flags...), args...)...)
	s.gone(t, id)
	return r
}

// detachedTask starts a container, waits until it has printed something, and returns its name and the file it prints to.
func (s *setup) detachedTask(t *testing.T, flags []string, args ...string) (id, log string) {
	t.Helper()
	id, log = s.newTask(), filepath.Join(t.TempDir(), "log")
	if r := run(t, "", "ctr", s.ctrRun(id, append([]string{"--detach", "--log-uri", "file://" + log}, flags...), args...)...); r.status != 0 {
		t.Fatalf("ctr run: status %d, stderr %s", r.status, r.stderr)
	}
	eventually(t, "output", func() bool { b, _ := os.ReadFile(log); return len(b) > 0 })
	return id, log
}

// ctr runs a command that has to succeed.
func ctr(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, "", "ctr", args...)
	if r.status != 0 {
		t.Fatalf("ctr %s: status %d, stderr %s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}

// taskState is a task's process and state as ctr shows them.
func taskState(t *testing.T, id string) (pid, state string) {
	t.Helper()
	for line := range strings.Lines(ctr(t, "task", "list")) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == id {
			return fields[1], fields[2]
		}
	}
	return "", ""
}

// ended waits for the end of a task, removes it and its container, and returns the exit status that containerd tells.
func (s *setup) ended(t *testing.T, id string) string {
	t.Helper()
	eventually(t, "end of "+id, func() bool { _, state := taskState(t, id); return state == "STOPPED" })
	r := run(t, "", "ctr", "task", "delete", id)
	ctr(t, "container", "delete", id)
	s.gone(t, id)
	if m := exitCode.FindStringSubmatch(r.stderr); m != nil {
		return m[1]
	}
	return strconv.Itoa(r.status)
}

var exitCode = regexp.MustCompile(`exit with non-zero exit code (\d+)`)

// gone waits until nothing has a container's name: no process, mount, control group or file of a runtime.
func (s *setup) gone(t *testing.T, id string) {
	t.Helper()
	var left []string
	deadline := time.Now().Add(patience)
	for left = leftOf(t, id); len(left) > 0 && time.Now().Before(deadline); left = leftOf(t, id) {
		time.Sleep(20 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Fatalf("of %s there is left: %q", id, left)
	}
}

// leftOf is what has a container's name.
func leftOf(t *testing.T, id string) (left []string) {
	t.Helper()
	named := regexp.MustCompile(`\b` + regexp.QuoteMeta(id) + `\b`)
	for _, line := range processes(t) {
		if named.MatchString(line) {
			left = append(left, line)
		}
	}
	for _, dir := range []string{"/run", "/var/cache/wasmoci", "/sys/fs/cgroup"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // others end meanwhile
				return nil
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "rootfs" || path == "/sys/fs/cgroup/unified"): // see mounts
				return fs.SkipDir
			case named.MatchString(d.Name()):
				left = append(left, path)
				return fs.SkipDir
			}
			return nil
		})
		if err != nil && !errors.Is(err, syscall.ENODEV) { // a group that has just been removed
			t.Fatal(err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if named.MatchString(line) {
			left = append(left, line)
		}
	}
	return left
}

func taskStatus(t *testing.T, s *setup) {
	for _, status := range []int{0, 7, 125, 255} {
		s.task(t, nil, "/guest", "exit", strconv.Itoa(status)).want(t, status, "")
	}
}

func taskStreams(t *testing.T, s *setup) {
	r := s.task(t, nil, "/guest", "both")
	r.want(t, 0, "to stdout\n")
	if r.stderr != "to stderr\n" {
		t.Errorf("stderr %q", r.stderr)
	}
}

// taskEnvironment: a guest has what the client has given, and nothing of the daemon's.
func taskEnvironment(t *testing.T, s *setup) {
	r := s.task(t, []string{"--env", "FOO=bar", "--cwd", "/tmp"}, "/guest", "env")
	want := "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nFOO=bar\n"
	if s.guest() {
		want += "PWD=/tmp\n" // by which it knows its working directory
	} else {
		want += "HOME=/\n" // crun's
	}
	r.want(t, 0, want)
}

func taskMounts(t *testing.T, s *setup) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "of the host\n")
	bind := func(options string) []string {
		return []string{"--read-only", "--mount", "type=bind,src=" + dir + ",dst=/data,options=rbind:" + options}
	}
	s.task(t, bind("ro"), "/guest", "cat", "/data/file").want(t, 0, "of the host\n")
	s.task(t, bind("ro"), "/guest", "write", "/data/file", "x").want(t, 1, "/data/file: Read-only file system\n")
	s.task(t, bind("rw"), "/guest", "write", "/data/file", "of the guest\n").want(t, 0, "")
	s.task(t, bind("rw"), "/guest", "cat", "/data/file").want(t, 0, "of the guest\n")
	s.task(t, bind("rw"), "/guest", "write", "/file", "x").want(t, 1, "/file: Read-only file system\n")
}

// taskProfiles: what ctr can make of a container's surroundings changes nothing for a program that needs none of it.
func taskProfiles(t *testing.T, s *setup) {
	for _, flags := range [][]string{
		{"--seccomp"},
		{"--net-host"},
		{"--privileged", "--allow-new-privs"},
		{"--cap-drop", "CAP_KILL", "--cpus", "0.5"},
		{"--with-ns", "uts:/proc/1/ns/uts", "--with-ns", "ipc:/proc/1/ns/ipc"},
		{"--cgroup", "default/elsewhere/" + s.kind},
	} {
		r := s.task(t, flags, "/guest", "exit", "7")
		if r.status != 7 {
			t.Errorf("%v: status %d, stderr %s", flags, r.status, r.stderr)
		}
	}
}

// taskTerminal does not look at a program's last words: containerd's shim may close a terminal before it has read all that was written.
func taskTerminal(t *testing.T, s *setup) {
	id := s.newTask()
	onTerminal(t, talk, "ctr", s.ctrRun(id, []string{"--rm", "--tty"}, "/guest", "echo")...).shows(t, talked)
	s.gone(t, id)
	s.task(t, nil, "/guest", "tty").want(t, 0, "000\n")
	id = s.newTask()
	onTerminal(t, nil, "ctr", s.ctrRun(id, []string{"--detach", "--tty"}, "/guest", "echo")...).shows(t, "")
	onTerminal(t, talk, "ctr", "task", "attach", id).shows(t, talked)
	ctr(t, "container", "delete", id) // attach has removed the task
	s.gone(t, id)
}

// A dialog with a program that answers each line, and what the terminal then shows: it, too, has echoed the line.
var talk, talked = []exchange{{send: "one\n", await: "got one"}, {send: "\004"}}, "one\ngot one\n"

// shows looks for what a command has written to its terminal.
func (r result) shows(t *testing.T, output string) {
	t.Helper()
	if r.status != 0 || !strings.Contains(strings.ReplaceAll(r.stdout, "\r", ""), output) {
		t.Errorf("status %d, the terminal shows %q, not %q", r.status, r.stdout, output)
	}
}

// taskExec: another run of the guest in the container, and a native program of the image.
func taskExec(t *testing.T, s *setup) {
	id, _ := s.detachedTask(t, []string{"--env", "FOO=bar"}, "/guest", "sleep")
	do := func(flags []string, args ...string) result {
		line := append([]string{"task", "exec", "--exec-id", s.newTask()}, flags...)
		return run(t, "", "ctr", append(append(line, id), args...)...)
	}
	for _, program := range []string{"/guest", "/native"} {
		for _, status := range []int{0, 9, 255} {
			do(nil, program, "exit", strconv.Itoa(status)).want(t, status, "")
		}
		r := do(nil, program, "both")
		r.want(t, 0, "to stdout\n")
		if r.stderr != "to stderr\n" {
			t.Errorf("%s: stderr %q", program, r.stderr)
		}
		if r := do([]string{"--cwd", "/tmp"}, program, "env"); r.status != 0 || !strings.Contains(r.stdout, "FOO=bar\n") || strings.Contains(r.stdout, "WASMOCI") {
			t.Errorf("%s: status %d, env %q, stderr %s", program, r.status, r.stdout, r.stderr)
		}
		onTerminal(t, talk, "ctr", "task", "exec", "--tty", "--exec-id", s.newTask(), id, program, "echo").shows(t, talked)
		do(nil, program, "write", "/tmp/file", "by "+program).want(t, 0, "")
		do(nil, "/guest", "cat", "/tmp/file").want(t, 0, "by "+program)
		if r := do(nil, program, "cat", "/proc/sys/kernel/ostype"); (r.stdout == "Linux\n") == (s.guest() && program == "/guest") {
			t.Errorf("%s: /proc/sys/kernel/ostype has %q, stderr %s", program, r.stdout, r.stderr)
		}
	}
	if r := do(nil, "/none"); r.status == 0 || !strings.Contains(r.stderr, "/none") {
		t.Errorf("a program that is not there: status %d, stderr %s", r.status, r.stderr)
	}
	ctr(t, "task", "kill", "--signal", "KILL", id)
	if status := s.ended(t, id); status != "137" {
		t.Errorf("status %s, want 137", status)
	}
}

func taskSignals(t *testing.T, s *setup) {
	for _, tt := range []struct{ signal, verb, status string }{
		{"SIGTERM", "sleep", "143"},
		{"SIGTERM", "loop", "143"},
		{"SIGINT", "sleep", "130"},
		{"SIGKILL", "loop", "137"},
	} {
		id, _ := s.detachedTask(t, nil, "/guest", tt.verb)
		ctr(t, "task", "kill", "--signal", tt.signal, id)
		if status := s.ended(t, id); status != tt.status {
			t.Errorf("%s while it does %s: status %s, want %s", tt.signal, tt.verb, status, tt.status)
		}
	}
	// By force: kill --all, then delete.
	id, _ := s.detachedTask(t, nil, "/guest", "loop")
	ctr(t, "task", "delete", "--force", id)
	ctr(t, "container", "delete", id)
	s.gone(t, id)
}

func taskPause(t *testing.T, s *setup) {
	id, log := s.detachedTask(t, nil, "/guest", "tick")
	printed := func() string {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	ctr(t, "task", "pause", id)
	if _, state := taskState(t, id); state != "PAUSED" {
		t.Errorf("state %s", state)
	}
	time.Sleep(50 * time.Millisecond) // what is in a pipe
	before := printed()
	time.Sleep(300 * time.Millisecond)
	if after := printed(); after != before {
		t.Errorf("paused, it has printed %q", strings.TrimPrefix(after, before))
	}
	ctr(t, "task", "resume", id)
	eventually(t, "further line", func() bool { return printed() != before })
	if _, state := taskState(t, id); state != "RUNNING" {
		t.Errorf("state %s", state)
	}
	ctr(t, "task", "kill", "--signal", "SIGTERM", id)
	if status := s.ended(t, id); status != "143" {
		t.Errorf("status %s, want 143", status)
	}
}

// taskMetrics: containerd reads the control group of the container's process, which is the one that was asked for.
func taskMetrics(t *testing.T, s *setup) {
	id, _ := s.detachedTask(t, []string{"--memory-limit", "134217728"}, "/guest", "loop")
	pid, _ := taskState(t, id)
	groups, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, controller := range []string{"memory", "pids", "freezer"} {
		if !strings.Contains(string(groups), ":"+controller+":/default/"+id+"\n") {
			t.Errorf("the process is not in the group of the specification: %s", groups)
		}
	}
	value := func(name string) int {
		m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` +(\d+)`).FindStringSubmatch(ctr(t, "task", "metrics", id))
		if m == nil {
			t.Fatalf("no %s in the metrics", name)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if memory := value("memory.usage_in_bytes"); memory < 64<<10 || memory > 128<<20 {
		t.Errorf("it uses %d bytes", memory)
	}
	if n := value("pids.current"); n < 1 || s.kind == bare && n != 1 {
		t.Errorf("%d processes and threads", n)
	}
	begun := value("cpuacct.usage")
	eventually(t, "use of the processor", func() bool { return value("cpuacct.usage") > begun })
	if processes := strings.Fields(ctr(t, "task", "ps", id)); len(processes) < 4 || processes[2] != pid {
		t.Errorf("processes %q, want %s", processes, pid)
	}
	ctr(t, "task", "kill", "--signal", "SIGTERM", id)
	s.ended(t, id)
}

// taskCrash: a process that is killed from outside is one that ended by KILL.
func taskCrash(t *testing.T, s *setup) {
	id, _ := s.detachedTask(t, nil, "/guest", "sleep")
	pid, _ := taskState(t, id)
	kill(t, pid)
	if status := s.ended(t, id); status != "137" {
		t.Errorf("status %s, want 137", status)
	}
}

// shimCrash: containerd itself clears up what it was told to be there, and the runtime has to help.
func shimCrash(t *testing.T, s *setup) {
	id, _ := s.detachedTask(t, nil, "/guest", "sleep")
	for _, line := range processes(t) {
		if pid, rest, _ := strings.Cut(line, " "); strings.Contains(rest, "containerd-shim") && strings.Contains(rest, `\x00`+id+`\x00`) {
			kill(t, pid)
		}
	}
	eventually(t, "end of the task", func() bool { pid, _ := taskState(t, id); return pid == "" })
	ctr(t, "container", "delete", id)
	s.gone(t, id)
}

func kill(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil || n < 2 {
		t.Fatalf("process %q: %v", pid, err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func taskTrap(t *testing.T, s *setup) {
	r := s.task(t, nil, "/guest", "trap")
	r.want(t, 134, "")
	if !strings.Contains(r.stderr, "unreachable") || !strings.Contains(r.stderr, "stumble") {
		t.Errorf("stderr %q; want the kind of trap, and the function's name", r.stderr)
	}
}

// taskMemory: the container's limit is what the guest can have, and then its malloc returns NULL.
func taskMemory(t *testing.T, s *setup) {
	r := s.task(t, []string{"--memory-limit", "67108864"}, "/guest", "fill")
	if n, err := strconv.Atoi(strings.TrimSpace(r.stdout)); err != nil || r.status != 0 || n < 16 || n > 64 {
		t.Errorf("status %d, the guest had %q MiB, stderr %s", r.status, r.stdout, r.stderr)
	}
}

// taskChoice: a native program is none of WebAssembly, whatever is said of it.
func taskChoice(t *testing.T, s *setup) {
	for _, tt := range []struct {
		name, runtime, image string
		flags                []string
		wasm                 bool
	}{
		{"content", ours, "wasm", nil, true},
		{"annotation", ours, "wasm", []string{"--annotation", compat}, true},
		{"called crun-wasm", "/usr/local/bin/crun-wasm", "wasm", nil, true},
		{"native", ours, "native", nil, false},
		{"native, whatever is said", ours, "native", []string{"--annotation", compat}, false},
		{"native, called crun-wasm", "/usr/local/bin/crun-wasm", "native", nil, false},
	} {
		s := *s
		s.runtime, s.image = tt.runtime, "localhost/"+tt.image
		got := s.task(t, tt.flags, "/guest", "cat", "/proc/sys/kernel/ostype")
		if native := got.stdout == "Linux\n" && got.status == 0; native == tt.wasm {
			t.Errorf("%s: wasm %t: status %d, /proc/sys/kernel/ostype has %q, stderr %s", tt.name, tt.wasm, got.status, got.stdout, got.stderr)
		}
	}
}

// taskRefused: the shim reads from the runtime's log why there is no container, and nothing is left of it.
func taskRefused(t *testing.T, s *setup) {
	for _, tt := range []struct {
		name, image string
		flags       []string
		program     string
		says        []string
	}{
		{"neither a module nor a program", "neither", []string{"--annotation", compat}, "/guest", []string{`/guest`, "neither"}},
		{"a damaged module", "damaged", nil, "/guest", []string{"/guest", "wazero"}},
		{"an engine that is not there", "wasm", []string{"--annotation", "run.oci.handler=wasmedge"}, "/guest", []string{"wasmedge", "installed are wasmtime, wazero"}},
		{"no such module", "wasm", []string{"--annotation", compat}, "/none.wasm", []string{"/none.wasm"}},
		{"too little memory", "wasm", []string{"--memory-limit", "6291456"}, "/guest", []string{"linux.resources.memory.limit", "or more"}},
	} {
		s := *s
		s.image = "localhost/" + tt.image
		r := s.task(t, tt.flags, tt.program)
		if r.status == 0 || r.stdout != "" || !strings.Contains(r.stderr, "OCI runtime create failed") || dump.MatchString(r.stderr) {
			t.Errorf("%s: status %d, stdout %q, stderr %s", tt.name, r.status, r.stdout, r.stderr)
		}
		for _, say := range tt.says {
			if !strings.Contains(r.stderr, say) {
				t.Errorf("%s: %q is not in %s", tt.name, say, r.stderr)
			}
		}
	}
}

// eventually waits for what must happen.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	(&setup{}).eventually(t, what, happened)
}
