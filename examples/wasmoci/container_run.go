//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// runContainer makes a container, starts it, and unless detach is set waits for it and removes it.
func (r *ociRuntime) runContainer(cmd *cobra.Command, c *creation, id string, detach, keep bool) (err error) {
	end := r.begin("run")
	defer func() { end(err, text(attributeID, id)) }()
	g, err := r.guestOf(c.bundle)
	if err != nil {
		return err
	}
	if g == nil {
		return r.handNew("run", id)
	}
	if g.native {
		return r.makeNative(cmd, c, g, id, "run")
	}
	defer g.module.Close()
	var terminal *console
	if g.bundle.Spec.Process.Terminal && c.consoleSocket == "" {
		if detach {
			return usage(cmd, errors.New("a container with a terminal that is detached needs --console-socket"))
		}
		if terminal, err = newConsole(); err != nil {
			return err
		}
		defer terminal.close()
		c.consoleSocket = terminal.path
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil { // the container's process is to be this one's child
		return os.NewSyscallError("prctl", err)
	}
	caught := make(chan os.Signal, 16)
	if !detach { // from now on: what comes before the container is there is for it, too
		signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
		defer signal.Stop(caught)
	}
	made, err := r.make(cmd, c, g, id)
	if err != nil {
		return err
	}
	made.close()
	pid, err := strconv.Atoi(strings.TrimSpace(readString(made.pidFile)))
	if err != nil {
		return fmt.Errorf("run: the delegate's pid file: %w", err)
	}
	process, err := os.FindProcess(pid) // holds on to this very one: its number may be another's by the time a signal comes
	if err != nil {
		return and(fmt.Errorf("run: the container's process: %w", err), r.deleteMade(cmd, id))
	}
	defer func() { _ = process.Release() }()
	if !detach {
		terminal.attach()
	}
	if err := r.startMade(made.about, id, append(r.globals(cmd), "start", id)); err != nil {
		return and(err, r.deleteMade(cmd, id))
	}
	if detach {
		return nil
	}
	go func() {
		for sig := range caught {
			if sig == syscall.SIGWINCH {
				terminal.resize()
			} else {
				_ = process.Signal(sig)
			}
		}
	}()
	status, err := await(pid)
	terminal.drain()
	if err == nil && !keep {
		err = r.deleteMade(cmd, id)
	}
	if err != nil {
		return err
	}
	if status != 0 {
		return failed{status}
	}
	return nil
}

// await waits for the end of a child.
func await(pid int) (status int, err error) {
	var ws syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &ws, 0, nil); err != syscall.EINTR {
			break
		}
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("run: wait for the container: %w", err)
	case ws.Signaled():
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}

// deleteMade has the container removed as by the verb delete.
func (r *ociRuntime) deleteMade(cmd *cobra.Command, id string) error {
	return r.remove(cmd, id, true)
}

func readString(name string) string {
	data, _ := os.ReadFile(name)
	return string(data)
}

// forward gives the signals that this process gets to the delegate, which gives them to the container's process, until stop. One
// that comes before the runner can take it waits.
func forward(ready *os.File, other *exec.Cmd) (stop func()) {
	caught := make(chan os.Signal, 8)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	go func() {
		_ = awaitReady(ready)
		for sig := range caught {
			_ = other.Process.Signal(sig)
		}
	}()
	return func() {
		signal.Stop(caught)
		close(caught)
	}
}
