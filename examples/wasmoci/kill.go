//go:build linux

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// awaitStart keeps a signal back until the runner of the container that it is for can take it, or is gone: while somebody starts the
// container, and while a runner that goes ahead begins. Without a handler the first process of a PID namespace loses it. The delegate, which this process becomes, holds the lock as long as it
// lives, so that no start begins meanwhile. KILL needs no handler, and does not wait. args are those of kill.
func (r *ociRuntime) awaitStart(args []string) {
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	isKill := len(args) > 1 && slices.Contains([]string{"9", "KILL", "SIGKILL"}, strings.ToUpper(args[1])) // without a signal it is TERM
	if len(args) == 0 || state.CheckID(args[0]) != nil || isKill {
		return
	}
	store, c, err := r.ours(args[0])
	if err != nil || c == nil || cutOff(c) {
		return // handing over says so; or nothing begins, or is to begin yet
	}
	fd, err := unix.Open(filepath.Join(store.Path(args[0]), readyFIFO), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0) // not closed by exec
	if err != nil {
		return // not one of ours
	}
	for begun := time.Now(); time.Since(begun) < readyPatience; time.Sleep(time.Millisecond) {
		if err := unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB); err == unix.EWOULDBLOCK || err == unix.EINTR {
			continue
		}
		if gate, err := openGate(store, args[0]); err != nil || gate == nil {
			return
		} else {
			gate.Close()
		}
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n > 0 {
			return
		}
	}
}
