package vfs

import (
	"strings"
	"sync/atomic"
	"syscall"
)

// Dir is a directory that is open: a mount's root, one below it, or a synthetic one, which has mount points and nothing
// else. It is the directory that was opened, wherever the host moves it.
//
// Paths are relative to it. A path that is absolute, or leads above the Dir by its own "..", is EPERM. A symbolic link
// may lead anywhere in the guest's tree if a mount is at "/", with absolute targets resolved there; otherwise a link
// that is absolute or leads above the Dir is EPERM too. ".." is always the parent in the guest's tree, across mounts.
//
// Errors are plain [syscall.Errno] values. Besides those of the host: EPERM for a path that leaves, ELOOP after 40
// links, ENAMETOOLONG for a component of more than 255 bytes or a path of more than 4095, ENOENT for an empty path,
// EINVAL for one with a NUL byte, EROFS for a change through a read-only mount and for one to a synthetic directory or
// to a hidden name, EBUSY for removing or renaming a mount point or a directory above one, EXDEV across mounts, EACCES
// for what is on a procfs that was not mounted itself, EBADF once closed.
type Dir struct {
	fs     *FS
	handle *handle // nil where synthetic
	shared bool    // handle is the mount's
	path   string  // guest path where it was opened; one that cannot be walked if it is too long to remember
	base   *place  // the nearest place at or above path
	closed atomic.Bool
	list   listing
}

// dirAt is the Dir at a mount point, or the synthetic one there.
func (fs *FS) dirAt(p *place) *Dir {
	d := &Dir{fs: fs, path: p.path, base: p}
	if p.mount.isDir() {
		d.handle, d.shared = p.mount.root, true
	}
	return d
}

// open opens the directory that the walk stands in as a Dir.
func (w *walk) open() (*Dir, error) {
	d := &Dir{fs: w.fs, path: w.path, base: w.base}
	if len(d.path) > maxPath {
		d.path = d.base.path + "/\x00"
	}
	var err error
	switch of := w.dir.of; {
	case w.dir.none():
	case of == w.base.owner.root:
		d.handle, d.shared = of, true
	case w.dir.node != nil:
		d.handle, err = w.fs.keepNode(w.dir.node)
	case of == nil:
		fd := w.dir.fd
		w.dir = unheld
		d.handle, err = w.fs.keep(fd)
	default:
		var fd int
		if fd, err = dupFD(w.dir.fd); err == nil {
			d.handle, err = w.fs.keep(fd)
		}
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// hold holds the directory open for one operation.
func (d *Dir) hold() (hold, error) {
	switch {
	case d.closed.Load() || d.fs.closed.Load():
		return unheld, syscall.EBADF
	case d.handle == nil:
		return unheld, nil
	}
	return d.handle.hold()
}

// Close closes the directory. It is idempotent. A mount stays in the guest's tree when the Dir at its root is closed.
func (d *Dir) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	if d.handle != nil && !d.shared {
		d.fs.drop(d.handle)
	}
	d.list.close(d.fs)
	return nil
}

// ReadOnly says whether every change below this directory, up to the next mount point, is EROFS.
func (d *Dir) ReadOnly() bool { return d.handle == nil || d.base.owner.readOnly }

// Stat describes the directory.
func (d *Dir) Stat() (Stat, error) {
	w, err := d.walk(".")
	if err != nil {
		return Stat{}, err
	}
	defer w.end()
	return w.stat()
}

// SetTimes sets the directory's times.
func (d *Dir) SetTimes(t Times) error { return d.SetTimesAt(".", false, t) }

// Sync writes what is known of the directory to the disk. A synthetic directory has nothing to write.
func (d *Dir) Sync() error {
	dir, err := d.hold()
	if err != nil || dir.none() {
		return err
	}
	defer dir.release()
	if dir.node != nil {
		return nil
	}
	fd, err := openList(dir.fd)
	if err != nil {
		return err
	}
	defer closeFD(fd)
	return syncFD(fd)
}

// Lookup describes what has that path. With follow, a symbolic link at the end is followed.
func (d *Dir) Lookup(path string, follow bool) (Stat, error) {
	w, err := d.walk(path)
	if err != nil {
		return Stat{}, err
	}
	defer w.end()
	if err := w.parent(); err != nil {
		return Stat{}, err
	}
	if in, ok, err := w.glance(follow); ok {
		return in.Stat, err
	}
	if _, err := w.arrive(follow); err != nil {
		return Stat{}, err
	}
	if w.leaf.none() {
		return w.stat()
	}
	return w.info.Stat, nil
}

// SetTimesAt sets the times of what has that path, of a symbolic link itself unless follow.
func (d *Dir) SetTimesAt(path string, follow bool, t Times) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if _, err := w.node(follow); err != nil {
		return err
	}
	if w.leaf.none() {
		if err := w.writable(); err != nil {
			return err
		}
		return w.dir.setTimes(".", t)
	}
	switch {
	case w.grant.readOnly:
		return syscall.EROFS
	case w.grant.isFile():
		return w.fs.setTimesPath(w.leaf.fd, t)
	}
	return w.dir.setTimes(w.name, t)
}

