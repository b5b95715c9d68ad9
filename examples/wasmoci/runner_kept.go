//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// errReplaced is exec in a container whose runner is nowhere any more.
var errReplaced = errors.New("its runner was replaced by another version since it was made, and compiles for containers of that version only: " +
	"create the container anew (native programs of the image still run)")

// runnerOf returns the runner that c was made with: code for its guests and orders are of that version. Where the file on the host has been
// replaced or removed since, it is the file that the container has mounted and runs, and still open; but not where it came with libraries,
// which nobody has any more. The caller closes it, if it is not nil.
func (r *ociRuntime) runnerOf(c *state.Container) (path string, kept *os.File, err error) {
	now, err := identity(os.Stat(c.Runner))
	if err == nil && now == c.RunnerFile || c.RunnerFile == (state.File{}) && err == nil && !now.Changed.After(c.Created) {
		return c.Runner, nil, nil
	}
	if c.Made.Libraries != "" { // the container has their directory mounted, not what was in there
		return "", nil, fmt.Errorf("exec: %q: %w", c.ID, errReplaced)
	}
	out, err := r.ask(c, r.rooted("state", c.ID)...)
	if err != nil {
		return "", nil, err
	}
	var about struct{ Pid int }
	if err := json.Unmarshal(out, &about); err != nil || about.Pid <= 0 {
		return "", nil, fmt.Errorf("exec: %q does not run", c.ID)
	}
	f, err := os.Open("/proc/" + strconv.Itoa(about.Pid) + "/exe")
	if err != nil {
		return "", nil, fmt.Errorf("exec: the runner of %q: %w", c.ID, err)
	}
	there, err := identity(f.Stat())
	there.Changed = c.RunnerFile.Changed     // its name is gone, which is a change
	if err != nil || there != c.RunnerFile { // what a process in the container has become is not executed here
		f.Close()
		return "", nil, fmt.Errorf("exec: %q: %w", c.ID, errors.Join(err, errReplaced))
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()), f, nil
}

// identity tells a file from every other, as long as it is somewhere.
func identity(st os.FileInfo, err error) (state.File, error) {
	if err != nil {
		return state.File{}, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return state.File{}, errors.ErrUnsupported
	}
	return state.FileOf(sys), nil
}
