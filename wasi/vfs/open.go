package vfs

import "syscall"

// maxTries bounds how often an open begins again because what it looked at was replaced before it was opened.
const maxTries = 16

// Open opens what has that path: a [*Dir] or a [*File]. It opens nothing before it knows what it is, and waits for nothing
// but the other end of a FIFO, as open(2) does: a reader for a writer, a writer for a reader. With NonBlock it does not
// wait, and a writer without a reader is ENXIO. When o.Stop ends it returns [ErrStopped].
//
// Regular files and directories can be opened, and of the devices the memory devices null, zero, full, random and
// urandom, known by their number; they and FIFOs can be written on a read-only mount too, as Linux has it. A socket is
// ENXIO, any other device EPERM. A symbolic link at the end is ELOOP without Follow. A directory is EISDIR with
// Write, Truncate or Create; Create with Directory is EINVAL. A directory that may not be read opens, and ReadDir says
// so. What cannot be opened because it is replaced again and again is ESTALE.
func (d *Dir) Open(path string, o OpenOptions) (Node, error) {
	if o.Create && o.Directory {
		return nil, syscall.EINVAL
	}
	for range maxTries {
		w, err := d.walk(path)
		if err != nil {
			return nil, err
		}
		n, err := w.openNode(o)
		w.end()
		if err != errReplaced {
			return n, err
		}
	}
	return nil, syscall.ESTALE
}

// errReplaced is no error of the host, and never leaves Open.
const errReplaced = syscall.Errno(1 << 20)

func (w *walk) openNode(o OpenOptions) (Node, error) {
	missing, err := w.node(o.Follow && !(o.Create && o.Exclusive))
	switch {
	case missing && o.Create:
		return fileNode(w.create(o))
	case err != nil:
		return nil, err
	case o.Create && o.Exclusive:
		return nil, syscall.EEXIST
	case w.leaf.none() && (o.Write || o.Truncate || o.Create):
		return nil, syscall.EISDIR
	case w.leaf.none():
		d, err := w.open()
		if err != nil {
			return nil, err
		}
		return d, nil
	case o.Directory:
		return nil, syscall.ENOTDIR
	}
	return fileNode(w.file(o))
}

// fileNode keeps a nil *File from becoming a Node that is not nil.
func fileNode(f *File, err error) (Node, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// create creates the file name in dir, where the walk found nothing.
func (w *walk) create(o OpenOptions) (*File, error) {
	if w.slash {
		return nil, syscall.EISDIR
	}
	if w.child(w.name) != nil { // hidden
		return nil, syscall.EROFS
	}
	if err := w.writable(); err != nil {
		return nil, err
	}
	h, err := w.createHandle(o)
	if err == syscall.EEXIST {
		return nil, errReplaced
	}
	if err != nil {
		return nil, err
	}
	return w.fs.newFile(h, Regular, w.base.owner, o), nil
}

func (w *walk) createHandle(o OpenOptions) (*handle, error) {
	if w.dir.node != nil {
		n, err := w.dir.node.create(w.name, Regular, o.Perm&0o777, "")
		if err != nil {
			return nil, err
		}
		return w.fs.keepNode(n)
	}
	fd, err := createAt(w.dir.fd, w.name, o)
	if err != nil {
		return nil, err
	}
	return w.fs.keep(fd)
}

// file opens leaf.
func (w *walk) file(o OpenOptions) (*File, error) {
	switch w.info.Type {
	case Regular:
		if w.grant.readOnly && (o.Write || o.Truncate) {
			return nil, syscall.EROFS
		}
	case Symlink:
		return nil, syscall.ELOOP
	case CharDevice:
		if !harmless(w.info.device) {
			return nil, syscall.EPERM
		}
	case Pipe:
	case SocketStream, SocketDgram:
		return nil, syscall.ENXIO
	default:
		return nil, syscall.EPERM
	}
	if w.leaf.node != nil {
		return w.memory(o)
	}
	open := w.reopen
	if w.info.Type == Pipe {
		open = w.openPipe
	}
	fd, err := open(o)
	if err != nil {
		return nil, err
	}
	if o.Truncate && w.info.Type == Regular {
		// Never as a flag of open, which would empty whatever has the name by then.
		if err := truncateFD(fd, 0); err != nil {
			closeFD(fd)
			return nil, err
		}
	}
	h, err := w.fs.keep(fd)
	if err != nil {
		return nil, err
	}
	return w.fs.newFile(h, w.info.Type, w.grant, o), nil
}

// memory opens leaf, a file of a tmpfs.
func (w *walk) memory(o OpenOptions) (*File, error) {
	n := w.leaf.node
	if err := n.access(o.Read || !o.Write, o.Write || o.Truncate); err != nil {
		return nil, err
	}
	h, err := w.fs.keepNode(n)
	if err != nil {
		return nil, err
	}
	if o.Truncate {
		if err := n.truncate(0); err != nil {
			w.fs.drop(h)
			return nil, err
		}
	}
	return w.fs.newFile(h, Regular, w.grant, o), nil
}

// reopen opens leaf for real: by its descriptor, or else by name with a comparison afterwards.
func (w *walk) reopen(o OpenOptions) (int, error) {
	if p := w.fs.proc; p != nil {
		if err := p.acquire(); err != nil {
			return -1, err
		}
		fd, err := reopenAt(p.fd, w.leaf.fd, o)
		p.release()
		if err == nil {
			return w.same(fd)
		}
		if err != syscall.ENOENT && err != syscall.ELOOP { // no longer a procfs of ours
			return -1, err
		}
	}
	var fd int
	var err error
	if w.grant.isFile() {
		if w.grant.host == "" {
			return -1, syscall.ENOTSUP
		}
		fd, err = openByPath(w.grant.host, o)
	} else {
		fd, err = openByName(w.dir.fd, w.name, o)
	}
	switch err {
	case nil:
		if fd, err = w.same(fd); err == nil {
			err = settleFlags(fd, o)
			if err != nil {
				closeFD(fd)
			}
		}
		return fd, err
	case syscall.ENXIO:
		if w.info.Type != Pipe {
			err = errReplaced
		}
	case syscall.ENOENT, syscall.ELOOP, syscall.ENOTDIR, syscall.ENODEV:
		err = errReplaced
	}
	return -1, err
}

// same gives fd back if it is leaf, which cannot have lost its number to another file while it is held.
func (w *walk) same(fd int) (int, error) {
	got, err := statFD(fd)
	if err == nil && !got.is(w.info) {
		// On some file systems a file that is opened for writing becomes another one, for both descriptors.
		if w.info, err = w.leaf.stat(); err == nil && !got.is(w.info) {
			err = errReplaced
		}
	}
	if err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}
