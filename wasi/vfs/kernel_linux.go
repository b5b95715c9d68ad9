package vfs

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls, each by descriptor and at most one name, which never ends in a link that is followed. All of them try
// again when a signal interrupts them.

func again[T any](f func() (T, error)) (T, error) {
	for {
		v, err := f()
		if err != unix.EINTR {
			return v, err
		}
	}
}

func supported() error { return nil }

// sizeLimit is RLIMIT_FSIZE, the size that this process may make a file, as far as a file can be that large.
func sizeLimit() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return math.MaxInt64
	}
	return int64(min(limit.Cur, math.MaxInt64))
}

// openHost opens the host's own path, whatever is there, without effect on it.
func openHost(path string) (int, error) {
	return again(func() (int, error) { return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0) })
}

// dupFile duplicates the descriptor of the caller's file.
func dupFile(f *os.File) (int, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	if conn.Control(func(n uintptr) { fd, err = dupFD(int(n)) }) != nil {
		return -1, os.ErrClosed
	}
	return fd, err
}

func dupFD(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) }

// openProc opens the directory of this process's descriptors, if it is one.
func openProc() (int, error) {
	fd, err := unix.Open("/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if on, err := onProc(fd); err != nil || !on {
		closeFD(fd)
		return -1, unix.ENOENT
	}
	return fd, nil
}

func onProc(fd int) (bool, error) {
	var st unix.Statfs_t
	_, err := again(func() (int, error) { return 0, unix.Fstatfs(fd, &st) })
	return err == nil && st.Type == unix.PROC_SUPER_MAGIC, err
}

// beneath is how a run of components is opened in one call.
var beneath = unix.OpenHow{
	Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
	Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS |
		unix.RESOLVE_NO_XDEV,
}

func openBeneath(dir int, path string) (int, error) {
	return again(func() (int, error) {
		how := beneath
		return unix.Openat2(dir, path, &how)
	})
}

func openPath(dir int, name string) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

func openDir(dir int, name string) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

// openList opens dir itself for reading.
func openList(dir int) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

// isGone says that a directory of a place cannot be had from the host, as if it had none.
func isGone(err error) bool {
	return err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP || err == unix.EACCES
}

// openFlags are those that change nothing by themselves: no O_CREAT, no O_TRUNC.
func openFlags(o OpenOptions) int {
	flags := unix.O_CLOEXEC | unix.O_NOCTTY
	switch {
	case o.Write && o.Read, o.Truncate && !o.Write: // the size is set through the descriptor
		flags |= unix.O_RDWR
	case o.Write:
		flags |= unix.O_WRONLY
	}
	for _, f := range []struct {
		set  bool
		flag int
	}{
		{o.Append, unix.O_APPEND},
		{o.NonBlock, unix.O_NONBLOCK},
		{o.Sync, unix.O_SYNC},
		{o.DSync, unix.O_DSYNC},
		{o.RSync, unix.O_RSYNC},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

// reopenAt opens the file of descriptor fd through proc, the directory of this process's descriptors.
func reopenAt(proc, fd int, o OpenOptions) (int, error) {
	return again(func() (int, error) { return unix.Openat(proc, strconv.Itoa(fd), openFlags(o), 0) })
}

// openByName opens what has the name now. It does not wait for the other end of a FIFO.
func openByName(dir int, name string, o OpenOptions) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, openFlags(o)|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	})
}

// openByPath is openByName for the host's own path.
func openByPath(path string, o OpenOptions) (int, error) {
	return again(func() (int, error) { return unix.Open(path, openFlags(o)|unix.O_NONBLOCK, 0) })
}

// settleFlags takes back what openByName needs only to open.
func settleFlags(fd int, o OpenOptions) error {
	return setFlagsFD(fd, Flags{Append: o.Append, NonBlock: o.NonBlock})
}

// createAt creates a regular file that does not exist.
func createAt(dir int, name string, o OpenOptions) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, openFlags(o)|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, o.Perm&0o777)
	})
}

