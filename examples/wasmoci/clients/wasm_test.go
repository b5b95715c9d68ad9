//go:build clients && linux

package clients

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestWasm: where a guest and a native program differ.
func TestWasm(t *testing.T) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *setup)
	}{
		{"choice", choice},
		{"not runnable", notRunnable},
		{"trap", trap},
		{"memory", memory},
		{"limits", limits},
		{"no leak", noLeak},
		{"escapes", escapes},
		{"stop at any moment", stopEarly},
		{"go", goGuest},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, tt.test, wasm) })
	}
	nothingLeft(t)
}

// TestWasmtime: the same guest on the other engine that has a runner.
func TestWasmtime(t *testing.T) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s *setup)
	}{
		{"exit status", exitStatus},
		{"streams", streams},
		{"env", env},
		{"input", input},
		{"terminal", terminal},
		{"exec", execs},
		{"stop", stop},
		{"signals", signals},
		{"tight loop", tightLoop},
		{"volumes", volumes},
		{"user", user},
		{"user namespace", userNamespace},
		{"no changes", noChanges},
		{"devices of the host", devices},
		{"trap", trap},
		{"memory", memory},
		{"limits", limits},
		{"no leak", noLeak},
		{"escapes", escapes},
		{"stop at any moment", stopEarly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *setup) {
				s.image = "localhost/wasmtime"
				tt.test(t, s)
			}, wasm)
		})
	}
	nothingLeft(t)
}

// choice: what makes a container one of WebAssembly, or a native one.
func choice(t *testing.T, s *setup) {
	for _, tt := range []struct {
		name, runtime, image string
		flags                []string
		wasm                 bool
	}{
		{"annotation of the image", ours, "wasm", nil, true},
		{"annotation of the container", ours, "content", []string{"--annotation", compat}, true},
		{"handler", ours, "content", []string{"--annotation", "run.oci.handler=wasm"}, true},
		{"handler by the engine's name", ours, "content", []string{"--annotation", "run.oci.handler=wazero"}, true},
		{"content", ours, "content", nil, true},
		{"called crun-wasm", "/usr/local/bin/crun-wasm", "content", nil, true},
		{"platform", "/usr/local/bin/crun-wasm", "platform", nil, true},
		{"native", ours, "native", nil, false},
		{"native, called crun-wasm", "/usr/local/bin/crun-wasm", "native", nil, false},
		{"native, whatever the image says", ours, "marked", nil, false},
		{"native, whatever the container says", ours, "native", []string{"--annotation", "run.oci.handler=wasm"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.runtime, s.image = tt.runtime, "localhost/"+tt.image
			s.podman(t, append(append([]string{"run", "--rm"}, tt.flags...), s.image, "exit", "7")...).want(t, 7, "")
			// Only a native program reaches the system's name.
			got := s.podman(t, append(append([]string{"run", "--rm"}, tt.flags...), s.image, "cat", "/proc/sys/kernel/ostype")...)
			if native := got.stdout == "Linux\n"; native == tt.wasm {
				t.Errorf("wasm %t: /proc/sys/kernel/ostype has %q, stderr %s", tt.wasm, got.stdout, got.stderr)
			}
		})
	}
}

// notRunnable: a container that cannot be made says which engine refused what, and what to do.
func notRunnable(t *testing.T, s *setup) {
	for _, tt := range []struct {
		name, image string
		flags       []string
		says        string
	}{
		{"neither a module nor a program", "neither", []string{"--annotation", compat}, `/guest`},
		{"a damaged module", "damaged", nil, `wazero`},
		{"an engine that is not there", "wasm", []string{"--annotation", "run.oci.handler=wasmedge"}, `wasmedge`},
		{"an engine that nobody knows", "wasm", []string{"--annotation", "run.oci.handler=nonesuch"}, `nonesuch`},
		{"no such module", "wasm", []string{"--entrypoint", "/none.wasm"}, `/none.wasm`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.podman(t, append(append([]string{"run", "--rm"}, tt.flags...), "localhost/"+tt.image)...)
			if r.status < 125 || r.status > 127 || r.stdout != "" || !strings.Contains(r.stderr, tt.says) ||
				strings.Contains(strings.ToLower(r.stderr), "exec format") || dump.MatchString(r.stderr) {
				t.Errorf("status %d, stdout %q, stderr %s; want 125 to 127, and %q in stderr", r.status, r.stdout, r.stderr, tt.says)
			}
		})
	}
}

// dump is what Go's runtime prints when it gives up.
var dump = regexp.MustCompile(`(?m)^(runtime: |fatal error: |panic: |goroutine \d+)`)

// trap: status 134, and where the guest was is in the log.
func trap(t *testing.T, s *setup) {
	name := s.background(t, nil, "trap")
	if status := s.must(t, "wait", name); status != "134" {
		t.Errorf("status %s, want 134", status)
	}
	if r := s.podman(t, "logs", name); r.stdout != "" || !strings.Contains(r.stderr, "unreachable") || !strings.Contains(r.stderr, "stumble") {
		t.Errorf("stdout %q, stderr %q; want the kind of trap, and the function's name", r.stdout, r.stderr)
	}
}

// memory: the container's limit is what the guest can have, and then its malloc returns NULL.
func memory(t *testing.T, s *setup) {
	for range 5 {
		r := s.podman(t, "run", "--rm", "--memory", "64m", s.image, "fill")
		if n, err := strconv.Atoi(strings.TrimSpace(r.stdout)); err != nil || r.status != 0 || n < 16 || n > 64 {
			t.Errorf("status %d, the guest had %q MiB, stderr %s", r.status, r.stdout, r.stderr)
		}
	}
}

