//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
)

// TestEnvironment: a guest has the environment of its order, and a runner's is not among it.
func TestEnvironment(t *testing.T) {
	for name, env := range map[string][]string{
		"nothing":     nil,
		"a few":       {"A=1", "GOMAXPROCS=7", "WASMOCI_RUNNER=guest"},
		"one of many": {"LONG=" + strings.Repeat("x", 10_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launch{guest: "environ", order: func(o *runner.Order) { o.Config.Env = env }}.start(t)
			if status := s.wait(); status != len(env) {
				t.Errorf("%d variables, %s; want %d", status, s.errs.String(), len(env))
			}
			want := ""
			for _, e := range env {
				want += e + "\x00"
			}
			if s.out.String() != want {
				t.Errorf("the guest has %q, want %q", s.out.String(), want)
			}
		})
	}
}

// TestStreams: descriptors 0 to 2 are the guest's, whatever they are.
func TestStreams(t *testing.T) {
	read := func(t *testing.T, f *os.File) string {
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Run("pipes", func(t *testing.T) {
		s := launch{guest: "wait", cmd: func(c *exec.Cmd) { c.Stdin = strings.NewReader("xyz") }}.start(t)
		if status := s.wait(); status != 0 || s.out.String() != "x" || s.errs.String() != "ready\n" {
			t.Errorf("status %d, output %q, %q", status, s.out.String(), s.errs.String())
		}
	})
	t.Run("pipes that do not block", func(t *testing.T) {
		in, inEnd := pipe(t)
		out, outEnd := pipe(t)
		for _, f := range []*os.File{in, inEnd, out, outEnd} {
			defer f.Close()
		}
		for _, f := range []*os.File{in, outEnd} {
			conn, err := f.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), true) })
			if err != nil {
				t.Fatal(err)
			}
		}
		s := launch{guest: "wait", cmd: func(c *exec.Cmd) {
			c.Stdin, c.Stdout = nil, nil
			c.Args = []string{"sh", "-c", `exec "$0" <&7 >&8 7<&- 8>&-`, c.Path}
			c.Path = "/bin/sh"
			c.ExtraFiles = append(c.ExtraFiles, in, outEnd)
		}}.start(t)
		s.awaitReady()
		if _, err := inEnd.WriteString("y"); err != nil {
			t.Fatal(err)
		}
		if status := s.wait(); status != 0 {
			t.Errorf("status %d, %s", status, s.errs.String())
		}
		outEnd.Close()
		if got := read(t, out); got != "y" {
			t.Errorf("output %q", got)
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := launch{guest: "hello", cmd: func(c *exec.Cmd) {
			c.Args = []string{"sh", "-c", `exec "$0" <&- >&- 2>&-`, c.Path}
			c.Path = "/bin/sh"
		}}.start(t)
		if status := s.wait(); status != 0 || s.recorded().Kind != runner.KindExit {
			t.Errorf("status %d", status)
		}
	})
	for name, stream := range map[string]func(*exec.Cmd, *os.File){
		"output that nobody reads": func(c *exec.Cmd, f *os.File) { c.Stdout = f },
		"no pipe has a reader":     func(c *exec.Cmd, f *os.File) { c.Stdout, c.Stderr, c.ExtraFiles[2], c.ExtraFiles[3] = f, f, f, f },
	} {
		t.Run(name, func(t *testing.T) {
			r, w := pipe(t)
			r.Close()
			defer w.Close()
			const pipeError = 64 // EPIPE of preview 1
			s := launch{guest: "write_errno", cmd: func(c *exec.Cmd) { stream(c, w) }}.start(t)
			if status := s.wait(); status != pipeError {
				t.Errorf("status %d, %s", status, s.errs.String())
			}
			s = launch{guest: "trap", order: func(o *runner.Order) { o.Config.Args = []string{"trap", "u"} }, cmd: func(c *exec.Cmd) { stream(c, w) }}.start(t)
			if status := s.wait(); status != 134 {
				t.Errorf("a message to nobody: status %d, %s", status, s.errs.String())
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		s := launch{guest: "hello", cmd: func(c *exec.Cmd) { c.Stdin = directory(t) }}.start(t)
		if status := s.wait(); status != 125 || !strings.Contains(s.errs.String(), "is a directory") {
			t.Errorf("status %d, %q", status, s.errs.String())
		}
	})
}

// TestByDescriptor: where nothing can be mounted, the executable and the code come as descriptors.
func TestByDescriptor(t *testing.T) {
	for _, first := range []int{3, 7} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			in, inEnd := pipe(t)
			defer in.Close()
			defer inEnd.Close()
			exe, err := os.Open(filepath.Join(built, "runner"))
			if err != nil {
				t.Fatal(err)
			}
			defer exe.Close()
			code, err := os.Open(codeOf(t, guestPath("wait")))
			if err != nil {
				t.Fatal(err)
			}
			defer code.Close()
			s := launch{
				guest: "wait", first: first,
				order: func(o *runner.Order) { o.CodeDir = "/proc/self/fd/" + strconv.Itoa(first+runner.FileCode) },
				cmd: func(c *exec.Cmd) {
					c.Stdin = in
					c.Path = "/proc/self/fd/" + strconv.Itoa(first+runner.FileExecutable)
					c.ExtraFiles = append(c.ExtraFiles, exe, code)
				},
			}.start(t)
			s.awaitReady()
			if n, err := s.ready.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after the ready byte: %d, %v", n, err)
			}
			if os.Geteuid() == 0 { // to anybody else, that directory is closed
				for fd, what := range descriptors(t, s.cmd.Process.Pid) {
					if strings.Contains(what, "order") || what == exe.Name() || what == code.Name() || strings.Contains(what, ".wasm") {
						t.Errorf("descriptor %d is still %s", fd, what)
					}
				}
			}
			inEnd.Close()
			if status := s.wait(); status != 0 {
				t.Errorf("status %d, %s", status, s.errs.String())
			}
		})
	}
}

// descriptors returns what a process has open.
func descriptors(t *testing.T, pid int) map[int]string {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	open := make(map[int]string)
	for _, name := range names {
		fd, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		if what, err := os.Readlink(name); err == nil {
			open[fd] = what
		}
	}
	return open
}

// TestUndumpable: other processes of its user see nothing of a runner that the guest does not show them.
func TestUndumpable(t *testing.T) {
	s := launch{guest: "spin"}.start(t)
	s.awaitReady()
	defer s.wait()
	defer s.signal(syscall.SIGTERM)
	for _, name := range []string{"mem", "environ", "maps", "exe", "fd"} {
		var st unix.Stat_t
		if err := unix.Lstat(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name), &st); err != nil {
			t.Fatal(err)
		}
		if st.Uid != 0 {
			t.Errorf("%s is the user's (%d)", name, st.Uid)
		}
	}
	if os.Geteuid() != 0 {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.cmd.Process.Pid)); err == nil {
			t.Errorf("its environment can be read: %q", b)
		}
	}
}
