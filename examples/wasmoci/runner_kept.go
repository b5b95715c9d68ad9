//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// errReplaced is exec in a container whose runner is nowhere any more.
var errReplaced = errors.New("its runner was replaced by another version since it was made, and compiles for containers of that version only: " +
	"create the container anew (native programs of the image still run)")

// errLibraries is what keeps a container from code of another version than that of its runner.
var errLibraries = errors.New("the libraries of its runner were replaced since it was made, and it would meet the new ones: create the container anew " +
	"(native programs of the image still run)")

// runnerOf returns the runner that c was made with: code for its guests and orders are of that version. Where the file on the host has been
// replaced or removed since, it is the file that the container has mounted and runs, and still open; but not where it came with libraries,
// which nobody has any more. The caller closes it, if it is not nil.
func (r *ociRuntime) runnerOf(c *state.Container) (path string, kept *os.File, err error) {
	if err := sameLibraries(c); err != nil {
		return "", nil, fmt.Errorf("exec: %q: %w", c.ID, err)
	}
	now, err := state.FileOf(unix.AT_FDCWD, c.Runner)
	if err == nil && (c.RunnerFile.Is(now) && now.Changed.Equal(c.RunnerFile.Changed) || c.RunnerFile == (state.File{}) && !now.Changed.After(c.Created)) {
		return c.Runner, nil, nil
	}
	if c.Made.Libraries != "" {
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
	there, err := state.FileOf(int(f.Fd()), "")
	if err != nil || !c.RunnerFile.Is(there) { // what a process in the container has become is not executed here
		f.Close()
		return "", nil, fmt.Errorf("exec: %q: %w", c.ID, errors.Join(err, errReplaced))
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()), f, nil
}

// sameLibraries refuses what would have the runner of c meet other libraries than it was made with: the container has their directory mounted,
// not what was in there.
func sameLibraries(c *state.Container) error {
	if c.Libraries == "" {
		return nil
	}
	if now, err := prepared.Identify(c.Made.Libraries); err != nil || now != c.Libraries {
		return errors.Join(errLibraries, err)
	}
	return nil
}
