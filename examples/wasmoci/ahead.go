//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// gateFIFO is where a runner that was started ahead of its container waits for the byte that starts its guest. It is open in nothing
// else, and the runner closes it then: as long as somebody can write to it, the container is created and not started.
const gateFIFO = "gate"

// mayGoAhead says whether the delegate's start can be a part of create: it does no more than to let the runner go, of which nobody
// can tell when it was. Hooks can, and a service manager that is told of the start.
func mayGoAhead(spec *specs.Spec) bool {
	h := spec.Hooks
	return os.Getenv("NOTIFY_SOCKET") == "" && (h == nil || len(h.StartContainer) == 0 && len(h.Poststart) == 0)
}

// openGate opens what lets the guest of the container start, or nil where nobody waits there: it has been started, or has ended.
func openGate(store *state.Store, id string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(store.Path(id), gateFIFO), os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, nil
	}
	return f, err
}

// waiting says whether the container, which its delegate has started, is yet to be started, or was never made to its end.
func waiting(store *state.Store, c *state.Container) bool {
	if cutOff(c) {
		return true
	}
	if !c.Ahead {
		return false
	}
	f, err := openGate(store, c.ID)
	if err != nil || f == nil {
		return false
	}
	f.Close()
	return true
}

// waits is waiting when nobody is about to start the container any more.
func (r *ociRuntime) waits(store *state.Store, c *state.Container) bool {
	if c.Ahead {
		ready, err := openReady(store, c.ID)
		if err != nil {
			return false
		}
		defer ready.Close()
	}
	return waiting(store, c)
}

// goAhead has the delegate start the container, whose runner loads its code and then waits for the verb start.
func (c *container) goAhead(id string, globals []string) error {
	meeting := openMeeting(c.pidFile)
	defer meeting.Close()
	end := c.runtime.begin("delegate start")
	err := runDelegate(*c.runtime.found, append(globals, "start", id), os.Environ())
	end(err)
	return err
}

// letGo starts the guest of a container whose runner waits for it, and returns when signals reach it.
func (r *ociRuntime) letGo(store *state.Store, id string, ready *os.File) error {
	gate, err := openGate(store, id)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if gate == nil {
		return fmt.Errorf("start: %q does not wait for its start: it has been started, or has ended before", id)
	}
	_, err = gate.Write([]byte{0})
	gate.Close()
	if err != nil && !errors.Is(err, unix.EPIPE) { // it was killed at this moment, as it may be in the next
		return fmt.Errorf("start: %w", err)
	}
	end := r.begin("ready")
	err = awaitReady(ready)
	end(err)
	return err
}