// harmless says whether a character device gives nothing but bytes and takes nothing at all: null, zero, full, random,
// urandom.
func harmless(device uint64) bool {
	switch device {
	case unix.Mkdev(1, 3), unix.Mkdev(1, 5), unix.Mkdev(1, 7), unix.Mkdev(1, 8), unix.Mkdev(1, 9):
		return true
	}
	return false
}

func statFD(fd int) (info, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstat(fd, &st)
		if err != unix.EINTR {
			return infoOf(&st), err
		}
	}
}

// statAt looks at name without following it. links is its number of names.
func statAt(dir int, name string) (in info, links uint64, err error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
		if err != unix.EINTR {
			return infoOf(&st), uint64(st.Nlink), err
		}
	}
}

func infoOf(st *unix.Stat_t) info {
	in := info{
		Stat: Stat{
			Dev: uint64(st.Dev), Ino: st.Ino, Nlink: uint64(st.Nlink), Size: uint64(st.Size),
			Atim: st.Atim.Nano(), Mtim: st.Mtim.Nano(), Ctim: st.Ctim.Nano(),
		},
		device: uint64(st.Rdev),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		in.Type = Regular
	case unix.S_IFDIR:
		in.Type = Directory
	case unix.S_IFLNK:
		in.Type = Symlink
	case unix.S_IFCHR:
		in.Type = CharDevice
	case unix.S_IFBLK:
		in.Type = BlockDevice
	case unix.S_IFIFO:
		in.Type = Pipe
	case unix.S_IFSOCK:
		in.Type = SocketStream
	}
	return in
}

// readLink reads the link that fd, an O_PATH descriptor, is.
func readLink(fd int) (string, error) {
	for buf := make([]byte, 256); ; buf = make([]byte, 4*len(buf)) {
		n, err := again(func() (int, error) { return unix.Readlinkat(fd, "", buf) })
		switch {
		case err == unix.ENOENT: // what an empty name means for anything but a link
			return "", unix.EINVAL
		case err != nil:
			return "", err
		case n < len(buf):
			return string(buf[:n]), nil
		case n > 1<<20:
			return "", unix.ENAMETOOLONG
		}
	}
}

func mkdirAt(dir int, name string, perm uint32) error { return unix.Mkdirat(dir, name, perm) }

func symlinkAt(target string, dir int, name string) error { return unix.Symlinkat(target, dir, name) }

func linkAt(dir int, name string, toDir int, toName string) error {
	return unix.Linkat(dir, name, toDir, toName, 0)
}

func renameAt(dir int, name string, toDir int, toName string) error {
	return unix.Renameat(dir, name, toDir, toName)
}

func unlinkAt(dir int, name string) error { return unix.Unlinkat(dir, name, 0) }

func rmdirAt(dir int, name string) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) }

// timespecs is what utimensat takes.
func timespecs(t Times) (ts [2]unix.Timespec) {
	for i, c := range []struct {
		ns       int64
		set, now bool
	}{{t.Atim, t.SetAtim, t.AtimNow}, {t.Mtim, t.SetMtim, t.MtimNow}} {
		switch {
		case c.now:
			ts[i].Nsec = unix.UTIME_NOW
		case c.set:
			ts[i] = unix.NsecToTimespec(c.ns)
		default:
			ts[i].Nsec = unix.UTIME_OMIT
		}
	}
	return ts
}

func setTimesAt(dir int, name string, t Times) error {
	ts := timespecs(t)
	return unix.UtimesNanoAt(dir, name, ts[:], unix.AT_SYMLINK_NOFOLLOW)
}

