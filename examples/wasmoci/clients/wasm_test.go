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
		name      string
		delegates []string
		test      func(t *testing.T, s *setup)
		kinds     []string
	}{
		{"choice", either, choice, []string{wasm}},
		{"not runnable", delegates, notRunnable, []string{wasm}},
		{"trap", delegates, trap, []string{wasm, wasmtime}},
		{"memory", delegates, memory, []string{wasm, wasmtime}},
		{"limits", delegates, limits, []string{wasm, wasmtime}},
		{"no leak", delegates, noLeak, []string{wasm, wasmtime}},
		{"escapes", delegates, escapes, []string{wasm, wasmtime}},
		{"stop at any moment", delegates, stopEarly, []string{wasm, wasmtime}},
		{"compiled once, wazero", either, compiledOnce, []string{wasm}},
		{"compiled once, wasmtime", either, compiledOnce, []string{wasmtime}},
		{"go", either, goGuest, []string{wasm}},
	} {
		t.Run(tt.name, func(t *testing.T) { each(t, tt.delegates, tt.test, tt.kinds...) })
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
		{"platform that is asked for", "/usr/local/bin/crun-wasm", "platform", []string{"--platform", "wasi/wasm"}, true},
		{"native", ours, "native", nil, false},
		{"native, called crun-wasm", "/usr/local/bin/crun-wasm", "native", nil, false},
		{"native, whatever the image says", ours, "marked", nil, false},
		{"native, whatever the container says", ours, "native", []string{"--annotation", "run.oci.handler=wasm"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.runtime, s.image = tt.runtime, "localhost/"+tt.image
			// Only a native program reaches the system's name.
			got := s.podman(t, append(append([]string{"run", "--rm"}, tt.flags...), s.image, "cat", "/proc/sys/kernel/ostype")...)
			if native := got.stdout == "Linux\n" && got.status == 0; native == tt.wasm || tt.wasm && (got.status != 1 || !strings.HasPrefix(got.stdout, "/proc/sys/kernel/ostype: ")) {
				t.Errorf("wasm %t: status %d, /proc/sys/kernel/ostype has %q, stderr %s", tt.wasm, got.status, got.stdout, got.stderr)
			}
		})
	}
}

// notRunnable: a container that cannot be made says which engine refused what, and what to do.
func notRunnable(t *testing.T, s *setup) {
	handler := func(name string) []string { return []string{"--annotation", "run.oci.handler=" + name} }
	for _, tt := range []struct {
		name, image string
		flags       []string
		status      int
		says        []string
	}{
		{"neither a module nor a program", "neither", []string{"--annotation", compat}, 126, []string{`"/guest"`, "neither"}},
		{"a damaged module", "damaged", nil, 126, []string{`/guest`, "wazero"}},
		{"an engine that is not there", "wasm", handler("wasmedge"), 126, []string{`"wasmedge"`, "make install RUNNERS=wasmedge", "installed are wasmtime, wazero"}},
		{"an engine that nobody knows", "wasm", handler("nonesuch"), 126, []string{`"nonesuch"`, "no engine has this name", "installed are wasmtime, wazero"}},
		{"no such module", "wasm", []string{"--entrypoint", "/none.wasm"}, 127, []string{`"/none.wasm"`}},
		{"a directory", "wasm", []string{"--entrypoint", "/tmp"}, 126, []string{`"/tmp"`, "director"}},
		{"no module of that name in PATH", "wasm", []string{"--entrypoint", "none.wasm"}, 127, []string{`"none.wasm"`, "PATH", "./none.wasm"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.podman(t, append(append([]string{"run", "--rm"}, tt.flags...), "localhost/"+tt.image)...)
			if r.status != tt.status || r.stdout != "" || strings.Contains(strings.ToLower(r.stderr), "exec format") || dump.MatchString(r.stderr) {
				t.Errorf("status %d, want %d, stdout %q, stderr %s", r.status, tt.status, r.stdout, r.stderr)
			}
			for _, say := range tt.says {
				if !strings.Contains(r.stderr, say) {
					t.Errorf("%q is not in %s", say, r.stderr)
				}
			}
		})
	}
}

// dump is what Go's runtime prints when it gives up.
var dump = regexp.MustCompile(`(?m)^(runtime: |fatal error: |panic: |goroutine \d+)`)

// trap: status 134, and where the guest was is in the log.
func trap(t *testing.T, s *setup) {
	name := s.background(t, nil, "trap")
	if status := s.wait(t, name); status != "134" {
		t.Errorf("status %s, want 134", status)
	}
	if r := s.podman(t, "logs", name); r.stdout != "" || !strings.Contains(r.stderr, "unreachable") || !strings.Contains(r.stderr, "stumble") {
		t.Errorf("stdout %q, stderr %q; want the kind of trap, and the function's name", r.stdout, r.stderr)
	}
}

