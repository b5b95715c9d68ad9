//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

func newStart(r *ociRuntime) *cobra.Command {
	return &cobra.Command{
		Use:   "start ID",
		Short: "Start the process of a container",
		Long: `Start the process of a container. For a WebAssembly container it returns when the guest is loaded and signals reach it, or when it has
failed, which its exit status tells.`,
		Args: oneID,
		RunE: func(cmd *cobra.Command, args []string) error { return r.start(args[0]) },
	}
}

func (r *ociRuntime) start(id string) (err error) {
	end := r.begin("start")
	defer func() { end(err, text(attributeID, id)) }()
	_, c, err := r.ours(id)
	if err != nil {
		return err
	}
	if c == nil || c.Native {
		return r.handOver(c)
	}
	if !c.Complete {
		return notMade("start", id)
	}
	r.about(c)
	return r.startMade(c, id, r.line)
}

// notMade says why nothing runs in a container that was not made to its end: whether its code is what it should be is not known.
func notMade(verb, id string) error {
	return fmt.Errorf("%s: %q was not made completely, whoever made it was killed: delete it and create it again", verb, id)
}

// startMade has the delegate start a container, by args, and waits for its runner.
func (r *ociRuntime) startMade(c *state.Container, id string, args []string) error {
	store, err := r.store()
	if err != nil {
		return err
	}
	if err := sameLibraries(c); err != nil {
		return fmt.Errorf("start: %q: %w", id, err)
	}
	ready, err := openReady(store, id)
	if err != nil {
		return err
	}
	defer ready.Close()
	if c.Ahead {
		return r.letGo(store, c, ready)
	}
	d, err := r.delegateOf(c)
	if err != nil {
		return err
	}
	meeting := openMeeting(filepath.Join(store.Path(id), "pid"))
	defer meeting.Close()
	end := r.begin("delegate start")
	err = runDelegate(d, args, os.Environ())
	end(err)
	if err != nil {
		return err
	}
	end = r.begin("ready")
	err = awaitReady(ready)
	end(err)
	return err
}

// readyPatience is how long start waits for a runner, which has its code compiled and takes milliseconds.
const readyPatience = time.Minute

// openReady opens the reading end of what a runner writes its byte to. No runner can have written yet. Until it is closed, signals for the
// container wait (awaitStart).
func openReady(store *state.Store, id string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(store.Path(id), readyFIFO), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("start: %w", os.NewSyscallError("flock", err))
	}
	return f, nil
}

// awaitReady returns when the guest runs and signals reach it, or the runner is gone: how it ended is for its exit status to tell.
func awaitReady(ready *os.File) error {
	if err := ready.SetReadDeadline(time.Now().Add(readyPatience)); err != nil {
		return err
	}
	for b := []byte{runner.ReadySignals}; b[0] != runner.ReadyGuest; {
		_, err := ready.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("start: the runner has been loading the guest for a minute: signals may not reach it yet; delete the container if it stays so")
		}
		if err != nil {
			break
		}
	}
	return nil
}

// meetingFIFO is the name of the FIFO in a delegate's state at which its start meets the container's first process.
const meetingFIFO = "exec.fifo"

// openMeeting opens for reading the FIFO at which crun's start meets the container's first process, whose number the file first has, and which has
// it open so itself. Where that process is killed after crun has looked at it and before crun opens the FIFO, crun would wait for a reader
// for ever, as long as there is no other. Nothing is read. It returns nil where no FIFO is open for reading: runc's first process writes
// to it, and would go on before start.
func openMeeting(first string) *os.File {
	pid, err := strconv.Atoi(strings.TrimSpace(readString(first)))
	if err != nil {
		return nil
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	descriptors, _ := os.ReadDir(dir)
	for _, fd := range descriptors {
		link := filepath.Join(dir, fd.Name())
		to, _ := os.Readlink(link)
		if st, err := os.Lstat(link); err != nil || filepath.Base(to) != meetingFIFO || st.Mode().Perm()&0o600 != 0o400 { // the link's mode is the descriptor's
			continue
		}
		if f, err := os.OpenFile(link, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			return f
		}
	}
	return nil
}
