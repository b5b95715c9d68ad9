package vfs

// hold is a directory or a file for the length of one operation. It is the seam between the walk and what is walked:
// each method does to a directory of the host, by its descriptor, what it does to one of a tmpfs in memory, with the same
// errors. Names never lead through a link, and only where the system call has a meaning for a slash at the end may they
// have one.
type hold struct {
	fd   int     // of the host; negative for none
	node *inode  // of a tmpfs
	of   *handle // of which this is one use; nil: fd is closed with the hold
}

// nothing held: a synthetic directory.
var unheld = hold{fd: -1}

func (h hold) none() bool { return h.fd < 0 && h.node == nil }

func (h *hold) release() {
	switch {
	case h.of != nil:
		h.of.release()
	case h.fd >= 0:
		closeFD(h.fd)
	}
	*h = unheld
}

// look holds what has that name, a link itself.
func (h hold) look(name string) (hold, error) {
	if h.node != nil {
		n, err := h.node.look(name)
		return hold{fd: -1, node: n}, err
	}
	fd, err := openPath(h.fd, name)
	return hold{fd: fd}, err
}

// directory holds the directory of that name; ENOTDIR for anything else.
func (h hold) directory(name string) (hold, error) {
	if h.node != nil {
		n, err := h.node.look(name)
		if err == nil {
			err = n.isDir()
		}
		return hold{fd: -1, node: n}, err
	}
	fd, err := openDir(h.fd, name)
	return hold{fd: fd}, err
}

func (h hold) stat() (info, error) {
	if h.node != nil {
		return h.node.stat(), nil
	}
	return statFD(h.fd)
}

// statName looks at name without following it.
func (h hold) statName(name string) (info, error) {
	if h.node != nil {
		n, err := h.node.look(name)
		if err != nil {
			return info{}, err
		}
		return n.stat(), nil
	}
	in, _, err := statAt(h.fd, name)
	return in, err
}

func (h hold) readLink() (string, error) {
	if h.node != nil {
		return h.node.readLink()
	}
	return readLink(h.fd)
}

// setTimes sets the times of name, "." being the directory itself.
func (h hold) setTimes(name string, t Times) error {
	if h.node == nil {
		return setTimesAt(h.fd, name, t)
	}
	n := h.node
	if name != "." {
		var err error
		if n, err = n.look(name); err != nil {
			return err
		}
	}
	n.setTimes(t)
	return nil
}

func (h hold) mkdir(name string, perm uint32) error {
	if h.node != nil {
		_, err := h.node.create(name, Directory, perm, "")
		return err
	}
	return mkdirAt(h.fd, name, perm)
}

func (h hold) symlink(target, name string) error {
	if h.node != nil {
		_, err := h.node.create(name, Symlink, 0o777, target)
		return err
	}
	return symlinkAt(target, h.fd, name)
}

func (h hold) link(name string, to hold, toName string) error {
	if h.node != nil {
		return h.node.link(name, to.node, toName)
	}
	return linkAt(h.fd, name, to.fd, toName)
}

func (h hold) rename(name string, to hold, toName string) error {
	if h.node != nil {
		return h.node.rename(name, to.node, toName)
	}
	return renameAt(h.fd, name, to.fd, toName)
}

func (h hold) unlink(name string) error {
	if h.node != nil {
		return h.node.unlink(name)
	}
	return unlinkAt(h.fd, name)
}

func (h hold) rmdir(name string) error {
	if h.node != nil {
		return h.node.rmdir(name)
	}
	return rmdirAt(h.fd, name)
}
