//go:build linux

package subprocess_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// late is when what must happen has not.
const late = 30 * time.Second

func open(t *testing.T, cfg subprocess.Config, opts engine.Options) engine.Engine {
	t.Helper()
	eng, err := subprocess.New(context.WithoutCancel(t.Context()), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return eng
}

func compile(t *testing.T, eng engine.Engine, wasm []byte) engine.Module {
	t.Helper()
	m, err := eng.Compile(t.Context(), engine.FromBytes(wasm))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCrash(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	for _, tt := range []struct {
		guest  string
		signal engine.Signal
		status int
		code   int    // ExitCode
		says   string // in the error
	}{
		{"fault", 11, 2, 139, "panic: runtime error: invalid memory address"},
		{"segv", 11, 2, 139, "SIGSEGV: segmentation violation"},
		{"abort", 6, 2, 134, "SIGABRT: abort"},
		{"kill", 9, 0, 137, "signal 9 (killed)"},
		{"exit", 0, 3, 125, "exited with status 3: these are my last words"},
		{"talk", 0, 3, 125, "panic: at the end"},
		{"overflow", 0, 2, 125, "goroutine stack exceeds"},
	} {
		t.Run(tt.guest, func(t *testing.T) {
			err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{tt.guest}})
			var crash *subprocess.CrashError
			if !errors.As(err, &crash) {
				t.Fatalf("got %v, want a *CrashError", err)
			}
			if crash.Signal != tt.signal || crash.Status != tt.status || engine.ExitCode(err) != tt.code {
				t.Errorf("got signal %d, status %d, exit status %d of %v, and said\n%s",
					int(crash.Signal), crash.Status, engine.ExitCode(err), err, crash.LastWords)
			}
			if !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "test: run: subprocess: the engine's process ") {
				t.Errorf("got the error %v, want it to say %q", err, tt.says)
			}
			if len(crash.LastWords) > 32<<10 {
				t.Errorf("%d bytes of last words", len(crash.LastWords))
			}
		})
	}
	if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"return"}}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestCrashWhileCompiling(t *testing.T) {
	eng := open(t, subprocess.Config{Engine: testEngine}, engine.Options{})
	f, err := os.Create(t.TempDir() + "/crash")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(quick); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var crash *subprocess.CrashError
		if _, err := eng.Compile(t.Context(), engine.FromFile(f)); !errors.As(err, &crash) || crash.Status != 9 {
			t.Errorf("got %v", err)
		}
	}
	compile(t, eng, quick)
}

// TestMemory checks that the kernel stops an engine that does not keep to a guest's limit.
func TestMemory(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"allocate"}, Limits: wasi.Limits{MemoryBytes: 1 << 20}})
	var crash *subprocess.CrashError
	if words := "out of memory"; !errors.As(err, &crash) || !strings.Contains(err.Error(), words) && !strings.Contains(err.Error(), "failed to allocate") { // the race detector's words
		t.Errorf("got %v", err)
	}
}

