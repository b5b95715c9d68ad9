package vfs

import (
	"strings"
	"syscall"
)

// Entry is one name in a directory.
type Entry struct {
	Name string
	Ino  uint64 // as the host's directory has it; 0 where unknown
	Type FileType
	Next uint64 // what to pass to ReadDir to go on after this entry
}

// listing is a directory being read.
type listing struct {
	handle *handle // readable; nil until first needed
	buf    []byte
	unread []byte // entries in buf that were not asked for yet
	at     int64  // the host's offset of the first of them
}

func (l *listing) close(fs *FS) {
	if l.handle != nil {
		fs.drop(l.handle)
	}
}

// ReadDir calls yield for each entry after cookie until yield returns false; cookie 0 is the start, others come from
// [Entry.Next]. "." and ".." come first, then mount points, then what else the host has, in its order. Names that come
// and go meanwhile are in it or not; every other name is in it exactly once.
//
// yield may use d, but not call its ReadDir.
//
// Cookies below a number that is fixed for the directory count what is not the host's; above they are the host's own
// offsets. An offset that is negative is EOVERFLOW.
func (d *Dir) ReadDir(cookie uint64, yield func(Entry) bool) error {
	dir, err := d.hold()
	if err != nil {
		return err
	}
	defer dir.release()
	var listed []string
	if len(d.path) == len(d.base.path) {
		listed = d.base.listed
	}
	first := 2 + uint64(len(listed)) // the cookie of the host's offset 0
	for ; cookie < first; cookie++ {
		e := Entry{Name: ".", Type: Directory, Next: cookie + 1}
		switch {
		case cookie == 0:
			s, err := d.Stat()
			if err != nil {
				return err
			}
			e.Ino = s.Ino
		case cookie == 1:
			e.Name, e.Ino = "..", d.above()
		default:
			e.Name = listed[cookie-2]
			s, err := d.Lookup(e.Name, false)
			if err != nil {
				return err
			}
			e.Ino, e.Type = s.Ino, s.Type
		}
		if !yield(e) {
			return nil
		}
	}
	switch {
	case dir.none():
		return nil
	case dir.node != nil:
		return d.readMemory(dir.node, cookie-first, first, yield)
	}
	return d.readHost(dir.fd, cookie-first, first, yield)
}

// above is the inode number of the parent in the guest's tree, 0 where that cannot be told.
func (d *Dir) above() uint64 {
	w, err := d.walk(".")
	if err != nil {
		return 0
	}
	defer w.end()
	if d.path != "" {
		w.left = true
		path, base := d.path[:strings.LastIndexByte(d.path, '/')], d.base
		if len(base.path) > len(path) {
			base = base.parent
		}
		if w.climb(path, base) != nil {
			return 0
		}
	}
	s, err := w.stat()
	if err != nil {
		return 0
	}
	return s.Ino
}

// readHost reads the host's entries from its offset on.
func (d *Dir) readHost(dir int, offset, first uint64, yield func(Entry) bool) error {
	if int64(offset) < 0 {
		return syscall.EINVAL
	}
	l := &d.list
	if l.handle == nil {
		fd, err := openList(dir)
		if err != nil {
			return err
		}
		if l.handle, err = d.fs.keep(fd); err != nil {
			return err
		}
		l.buf = make([]byte, 8<<10)
	}
	if err := l.handle.acquire(); err != nil {
		return err
	}
	defer l.handle.release()
	if l.at != int64(offset) || len(l.unread) == 0 {
		if _, err := seekFD(l.handle.fd, int64(offset), 0); err != nil {
			return err
		}
		l.unread, l.at = nil, int64(offset)
	}
	for {
		if len(l.unread) == 0 {
			n, err := readDirFD(l.handle.fd, l.buf)
			if err != nil || n == 0 {
				return err
			}
			l.unread = l.buf[:n]
		}
		e, next, rest := parseEntry(l.unread)
		if next < 0 {
			return syscall.EOVERFLOW
		}
		l.unread, l.at = rest, next
		e.Next = first + uint64(next)
		if d.masked(dir, &e) {
			continue
		}
		if !yield(e) {
			return nil
		}
	}
}

// batch is how many entries of a tmpfs are read at once: yield is not called under its lock.
const batch = 64

// readMemory reads the entries of a tmpfs after offset.
func (d *Dir) readMemory(n *inode, offset, first uint64, yield func(Entry) bool) error {
	if int64(offset) < 0 {
		return syscall.EINVAL
	}
	for list := make([]Entry, 0, batch); ; {
		var err error
		if list, err = n.entries(offset, list[:0]); err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			offset = e.Next
			e.Next += first
			if !d.masked(-1, &e) && !yield(e) {
				return nil
			}
		}
	}
}

// masked says that a name of the host is not one of the guest's, or has been listed already. It completes e.
func (d *Dir) masked(dir int, e *Entry) bool {
	if e.Name == "." || e.Name == ".." {
		return true
	}
	here := len(d.path) == len(d.base.path)
	if here {
		if p := d.base.children[e.Name]; p != nil {
			// Above what is hidden there are directories only.
			return p.exists || p.mount != nil || e.Type != Directory && e.Type != Unknown
		}
	}
	if e.Type == Unknown || here && d.base.mayCover(e.Ino) {
		in, _, err := statAt(dir, e.Name)
		if err != nil { // gone meanwhile, or for the guest to find out
			return err == syscall.ENOENT
		}
		e.Type = in.Type
		return here && d.base.covered[in.identity()] != nil
	}
	return false
}

// mayCover says whether an entry with that inode number can be another name of a place.
func (p *place) mayCover(ino uint64) bool {
	for id := range p.covered {
		if id.ino == ino {
			return true
		}
	}
	return false
}
