//go:build linux

package delegate

import (
	"bytes"
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

// marker is in what makes a copy of itself, and in nothing else of that name: a wrapper looks for its file, maybe.
const marker = "_LIBCONTAINER_CLONED_BINARY"

// copied is a copy of a runtime that is being made.
type copied struct {
	done chan struct{}
	fd   int // of nobody else, until this process ends; -1: there is none
}

// Prepare begins with what Exec and Run do first, for a caller that has other things to do meanwhile.
func (d *Delegate) Prepare() {
	if d.copied != nil {
		return
	}
	c := &copied{done: make(chan struct{}), fd: -1}
	d.copied = c
	go func() {
		defer close(c.done)
		if fd, err := sealed(d.Path); err == nil {
			c.fd = fd
		}
	}()
}

// sealed returns a copy of crun that nobody can change any more, to be executed in its place. crun makes one itself, lest a container
// overwrite it through /proc/PID/exe, and executes that: it starts twice, which is most of its time. It does not where it is one. There
// is none for other runtimes, where the copy would be executed with other rights than the file, and where the kernel would not execute the file.
func sealed(path string) (_ int, err error) {
	if filepath.Base(path) != "crun" || os.Geteuid() != 0 {
		return -1, errors.ErrUnsupported
	}
	if err := executable(path); err != nil {
		return -1, err
	}
	src, err := os.Open(path)
	if err != nil {
		return -1, err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return -1, err
	}
	var magic [4]byte
	if _, err := src.ReadAt(magic[:], 0); err != nil || string(magic[:]) != "\x7fELF" { // a script knows its name
		return -1, errors.ErrUnsupported
	}
	_, none := unix.Fgetxattr(int(src.Fd()), "security.capability", nil)
	if st.Size() > sealedMost || st.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 || none == nil {
		return -1, errors.ErrUnsupported
	}
	// Who has it open to write may have written one half. Who opens it so from now on waits for Close; some file systems do not know that.
	if _, err := unix.FcntlInt(src.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err == unix.EAGAIN {
		return -1, fmt.Errorf("%s: %w", path, unix.ETXTBSY)
	}
	fd, err := unix.MemfdCreate("crun", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("crun", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	for copied := int64(0); copied < st.Size(); {
		n, err := unix.Sendfile(fd, int(src.Fd()), &copied, int(st.Size()-copied))
		if err != nil {
			return -1, os.NewSyscallError("sendfile", err)
		}
		if n == 0 {
			return -1, fmt.Errorf("%s: %w", path, io.ErrUnexpectedEOF)
		}
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	content, err := unix.Mmap(fd, 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE) // shared it could not be before Linux 6.7
	if err != nil {
		return -1, os.NewSyscallError("mmap", err)
	}
	defer unix.Munmap(content)
	if !bytes.Contains(content, []byte(marker)) {
		return -1, errors.ErrUnsupported
	}
	return fd, nil
}
