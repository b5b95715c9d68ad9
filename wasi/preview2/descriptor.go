package preview2

import (
	"io"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// descriptor is an open file or directory: one of file and dir.
type descriptor struct {
	file        *vfs.File
	dir         *vfs.Dir
	read, write bool
	preopen     bool // given to the guest: it can ask for it again
	users       int  // handles of it and of its streams
}

func (d *descriptor) node() vfs.Node {
	if d.file != nil {
		return d.file
	}
	return d.dir
}

// release takes one user off d, which is closed with the last.
func (h *Host) release(d *descriptor) {
	if d == nil {
		return
	}
	if d.users--; d.users == 0 && !d.preopen {
		h.opened--
		_ = d.node().Close()
	}
}

// readAt reads at an offset what has offsets, and what is next of anything else.
func (d *descriptor) readAt(b []byte, at uint64) (int, error) {
	off, err := offset(at)
	if err != nil {
		return 0, err
	}
	var n int
	if d.file.Type() == vfs.Regular {
		n, err = d.file.ReadAt(b, off)
	} else {
		n, err = d.file.Read(b)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (d *descriptor) writeAt(b []byte, at uint64) (int, error) {
	off, err := offset(at)
	if err != nil {
		return 0, err
	}
	if d.file.Type() == vfs.Regular {
		return d.file.WriteAt(b, off)
	}
	return d.file.Write(b)
}

// appendEnd writes at the end of the file, wherever that is by now.
func (d *descriptor) appendEnd(b []byte) (int, error) {
	flags := d.file.Flags()
	with := flags
	with.Append = true
	if err := d.file.SetFlags(with); err != nil {
		return 0, err
	}
	n, err := d.file.Write(b)
	if rerr := d.file.SetFlags(flags); err == nil {
		err = rerr
	}
	return n, err
}
