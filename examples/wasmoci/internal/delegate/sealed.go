//go:build linux

package delegate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sealedMost is the size in bytes of an executable up to which copying it takes less time than it saves.
const sealedMost = 8 << 20

// seals are those that crun wants, no more and no less.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// copied is a copy of a runtime that is being made.
type copied struct {
	done chan struct{}
	file *os.File // nil: there is none
}

// Prepare begins with what Exec and Start do first, for a caller that has other things to do meanwhile.
func (d *Delegate) Prepare() {
	if d.copied != nil {
		return
	}
	c := &copied{done: make(chan struct{})}
	d.copied = c
	go func() {
		defer close(c.done)
		c.file, _ = sealed(d.Path)
	}()
}

// sealed returns a copy of crun that nobody can change any more, to be executed in its place. crun makes one itself, lest a container
// overwrite it through /proc/PID/exe, and executes that: it starts twice, which is most of its time. It does not where it is one. There
// is none for other runtimes, and where the copy would be executed with other rights than the file.
func sealed(path string) (_ *os.File, err error) {
	if filepath.Base(path) != "crun" || os.Geteuid() != 0 {
		return nil, errors.ErrUnsupported
	}
	src, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return nil, err
	}
	var magic [4]byte
	if _, err := src.ReadAt(magic[:], 0); err != nil || string(magic[:]) != "\x7fELF" { // a script knows its name
		return nil, errors.ErrUnsupported
	}
	_, none := unix.Fgetxattr(int(src.Fd()), "security.capability", nil)
	if st.Size() > sealedMost || st.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 || none == nil {
		return nil, errors.ErrUnsupported
	}
	fd, err := unix.MemfdCreate("crun", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("crun", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	for copied := int64(0); copied < st.Size(); {
		n, err := unix.Sendfile(fd, int(src.Fd()), &copied, int(st.Size()-copied))
		if err != nil {
			return nil, os.NewSyscallError("sendfile", err)
		}
		if n == 0 {
			return nil, fmt.Errorf("%s: %w", path, io.ErrUnexpectedEOF)
		}
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
