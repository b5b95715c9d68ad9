//go:build root && linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
)

const somebody = 54321 // a user without a name, and without processes

// alone makes the command the first process of a PID namespace.
func alone(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID} }

// TestRootFirstProcess: signals mean something to the first process of a PID namespace, too.
func TestRootFirstProcess(t *testing.T) {
	for name, c := range map[string]struct {
		guest  string
		send   syscall.Signal
		status int
	}{
		"TERM, in a loop":    {"spin", syscall.SIGTERM, 143},
		"TERM, in recursion": {"recursion", syscall.SIGTERM, 143},
		"INT":                {"spin", syscall.SIGINT, 130},
		"KILL":               {"spin", syscall.SIGKILL, 137},
	} {
		t.Run(name, func(t *testing.T) {
			s := launch{guest: c.guest, cmd: alone}.start(t)
			s.awaitReady()
			for _, ignored := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGABRT, syscall.SIGALRM, syscall.SIGPIPE, syscall.SIGSEGV} {
				s.signal(ignored)
			}
			time.Sleep(50 * time.Millisecond)
			if err := s.cmd.Process.Signal(syscall.Signal(0)); err != nil {
				t.Fatalf("it does not ignore what it has no handler for: %v, %s", err, s.errs.String())
			}
			s.signal(c.send)
			if status := s.wait(); status != c.status {
				t.Errorf("status %d, want %d; %s", status, c.status, s.errs.String())
			}
		})
	}
}

// TestRootFirstMoment: no signal is lost once the runner is ready.
func TestRootFirstMoment(t *testing.T) {
	for range 500 {
		s := launch{guest: "spin", cmd: alone}.start(t)
		s.awaitReady()
		s.signal(syscall.SIGTERM)
		if status := s.wait(); status != 143 || s.recorded().Kind != runner.KindSignal {
			t.Fatalf("status %d, %s", status, s.errs.String())
		}
		s.ready.Close()
		s.record.Close()
	}
}

// TestRootAnyMoment: a signal at any moment of the start ends the runner, or it comes too early for anybody and changes nothing.
func TestRootAnyMoment(t *testing.T) {
	ended := make(map[int]int)
	for range 200 {
		s := launch{guest: "spin", cmd: alone}.start(t)
		time.Sleep(rand.N(8 * time.Millisecond))
		s.signal(syscall.SIGTERM)
		var b [1]byte
		_ = s.ready.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, _ := s.ready.Read(b[:]); n == 1 {
			s.signal(syscall.SIGTERM)
		}
		status := s.wait()
		// 2 is what Go makes of it between its own handlers and ours, where the runner does not even know of its order.
		if status != 143 && status != 2 || strings.Contains(s.errs.String(), "goroutine") {
			t.Fatalf("status %d, %s", status, s.errs.String())
		}
		ended[status]++
		s.ready.Close()
		s.record.Close()
	}
	t.Log("exit statuses: ", ended)
}

// TestRootOrphans: the first process of a namespace waits for those whose parents have died.
func TestRootOrphans(t *testing.T) {
	s := launch{guest: "spin", cmd: alone}.start(t)
	s.awaitReady()
	pid := s.cmd.Process.Pid
	script := "for i in 1 2 3 4 5; do (sleep 0.01 &) ; done"
	if out, err := exec.Command("nsenter", "--target", fmt.Sprint(pid), "--pid", "sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v, %s", err, out)
	}
	late := time.Now().Add(20 * time.Second)
	for {
		time.Sleep(20 * time.Millisecond)
		left := ""
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil || len(tasks) == 0 {
			t.Fatal(tasks, err)
		}
		for _, task := range tasks {
			b, _ := os.ReadFile(task)
			left += string(b)
		}
		if left == "" {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("the runner has children: %s", left)
		}
	}
	s.signal(syscall.SIGTERM)
	if status := s.wait(); status != 143 {
		t.Errorf("status %d", status)
	}
}

// TestRootNothing: a runner needs nothing around it: an empty root directory, which cannot be written to and has no /proc, a user
// without a name, no capabilities.
func TestRootNothing(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"cp", filepath.Join(built, "runner"), filepath.Join(root, "runner")},
		{"cp", "-r", codeOf(t, guestPath("exit")), filepath.Join(root, "code")},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v, %s", err, out)
		}
	}
	if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []uint32{0, somebody} {
		status := make(chan int)
		var s *started
		go func() { // on a thread of its own, whose privileges go for good
			runtime.LockOSThread()
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				t.Error(err)
			}
			s = launch{
				guest: "exit",
				order: func(o *runner.Order) { o.CodeDir, o.Config.Args = "/code", []string{"exit", "42"} },
				cmd: func(c *exec.Cmd) {
					alone(c)
					c.Path, c.Dir = "/runner", "/"
					c.SysProcAttr.Chroot = root
					c.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
				},
			}.start(t)
			status <- s.wait()
		}()
		if got := <-status; got != 42 {
			t.Errorf("as %d: status %d, %s", uid, got, s.errs.String())
		}
	}
}

// TestRootRecordFile: a runner keeps no descriptor of its record, with which whoever takes it over could fill the host's disk.
func TestRootRecordFile(t *testing.T) {
	file := recordFile(t)
	s := launch{guest: "spin", cmd: func(c *exec.Cmd) { c.ExtraFiles[3] = file }}.start(t)
	s.awaitReady()
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.cmd.Process.Pid))
	if err != nil || len(descriptors) < 3 {
		t.Fatalf("descriptors %q, %v", descriptors, err)
	}
	for _, fd := range descriptors {
		if to, err := os.Readlink(fd); err != nil || to == file.Name() {
			t.Errorf("%s: %s, %v", fd, to, err)
		}
	}
}
