package vfs

import (
	"math"
	"os"
	"syscall"
)

// File is a regular file, a FIFO, or a memory device, that is open. It is the file that was opened, wherever the host moves it.
// Errors are plain [syscall.Errno] values; a File that was not opened for what a method does gives EBADF, one on a
// read-only mount EROFS for every change, a closed one EBADF.
type File struct {
	fs       *FS
	handle   *handle
	kind     FileType
	readOnly bool
	read     bool
	write    bool
	flags    Flags
	stop     *Stop // of a FIFO
	offset   int64 // in a file of a tmpfs; elsewhere the kernel knows it
}

// Flags are the properties of an open file.
type Flags struct {
	Append             bool // every Write goes to the end
	NonBlock           bool
	Sync, DSync, RSync bool // cannot be changed once open
}

// Advice is how a range of a file will be used.
type Advice uint8

const (
	AdviceNormal Advice = iota
	AdviceSequential
	AdviceRandom
	AdviceWillNeed
	AdviceDontNeed
	AdviceNoReuse
)

func (fs *FS) newFile(h *handle, kind FileType, m *mount, o OpenOptions) *File {
	return &File{
		fs: fs, handle: h, kind: kind, readOnly: m.readOnly, read: o.Read, write: o.Write,
		flags: Flags{Append: o.Append, NonBlock: o.NonBlock, Sync: o.Sync, DSync: o.DSync, RSync: o.RSync},
		stop:  o.Stop,
	}
}

// Close closes the file. It is idempotent.
func (f *File) Close() error {
	f.fs.drop(f.handle)
	return nil
}

// ReadOnly says whether the file is on a read-only mount.
func (f *File) ReadOnly() bool { return f.readOnly }

// Type is the file's type: Regular, Pipe or CharDevice.
func (f *File) Type() FileType { return f.kind }

// Stat describes the file.
func (f *File) Stat() (Stat, error) {
	if err := f.handle.acquire(); err != nil {
		return Stat{}, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		return n.stat().Stat, nil
	}
	in, err := statFD(f.handle.fd)
	return in.Stat, err
}

// SetTimes sets the file's times.
func (f *File) SetTimes(t Times) error {
	if err := f.change(); err != nil {
		return err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		n.setTimes(t)
		return nil
	}
	return setTimesFD(f.handle.fd, t)
}

// Sync writes the file to the disk.
func (f *File) Sync() error {
	if err := f.handle.acquire(); err != nil {
		return err
	}
	defer f.handle.release()
	if f.handle.node != nil {
		return nil
	}
	return syncFD(f.handle.fd)
}

// DataSync writes the file's content to the disk, and of the rest what reading it back takes.
func (f *File) DataSync() error {
	if err := f.handle.acquire(); err != nil {
		return err
	}
	defer f.handle.release()
	if f.handle.node != nil {
		return nil
	}
	return dataSyncFD(f.handle.fd)
}

// Read reads up to len(b) bytes at the file's offset. At the end of the file it is 0 and no error, as read(2), and unlike
// [io.Reader]. A FIFO is read as far as it has bytes, which are waited for unless the file is NonBlock: then it is EAGAIN
// without them. When the Stop that it was opened with ends it returns [ErrStopped].
func (f *File) Read(b []byte) (int, error) {
	if !f.read {
		return 0, syscall.EBADF
	}
	if err := f.handle.acquire(); err != nil {
		return 0, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		done, err := n.readAt(b, f.offset)
		f.offset += int64(done)
		return done, err
	}
	if f.kind == Pipe {
		return f.readPipe(b)
	}
	return readFD(f.handle.fd, b)
}

// Write writes at the file's offset, or to the end with Append. It may write less than b without an error, as write(2),
// and unlike [io.Writer]. A FIFO takes all of b as it has room; if the file is NonBlock it takes what it has room for, and
// is EAGAIN without any. When the Stop that it was opened with ends it returns [ErrStopped], and what was written until then.
func (f *File) Write(b []byte) (int, error) {
	if !f.write {
		return 0, syscall.EBADF
	}
	if err := f.handle.acquire(); err != nil {
		return 0, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		at := f.offset
		if f.flags.Append {
			at = atEnd
		}
		done, end, err := n.writeAt(b, at)
		if done > 0 {
			f.offset = end
		}
		return done, err
	}
	if f.fs.limit < math.MaxInt64 && f.kind == Regular {
		off, err := f.end()
		if err == nil {
			err = f.fits(off, len(b))
		}
		if err != nil {
			return 0, err
		}
	}
	if f.kind == Pipe {
		return f.writePipe(b)
	}
	return writeFD(f.handle.fd, b)
}

// end is where the next Write begins.
func (f *File) end() (int64, error) {
	if f.flags.Append {
		in, err := statFD(f.handle.fd)
		return int64(in.Size), err
	}
	return seekFD(f.handle.fd, 0, 1)
}

