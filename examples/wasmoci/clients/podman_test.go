//go:build clients && linux

package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func shell(script string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = "/"
	return cmd
}

// TestPodman: what a user of podman does.
func TestPodman(t *testing.T) {
	for _, tt := range []struct {
		name      string
		delegates []string
		test      func(t *testing.T, s *setup)
	}{
		{"exit status", delegates, exitStatus},
		{"streams", delegates, streams},
		{"args", either, args},
		{"env", either, env},
		{"input", delegates, input},
		{"terminal", delegates, terminal},
		{"detached and logs", delegates, detached},
		{"create and attach", delegates, createAttach},
		{"exec", delegates, execs},
		{"stop", delegates, stop},
		{"signals", delegates, signals},
		{"tight loop", delegates, tightLoop},
		{"pause", delegates, pause},
		{"restart", delegates, restart},
		{"top", delegates, top},
		{"stats", delegates, stats},
		{"update", delegates, update},
		{"remove", delegates, remove},
		{"volumes", delegates, volumes},
		{"tmpfs", delegates, tmpfs},
		{"read-only", delegates, readOnly},
		{"user", delegates, user},
		{"user namespace", delegates, userNamespace},
		{"hostname", either, hostname},
		{"secrets", either, secrets},
		{"working directory", either, workdir},
		{"no changes", delegates, noChanges},
		{"devices of the host", delegates, devices},
		{"copy", delegates, copies},
		{"commit", delegates, commit},
		{"health", delegates, health},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, tt.delegates, tt.test, bare, native, wasm, wasmtime) })
	}
	nothingLeft(t)
}

func exitStatus(t *testing.T, s *setup) {
	for _, status := range []int{0, 1, 125, 126, 127, 137, 255} {
		s.podman(t, "run", "--rm", s.image, "exit", strconv.Itoa(status)).want(t, status, "")
	}
}

func streams(t *testing.T, s *setup) {
	r := s.podman(t, "run", "--rm", s.image, "both")
	r.want(t, 0, "to stdout\n")
	if r.stderr != "to stderr\n" {
		t.Errorf("stderr %q", r.stderr)
	}
}

func args(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", s.image, "args", "one", "two words", "", "-x", "zwei ü", "a=b").
		want(t, 0, "</guest>\n<args>\n<one>\n<two words>\n<>\n<-x>\n<zwei ü>\n<a=b>\n")
}