// limits: one that the runtime itself cannot live with is refused and named; one that is enough is enough.
func limits(t *testing.T, s *setup) {
	for _, flags := range [][]string{
		{"--pids-limit", "1"},
		{"--memory", "6m"},
		{"--ulimit", "nofile=4:4", "--ulimit", "nproc=1024:1024"},
	} {
		r := s.podman(t, append(append([]string{"run", "--rm"}, flags...), s.image, "exit", "7")...)
		if r.status != 125 && r.status != 126 || dump.MatchString(r.stderr) || !strings.Contains(r.stderr, "limit") {
			t.Errorf("%v: status %d, stderr %s", flags, r.status, r.stderr)
		}
	}
	for _, flags := range [][]string{
		{"--pids-limit", "32"},
		{"--pids-limit", "0"},
		{"--memory", "64m"},
		{"--ulimit", "nofile=64:64", "--ulimit", "nproc=1024:1024"},
		{"--cpus", "0.5"},
		{"--cap-drop", "all", "--security-opt", "no-new-privileges"},
	} {
		s.podman(t, append(append([]string{"run", "--rm"}, flags...), s.image, "exit", "7")...).want(t, 7, "")
	}
}

// noLeak: neither the environment of whoever called the runtime nor the runtime's own reaches the guest; and no process of the container has
// the former.
func noLeak(t *testing.T, s *setup) {
	name := s.background(t, nil, "sleep")
	for _, args := range [][]string{{"exec", name, "/guest", "env"}, {"run", "--rm", s.image, "env"}} {
		r := s.podman(t, args...)
		if r.status != 0 || strings.Contains(strings.ToUpper(r.stdout), "WASM") {
			t.Errorf("%s: status %d, environment %q, stderr %s", args[0], r.status, r.stdout, r.stderr)
		}
	}
	environ, err := os.ReadFile("/proc/" + s.inspect(t, name, ".State.Pid") + "/environ")
	if err != nil || strings.Contains(string(environ), secret) {
		t.Errorf("the container's process has %q, %v", environ, err)
	}
	for _, dir := range []string{"/dev", "/"} {
		if r := s.podman(t, "exec", name, "/guest", "ls", dir); strings.Contains(r.stdout, "wasmoci") {
			t.Errorf("the guest sees the runtime: %s has %q", dir, r.stdout)
		}
	}
	s.refused(t, name, "ls", "/dev/.wasmoci", "/dev/../dev/.wasmoci", "/dev/./.wasmoci")
	s.refused(t, name, "cat", "/dev/.wasmoci/guest", "/dev/.wasmoci/../.wasmoci/guest")
}

// escapes: the host's whole file system as a volume is not its processes.
func escapes(t *testing.T, s *setup) {
	const mark = "what only this process knows"
	dir := t.TempDir()
	write(t, filepath.Join(dir, "visible"), mark)
	name := s.background(t, []string{"--volume", "/:/host", "--pid", "host"}, "sleep")
	s.podman(t, "exec", name, "/guest", "cat", "/host"+dir+"/visible").want(t, 0, mark)
	pid := s.inspect(t, name, ".State.Pid")
	for _, proc := range []string{"/proc", "/host/proc", "/host/proc/../proc", "/host/dev/../proc"} {
		paths := []string{proc + "/sys/kernel/ostype", proc + "/version", proc + "/kcore"}
		for _, process := range []string{pid, "self", "1", "thread-self", strconv.Itoa(os.Getpid())} {
			for _, file := range []string{"mem", "environ", "maps", "exe", "cmdline", "root/etc/passwd", "root" + dir + "/visible", "fd/0"} {
				paths = append(paths, proc+"/"+process+"/"+file)
			}
			s.refused(t, name, "write", proc+"/"+process+"/exe")
			s.refused(t, name, "ls", proc+"/"+process+"/fd", proc+"/"+process+"/root")
		}
		s.refused(t, name, "cat", paths...)
	}
	s.refused(t, name, "cat", "/dev/mem", "/host/dev/vda", "/host/dev/sda", "/host/dev/kmsg", "/host/dev/tty", "/host/dev/ptmx")
}

// refused runs a verb of the guest on each of the paths, which has to fail, and say nothing but that.
func (s *setup) refused(t *testing.T, name, verb string, paths ...string) {
	t.Helper()
	r := s.podman(t, append([]string{"exec", name, "/guest", verb}, paths...)...)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	for i, path := range paths {
		if i >= len(lines) || !strings.HasPrefix(lines[i], path+": ") {
			t.Errorf("%s %s: not refused, in %q", verb, path, lines)
			return
		}
	}
	if r.status != 1 || len(lines) != len(paths) {
		t.Errorf("%s %q: status %d, %q, stderr %s", verb, paths, r.status, lines, r.stderr)
	}
}

// stopEarly: the first signal after start ends the guest, however early it comes.
func stopEarly(t *testing.T, s *setup) {
	for range 20 {
		s.must(t, "run", "--detach", "--name", "guest", s.image, "loop")
		s.must(t, "kill", "--signal", "TERM", "guest")
		status := s.must(t, "wait", "guest")
		s.remove(t, "guest")
		if status != "143" {
			t.Fatalf("status %s, want 143", status)
		}
	}
}

func goGuest(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--env", "WHO=world", "--workdir", "/tmp", "localhost/go", "two words", "x").
		want(t, 2, "[/go.wasm two words x] world /tmp <nil> 31996000\n")
}
