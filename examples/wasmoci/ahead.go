//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// gateFIFO is where a runner that was started ahead of its container waits for the byte that starts its guest. Nothing else has it open for
// reading, and the runner closes it then: as long as it can be written to, the container is created and not started.
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

// waits is waiting when nobody is about to start the container any more, and nobody does until held is closed. It waits for nobody where
// the container has been started: whoever has taken its runner over could hold that lock.
func waits(store *state.Store, c *state.Container) (held *os.File, yes bool) {
	if yes = waiting(store, c); !yes || !c.Ahead {
		return nil, yes
	}
	held, err := openReady(store, c.ID)
	return held, err == nil && waiting(store, c)
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

// letGo starts the guest of a container whose runner waits for it, and returns when signals reach it. A runner that has ended by itself
// is as one that ends now: its exit status tells how.
func (r *ociRuntime) letGo(store *state.Store, c *state.Container, ready *os.File) error {
	gate, err := openGate(store, c.ID)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start: %w", err)
	}
	defer gate.Close()
	if err != nil || gate == nil && wasEnded(c) {
		return notWaiting(c)
	}
	if gate != nil && frozen(c.Cgroup) { // it would start whenever it is resumed
		return fmt.Errorf("start: %q is paused: resume it first", c.ID)
	}
	n := 0
	if gate != nil {
		if n, err = gate.Write([]byte{0}); err != nil && !errors.Is(err, unix.EPIPE) {
			return fmt.Errorf("start: %w", err)
		}
	}
	// It is started now, whatever comes of it.
	if err := os.Remove(filepath.Join(store.Path(c.ID), gateFIFO)); err != nil || gate == nil {
		return err
	}
	end := r.begin("ready")
	if err = awaitReady(ready); err == nil && (n == 0 || !taken(gate)) && wasEnded(c) { // its threads end one after the other, and the last one has the gate
		err = notWaiting(c)
	}
	end(err)
	return err
}

func notWaiting(c *state.Container) error {
	return fmt.Errorf("start: %q does not wait for its start: it has been started, or has ended before", c.ID)
}

// taken says whether the byte that was written to the gate has been read.
func taken(gate *os.File) bool {
	left, err := unix.IoctlGetInt(int(gate.Fd()), unix.TIOCINQ)
	return err != nil || left == 0
}

// frozen says whether a cgroup of either version is paused, as far as it is known.
func frozen(cgroup string) bool {
	first := strings.TrimSpace(readString("/sys/fs/cgroup/freezer" + cgroup + "/freezer.state"))
	return first == "FROZEN" || first == "FREEZING" || strings.TrimSpace(readString("/sys/fs/cgroup"+cgroup+"/cgroup.freeze")) == "1"
}

// wasEnded says whether a runner that is gone was ended by somebody, and not by itself or the kernel.
func wasEnded(c *state.Container) bool {
	rec, ok := recorded(c)
	if !ok {
		rec = killed(c)
	}
	return rec.Kind == runner.KindSignal || rec.Kind == runner.KindKilled && rec.Detail == ""
}
