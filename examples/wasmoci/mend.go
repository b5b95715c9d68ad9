//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// cutOff says whether the making of a container has ended, by a kill, before it was what was asked for. Its name is held, so nobody is
// at it.
func cutOff(c *state.Container) bool { return c != nil && !c.Complete && !c.Native }

// abandon has the delegate of c forget the container id, of which it has made all or a part.
func (r *ociRuntime) abandon(c *state.Container, id string) error {
	store, err := r.store()
	if err != nil {
		return err
	}
	d, err := r.delegateOf(c)
	if err != nil {
		return err
	}
	var about struct{ Bundle string }
	if out, err := exec.Command(d.Path, r.rooted("state", id)...).Output(); err == nil &&
		json.Unmarshal(out, &about) == nil && about.Bundle != filepath.Join(store.Path(id), "bundle") {
		return nil // it is somebody else's, who has not asked this program for it
	}
	if err := r.drop(d, id); err != nil && r.has(d, id) {
		return err
	}
	return r.mend(store, id)
}

// mend removes what a delegate and its parent have left that were killed while they made or removed the container id, and what the
// delegate itself does not remove any more: it does not know the container, or is told to forget it.
func (r *ociRuntime) mend(store *state.Store, id string) error {
	if err := endHolders(filepath.Join(store.Path(id), readyFIFO)); err != nil {
		return err
	}
	if original, err := oci.LoadBundle(store.Path(id)); err == nil && original.Spec.Linux != nil {
		removeCgroup(original.Spec.Linux.CgroupsPath)
	}
	s, err := r.operator()
	if err != nil {
		return err
	}
	codes, err := prepared.Open(s.Cache, s.CacheLimit)
	if err != nil {
		return err
	}
	return codes.Sweep()
}

const (
	endPatience   = 10 * time.Second // how long a process that was killed may take to be gone
	emptyPatience = time.Second      // how long after that its cgroups may look as if it was there
)

// endHolders kills the processes that have a FIFO open, and waits for their end. Of a runner's FIFO that is a container's first process of
// which the delegate has not written down, before it was killed, that there is one.
func endHolders(fifo string) error {
	own, err := os.Lstat(fifo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	holds := func(fd string) bool { // in another mount namespace another file may have this name
		if to, err := os.Readlink(fd); err != nil || to != fifo {
			return false
		}
		st, err := os.Stat(fd)
		return err == nil && os.SameFile(st, own)
	}
	descriptors, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return err
	}
	for _, fd := range descriptors {
		if !holds(fd) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it is gone
		}
		if holds(fd) { // it is still this very process
			err = unix.PidfdSendSignal(p, unix.SIGKILL, nil, 0)
			if n, perr := unix.Poll([]unix.PollFd{{Fd: int32(p), Events: unix.POLLIN}}, int(endPatience.Milliseconds())); err == nil && (n == 0 || perr != nil) {
				err = fmt.Errorf("process %d of the container was killed, and does not end: %w", pid, cmp.Or(perr, os.ErrDeadlineExceeded))
			}
		}
		unix.Close(p)
		if err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// removeCgroup removes the cgroup that a container was to have, and those in it, as far as nothing runs in them. Those that systemd
// manages it removes itself.
func removeCgroup(path string) {
	if path == "" || strings.Contains(path, ":") {
		return
	}
	path = filepath.Clean("/" + path)
	if path == "/" {
		return
	}
	tops := []string{"/sys/fs/cgroup" + path}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil { // a hierarchy for each controller
		hierarchies, _ := os.ReadDir("/sys/fs/cgroup")
		tops = nil
		for _, h := range hierarchies {
			tops = append(tops, filepath.Join("/sys/fs/cgroup", h.Name(), path))
		}
	}
	for _, top := range tops {
		removeGroups(top)
	}
}

// removeGroups removes a cgroup with those in it, as far as they are empty.
func removeGroups(top string) {
	var dirs []string
	_ = filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, name)
		}
		return nil
	})
	slices.Reverse(dirs)
	for _, dir := range dirs {
		for begun := time.Now(); unix.Rmdir(dir) == unix.EBUSY && time.Since(begun) < emptyPatience; { // a process may be about to be gone
			time.Sleep(time.Millisecond)
		}
	}
}

// at says that from now on this process is about the container whose files are in dir. There crun and runc mount their own executable for a
// moment, when they begin: what is left of that when they are killed goes with the container.
func (r *ociRuntime) at(dir string) error { return os.Setenv("_LIBCONTAINER_STATEDIR", dir) }

// erase removes files, and what is mounted among them.
func erase(remove func() error, dir string) error {
	err := remove()
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	for line := range strings.Lines(readString("/proc/self/mountinfo")) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			_ = unix.Unmount(fields[4], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
	}
	return remove()
}