// memory: the container's limit is what the guest can have, and then its malloc returns NULL.
func memory(t *testing.T, s *setup) {
	for range 3 {
		r := s.podman(t, "run", "--rm", "--memory", "64m", s.image, "fill")
		if n, err := strconv.Atoi(strings.TrimSpace(r.stdout)); err != nil || r.status != 0 || n < 16 || n > 64 {
			t.Errorf("status %d, the guest had %q MiB, stderr %s", r.status, r.stdout, r.stderr)
		}
	}
}

// limits: one that the runtime itself cannot live with is refused, with the field and the least that would do, which does; one that is
// enough is enough.
func limits(t *testing.T, s *setup) {
	for _, tt := range []struct {
		flags, low, field string
		guest             int // that the guest itself takes
	}{
		{"--pids-limit", "1", "linux.resources.pids.limit", 0},
		{"--memory", "6m", "linux.resources.memory.limit", 1 << 20},
		{"--ulimit nproc=1024:1024 --ulimit", "nofile=4:4", `process.rlimits\[\d\].soft`, 0},
	} {
		try := func(limit string) result {
			return s.podman(t, append(append([]string{"run", "--rm"}, append(strings.Fields(tt.flags), limit)...), s.image, "exit", "7")...)
		}
		r := try(tt.low)
		m := regexp.MustCompile(tt.field + `.*: set (\d+) or more`).FindStringSubmatch(r.stderr)
		if r.status != 126 || m == nil || dump.MatchString(r.stderr) {
			t.Errorf("%s %s: status %d, stderr %s; want 126, the field %s, and a minimum", tt.flags, tt.low, r.status, r.stderr, tt.field)
			continue
		}
		least, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		enough := strconv.Itoa(least + tt.guest)
		if name, _, pair := strings.Cut(tt.low, "="); pair {
			enough = name + "=" + enough + ":" + enough
		}
		try(enough).want(t, 7, "")
	}
	for _, flags := range [][]string{
		{"--pids-limit", "0"},
		{"--pids-limit", "32", "--memory", "64m", "--ulimit", "nofile=64:64", "--ulimit", "nproc=1024:1024", "--cpus", "0.5"},
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
	var paths, dirs, exes []string
	for _, proc := range []string{"/proc", "/host/proc", "/host/proc/../proc", "/host/dev/../proc"} {
		paths = append(paths, proc+"/sys/kernel/ostype", proc+"/version", proc+"/kcore")
		for _, process := range []string{pid, "self", "1", "thread-self", strconv.Itoa(os.Getpid())} {
			for _, file := range []string{"mem", "environ", "maps", "exe", "cmdline", "root/etc/passwd", "root" + dir + "/visible", "fd/0"} {
				paths = append(paths, proc+"/"+process+"/"+file)
			}
			exes = append(exes, proc+"/"+process+"/exe")
			dirs = append(dirs, proc+"/"+process+"/fd", proc+"/"+process+"/root")
		}
	}
	s.refused(t, name, "truncate", exes...)
	s.refused(t, name, "ls", dirs...)
	s.refused(t, name, "cat", paths...)
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
	name := s.name("guest")
	for range 6 {
		s.must(t, "run", "--detach", "--name", name, s.image, "loop")
		s.must(t, "kill", "--signal", "TERM", name)
		status := s.wait(t, name)
		s.remove(t, name)
		if status != "143" {
			t.Fatalf("status %s, want 143", status)
		}
	}
}

// compiledOnce: a module that has run runs again where nothing can be compiled, in a container of its own.
func compiledOnce(t *testing.T, s *setup) {
	run := func(image string) result { return s.podman(t, "run", "--rm", image, "exit", "7") }
	run(s.image).want(t, 7, "")
	configure(t, operator(s.delegate)+"[compile]\ntimeout = \"1ns\"\n")
	run(s.image).want(t, 7, "")
	r := s.podman(t, "run", "--rm", "--annotation", "run.oci.handler="+s.kind, "localhost/other", "exit", "7")
	if r.status != 126 || !strings.Contains(r.stderr, "too long") {
		t.Errorf("another module has been compiled in no time: status %d, stderr %s", r.status, r.stderr)
	}
}

func goGuest(t *testing.T, s *setup) {
	s.podman(t, "run", "--rm", "--env", "WHO=world", "--workdir", "/tmp", "localhost/go", "two words", "x").
		want(t, 2, "[/go.wasm two words x] world /tmp <nil> 31996000\n")
}