// setTimesFD is futimens, which utimensat is without a name.
func setTimesFD(fd int, t Times) error {
	ts := timespecs(t)
	_, _, e := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// setTimesPath sets the times of fd, an O_PATH descriptor of a mounted file.
func (fs *FS) setTimesPath(fd int, t Times) error {
	ts := timespecs(t)
	err := unix.UtimesNanoAt(fd, "", ts[:], unix.AT_EMPTY_PATH)
	if err != unix.EINVAL && err != unix.ENOENT {
		return err
	}
	if p := fs.procfs(); p != nil { // before Linux 5.8
		if err := p.acquire(); err != nil {
			return err
		}
		defer p.release()
		err = unix.UtimesNanoAt(p.fd, strconv.Itoa(fd), ts[:], 0)
	}
	return err
}

func readFD(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func writeFD(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Write(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func preadFD(fd int, b []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(fd, b, off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func pwriteFD(fd int, b []byte, off int64) (int, error) {
	for {
		n, err := unix.Pwrite(fd, b, off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// pwriteNoAppend writes at off to a file that has O_APPEND, which Linux' own pwrite would write to the end of.
func pwriteNoAppend(fd int, b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, unix.EINVAL
	}
	for {
		n, err := pwritev2(fd, b, off, unix.RWF_NOAPPEND)
		switch err {
		case unix.EINTR:
			continue
		case unix.EOPNOTSUPP, unix.ENOSYS: // before Linux 6.9
			return pwriteWithout(fd, b, off)
		}
		return n, err
	}
}

func pwritev2(fd int, b []byte, off int64, flags int) (int, error) {
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	n, _, e := unix.Syscall6(unix.SYS_PWRITEV2, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(off), 0, uintptr(flags))
	runtime.KeepAlive(b)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// pwriteWithout takes O_APPEND away for the length of one write. Nobody else writes through the descriptor meanwhile: one
// guest thread uses it at a time.
func pwriteWithout(fd int, b []byte, off int64) (n int, err error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_APPEND); err != nil {
		return 0, err
	}
	n, err = pwriteFD(fd, b, off)
	if _, e := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags); e != nil && err == nil {
		err = e
	}
	return n, err
}

func seekFD(fd int, off int64, whence int) (int64, error) { return unix.Seek(fd, off, whence) }

func truncateFD(fd int, size int64) error {
	_, err := again(func() (int, error) { return 0, unix.Ftruncate(fd, size) })
	return err
}

func allocateFD(fd int, off, length int64) error {
	_, err := again(func() (int, error) { return 0, unix.Fallocate(fd, 0, off, length) })
	return err
}

func adviseFD(fd int, off, length int64, advice Advice) error {
	return unix.Fadvise(fd, off, length, [...]int{
		AdviceNormal: unix.FADV_NORMAL, AdviceSequential: unix.FADV_SEQUENTIAL, AdviceRandom: unix.FADV_RANDOM,
		AdviceWillNeed: unix.FADV_WILLNEED, AdviceDontNeed: unix.FADV_DONTNEED, AdviceNoReuse: unix.FADV_NOREUSE,
	}[advice])
}

func syncFD(fd int) error {
	_, err := again(func() (int, error) { return 0, unix.Fsync(fd) })
	return err
}

func dataSyncFD(fd int) error {
	_, err := again(func() (int, error) { return 0, unix.Fdatasync(fd) })
	return err
}

func setFlagsFD(fd int, f Flags) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags &^= unix.O_APPEND | unix.O_NONBLOCK
	if f.Append {
		flags |= unix.O_APPEND
	}
	if f.NonBlock {
		flags |= unix.O_NONBLOCK
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err
}

func readDirFD(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.ENOENT { // the directory has been removed
			return 0, nil
		}
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// parseEntry takes the first linux_dirent64 off what getdents64 has written.
func parseEntry(buf []byte) (e Entry, next int64, rest []byte) {
	e.Ino = binary.NativeEndian.Uint64(buf)
	next = int64(binary.NativeEndian.Uint64(buf[8:]))
	size := binary.NativeEndian.Uint16(buf[16:])
	name := buf[19:size]
	e.Name = string(name[:bytes.IndexByte(name, 0)])
	switch buf[18] {
	case unix.DT_REG:
		e.Type = Regular
	case unix.DT_DIR:
		e.Type = Directory
	case unix.DT_LNK:
		e.Type = Symlink
	case unix.DT_CHR:
		e.Type = CharDevice
	case unix.DT_BLK:
		e.Type = BlockDevice
	case unix.DT_FIFO:
		e.Type = Pipe
	case unix.DT_SOCK:
		e.Type = SocketStream
	}
	return e, next, buf[size:]
}

// closeFD closes what nobody uses any more. Linux gives the number back whatever close says.
func closeFD(fd int) { _ = syscall.Close(fd) }
