//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/oci"
)

// handed is how many descriptors this process has got for the container: first those of a service manager, then the client's own.
type handed struct{ listen, preserve int }

// handedOver takes the client's number, and reads the service manager's from LISTEN_FDS. As systemd itself does, it refuses what is no such
// number: a container would be without its sockets. Empty is as absent.
func handedOver(preserve int) (h handed, err error) {
	const most = 1024
	if preserve < 0 || preserve > most {
		return h, fmt.Errorf("--preserve-fds %d: give a number from 0 to %d", preserve, most)
	}
	h.preserve = preserve
	if text := os.Getenv("LISTEN_FDS"); text != "" {
		if h.listen, err = strconv.Atoi(text); err != nil || h.listen < 0 || h.listen > most {
			return h, fmt.Errorf("LISTEN_FDS is %q: set a number from 0 to %d, or unset it", text, most)
		}
	}
	return h, nil
}

// all is how many there are, from descriptor 3 on.
func (h handed) all() int { return h.listen + h.preserve }

// openCallers takes the descriptors over that the caller wants in the container.
func (c *container) openCallers() error {
	for fd := 3; fd < 3+c.handed.all(); fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = errors.New("this program's own, the caller has none there")
		}
		if err != nil {
			return fmt.Errorf("--preserve-fds (and LISTEN_FDS): descriptor %d: %w", fd, err)
		}
		c.files = append(c.files, os.NewFile(uintptr(fd), "descriptor "+strconv.Itoa(fd)))
	}
	return nil
}

// addRunner opens what the runner gets.
func (c *container) addRunner(d *oci.Derived, order runner.Order, module *os.File, code, ready, record string) error {
	if d.ByDescriptor {
		order.CodeDir = "/proc/self/fd/" + strconv.Itoa(c.first+runner.FileCode)
	} else {
		order.CodeDir = path.Join(d.Code, code)
	}
	if c.ahead {
		order.Gate = c.first + runner.FileRecord + 1
		if d.ByDescriptor {
			order.Gate = c.first + runner.FileCode + 1
		}
	}
	sealed, err := order.Seal()
	if err != nil {
		return err
	}
	c.files = append(c.files, sealed)
	dup, err := unix.FcntlInt(module.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	c.files = append(c.files, os.NewFile(uintptr(dup), module.Name()))
	for _, open := range []struct {
		name  string
		flags int
	}{
		{ready, os.O_RDWR}, // held open both ways, nobody's byte is lost
		{record, os.O_RDWR | os.O_CREATE | os.O_TRUNC},
	} {
		f, err := os.OpenFile(open.name, open.flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return err
		}
		c.files = append(c.files, f)
		if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
			continue
		}
		if _, err := f.Write(bytes.Repeat([]byte("\n"), runner.RecordBytes)); err != nil { // room for a record, and for no more
			return fmt.Errorf("make room for the record %s: %w", open.name, err)
		}
	}
	if d.ByDescriptor {
		if err := c.addExecutable(); err != nil {
			return err
		}
		if err := c.addCode(code); err != nil {
			return err
		}
	}
	if order.Gate == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(ready), gateFIFO), os.O_RDWR|unix.O_NOFOLLOW, 0) // it waits, and gets no end
	if err != nil {
		return err
	}
	c.files = append(c.files, f)
	return nil
}

// addExecutable opens the runner itself.
func (c *container) addExecutable() error {
	if c.exe != nil { // it comes from such a mount
		dup, err := unix.FcntlInt(c.exe.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return err
		}
		c.files = append(c.files, os.NewFile(uintptr(dup), c.exe.Name()))
		return nil
	}
	exe, err := detached(c.about.Runner) // as what it is in the container, /proc/1/exe leads to a mount that nobody can write to
	if err != nil {
		return err
	}
	c.files = append(c.files, exe)
	return nil
}

// labelRunners gives a label to those of the runner's descriptors that were made for it: all but the module, its executable and its code.
func (c *container) labelRunners(label string) error {
	own := c.files[c.first-3:]
	of := []*os.File{own[runner.FileOrder], own[runner.FileReady], own[runner.FileRecord]}
	if c.ahead {
		of = append(of, own[len(own)-1])
	}
	for _, f := range of {
		if err := labelFile(f, label); err != nil {
			return err
		}
	}
	return nil
}

// addCode opens the directory with the runner's code.
func (c *container) addCode(code string) error {
	dir, err := detached(filepath.Join(c.about.Code, code))
	if err != nil {
		return err
	}
	c.files = append(c.files, dir)
	return nil
}

// detached opens a file or a directory as a mount of its own, read-only, which is nowhere: what is above cannot be reached from it.
func detached(name string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clone the mount of %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		f.Close()
		return nil, fmt.Errorf("make the mount of %s read-only: %w", name, err)
	}
	return f, nil
}
