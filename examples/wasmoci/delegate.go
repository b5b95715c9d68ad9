//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
)

// args are the delegate's, without the ID.
func (c *container) args(cmd *cobra.Command, asked *creation) []string {
	args := []string{"--bundle", c.bundle, "--pid-file", c.pidFile, "--preserve-fds", strconv.Itoa(len(c.files))}
	if asked.consoleSocket != "" {
		args = append(args, "--console-socket", asked.consoleSocket)
	}
	return append(args, given(cmd, "no-pivot", "no-new-keyring", "no-subreaper")...)
}

// given are those flags of a command that were given, as a delegate takes them.
func given(cmd *cobra.Command, names ...string) []string {
	var args []string
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed || f.Value.String() == "false":
		case f.Value.Type() == "bool":
			args = append(args, "--"+name)
		default:
			args = append(args, "--"+name, f.Value.String())
		}
	}
	return args
}

// command is the delegate with args and the runner's descriptors.
func (c *container) command(args []string) *exec.Cmd {
	cmd := waitedFor(c.about.Delegate, args)
	cmd.Env = withoutListeners()
	cmd.ExtraFiles = c.files
	return cmd
}

// withoutListeners is the environment of a delegate whose --preserve-fds counts the caller's listeners.
func withoutListeners() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "LISTEN_") })
}

// waitedFor is a delegate that this process waits for, and that does not outlive it: whoever comes next is alone with the container.
func waitedFor(path string, args []string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// runDelegate runs d as [delegate.Delegate.Run] does.
func runDelegate(d delegate.Delegate, args, env []string, files ...*os.File) error {
	ws, err := d.Run(args, env, files...)
	if err != nil {
		return err
	}
	return exited(ws)
}

// exited is a delegate's end as this process's.
func exited(ws syscall.WaitStatus) error {
	switch {
	case ws.Signaled():
		return &killedError{ws.Signal()}
	case ws.ExitStatus() != 0:
		return failed{ws.ExitStatus()}
	}
	return nil
}

// delegated is the end of the delegate's process as this one's.
func delegated(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	ws, _ := exit.Sys().(syscall.WaitStatus)
	return exited(ws)
}

// killedError is the end of a delegate that could not say anything.
type killedError struct{ signal syscall.Signal }

func (e *killedError) Error() string {
	return fmt.Sprintf("the delegate was ended by signal %d (%v)", int(e.signal), e.signal)
}
func (e *killedError) ExitStatus() int { return 128 + int(e.signal) }
