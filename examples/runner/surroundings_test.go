//go:build linux

package main

import (
	"bytes"
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
	"github.com/wasmoci/wasmoci/wasi"
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
					if strings.Contains(what, "order") || strings.Contains(what, built) || strings.Contains(what, ".wasm") {
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

// limit starts a runner with a limit of the process.
func limit(resource string, value int64) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.Args = []string{"prlimit", fmt.Sprintf("--%s=%d", resource, value), "--", c.Path}
		c.Path = "/usr/bin/prlimit"
	}
}

// needs returns what the order of a guest needs.
func needs(t *testing.T, module string, first int) runner.Need {
	t.Helper()
	st, err := os.Stat(module)
	if err != nil {
		t.Fatal(err)
	}
	var code int64
	err = filepath.Walk(codeOf(t, module), func(_ string, st os.FileInfo, err error) error {
		if err == nil && !st.IsDir() {
			code += st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return runner.Needs(engineFor, st.Size(), code, first)
}

// TestLimits: with what Needs tells a runner works, each time, and what there is beyond is the guest's.
func TestLimits(t *testing.T) {
	const often = 20
	n := needs(t, guestPath("grow"), 3)
	var mounts []wasi.Mount
	for i := range 12 {
		mounts = append(mounts, wasi.Mount{Guest: fmt.Sprintf("/m%d", i), Host: t.TempDir()})
	}
	for name, c := range map[string]struct {
		guest  string
		cmd    func(*exec.Cmd)
		mounts []wasi.Mount
		status int
	}{
		"open files":               {guest: "hello", cmd: limit("nofile", n.OpenFiles)},
		"open files, with mounts":  {guest: "hello", cmd: limit("nofile", n.OpenFiles), mounts: mounts},
		"size of files":            {guest: "hello", cmd: limit("fsize", n.FileSize)},
		"stack":                    {guest: "trap", cmd: limit("stack", 128<<10), status: 134},
		"address space":            {guest: "grow", cmd: limit("as", n.AddressSpace+1<<20), status: 16},
		"address space, barely":    {guest: "grow", cmd: limit("as", n.AddressSpace+wasi.PageSize), status: 1},
		"address space, too small": {guest: "grow", cmd: limit("as", n.AddressSpace), status: 125},
		"data":                     {guest: "grow", cmd: limit("data", n.Data+1<<20), status: 16},
		"data, too small":          {guest: "grow", cmd: limit("data", n.Data), status: 125},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range often {
				s := launch{guest: c.guest, cmd: c.cmd, order: func(o *runner.Order) {
					o.HeapBytes = runner.HeapBytes(1000)
					o.Config.Args = []string{"guest", "r"}
					o.Config.Mounts = c.mounts
				}}.start(t)
				if status := s.wait(); status != c.status || status == 125 && !strings.Contains(s.errs.String(), "raise the limit") {
					t.Fatalf("status %d, want %d; %s", status, c.status, firstLines(s.errs.Bytes()))
				}
			}
		})
	}
}

func firstLines(b []byte) []byte {
	lines := bytes.SplitAfterN(b, []byte("\n"), 6)
	return bytes.Join(lines[:min(len(lines), 5)], nil)
}