func TestProtocol(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"garbage":   "more than 1048576",
		"greedy":    "more than 67108864",
		"newer":     "version 2: build both",
		"other":     "does not say that it is one",
		"no json":   "no message",
		"unasked":   "it answers ",
		"wrong":     `answers "started" where "opened" is due`,
		"early":     "a run that it has not started",
		"unknown":   `unknown kind "gopher"`,
		"no error":  "fails without an error",
		"bad error": "without its field",
		"bad caps":  `unknown capability "gopher"`,
		"leaves":    "subprocess.Init or subprocess.Serve first): usage: gopher",
		"closes":    "without a word",
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			cfg := subprocess.Config{Engine: testEngine, Path: self, Env: []string{role + "=" + name}}
			_, err := subprocess.New(t.Context(), cfg, engine.Options{})
			var broken *subprocess.ProtocolError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), says) || broken.Path != self {
				t.Errorf("got %v, want a *ProtocolError that says %q", err, says)
			}
			if code := engine.ExitCode(err); code != 125 {
				t.Errorf("exit status %d", code)
			}
			if time.Since(begun) > late {
				t.Errorf("it took %v", time.Since(begun))
			}
		})
	}
	for _, name := range []string{"silent", "large"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, err := subprocess.New(ctx, subprocess.Config{Engine: testEngine, Path: self, Env: []string{role + "=" + name}}, engine.Options{})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > late {
				t.Errorf("got %v after %v", err, time.Since(begun))
			}
		})
	}
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  subprocess.Config
		opts engine.Options
		says string
		code int
	}{
		{"no engine", subprocess.Config{}, engine.Options{}, "Config.Engine is empty", 125},
		{"unknown engine", subprocess.Config{Engine: "gopher"}, engine.Options{}, `unknown engine "gopher"`, 126},
		{"not built", subprocess.Config{Engine: "wasmer"}, engine.Options{}, "", 126},
		{"no such file", subprocess.Config{Engine: testEngine, Path: "/no/such/file"}, engine.Options{}, "no such file", 125},
		{"no such cgroup", subprocess.Config{Engine: testEngine, Cgroup: "/no/such/cgroup"}, engine.Options{}, "Config.Cgroup", 125},
		{"no cgroup", subprocess.Config{Engine: testEngine, Cgroup: "/"}, engine.Options{}, "start a child", 125},
		{"not an engine", subprocess.Config{Engine: testEngine, Path: "/bin/true"}, engine.Options{}, "not an engine process", 125},
		{"uninterruptible", subprocess.Config{Engine: testEngine}, engine.Options{Uninterruptible: true}, "uninterruptible", 126},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d, ok := engine.Lookup(tt.cfg.Engine); tt.name == "not built" && ok && d.Open != nil {
				tt.cfg.Engine = "wasmedge" // one at most is part of a program
			}
			_, err := subprocess.New(t.Context(), tt.cfg, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.says) || engine.ExitCode(err) != tt.code {
				t.Errorf("got %v (%d), want %q (%d)", err, engine.ExitCode(err), tt.says, tt.code)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.Signal(2))
	if _, err := subprocess.New(ctx, subprocess.Config{Engine: testEngine}, engine.Options{}); engine.ExitCode(err) != 130 {
		t.Errorf("got %v", err)
	}
}

// TestUnchecked checks that a process is dedicated before its engine is opened, and that a guest can be ended all the same.
func TestUnchecked(t *testing.T) {
	eng := open(t, subprocess.Config{Engine: testEngine, Unchecked: true}, engine.Options{})
	if caps := eng.Info().Capabilities[wasi.FormatModule]; caps.String() != "interrupt,memory-limit,streams" {
		t.Errorf("the capabilities are %s", caps)
	}
	m := compile(t, eng, quick)
	ctx, cancel := context.WithCancelCause(t.Context())
	inst, pid := hang(t, ctx, m)
	cancel(engine.Signal(15))
	if err := inst.Wait(); engine.ExitCode(err) != 143 || err.Error() != "test: run: stopped: signal 15" {
		t.Errorf("got %v", err)
	}
	if alive(pid) {
		t.Error("the child is still there")
	}
}

