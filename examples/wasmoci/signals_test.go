//go:build unix

package main

import (
	"bufio"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start starts the program on a guest and waits until the guest says that it runs.
func start(t *testing.T, entrypoint string, before ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := writeBundle(dir, []string{"/guest.wasm#" + entrypoint}); err != nil {
		t.Fatal(err)
	}
	args := append(before, "wasmoci", "run", "--no-container", "--cache-dir", "", "--bundle", dir)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe() // open, and never written to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close() })
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("guest said %q, %v; stderr %q", line, err, stderr)
	}
	return cmd, stderr
}

// status waits for the end and returns the exit status and how long it took; a process that a signal killed has -1.
func status(t *testing.T, cmd *exec.Cmd) (int, time.Duration) {
	t.Helper()
	begun := time.Now()
	_ = cmd.Wait() // the status is what counts
	return cmd.ProcessState.ExitCode(), time.Since(begun)
}

func TestSignals(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		guest  string
		want   int
	}{
		{syscall.SIGTERM, "loop", 143},
		{syscall.SIGTERM, "sleep", 143},
		{syscall.SIGTERM, "read", 143},
		{syscall.SIGINT, "loop", 130},
		{syscall.SIGQUIT, "sleep", 131},
		{syscall.SIGHUP, "read", 129},
	} {
		t.Run(test.signal.String()+" "+test.guest, func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(test.signal) {
				t.Fatal("the signal is ignored here and by all that this process starts, as under nohup: run without that")
			}
			cmd, stderr := start(t, test.guest)
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			got, took := status(t, cmd)
			if got != test.want {
				t.Errorf("exit status %d, want %d; stderr %q", got, test.want, stderr)
			}
			if took > time.Second {
				t.Errorf("the guest ended after %v, want within a second", took)
			}
			if stderr.Len() > 0 {
				t.Errorf("stderr %q, want nothing: the status says all", stderr)
			}
		})
	}
}

// TestIgnoredSignal: what nohup made ignored stays ignored.
func TestIgnoredSignal(t *testing.T) {
	cmd, stderr := start(t, "sleep", "sh", "-c", `trap "" HUP; exec "$@"`, "sh")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := status(t, cmd); got != 143 {
		t.Errorf("exit status %d, want 143: HUP was ignored, TERM was not; stderr %q", got, stderr)
	}
}

// TestSecondSignal: the same signal again does not wait for anything, another one is no repetition.
func TestSecondSignal(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "stubborn")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout := bufio.NewReader(pipe)
	for _, step := range []struct {
		want string
		send syscall.Signal
	}{
		{"ready\n", syscall.SIGINT},
		{"signal 2\n", syscall.SIGTERM},
		{"", syscall.SIGTERM},
	} {
		if step.want != "" {
			if line, err := stdout.ReadString('\n'); line != step.want {
				t.Fatalf("said %q, %v, want %q", line, err, step.want)
			}
		} else {
			time.Sleep(20 * time.Millisecond) // two signals of one kind that are both pending are one
		}
		if err := cmd.Process.Signal(step.send); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := status(t, cmd); got != 143 {
		t.Errorf("exit status %d, want 143", got)
	}
}

// TestSignalBeforeGuest: where no guest has been started yet nothing is waited for.
func TestSignalBeforeGuest(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "preparing")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(pipe).ReadString('\n'); line != "ready\n" {
		t.Fatalf("said %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got, took := status(t, cmd); got != 143 || took > time.Second {
		t.Errorf("exit status %d after %v, want 143 at once", got, took)
	}
}

// TestCompileFIFO: what is not a regular file is refused, and not waited for.
func TestCompileFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "wasmoci", "compile", "--cache-dir", t.TempDir(), name)
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waiting := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer waiting.Stop()
	if got, _ := status(t, cmd); got != 126 || !strings.Contains(stderr.String(), "no regular file") {
		t.Errorf("exit status %d, stderr %q; want 126 at once", got, stderr)
	}
}
