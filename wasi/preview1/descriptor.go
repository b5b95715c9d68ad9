package preview1

import "github.com/wasmoci/wasmoci/wasi/vfs"

// descriptor is what a guest's file descriptor refers to: exactly one of in, out, file, dir and sock.
type descriptor struct {
	opened           bool // by the guest, rather than given to it
	base, inheriting rights
	flags            uint16 // fdflags
	preopen          string // guest path of a preopened directory, else ""

	in   vfs.Input
	out  vfs.Output
	file *vfs.File
	dir  *vfs.Dir
	sock *vfs.Socket
}

func newInput(in vfs.Input) *descriptor    { return &descriptor{base: inputRights, in: in} }
func newOutput(out vfs.Output) *descriptor { return &descriptor{base: outputRights, out: out} }

func newPreopen(p vfs.Preopen) *descriptor {
	return &descriptor{base: dirRights, inheriting: dirRights | fileRights, preopen: p.Guest, dir: p.Dir}
}

// newSocket gives the guest a socket, non-blocking from the start: a guest with one thread that waited in accept could do
// nothing else, and poll_oneoff is what its runtime waits in.
func newSocket(s *vfs.Socket) *descriptor {
	d := &descriptor{sock: s, base: connRights, flags: flagNonblock}
	if s.Listening() {
		d.base, d.inheriting = listenRights, connRights
	}
	return d
}

// node is the open file or directory, or nil for a stream.
func (d *descriptor) node() vfs.Node {
	switch {
	case d.file != nil:
		return d.file
	case d.dir != nil:
		return d.dir
	}
	return nil
}

func (d *descriptor) filetype() vfs.FileType {
	switch {
	case d.in != nil:
		return d.in.Type()
	case d.out != nil:
		return d.out.Type()
	case d.dir != nil:
		return vfs.Directory
	case d.sock != nil:
		return vfs.SocketStream
	}
	return d.file.Type()
}

// has tells whether d has all of need.
func (d *descriptor) has(need rights) bool {
	have := d.base
	if have&rightSeek != 0 {
		have |= rightTell // fd_seek implies fd_tell
	}
	return need&^have == 0
}

// close closes a file, a directory or a socket. The streams are the Config's.
func (d *descriptor) close() error {
	if d.sock != nil {
		return d.sock.Close()
	}
	if n := d.node(); n != nil {
		return n.Close()
	}
	return nil
}

// maxOpened bounds what one guest has open beyond what it was given, so that it leaves descriptors of the process to the
// other guests: each takes one of the host, and a directory that has been listed a second one. So may each directory that
// the guest was given.
const maxOpened = 1 << 10

// descriptors is a guest's table: the lowest free number is given out, as POSIX does.
type descriptors struct {
	list   []*descriptor // nil where free
	free   int           // no number below it is free
	opened int           // how many of them the guest opened
}

func (t *descriptors) get(fd uint32) *descriptor {
	if fd >= uint32(len(t.list)) {
		return nil
	}
	return t.list[fd]
}

func (t *descriptors) full() bool { return t.opened >= maxOpened }

func (t *descriptors) add(d *descriptor) uint32 {
	fd := t.free
	if fd == len(t.list) {
		t.list = append(t.list, d)
	} else {
		t.list[fd] = d
	}
	if d.opened {
		t.opened++
	}
	for t.free < len(t.list) && t.list[t.free] != nil {
		t.free++
	}
	return uint32(fd)
}

func (t *descriptors) remove(fd uint32) {
	if t.list[fd].opened {
		t.opened--
	}
	t.list[fd] = nil
	t.free = min(t.free, int(fd))
}

// move gives what from has the number to, in place of what has it.
func (t *descriptors) move(from, to uint32) {
	t.list[from], t.list[to] = t.list[to], t.list[from]
	t.remove(from)
}

func (t *descriptors) closeAll() {
	for _, d := range t.list {
		if d != nil {
			_ = d.close()
		}
	}
	*t = descriptors{}
}

// open returns the descriptor fd: EBADF where there is none, ENOTCAPABLE where it lacks one of need.
func (h *Host) open(fd uint64, need rights) (*descriptor, Errno) {
	d := h.fds.get(uint32(fd))
	if d == nil {
		return nil, ebadf
	}
	if !d.has(need) {
		return nil, enotcapable
	}
	return d, success
}

// openFile is open for what only a regular file, or a device, has: EISDIR for a directory, and other for a stream.
func (h *Host) openFile(fd uint64, need rights, other Errno) (*vfs.File, Errno) {
	switch d := h.fds.get(uint32(fd)); {
	case d == nil:
		return nil, ebadf
	case d.dir != nil:
		return nil, eisdir
	case d.file == nil:
		return nil, other
	case !d.has(need):
		return nil, enotcapable
	default:
		return d.file, success
	}
}

// openDir is open for what only a directory has: ENOTDIR for anything else.
func (h *Host) openDir(fd uint64, need rights) (*descriptor, Errno) {
	switch d := h.fds.get(uint32(fd)); {
	case d == nil:
		return nil, ebadf
	case d.dir == nil:
		return nil, enotdir
	case !d.has(need):
		return nil, enotcapable
	default:
		return d, success
	}
}

// openSocket is open for what only a socket has: ENOTSOCK for anything else.
func (h *Host) openSocket(fd uint64, need rights) (*descriptor, Errno) {
	switch d := h.fds.get(uint32(fd)); {
	case d == nil:
		return nil, ebadf
	case d.sock == nil:
		return nil, enotsock
	case !d.has(need):
		return nil, enotcapable
	default:
		return d, success
	}
}
