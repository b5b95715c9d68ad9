//go:build clients && linux

package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// exchange is what somebody at a terminal types, and then waits for; but first, perhaps, does something else with it.
type exchange struct {
	send, await string
	before      func(terminal *os.File)
}

// The sizes that a terminal has at first, and may get.
var small, large = unix.Winsize{Row: 24, Col: 80}, unix.Winsize{Row: 50, Col: 132}

// onTerminal runs a command of which a terminal is all streams. A dialog begins when the command has made the terminal raw, as one does
// that passes everything on.
func onTerminal(t *testing.T, dialog []exchange, name string, args ...string) result {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &small)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var mu sync.Mutex
	var shown strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			mu.Lock()
			shown.Write(buf[:n])
			mu.Unlock()
			if err != nil { // EIO: nobody has the terminal any more
				return
			}
		}
	}()
	output := func() string {
		mu.Lock()
		defer mu.Unlock()
		return shown.String()
	}
	if len(dialog) > 0 {
		eventually(t, "raw terminal", func() bool {
			settings, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
			return err == nil && settings.Lflag&unix.ICANON == 0
		})
	}
	for _, e := range dialog {
		if e.before != nil {
			e.before(master)
		}
		if _, err := master.WriteString(e.send); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprintf("%q at the terminal", e.await), func() bool { return strings.Contains(output(), e.await) })
	}
	_ = cmd.Wait()
	<-done
	return result{stdout: output(), status: cmd.ProcessState.ExitCode()}
}
