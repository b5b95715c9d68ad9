//go:build clients && linux

package clients

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// program is one that is run in a container that runs, with a name by which its process is found.
type program struct{ container, path string }

// programs are those of a pod: the container's own once more, others, and a native container's.
var programs = []program{{"guest", "/guest"}, {"guest", "/other"}, {"guest", "/native"}, {"sidecar", "/guest"}}

// criExec: what kubectl exec does, by the runtime's streaming server.
func criExec(t *testing.T, s *setup) {
	p := s.newPod(t, "exec", fmt.Sprintf(`  containers:
  - name: guest
    image: %s
    args: ["sleep"]
  - name: sidecar
    image: localhost/native:latest
    args: ["sleep"]
`, s.podImage()))
	const lines = "one\ntwo\n"
	for _, in := range programs {
		t.Logf("%s in %s", in.path, in.container)
		for _, status := range []int{0, 9, 255} {
			p.stream(t, "", "exec", in.container, in.path, "exit", strconv.Itoa(status)).want(t, status, "")
			p.stream(t, "", "exec", in.container, "-websocket", in.path, "exit", strconv.Itoa(status)).want(t, status, "")
		}
		r := p.stream(t, lines, "exec", in.container, "-i", in.path, "twice")
		if r.want(t, 0, lines); r.stderr != lines {
			t.Errorf("stderr %q", r.stderr)
		}
		r = p.stream(t, "", "exec", in.container, "-websocket", in.path, "both")
		if r.want(t, 0, "to stdout\n"); r.stderr != "to stderr\n" {
			t.Errorf("stderr %q by WebSocket", r.stderr)
		}
		p.stream(t, lines, "exec", in.container, in.path, "echo").want(t, 0, "end\n") // no -i: no input
		p.stream(t, "", "exec", in.container, in.path, "tty").want(t, 0, "000\n")
		eventually(t, "terminal of "+in.path, func() bool { // the shim may close one before it has read all that was written
			r := p.stream(t, "", "exec", in.container, "-t", in.path, "tty")
			return r.status == 0 && r.stdout == "111\r\n"
		})
		p.criTerminal(t, in, s)
		if native := p.stream(t, "", "exec", in.container, in.path, "cat", "/proc/sys/kernel/ostype").stdout == "Linux\n"; native != (!s.guest() || in.path == "/native" || in.container == "sidecar") {
			t.Errorf("%s in %s: native %t", in.path, in.container, native)
		}
	}
	// More than any pipe or window on the way takes at once.
	many := strings.Repeat("a line of some length, which is one of many\n", 50_000)
	if r := p.stream(t, many, "exec", "guest", "-i", "/guest", "twice"); r.status != 0 || r.stdout != many || r.stderr != many {
		t.Errorf("status %d, of %d bytes there came %d and %d", r.status, len(many), len(r.stdout), len(r.stderr))
	}
	if r := p.stream(t, "", "exec", "guest", "/none"); r.status == 0 || !strings.Contains(r.stderr, "/none") {
		t.Errorf("a program that is not there: status %d, stderr %s", r.status, r.stderr)
	}
	if s.guest() {
		p.stream(t, lines, "exec", "guest", "-i", "/guest#echo").want(t, 7, "got one\ngot two\nend\n")
		if r := p.stream(t, "", "exec", "guest", "/guest", "trap"); r.status != 134 || r.stdout != "" || !strings.Contains(r.stderr, "unreachable") {
			t.Errorf("a trap: status %d, stdout %q, stderr %s", r.status, r.stdout, r.stderr)
		}
		if r := p.stream(t, "", "exec", "guest", "/guest#none"); r.status == 0 || !strings.Contains(r.stderr, "none") || dump.MatchString(r.stderr) {
			t.Errorf("a function that is not there: status %d, stderr %s", r.status, r.stderr)
		}
	}
	for _, container := range []string{"guest", "sidecar"} {
		if !strings.HasPrefix(p.do(t, "logs", container), "stdout F ready\n") || p.state(t, container, "running") != "0" {
			t.Errorf("%s is not as it was: %s", container, p.do(t, "status"))
		}
	}
}