// Readlink returns the target of a symbolic link; EINVAL for anything else.
func (d *Dir) Readlink(path string) (string, error) {
	w, err := d.walk(path)
	if err != nil {
		return "", err
	}
	defer w.end()
	if _, err := w.node(false); err != nil {
		return "", err
	}
	if w.leaf.none() || w.info.Type != Symlink {
		return "", syscall.EINVAL
	}
	return w.leaf.readLink()
}

// Mkdir creates a directory with the permission bits perm less the process's umask.
func (d *Dir) Mkdir(path string, perm uint32) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.vacant(true); err != nil {
		return err
	}
	return w.dir.mkdir(w.name, perm&0o777)
}

// Symlink creates a symbolic link with any target of 1 to 4095 bytes without a NUL byte. The target is not looked at:
// it gives the guest no more than it has, but on a writable mount a program of the host that follows it goes wherever
// it says.
func (d *Dir) Symlink(target, path string) error {
	switch {
	case target == "":
		return syscall.ENOENT
	case len(target) > maxPath:
		return syscall.ENAMETOOLONG
	case strings.IndexByte(target, 0) >= 0:
		return syscall.EINVAL
	}
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.vacant(false); err != nil {
		return err
	}
	return w.dir.symlink(target, w.last())
}

// Link makes toPath, relative to to, another name of the regular file or symbolic link at path; EPERM for any other kind
// of file. With follow, a symbolic link at the end of path is followed. Both names must be in one writable mount.
func (d *Dir) Link(path string, follow bool, to *Dir, toPath string) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if _, err := w.node(follow); err != nil {
		return err
	}
	if w.leaf.none() || w.info.Type != Regular && w.info.Type != Symlink {
		return syscall.EPERM
	}
	v, err := to.walk(toPath)
	if err != nil {
		return err
	}
	defer v.end()
	if err := v.vacant(false); err != nil {
		return err
	}
	if w.grant != v.base.owner {
		return syscall.EXDEV
	}
	return w.dir.link(w.name, v.dir, v.last())
}

// Rename gives what is at path the name toPath, relative to to, as renameat does.
func (d *Dir) Rename(path string, to *Dir, toPath string) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.parent(); err != nil {
		return err
	}
	v, err := to.walk(toPath)
	if err != nil {
		return err
	}
	defer v.end()
	if err := v.parent(); err != nil {
		return err
	}
	if w.dots() || v.dots() {
		return syscall.EBUSY
	}
	if err := w.movable(); err != nil {
		return err
	}
	if err := v.movable(); err != nil && err != syscall.ENOENT {
		return err
	}
	if w.base.owner != v.base.owner {
		return syscall.EXDEV
	}
	if err := v.writable(); err != nil {
		return err
	}
	if err := w.writable(); err != nil {
		return err
	}
	if v.child(v.name) != nil {
		return syscall.EROFS
	}
	return w.dir.rename(w.last(), v.dir, v.last())
}

// Unlink removes a name that is not a directory's; EISDIR for a directory.
func (d *Dir) Unlink(path string) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.parent(); err != nil {
		return err
	}
	if w.dots() {
		return syscall.EISDIR
	}
	if err := w.movable(); err != nil {
		return err
	}
	if err := w.writable(); err != nil {
		return err
	}
	return w.dir.unlink(w.last())
}

// Rmdir removes an empty directory; ENOTDIR for anything else.
func (d *Dir) Rmdir(path string) error {
	w, err := d.walk(path)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.parent(); err != nil {
		return err
	}
	switch w.name {
	case ".":
		return syscall.EINVAL
	case "..":
		return syscall.ENOTEMPTY
	}
	if err := w.movable(); err != nil {
		return err
	}
	if err := w.writable(); err != nil {
		return err
	}
	return w.dir.rmdir(w.last())
}

// last is the last component as the path has it: the kernel knows what a slash at the end means to each call, and does
// not follow a link for its sake in those that take names.
func (w *walk) last() string {
	if w.slash {
		return w.name + "/"
	}
	return w.name
}

// writable says whether names in dir may change.
func (w *walk) writable() error {
	if w.dir.none() || w.base.owner.readOnly {
		return syscall.EROFS
	}
	return nil
}

// vacant walks to the parent of a name that is to be created, and says why it cannot be. The kernel says so itself for a
// name that exists in a writable mount.
func (w *walk) vacant(directory bool) error {
	if err := w.parent(); err != nil {
		return err
	}
	switch p := w.child(w.name); {
	case w.dots() || p != nil && p.exists:
		return syscall.EEXIST
	case p != nil && (p.mount != nil || !directory):
		return syscall.EROFS // hidden, or above what is hidden, where only directories can be
	}
	err := w.writable()
	if err != nil && !w.dir.none() {
		if _, found := w.dir.statName(w.name); found == nil {
			return syscall.EEXIST
		}
	}
	return err
}

// movable says why a name in dir cannot be removed or renamed: a mount point, and what is above one, stays.
func (w *walk) movable() error {
	p := w.child(w.name)
	switch {
	case p != nil && p.exists:
		return syscall.EBUSY
	case p != nil && p.mount != nil:
		return syscall.ENOENT
	case p == nil && (len(w.path) != len(w.base.path) || len(w.base.covered) == 0):
		return nil
	case w.dir.none():
		return syscall.ENOENT
	}
	in, err := w.dir.statName(w.name)
	if err == nil && (p != nil || w.alias(in) != nil) {
		err = syscall.EBUSY
	}
	return err
}