// fits says whether n bytes can be written at off. The kernel writes as many of them as the limit allows, but at least
// one.
func (f *File) fits(off int64, n int) error {
	if n > 0 && off >= f.fs.limit && f.kind == Regular {
		return syscall.EFBIG
	}
	return nil
}

// ReadAt is Read at off, which leaves the file's offset alone.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	if !f.read {
		return 0, syscall.EBADF
	}
	if err := f.handle.acquire(); err != nil {
		return 0, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		return n.readAt(b, off)
	}
	return preadFD(f.handle.fd, b, off)
}

// WriteAt is Write at off, which leaves the file's offset alone. It writes at off with Append too, as POSIX has it.
func (f *File) WriteAt(b []byte, off int64) (int, error) {
	if !f.write {
		return 0, syscall.EBADF
	}
	if err := f.handle.acquire(); err != nil {
		return 0, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		if off < 0 {
			return 0, syscall.EINVAL
		}
		done, _, err := n.writeAt(b, off)
		return done, err
	}
	if err := f.fits(off, len(b)); err != nil {
		return 0, err
	}
	if f.flags.Append && f.kind == Regular {
		return pwriteNoAppend(f.handle.fd, b, off)
	}
	return pwriteFD(f.handle.fd, b, off)
}

// Seek moves the file's offset, with whence as in [io.Seeker], and returns the new one.
func (f *File) Seek(off int64, whence int) (int64, error) {
	if whence < 0 || whence > 2 {
		return 0, syscall.EINVAL
	}
	if err := f.handle.acquire(); err != nil {
		return 0, err
	}
	defer f.handle.release()
	if n := f.handle.node; n != nil {
		at, err := n.seek(f.offset, off, whence)
		if err == nil {
			f.offset = at
		}
		return at, err
	}
	return seekFD(f.handle.fd, off, whence)
}

// SetSize cuts the file or extends it with zeros. EINVAL if it is not open for writing.
func (f *File) SetSize(size int64) error {
	if err := f.change(); err != nil {
		return err
	}
	defer f.handle.release()
	if !f.write {
		return syscall.EINVAL
	}
	if n := f.handle.node; n != nil {
		return n.truncate(size)
	}
	if size > f.fs.limit {
		return syscall.EFBIG
	}
	return truncateFD(f.handle.fd, size)
}

// Allocate makes sure that a range has space on the disk, extending the file if need be. ENOTSUP where the host's file
// system cannot.
func (f *File) Allocate(off, length int64) error {
	if err := f.change(); err != nil {
		return err
	}
	defer f.handle.release()
	if !f.write {
		return syscall.EBADF
	}
	if n := f.handle.node; n != nil {
		return n.allocate(off, length)
	}
	if off > 0 && length > 0 && off > f.fs.limit-length || length > f.fs.limit {
		return syscall.EFBIG
	}
	return allocateFD(f.handle.fd, off, length)
}

// Advise tells the host how a range will be used; a length of 0 means to the end.
func (f *File) Advise(off, length int64, advice Advice) error {
	if off < 0 || length < 0 || advice > AdviceNoReuse {
		return syscall.EINVAL
	}
	if err := f.handle.acquire(); err != nil {
		return err
	}
	defer f.handle.release()
	if f.handle.node != nil {
		return nil
	}
	return adviseFD(f.handle.fd, off, length, advice)
}

// Flags returns the file's flags.
func (f *File) Flags() Flags { return f.flags }

// SetFlags changes Append and NonBlock. A change of the others is ENOTSUP.
func (f *File) SetFlags(flags Flags) error {
	same := flags
	same.Append, same.NonBlock = f.flags.Append, f.flags.NonBlock
	if same != f.flags {
		return syscall.ENOTSUP
	}
	if err := f.handle.acquire(); err != nil {
		return err
	}
	defer f.handle.release()
	if f.handle.node == nil && f.kind != Pipe { // a FIFO never blocks underneath
		if err := setFlagsFD(f.handle.fd, flags); err != nil {
			return err
		}
	}
	f.flags = flags
	return nil
}

// OSFile returns a duplicate as an os.File, which the caller owns and which outlives f and its FS. The two share one
// offset and the flags. A file of a tmpfs has no descriptor: ENOTSUP.
func (f *File) OSFile() (*os.File, error) {
	if err := f.handle.acquire(); err != nil {
		return nil, err
	}
	defer f.handle.release()
	if f.handle.node != nil {
		return nil, syscall.ENOTSUP
	}
	fd, err := dupFD(f.handle.fd)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "guest file"), nil
}

// change begins a use that changes the file.
func (f *File) change() error {
	if f.readOnly {
		return syscall.EROFS
	}
	return f.handle.acquire()
}
