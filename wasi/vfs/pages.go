package vfs

import (
	"io"
	"math"
	"syscall"
	"time"
)

const pageSize = 4096

type page [pageSize]byte

// sparse is what a regular file of a tmpfs has. There are pages where something was written or allocated; elsewhere it
// is zeros, which take no memory.
type sparse struct {
	size  int64
	pages map[int64]*page
	peak  int // how many pages there were since the map was made: maps do not shrink
}

// page returns page number i, made and charged for if need be.
func (n *inode) page(i int64) (*page, error) {
	c := &n.content
	if p := c.pages[i]; p != nil {
		return p, nil
	}
	if err := n.fs.charge(pageSize); err != nil {
		return nil, err
	}
	if c.pages == nil {
		c.pages, c.peak = make(map[int64]*page), 0
	}
	p := new(page)
	c.pages[i] = p
	c.peak = max(c.peak, len(c.pages))
	return p, nil
}

// readAt reads up to len(b) bytes at off.
func (n *inode) readAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	if len(b) == 0 || off >= n.content.size {
		return 0, nil
	}
	n.accessed()
	b = b[:min(int64(len(b)), n.content.size-off)]
	for done := 0; done < len(b); {
		at := off + int64(done)
		part := b[done:min(len(b), done+int(pageSize-at%pageSize))]
		if p := n.content.pages[at/pageSize]; p != nil {
			copy(part, p[at%pageSize:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(b), nil
}

// atEnd is the offset that stands for the end of the file.
const atEnd = -1

// writeAt writes b at off, which may be atEnd, and returns where it ends. It writes as much as there is
// space for; ENOSPC if there is none.
func (n *inode) writeAt(b []byte, off int64) (done int, end int64, err error) {
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	if off == atEnd {
		off = n.content.size
	}
	if len(b) == 0 {
		return 0, off, nil
	}
	if off == math.MaxInt64 {
		return 0, off, syscall.EFBIG
	}
	b = b[:min(int64(len(b)), math.MaxInt64-off)]
	for done < len(b) {
		at := off + int64(done)
		p, err := n.page(at / pageSize)
		if err != nil {
			if done == 0 {
				return 0, off, err
			}
			break
		}
		done += copy(p[at%pageSize:], b[done:])
	}
	end = off + int64(done)
	n.content.size = max(n.content.size, end)
	n.changed()
	return done, end, nil
}

// truncate cuts the content or extends it with zeros.
func (n *inode) truncate(size int64) error {
	if size < 0 {
		return syscall.EINVAL
	}
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	if size < n.content.size {
		n.free((size + pageSize - 1) / pageSize)
		if p := n.content.pages[size/pageSize]; p != nil {
			clear(p[size%pageSize:]) // what is beyond the end is zeros when the file grows again
		}
	}
	n.content.size = size
	n.changed()
	return nil
}

// free gives back the pages from number first on.
func (n *inode) free(first int64) {
	c := &n.content
	for i := range c.pages {
		if i >= first {
			delete(c.pages, i)
			n.fs.used -= pageSize
		}
	}
	if 2*len(c.pages) > c.peak {
		return
	}
	kept := make(map[int64]*page, len(c.pages))
	for i, p := range c.pages {
		kept[i] = p
	}
	c.pages, c.peak = kept, len(kept)
}

// allocate makes sure that the range has pages, all of them or, with ENOSPC, no more than before.
func (n *inode) allocate(off, length int64) error {
	switch {
	case off < 0 || length <= 0:
		return syscall.EINVAL
	case off > math.MaxInt64-length:
		return syscall.EFBIG
	}
	n.fs.mu.Lock()
	defer n.fs.mu.Unlock()
	first, last := off/pageSize, (off+length-1)/pageSize
	if last-first >= n.fs.size/pageSize {
		return syscall.ENOSPC
	}
	space := (n.fs.size - n.fs.used) / pageSize
	for i := first; i <= last; i++ {
		if n.content.pages[i] == nil {
			if space--; space < 0 {
				return syscall.ENOSPC
			}
		}
	}
	for i := first; i <= last; i++ {
		if _, err := n.page(i); err != nil {
			return err
		}
	}
	n.content.size = max(n.content.size, off+length)
	n.ctim = time.Now().UnixNano()
	return nil
}

// seek returns where an offset, now at, is after lseek.
func (n *inode) seek(at, off int64, whence int) (int64, error) {
	from := at
	switch whence {
	case io.SeekStart:
		from = 0
	case io.SeekEnd:
		from = int64(n.stat().Size)
	}
	if off > 0 && from > math.MaxInt64-off || from+off < 0 {
		return -1, syscall.EINVAL
	}
	return from + off, nil
}
