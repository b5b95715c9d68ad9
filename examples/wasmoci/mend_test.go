//go:build root && linux

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRootEndHolders: it is who has the FIFO open that is ended, and nobody who has another of this name, as in a container where this
// program runs, too.
func TestRootEndHolders(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, readyFIFO)
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func(script string, flags uintptr) *exec.Cmd {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script, "sh", dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Unshareflags: flags}
		cmd.Stderr = os.Stderr
		open, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		said, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { open.Close(); _ = cmd.Wait() })
		if _, err := io.ReadFull(said, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	holder := begin(`exec 3<>"$1/ready"; echo ready; read -r _ || exit 7`, 0)
	other := begin(`mount -t tmpfs tmpfs "$1"; mkfifo "$1/ready"; exec 3<>"$1/ready"; echo ready; read -r _ || exit 7`, syscall.CLONE_NEWNS)
	if to, err := os.Readlink("/proc/" + strconv.Itoa(other.Process.Pid) + "/fd/3"); err != nil || to != fifo {
		t.Fatalf("the other FIFO is %q, %v", to, err)
	}
	if err := endHolders(fifo); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if ws, ok := holder.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
		t.Errorf("the holder: %v", holder.ProcessState)
	}
	if _, err := os.Readlink("/proc/" + strconv.Itoa(other.Process.Pid) + "/fd/3"); err != nil {
		t.Errorf("the other is gone: %v", err)
	}
}