// hang starts a guest that hangs and returns its process.
func hang(t *testing.T, ctx context.Context, m engine.Module) (engine.Instance, int) {
	t.Helper()
	r, w := io.Pipe()
	inst, err := m.Start(ctx, &wasi.Config{Args: []string{"hang"}, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return inst, pid
}

// state is the state of a process as ps shows it, 0 where there is none.
func state(pid int) byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return append(after, 0)[0]
}

// alive tells whether there is a process of that number that is no zombie.
func alive(pid int) bool {
	s := state(pid)
	return s != 0 && s != 'Z' && s != 'X'
}

// stop stops a process by SIGSTOP, all of its threads.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(late); state(pid) != 'T'; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is in state %c", pid, state(pid))
		}
	}
	time.Sleep(10 * time.Millisecond)
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(late); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestKilledFromOutside(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	inst, pid := hang(t, t.Context(), m)
	if s := inst.Stats(); s.HostCalls != 3 || s.MemoryBytes != 1 || s.Elapsed <= 0 {
		t.Errorf("while it runs Stats is %+v", s)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var crash *subprocess.CrashError
	if err := inst.Wait(); !errors.As(err, &crash) || crash.Signal != 15 || engine.ExitCode(err) != 143 {
		t.Errorf("got %v", err)
	}
	if s := inst.Stats(); s.HostCalls != 3 || s.MemoryBytes != 0 || s != inst.Stats() {
		t.Errorf("after the end Stats is %+v", s)
	}
}

// TestStopped checks that a child that answers nothing does not keep anybody.
func TestStopped(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	ctx, cancel := context.WithCancel(t.Context())
	inst, pid := hang(t, ctx, m)
	stop(t, pid)
	if s := inst.Stats(); s.HostCalls != 0 {
		t.Errorf("a child that is stopped says %+v", s)
	}
	cancel()
	if err := inst.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestHurry checks that a request which the child does not read does not keep Start.
func TestHurry(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	for _, pid := range children(t) {
		stop(t, pid)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := m.Start(ctx, &wasi.Config{Args: []string{"return", strings.Repeat("x", 8<<20)}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > late {
		t.Errorf("got %v after %v", err, time.Since(begun))
	}
}

// TestSpareKilled checks that a child that waits is not needed.
func TestSpareKilled(t *testing.T) {
	eng := open(t, subprocess.Config{Engine: "wazero"}, engine.Options{})
	killChildren(t)
	m := compile(t, eng, quick)
	killChildren(t)
	if err := engine.Run(t.Context(), m, nil); err != nil {
		t.Error(err)
	}
}

func killChildren(t *testing.T) {
	t.Helper()
	killed := children(t)
	if len(killed) == 0 {
		t.Error("there is no child")
	}
	for _, pid := range killed {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(late); len(children(t)) > 0; time.Sleep(5 * time.Millisecond) { // reaped, too
		if time.Now().After(end) {
			t.Fatal("the children are still there")
		}
	}
	time.Sleep(10 * time.Millisecond) // and known to be
}

// TestGroup checks that what an engine has started ends with it, and does not keep Wait.
func TestGroup(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	var out bytes.Buffer
	if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"forks"}, Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(out.String())
	if err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

// TestStraggler checks that a process which has left the group does not keep Wait by the streams that it has open.
func TestStraggler(t *testing.T) {
	m := compile(t, open(t, subprocess.Config{Engine: testEngine}, engine.Options{}), quick)
	r, w := io.Pipe()
	defer r.Close()
	inst, err := m.Start(t.Context(), &wasi.Config{Args: []string{"escapes"}, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- inst.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(late):
		t.Error("Wait does not return")
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	gone(t, pid)
}

// TestParentKilled checks that a child does not outlive a parent that has no time to end it.
func TestParentKilled(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{role + "=parent", "DIR=" + t.TempDir() + "/cache"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Error("the child is not there")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, pid)
}

func TestRoles(t *testing.T) {
	for name, says := range map[string]string{
		"serves":  "is for subprocess.New to start",
		"forgets": "call subprocess.Init first in main",
		"ignores": "this process is an engine's already",
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = []string{role + "=" + name}
			if name == "ignores" {
				cmd.Args[0] = "wasmoci:engine"
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), says) {
				t.Errorf("got %q, %v, want %q", out, err, says)
			}
		})
	}
}

// TestPath runs an engine in an executable that does nothing but Serve.
func TestPath(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := compile(t, open(t, subprocess.Config{Engine: "wazero", Path: self, Env: []string{role + "=serves"}}, engine.Options{}), trap)
	for range 2 {
		if err := engine.Run(t.Context(), m, nil); !errors.Is(err, engine.TrapUnreachable) {
			t.Errorf("got %v", err)
		}
	}
}