// env: a guest has what the specification's process.env has, in its order, and nothing else. A native program has the HOME
// that its delegate makes of it.
func env(t *testing.T, s *setup) {
	s.must(t, "create", "--name", s.name("guest"), "--hostname", "h", "--env", "FOO=bar", "--env", "A=b=c", "--env", "EMPTY=", s.image, "env")
	defer s.remove(t, s.name("guest"))
	r := s.podman(t, "start", "--attach", s.name("guest"))
	config, err := os.ReadFile(s.inspect(t, s.name("guest"), ".OCIConfigPath"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct{ Process struct{ Env []string } }
	if err := json.Unmarshal(config, &spec); err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(strings.TrimSpace(r.stdout), "\n"), spec.Process.Env
	if !s.guest() {
		home := func(v string) bool { return strings.HasPrefix(v, "HOME=") }
		got, want = slices.DeleteFunc(got, home), slices.DeleteFunc(want, home)
	}
	if r.status != 0 || len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("status %d, stderr %s; the guest has %q, want %q", r.status, r.stderr, got, want)
	}
}

func input(t *testing.T, s *setup) {
	s.podmanInput(t, "one\ntwo\n", "run", "--rm", "--interactive", s.image, "echo").want(t, 0, "got one\ngot two\nend\n")
	s.podmanInput(t, "one\n", "run", "--rm", s.image, "echo").want(t, 0, "end\n") // no -i: no input
}

func terminal(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--tty", s.image, "tty").want(t, 0, "111\r\n")
	s.podman(t, "run", "--rm", s.image, "tty").want(t, 0, "000\n")
}

func detached(t *testing.T, s *setup) {
	name := s.background(t, nil, "both")
	s.eventually(t, "end", func() bool { return s.inspect(t, name, ".State.Status") == "exited" })
	r := s.podman(t, "logs", name)
	r.want(t, 0, "to stdout\n")
	if r.stderr != "to stderr\n" {
		t.Errorf("stderr in the log: %q", r.stderr)
	}
	if status := s.inspect(t, name, ".State.ExitCode"); status != "0" {
		t.Errorf("inspect says exit status %s", status)
	}
	if waited := s.wait(t, name); waited != "0" {
		t.Errorf("wait says %s", waited)
	}
}

func createAttach(t *testing.T, s *setup) {
	s.must(t, "create", "--name", s.name("guest"), s.image, "exit", "9")
	defer s.remove(t, s.name("guest"))
	if state := s.inspect(t, s.name("guest"), ".State.Status"); state != "created" {
		t.Errorf("state %s before start", state)
	}
	s.podman(t, "start", "--attach", s.name("guest")).want(t, 9, "")
	if status := s.inspect(t, s.name("guest"), ".State.ExitCode"); status != "9" {
		t.Errorf("inspect says exit status %s", status)
	}
	s.must(t, "init", s.name("guest")) // create of the runtime, without start
	if state := s.inspect(t, s.name("guest"), ".State.Status"); state != "initialized" {
		t.Errorf("state %s after init", state)
	}
	s.podman(t, "start", "--attach", s.name("guest")).want(t, 9, "")
}

// execs: another run of the guest in the container, and a native program of the image.
func execs(t *testing.T, s *setup) {
	name := s.background(t, []string{"--env", "FOO=bar", "--tmpfs", "/shared"}, "sleep")
	programs := []string{"/guest"}
	if s.guest() {
		programs = append(programs, "/native")
	}
	for _, program := range programs {
		for _, status := range []int{0, 255} {
			s.podman(t, "exec", name, program, "exit", strconv.Itoa(status)).want(t, status, "")
		}
		r := s.podman(t, "exec", name, program, "both")
		r.want(t, 0, "to stdout\n")
		if r.stderr != "to stderr\n" {
			t.Errorf("%s: stderr %q", program, r.stderr)
		}
		s.podman(t, "exec", name, program, "args", "two words", "").want(t, 0, "<"+program+">\n<args>\n<two words>\n<>\n")
		s.podman(t, "exec", "--tty", name, program, "tty").want(t, 0, "111\r\n")
		s.podmanInput(t, "in\n", "exec", "--interactive", name, program, "echo").want(t, 0, "got in\nend\n")
		r = s.podman(t, "exec", "--env", "BAR=baz", name, program, "env")
		if r.status != 0 || !strings.Contains(r.stdout, "FOO=bar\n") || !strings.Contains(r.stdout, "BAR=baz\n") || strings.Contains(r.stdout, "WASMOCI") {
			t.Errorf("%s: status %d, env %q, stderr %s", program, r.status, r.stdout, r.stderr)
		}
		s.must(t, "exec", "--detach", name, program, "write", "/tmp/detached", "done by "+program)
		s.eventually(t, "file of a detached exec", func() bool {
			return s.podman(t, "exec", name, program, "cat", "/tmp/detached").stdout == "done by "+program
		})
	}
	s.podman(t, "exec", name, "/guest", "write", "/shared/file", "of exec").want(t, 0, "")
	s.podman(t, "exec", name, "/guest", "cat", "/shared/file").want(t, 0, "of exec")
	if r := s.podman(t, "exec", name, "/none"); r.status != 127 {
		t.Errorf("a program that is not there: status %d, stderr %s", r.status, r.stderr)
	}
}

// stop: TERM ends the guest as PID 1, long before KILL would.
func stop(t *testing.T, s *setup) {
	for range 3 {
		name := s.background(t, nil, "sleep")
		r := s.podman(t, "stop", "--time", "50", name)
		if status := s.inspect(t, name, ".State.ExitCode"); r.status != 0 || status != "143" || r.took > 20*time.Second {
			t.Errorf("stop took %v, stderr %s; the guest's status %s, want 143", r.took, r.stderr, status)
		}
		s.remove(t, name)
	}
}

func signals(t *testing.T, s *setup) {
	for _, tt := range []struct {
		signal string
		status string
	}{
		{"TERM", "143"},
		{"SIGINT", "130"},
		{"3", "131"},
		{"HUP", "129"},
		{"KILL", "137"},
	} {
		name := s.background(t, nil, "sleep")
		s.must(t, "kill", "--signal", tt.signal, name)
		if status := s.wait(t, name); status != tt.status {
			t.Errorf("%s: status %s, want %s", tt.signal, status, tt.status)
		}
		s.remove(t, name)
	}
	name := s.background(t, []string{"--stop-signal", "INT"}, "sleep")
	s.must(t, "stop", "--time", "50", name)
	if status := s.inspect(t, name, ".State.ExitCode"); status != "130" {
		t.Errorf("stopped by its own stop signal: status %s, want 130", status)
	}
}

func tightLoop(t *testing.T, s *setup) {
	for _, flags := range [][]string{nil, {"--cpuset-cpus", "0"}} {
		name := s.background(t, flags, "loop")
		r := s.podman(t, "stop", "--time", "50", name)
		if status := s.inspect(t, name, ".State.ExitCode"); r.status != 0 || status != "143" {
			t.Errorf("flags %v: stop took %v, stderr %s; the guest's status %s, want 143", flags, r.took, r.stderr, status)
		}
		s.remove(t, name)
	}
}

func pause(t *testing.T, s *setup) {
	name := s.background(t, nil, "tick")
	s.must(t, "pause", name)
	if state := s.inspect(t, name, ".State.Status"); state != "paused" {
		t.Errorf("state %s", state)
	}
	before := s.must(t, "logs", name)
	time.Sleep(300 * time.Millisecond)
	if after := s.must(t, "logs", name); after != before {
		t.Errorf("paused, it has printed %q", strings.TrimPrefix(after, before))
	}
	s.must(t, "unpause", name)
	s.eventually(t, "further line", func() bool { return s.must(t, "logs", name) != before })
}

func restart(t *testing.T, s *setup) {
	name := s.background(t, nil, "sleep")
	first := s.inspect(t, name, ".State.Pid")
	s.must(t, "restart", "--time", "50", name)
	s.eventually(t, "second line", func() bool { return s.must(t, "logs", name) == "ready\nready" })
	if second := s.inspect(t, name, ".State.Pid"); second == first || second == "0" {
		t.Errorf("PID %s after %s", second, first)
	}
	s.must(t, "stop", "--time", "50", name)
	s.must(t, "start", name)
	s.eventually(t, "third line", func() bool { return s.must(t, "logs", name) == "ready\nready\nready" })
}

// top: one process, called as the guest is.
func top(t *testing.T, s *setup) {
	name := s.background(t, nil, "sleep", "x")
	lines := strings.Split(s.must(t, "top", name, "pid", "args"), "\n")
	if len(lines) != 2 || !regexp.MustCompile(`^1 +\S*guest sleep x$`).MatchString(lines[1]) {
		t.Errorf("top says %q", lines)
	}
}

func stats(t *testing.T, s *setup) {
	name := s.background(t, []string{"--memory", "128m"}, "sleep")
	got := s.must(t, "stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", name)
	m := regexp.MustCompile(`^(\d+) ([0-9.]+)([kM]?B) / 134\.2MB$`).FindStringSubmatch(got)
	if m == nil || m[1] == "0" || m[2] == "0" {
		t.Errorf("stats say %q", got)
	}
}

// update changes a limit of a running container.
func update(t *testing.T, s *setup) {
	name := s.background(t, []string{"--memory", "128m"}, "sleep")
	limit := func() string {
		groups, err := os.ReadFile("/proc/" + s.inspect(t, name, ".State.Pid") + "/cgroup")
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^\d+:memory:(.*)$`).FindSubmatch(groups)
		file := "/sys/fs/cgroup/memory" + "/" + string(m[1]) + "/memory.limit_in_bytes"
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	if got := limit(); got != "134217728" {
		t.Errorf("limit %s at start", got)
	}
	s.must(t, "update", "--memory", "256m", name)
	if got := limit(); got != "268435456" {
		t.Errorf("limit %s after update", got)
	}
	if state := s.inspect(t, name, ".State.Status"); state != "running" {
		t.Errorf("state %s", state)
	}
}

func remove(t *testing.T, s *setup) {
	s.must(t, "run", "--detach", "--name", s.name("guest"), s.image, "sleep")
	pid := s.inspect(t, s.name("guest"), ".State.Pid")
	s.must(t, "rm", "--force", "--time", "0", s.name("guest"))
	s.eventually(t, "end of the process", func() bool {
		_, err := os.Stat("/proc/" + pid)
		return os.IsNotExist(err)
	})
	if r := s.podman(t, "container", "exists", s.name("guest")); r.status != 1 {
		t.Errorf("the container is still there: %d", r.status)
	}
}

func volumes(t *testing.T, s *setup) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in", "file"), "of the host\n")
	write(t, filepath.Join(dir, "out", "file"), "old\n")
	write(t, filepath.Join(dir, "single"), "one file\n")
	flags := []string{
		"run", "--rm", "--volume", dir + "/in:/in:ro", "--volume", dir + "/out:/out", "--volume", dir + "/single:/deep/single:ro",
		"--volume", s.name("volume") + ":/named", s.image,
	}
	defer s.must(t, "volume", "rm", "--force", s.name("volume"))
	do := func(args ...string) result { return s.podman(t, append(flags[:len(flags):len(flags)], args...)...) }
	do("cat", "/in/file").want(t, 0, "of the host\n")
	do("write", "/in/new", "x").want(t, 1, "/in/new: Read-only file system\n")
	do("write", "/in/file", "x").want(t, 1, "/in/file: Read-only file system\n")
	do("write", "/out/file", "new").want(t, 0, "")
	do("mkdir", "/out/dir").want(t, 0, "")
	do("ls", "/out").want(t, 0, "dir\nfile\n")
	do("cat", "/deep/single").want(t, 0, "one file\n")
	do("write", "/deep/single", "x").want(t, 1, "/deep/single: Read-only file system\n")
	do("write", "/named/file", "kept").want(t, 0, "")
	do("cat", "/named/file").want(t, 0, "kept")
	if b, err := os.ReadFile(filepath.Join(dir, "out", "file")); string(b) != "new" || err != nil {
		t.Errorf("the host reads %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "in", "new")); !os.IsNotExist(err) {
		t.Errorf("the guest wrote to a read-only volume: %v", err)
	}
}

func tmpfs(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--tmpfs", "/scratch", s.image, "write", "/scratch/file", "x").want(t, 0, "")
	s.podman(t, "run", "--rm", "--tmpfs", "/scratch", s.image, "ls", "/scratch").want(t, 0, "")
	s.podman(t, "run", "--rm", "--tmpfs", "/scratch:ro", s.image, "write", "/scratch/file", "x").want(t, 1, "/scratch/file: Read-only file system\n")
}

func readOnly(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--read-only", s.image, "write", "/file", "x").want(t, 1, "/file: Read-only file system\n")
	s.podman(t, "run", "--rm", "--read-only", s.image, "write", "/tmp/file", "x").want(t, 0, "") // podman mounts one there
	s.podman(t, "run", "--rm", s.image, "write", "/file", "x").want(t, 0, "")
}

func user(t *testing.T, s *setup) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "private"), "of root\n")
	if err := os.Chmod(filepath.Join(dir, "private"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) result {
		return s.podman(t, append([]string{"run", "--rm", "--user", "1000:1001", "--volume", dir + ":/data", s.image}, args...)...)
	}
	do("cat", "/data/private").want(t, 1, "/data/private: Permission denied\n")
	do("write", "/file", "x").want(t, 1, "/file: Permission denied\n")
	do("write", "/data/new", "x").want(t, 0, "")
	owner(t, filepath.Join(dir, "new"), 1000, 1001)
}

func userNamespace(t *testing.T, s *setup) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	flags := []string{"run", "--rm", "--uidmap", "0:100000:5000", "--gidmap", "0:200000:5000", "--volume", dir + ":/data", s.image}
	s.podman(t, append(flags, "write", "/data/new", "x")...).want(t, 0, "")
	owner(t, filepath.Join(dir, "new"), 100000, 200000)
	s.podman(t, append(flags, "exit", "7")...).want(t, 7, "")
}

func hostname(t *testing.T, s *setup) {
	if name := s.must(t, "run", "--rm", "--hostname", "some.host", s.image, "cat", "/etc/hostname"); name != "some.host" {
		t.Errorf("/etc/hostname has %q", name)
	}
	r := s.podman(t, "run", "--rm", "--add-host", "other:10.1.2.3", s.image, "cat", "/etc/hosts")
	if r.status != 0 || !strings.Contains(r.stdout, "10.1.2.3") {
		t.Errorf("status %d, stdout %q, stderr %s", r.status, r.stdout, r.stderr)
	}
}

func secrets(t *testing.T, s *setup) {
	if r := s.podmanInput(t, "hidden", "secret", "create", s.name("key"), "-"); r.status != 0 {
		t.Fatal(r.stderr)
	}
	defer s.must(t, "secret", "rm", s.name("key"))
	s.podman(t, "run", "--rm", "--secret", s.name("key"), s.image, "cat", "/run/secrets/"+s.name("key")).want(t, 0, "hidden")
}

func workdir(t *testing.T, s *setup) {
	r := s.podman(t, "run", "--rm", "--workdir", "/tmp", s.image, "write", "/tmp/x", "x")
	r.want(t, 0, "")
}

// noChanges: the runtime leaves nothing in the image's files. What podman's own mounts need is there on the bare delegate, too.
func noChanges(t *testing.T, s *setup) {
	for _, flags := range [][]string{nil, {"--read-only"}} {
		name := s.background(t, flags, "sleep")
		s.podman(t, "exec", name, "/guest", "hello").want(t, 0, "hello\n")
		if diff := s.must(t, "diff", name); diff != "" {
			t.Errorf("flags %v: changes while it runs:\n%s", flags, diff)
		}
		s.must(t, "stop", "--time", "50", name)
		if diff := s.must(t, "diff", name); diff != "" {
			t.Errorf("flags %v: changes when it has ended:\n%s", flags, diff)
		}
		s.remove(t, name)
	}
}

// copies: files go into a container that runs, and come out of it.
func copies(t *testing.T, s *setup) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in"), "of the host\n")
	name := s.background(t, nil, "sleep")
	s.must(t, "cp", filepath.Join(dir, "in"), name+":/tmp/in")
	s.podman(t, "exec", name, "/guest", "cat", "/tmp/in").want(t, 0, "of the host\n")
	s.podman(t, "exec", name, "/guest", "write", "/tmp/out", "of the container").want(t, 0, "")
	s.must(t, "cp", name+":/tmp/out", filepath.Join(dir, "out"))
	if b, err := os.ReadFile(filepath.Join(dir, "out")); string(b) != "of the container" || err != nil {
		t.Errorf("the host reads %q, %v", b, err)
	}
}

// commit: what a container has written is in the image that is made of it while it runs, and the image runs as the one before.
func commit(t *testing.T, s *setup) {
	name, image := s.background(t, nil, "sleep"), "localhost/"+s.name("committed")
	s.podman(t, "exec", name, "/guest", "write", "/tmp/file", "kept").want(t, 0, "")
	s.must(t, "commit", "--quiet", "--pause", name, image)
	defer s.must(t, "rmi", image)
	s.podman(t, "run", "--rm", image, "cat", "/tmp/file").want(t, 0, "kept")
	if state := s.inspect(t, name, ".State.Status"); state != "running" {
		t.Errorf("state %s after commit", state)
	}
	if r := s.podman(t, "run", "--rm", image, "cat", "/proc/sys/kernel/ostype"); (r.stdout == "Linux\n") == s.guest() {
		t.Errorf("the image of a %s container made another: %q, stderr %s", s.kind, r.stdout, r.stderr)
	}
}

// health: a container's check is a program of its image, run beside it.
func health(t *testing.T, s *setup) {
	name := s.background(t, []string{"--health-cmd", `["/guest", "cat", "/tmp/healthy"]`, "--health-interval", "disable", "--health-retries", "1"}, "sleep")
	if r := s.podman(t, "healthcheck", "run", name); r.status != 1 {
		t.Errorf("not healthy: status %d, stdout %q, stderr %s", r.status, r.stdout, r.stderr)
	}
	if state := s.inspect(t, name, ".State.Healthcheck.Status"); state != "unhealthy" {
		t.Errorf("health %s, want unhealthy", state)
	}
	s.podman(t, "exec", name, "/guest", "write", "/tmp/healthy", "yes").want(t, 0, "")
	if r := s.podman(t, "healthcheck", "run", name); r.status != 0 {
		t.Errorf("healthy: status %d, stdout %q, stderr %s", r.status, r.stdout, r.stderr)
	}
	if state := s.inspect(t, name, ".State.Healthcheck.Status"); state != "healthy" {
		t.Errorf("health %s, want healthy", state)
	}
}

// devices: with the host's /dev in its place there is no file system for a runtime to put something in.
func devices(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--volume", "/dev:/dev", s.image, "exit", "7").want(t, 7, "")
	s.podman(t, "run", "--rm", "--volume", "/dev:/dev", "--read-only", "--user", "1000", s.image, "hello").want(t, 0, "hello\n")
	left, err := filepath.Glob("/dev/.wasmoci*")
	if err != nil || len(left) > 0 {
		t.Errorf("in the host's /dev: %v, %v", left, err)
	}
}

// nothingLeft: no container, process, mount or state is left where all containers are removed.
func nothingLeft(t *testing.T) {
	t.Helper()
	s := &setup{runtime: delegates[0]}
	if left := s.must(t, "ps", "--all", "--quiet"); left != "" {
		t.Errorf("containers are left: %s", left)
	}
	s.eventually(t, "end of all processes", func() bool { return len(processes(t)) == 0 })
	for _, pattern := range []string{ // of every root directory that a client has named
		"/run/wasmoci/*/*", "/var/cache/wasmoci/containers/*/*", "/var/cache/wasmoci/code/tmp-*",
		"/run/crun/*", "/run/runc/*", crioRoot + "/*", runcRoot + "/*/*", "/run/containerd/runc/*/*",
	} {
		left, err := filepath.Glob(pattern)
		if err != nil {
			t.Error(err)
		}
		for _, name := range left {
			if filepath.Base(name) != ".cache" { // crun's, of filters, for the next container
				t.Errorf("%s is left", name)
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "wasmoci") && !strings.Contains(line, "/var/cache/wasmoci ") {
			t.Errorf("a mount is left: %s", line)
		}
	}
}

// processes are those of this PID namespace beside PID 1 and the tests.
func processes(t *testing.T) (names []string) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range found {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == 1 || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err == nil {
			names = append(names, fmt.Sprintf("%d %q", pid, line))
		}
	}
	return names
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// owner is who owns a file.
func owner(t *testing.T, name string, uid, gid int) {
	t.Helper()
	r := run(t, "", "stat", "--format", "%u:%g", name)
	if want := fmt.Sprintf("%d:%d\n", uid, gid); r.stdout != want {
		t.Errorf("%s belongs to %q, want %q (%s)", name, r.stdout, want, r.stderr)
	}
}
