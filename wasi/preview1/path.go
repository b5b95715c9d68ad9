package preview1

import (
	"unicode/utf8"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// lookupflags.
const lookupFollow = 1 << 0

func lookup(flags uint64) (follow bool, e Errno) {
	if uint32(flags)&^lookupFollow != 0 {
		return false, einval
	}
	return flags&lookupFollow != 0, success
}

// oflags.
const (
	openCreate    = 1 << 0
	openDirectory = 1 << 1
	openExclusive = 1 << 2
	openTruncate  = 1 << 3
)

// maxPath is more than any path that package vfs takes, and bounds what is copied.
const maxPath = 1 << 16

// path reads a path argument. What vfs thinks of it comes later; here only the specification's own type counts: a string.
func (m memory) path(ptr, n uint64) (string, Errno) {
	b := m.bytes(uint32(ptr), uint32(n))
	if len(b) > maxPath {
		return "", enametoolong
	}
	if !utf8.Valid(b) {
		return "", eilseq
	}
	return string(b), success
}

// at returns the directory fd, which must have need, and the path that goes with it.
func (h *Host) at(m memory, fd, ptr, n uint64, need rights) (*descriptor, string, Errno) {
	d, e := h.openDir(fd, need)
	if e != success {
		return nil, "", e
	}
	p, e := m.path(ptr, n)
	return d, p, e
}

func pathCreateDirectory(h *Host, m memory, a []uint64) Errno {
	d, p, e := h.at(m, a[0], a[1], a[2], rightPathCreateDirectory)
	if e != success {
		return e
	}
	return errnoOf(d.dir.Mkdir(p, 0o777))
}

func pathFilestatGet(h *Host, m memory, a []uint64) Errno {
	st, e := h.pathFilestat(m, a)
	if e != success {
		return e
	}
	return putFilestat(m, uint32(a[4]), st)
}

func (h *Host) pathFilestat(m memory, a []uint64) (vfs.Stat, Errno) {
	d, p, e := h.at(m, a[0], a[2], a[3], rightPathFilestatGet)
	if e != success {
		return vfs.Stat{}, e
	}
	follow, e := lookup(a[1])
	if e != success {
		return vfs.Stat{}, e
	}
	st, err := d.dir.Lookup(p, follow)
	return st, errnoOf(err)
}

func pathFilestatSetTimes(h *Host, m memory, a []uint64) Errno {
	d, p, e := h.at(m, a[0], a[2], a[3], rightPathFilestatSetTimes)
	if e != success {
		return e
	}
	t, e := timesOf(a[4], a[5], uint32(a[6]))
	if e != success {
		return e
	}
	follow, e := lookup(a[1])
	if e != success {
		return e
	}
	return errnoOf(d.dir.SetTimesAt(p, follow, t))
}

func pathLink(h *Host, m memory, a []uint64) Errno {
	from, p, e := h.at(m, a[0], a[2], a[3], rightPathLinkSource)
	if e != success {
		return e
	}
	to, q, e := h.at(m, a[4], a[5], a[6], rightPathLinkTarget)
	if e != success {
		return e
	}
	if uint32(a[1]) != 0 { // to follow: POSIX leaves it to the system; the test suite of WASI wants it refused
		return einval
	}
	return errnoOf(from.dir.Link(p, false, to.dir, q))
}

func pathOpen(h *Host, m memory, a []uint64) Errno {
	oflags, base, inheriting, fdflags := uint32(a[4]), rights(a[5]), rights(a[6]), uint32(a[7])
	need := rightPathOpen
	if oflags&openCreate != 0 {
		need |= rightPathCreateFile
	}
	if oflags&openTruncate != 0 {
		need |= rightPathFilestatSetSize
	}
	d, p, e := h.at(m, a[0], a[2], a[3], need)
	if e != success {
		return e
	}
	result := m.bytes(uint32(a[8]), 4)
	follow, e := lookup(a[1])
	switch {
	case e != success:
		return e
	case oflags >= 1<<4 || fdflags&^allFlags != 0:
		return einval
	case !maySync(d.inheriting, fdflags):
		return enotcapable
	case h.fds.full():
		return emfile
	}
	base &= d.inheriting
	inheriting &= d.inheriting
	o := vfs.OpenOptions{
		Follow:    follow,
		Create:    oflags&openCreate != 0,
		Directory: oflags&openDirectory != 0,
		Exclusive: oflags&openExclusive != 0,
		Truncate:  oflags&openTruncate != 0,
		Append:    fdflags&flagAppend != 0,
		DSync:     fdflags&flagDsync != 0,
		NonBlock:  fdflags&flagNonblock != 0,
		RSync:     fdflags&flagRsync != 0,
		Sync:      fdflags&flagSync != 0,
		Perm:      0o666,
		Stop:      h.stop,
	}
	// A directory is never open for writing: what a guest asks for on top of it is the rights of what is beneath.
	o.Write = base&rightWrite != 0 && !o.Directory
	o.Read = base&(rightRead|rightReaddir) != 0 || !o.Write
	node, err := d.dir.Open(p, o)
	if err == vfs.ErrStopped {
		return Stop
	}
	if err != nil {
		return errnoOf(err)
	}
	opened := &descriptor{opened: true, flags: uint16(fdflags)}
	switch n := node.(type) {
	case *vfs.Dir:
		// Go leaves this right out of every directory that it opens for reading, and truncates files in it all the same.
		base |= d.base & rightPathFilestatSetSize
		opened.dir, opened.base, opened.inheriting, opened.flags = n, base&dirRights, inheriting, 0
	case *vfs.File:
		opened.file, opened.base, opened.inheriting = n, base&fileRights, inheriting
	}
	fd := h.fds.add(opened)
	putLE32(result, fd)
	return success
}

// maySync tells whether the rights that a directory passes on allow to open with the flags of synchronous writes.
func maySync(inheriting rights, fdflags uint32) bool {
	switch {
	case fdflags&(flagSync|flagRsync) != 0:
		return inheriting&rightSync != 0
	case fdflags&flagDsync != 0:
		return inheriting&(rightSync|rightDatasync) != 0
	}
	return true
}

func pathReadlink(h *Host, m memory, a []uint64) Errno {
	d, p, e := h.at(m, a[0], a[1], a[2], rightPathReadlink)
	if e != success {
		return e
	}
	buf := m.bytes(uint32(a[3]), uint32(a[4]))
	result := m.bytes(uint32(a[5]), 4)
	target, err := d.dir.Readlink(p)
	if err != nil {
		return errnoOf(err)
	}
	putLE32(result, uint32(copy(buf, target)))
	return success
}

func pathRemoveDirectory(h *Host, m memory, a []uint64) Errno {
	d, p, e := h.at(m, a[0], a[1], a[2], rightPathRemoveDirectory)
	if e != success {
		return e
	}
	return errnoOf(d.dir.Rmdir(p))
}

func pathRename(h *Host, m memory, a []uint64) Errno {
	from, p, e := h.at(m, a[0], a[1], a[2], rightPathRenameSource)
	if e != success {
		return e
	}
	to, q, e := h.at(m, a[3], a[4], a[5], rightPathRenameTarget)
	if e != success {
		return e
	}
	return errnoOf(from.dir.Rename(p, to.dir, q))
}

func pathSymlink(h *Host, m memory, a []uint64) Errno {
	target, e := m.path(a[0], a[1])
	if e != success {
		return e
	}
	d, p, e := h.at(m, a[2], a[3], a[4], rightPathSymlink)
	if e != success {
		return e
	}
	return errnoOf(d.dir.Symlink(target, p))
}

func pathUnlinkFile(h *Host, m memory, a []uint64) Errno {
	d, p, e := h.at(m, a[0], a[1], a[2], rightPathUnlinkFile)
	if e != success {
		return e
	}
	return errnoOf(d.dir.Unlink(p))
}