// criTerminal: a dialog at a terminal, which has the size of kubectl's, and whose keys send signals.
func (p *pod) criTerminal(t *testing.T, in program, s *setup) {
	t.Helper()
	mark := s.name("mark")
	at := func(dialog []exchange) result {
		line := kubeletLine("exec", p.name, in.container, "-i", "-t", in.path, "echo", mark)
		return onTerminal(t, dialog, line[0], line[1:]...)
	}
	process := func() string {
		for _, line := range processes(t) {
			if m := regexp.MustCompile(`^(\d+) "[^"\\]*\\x00echo\\x00` + mark + `\\x00"$`).FindStringSubmatch(line); m != nil {
				return m[1]
			}
		}
		return ""
	}
	at(append(resizes(t, process), talk...)).shows(t, talked)
	r := at([]exchange{{send: "one\n", await: "got one"}, {send: "\003"}})
	if r.status != 130 {
		t.Errorf("%s in %s: ^C: status %d, want 130, the terminal shows %q", in.path, in.container, r.status, r.stdout)
	}
}

// resizes are a client's terminal as it is, and then of another size, and what comes of that where a process is.
func resizes(t *testing.T, process func() string) []exchange {
	t.Helper()
	has := func(want unix.Winsize) {
		t.Helper()
		eventually(t, fmt.Sprintf("terminal of %d by %d", want.Row, want.Col), func() bool {
			f, err := os.OpenFile("/proc/"+process()+"/fd/0", os.O_RDONLY|unix.O_NOCTTY, 0)
			if err != nil {
				return false
			}
			defer f.Close()
			size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
			return err == nil && *size == want
		})
	}
	return []exchange{
		{before: func(*os.File) { has(small) }},
		{before: func(terminal *os.File) {
			if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &large); err != nil {
				t.Fatal(err)
			}
			has(large)
		}},
	}
}

// criAttach: what kubectl attach does, to containers that wait for somebody.
func criAttach(t *testing.T, s *setup) {
	p := s.newPod(t, "attach", fmt.Sprintf(`  restartPolicy: Never
  containers:
  - name: twice
    image: %[1]s
    args: ["twice"]
    stdin: true
    stdinOnce: true
  - name: screen
    image: %[1]s
    args: ["echo"]
    stdin: true
    tty: true
  - name: stopped
    image: %[1]s
    args: ["echo"]
    stdin: true
    tty: true
`, s.podImage()))
	const lines = "one\ntwo\n"
	r := p.stream(t, lines, "attach", "twice", "-i")
	if r.want(t, 0, lines); r.stderr != lines {
		t.Errorf("stderr %q", r.stderr)
	}
	if got := p.state(t, "twice", "exited"); got != "0 Completed" {
		t.Errorf("after the end of its input it ended with %s", got)
	}
	eventually(t, "log of what was written", func() bool {
		logged := strings.Split(strings.TrimSpace(p.do(t, "logs", "twice")), "\n") // of two streams, in any order
		slices.Sort(logged)
		return slices.Equal(logged, []string{"stderr F one", "stderr F two", "stdout F one", "stdout F two"})
	})
	screen := kubeletLine("attach", p.name, "screen", "-i", "-t")
	at := append(resizes(t, func() string { return p.process(t, "screen") }), talk...)
	onTerminal(t, at, screen[0], screen[1:]...).shows(t, talked)
	if got := p.state(t, "screen", "exited"); got != "0 Completed" {
		t.Errorf("after ^D it ended with %s", got)
	}
	stopped := kubeletLine("attach", p.name, "stopped", "-i", "-t")
	onTerminal(t, []exchange{{send: "one\n", await: "got one"}, {send: "\003"}}, stopped[0], stopped[1:]...).shows(t, "got one\n")
	if got := p.state(t, "stopped", "exited"); got != "130 Error" {
		t.Errorf("after ^C it ended with %s", got)
	}
}

// stream runs exec or attach of the kubelet with an input.
func (p *pod) stream(t *testing.T, stdin, verb, container string, args ...string) result {
	t.Helper()
	line := kubeletLine(append([]string{verb, p.name, container}, args...)...)
	return run(t, stdin, line[0], line[1:]...)
}

// podImage is the image of the setup's guest in a pod, whose annotations name the engine.
func (s *setup) podImage() string {
	if s.guest() {
		return "localhost/wasm:latest"
	}
	return s.image + ":latest"
}
