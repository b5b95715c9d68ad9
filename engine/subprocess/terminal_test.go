//go:build linux

package subprocess_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBackground: where the program is in the background of its terminal, its guest does not read what is typed there, as the program would not,
// and reads when the program is in the foreground.
func TestBackground(t *testing.T) {
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	terminal, err := openTerminal(keyboard)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if _, err := keyboard.WriteString("first\nsecond\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), late)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env, cmd.Stdin, cmd.WaitDelay = []string{role + "=shell"}, terminal, late
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := cmd.CombinedOutput()
	want := "stopped: true\nthe shell reads \"first\\n\", <nil>\nthe guest reads \"second\\n\", <nil>\nstopped: false\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

// openTerminal opens the other end of a keyboard.
func openTerminal(keyboard *os.File) (*os.File, error) {
	fd := int(keyboard.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
}

// shell is a role: as a shell does it starts a job in the background, reads a line, and gets the job into the foreground.
func shell(*os.File) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = []string{role + "=job"}, os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	job := cmd.Process.Pid
	wait := func() bool {
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(job, &ws, syscall.WUNTRACED, nil); err != nil {
			panic(err)
		}
		fmt.Println("stopped:", ws.Stopped())
		return ws.Stopped()
	}
	if !wait() {
		return
	}
	b := make([]byte, 100)
	n, err := os.Stdin.Read(b)
	fmt.Printf("the shell reads %q, %v\n", b[:n], err)
	if err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, job); err != nil {
		panic(err)
	}
	if err := syscall.Kill(-job, syscall.SIGCONT); err != nil {
		panic(err)
	}
	wait()
}
