package preview1

import (
	"encoding/binary"
	"io"
	"math"
	"time"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

func fdAdvise(h *Host, _ memory, a []uint64) Errno {
	f, e := h.openFile(a[0], rightAdvise, espipe)
	if e != success {
		if e == eisdir {
			return ebadf
		}
		return e
	}
	off, n, advice := a[1], a[2], uint32(a[3])
	if advice > uint32(vfs.AdviceNoReuse) || off > math.MaxInt64 || n > math.MaxInt64 {
		return einval
	}
	return errnoOf(f.Advise(int64(off), int64(n), vfs.Advice(advice)))
}

func fdAllocate(h *Host, _ memory, a []uint64) Errno {
	f, e := h.openFile(a[0], rightAllocate, espipe)
	if e != success {
		return e
	}
	off, n := a[1], a[2]
	if n == 0 || off > math.MaxInt64 || n > math.MaxInt64 {
		return einval
	}
	if off+n > math.MaxInt64 {
		return efbig
	}
	return errnoOf(f.Allocate(int64(off), int64(n)))
}

func fdClose(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], 0)
	if e != success {
		return e
	}
	h.fds.remove(uint32(a[0]))
	return errnoOf(d.close())
}

func fdDatasync(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], rightDatasync)
	switch {
	case e != success:
		return e
	case d.file != nil:
		return errnoOf(d.file.DataSync())
	case d.dir != nil:
		return errnoOf(d.dir.Sync())
	}
	return einval
}

func fdSync(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], rightSync)
	switch {
	case e != success:
		return e
	case d.node() == nil:
		return einval
	}
	return errnoOf(d.node().Sync())
}

func fdFdstatGet(h *Host, m memory, a []uint64) Errno {
	d, e := h.open(a[0], 0)
	if e != success {
		return e
	}
	b := m.bytes(uint32(a[1]), 24)
	clear(b)
	b[0] = filetypes[d.filetype()]
	binary.LittleEndian.PutUint16(b[2:], d.flags)
	binary.LittleEndian.PutUint64(b[8:], uint64(d.base))
	binary.LittleEndian.PutUint64(b[16:], uint64(d.inheriting))
	return success
}

func fdFdstatSetFlags(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], rightSetFlags)
	if e != success {
		return e
	}
	flags := uint32(a[1])
	switch {
	case flags&^allFlags != 0:
		return einval
	case d.file != nil:
		if err := d.file.SetFlags(fileFlags(flags)); err != nil {
			return errnoOf(err)
		}
	case flags&^flagNonblock != 0: // a stream or a directory has no position to append at
		return einval
	}
	d.flags = uint16(flags)
	return success
}

func fileFlags(flags uint32) vfs.Flags {
	return vfs.Flags{
		Append:   flags&flagAppend != 0,
		DSync:    flags&flagDsync != 0,
		NonBlock: flags&flagNonblock != 0,
		RSync:    flags&flagRsync != 0,
		Sync:     flags&flagSync != 0,
	}
}

func fdFdstatSetRights(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], 0)
	if e != success {
		return e
	}
	base, inheriting := rights(a[1]), rights(a[2])
	if base&^d.base != 0 || inheriting&^d.inheriting != 0 {
		return enotcapable
	}
	d.base, d.inheriting = base, inheriting
	return success
}

func fdFilestatGet(h *Host, m memory, a []uint64) Errno {
	st, e := h.filestat(a[0])
	if e != success {
		return e
	}
	return putFilestat(m, uint32(a[1]), st)
}

func (h *Host) filestat(fd uint64) (vfs.Stat, Errno) {
	d, e := h.open(fd, rightFilestatGet)
	if e != success {
		return vfs.Stat{}, e
	}
	if d.node() == nil {
		return vfs.Stat{Type: d.filetype()}, success
	}
	st, err := d.node().Stat()
	return st, errnoOf(err)
}

func putFilestat(m memory, ptr uint32, st vfs.Stat) Errno {
	b := m.bytes(ptr, 64)
	clear(b)
	le := binary.LittleEndian
	le.PutUint64(b[0:], st.Dev)
	le.PutUint64(b[8:], st.Ino)
	b[16] = filetypes[st.Type]
	le.PutUint64(b[24:], st.Nlink)
	le.PutUint64(b[32:], st.Size)
	le.PutUint64(b[40:], uint64(st.Atim))
	le.PutUint64(b[48:], uint64(st.Mtim))
	le.PutUint64(b[56:], uint64(st.Ctim))
	return success
}

func fdFilestatSetSize(h *Host, _ memory, a []uint64) Errno {
	f, e := h.openFile(a[0], rightFilestatSetSize, einval)
	if e != success {
		return e
	}
	if a[1] > math.MaxInt64 {
		return einval
	}
	return errnoOf(f.SetSize(int64(a[1])))
}

func fdFilestatSetTimes(h *Host, _ memory, a []uint64) Errno {
	d, e := h.open(a[0], rightFilestatSetTimes)
	if e != success {
		return e
	}
	t, e := timesOf(a[1], a[2], uint32(a[3]))
	if e != success {
		return e
	}
	return errnoOf(d.node().SetTimes(t)) // a stream lacks the right
}

// fstflags.
const (
	setAtim    = 1 << 0
	setAtimNow = 1 << 1
	setMtim    = 1 << 2
	setMtimNow = 1 << 3
)

func timesOf(atim, mtim uint64, flags uint32) (vfs.Times, Errno) {
	t := vfs.Times{
		Atim: int64(atim), SetAtim: flags&setAtim != 0, AtimNow: flags&setAtimNow != 0,
		Mtim: int64(mtim), SetMtim: flags&setMtim != 0, MtimNow: flags&setMtimNow != 0,
	}
	if flags >= 1<<4 || t.SetAtim && t.AtimNow || t.SetMtim && t.MtimNow || t.Atim < 0 && t.SetAtim || t.Mtim < 0 && t.SetMtim {
		return t, einval
	}
	return t, success
}

// prestatSocket is a tag that the specification leaves free; 0 is a directory.
const prestatSocket = 1

func fdPrestatGet(h *Host, m memory, a []uint64) Errno {
	d, e := h.open(a[0], 0)
	if e != success {
		return e
	}
	b := m.bytes(uint32(a[1]), 8)
	clear(b) // tag 0: a directory
	if d.sock != nil {
		// Guests look for preopened directories from descriptor 3 on until one that is none at all, so that a socket among
		// them has to be something: a preopen of a kind that they pass over.
		b[0] = prestatSocket
		return success
	}
	if d.preopen == "" {
		return ebadf
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(d.preopen)))
	return success
}

func fdPrestatDirName(h *Host, m memory, a []uint64) Errno {
	d, e := h.open(a[0], 0)
	if e != success {
		return e
	}
	if d.preopen == "" {
		return ebadf
	}
	if uint32(a[2]) < uint32(len(d.preopen)) {
		return enametoolong
	}
	copy(m.bytes(uint32(a[1]), uint32(len(d.preopen))), d.preopen)
	return success
}

func fdRead(h *Host, m memory, a []uint64) Errno {
	d, e := h.openData(a[0], rightRead)
	if e != success {
		return e
	}
	if d.file != nil {
		return h.transfer(m, a, func(b []byte, done int64) (int, error) {
			if done > 0 && d.file.Type() == vfs.Pipe { // as of a stream
				return 0, io.EOF
			}
			return d.file.Read(b)
		})
	}
	if d.sock != nil {
		return h.receive(m, a, d, false)
	}
	if d.flags&flagNonblock != 0 {
		if e := h.readyNow(d.in); e != success {
			return e
		}
	}
	return h.transfer(m, a, func(b []byte, done int64) (int, error) {
		if done > 0 && d.in.Type() != vfs.Regular { // a stream gives what it has; waiting for more is the guest's decision
			return 0, io.EOF
		}
		return d.in.Read(h.stop, b)
	})
}

// readyNow is EAGAIN for a stream that would have to be waited for.
func (h *Host) readyNow(stream vfs.Pollable) Errno {
	ready, err := vfs.Poll(h.stop, atOnce, []vfs.Pollable{stream})
	switch {
	case err == vfs.ErrStopped:
		return Stop
	case err != nil:
		return errnoOf(err)
	case ready[0] == nil:
		return eagain
	}
	return success
}

// atOnce is a deadline that is long past.
var atOnce = time.Unix(1, 0)

// openData is open for what can be read or written: EISDIR for a directory.
func (h *Host) openData(fd uint64, need rights) (*descriptor, Errno) {
	d, e := h.open(fd, 0)
	switch {
	case e != success:
		return nil, e
	case d.dir != nil:
		return nil, eisdir
	case !d.has(need):
		return nil, enotcapable
	}
	return d, success
}

func fdPread(h *Host, m memory, a []uint64) Errno {
	return h.transferAt(m, a, rightRead, (*vfs.File).ReadAt)
}

// transferAt is fd_pread and fd_pwrite.
func (h *Host) transferAt(m memory, a []uint64, need rights, f func(*vfs.File, []byte, int64) (int, error)) Errno {
	file, e := h.openFile(a[0], need|rightSeek, espipe)
	if e != success {
		return e
	}
	off := a[3]
	if off > math.MaxInt64 {
		return einval
	}
	return h.transfer(m, []uint64{a[0], a[1], a[2], a[4]}, func(b []byte, done int64) (int, error) {
		return f(file, b, int64(off)+done)
	})
}

// maxVectors bounds an array of iovecs, as IOV_MAX does.
const maxVectors = 1024

// transfer passes the buffers of fd_read, fd_write and their kind, a = fd, iovs, count, result, to calls of f, which is told
// how much has been transferred: no more than a chunk at a time, and nothing once the context has ended. It ends at the
// first call that is short. Nothing is transferred unless all of the iovecs lie in memory and their lengths add up to no
// more than the result can say.
func (h *Host) transfer(m memory, a []uint64, f func(b []byte, done int64) (int, error)) Errno {
	return h.transferWhole(m, a, 0, f)
}

// gathered is how many bytes of several buffers are written at once, as writev(2) writes them: who reads a pipe, or writes to the same file,
// sees all of a line or nothing.
const gathered = 64 << 10

// transferWhole is transfer, but what is no more than whole bytes in all is copied and passed in one call.
func (h *Host) transferWhole(m memory, a []uint64, whole uint64, f func(b []byte, done int64) (int, error)) Errno {
	result := m.bytes(uint32(a[3]), 4)
	if uint32(a[2]) > maxVectors {
		return einval
	}
	// A copy: what is read may overwrite the guest's own array.
	h.vectors = append(h.vectors[:0], m.bytes(uint32(a[1]), 8*uint32(a[2]))...)
	total, used := uint64(0), 0
	for v := h.vectors; len(v) > 0; v = v[8:] {
		n := len(m.vector(v))
		total += uint64(n)
		used += min(n, 1)
	}
	if total > math.MaxUint32 {
		return einval
	}
	var done int64
	// pass passes one buffer. more says whether all of it went.
	pass := func(b []byte) (more bool, e Errno) {
		for len(b) > 0 {
			if h.stop.Ended() {
				return false, Stop
			}
			part := b[:min(len(b), chunk)]
			n, err := f(part, done)
			done += int64(n)
			if err == vfs.ErrStopped {
				return false, Stop
			}
			if e := errnoOf(err); e != success && done == 0 {
				return false, e
			}
			if n < len(part) || err != nil {
				return false, success
			}
			b = b[n:]
		}
		return true, success
	}
	if used > 1 && total <= whole {
		h.whole = h.whole[:0]
		for v := h.vectors; len(v) > 0; v = v[8:] {
			h.whole = append(h.whole, m.vector(v)...)
		}
		if _, e := pass(h.whole); e != success {
			return e
		}
	} else {
		for v := h.vectors; len(v) > 0; v = v[8:] {
			more, e := pass(m.vector(v))
			if e != success {
				return e
			}
			if !more {
				break
			}
		}
	}
	putLE32(result, uint32(done))
	return success
}

// vector is the buffer that the first iovec of v describes.
func (m memory) vector(v []byte) []byte {
	return m.bytes(binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:]))
}

// pipeBuf is what a stream that is ready for writing takes at once, as POSIX has it for pipes.
const pipeBuf = 4096

func fdWrite(h *Host, m memory, a []uint64) Errno {
	d, e := h.openData(a[0], rightWrite)
	if e != success {
		return e
	}
	if d.file != nil {
		return h.transferWhole(m, a, gathered, func(b []byte, _ int64) (int, error) { return d.file.Write(b) })
	}
	if d.sock != nil {
		return h.send(m, a, d)
	}
	if d.flags&flagNonblock == 0 {
		return h.transferWhole(m, a, gathered, func(b []byte, _ int64) (int, error) { return d.out.Write(h.stop, b) })
	}
	if e := h.readyNow(d.out); e != success {
		return e
	}
	return h.transferWhole(m, a, pipeBuf, func(b []byte, done int64) (int, error) {
		return d.out.Write(h.stop, b[:min(int64(len(b)), pipeBuf-done)])
	})
}

func fdPwrite(h *Host, m memory, a []uint64) Errno {
	return h.transferAt(m, a, rightWrite, (*vfs.File).WriteAt)
}

func fdRenumber(h *Host, _ memory, a []uint64) Errno {
	from, to := uint32(a[0]), uint32(a[1])
	if _, e := h.open(a[0], 0); e != success {
		return e
	}
	old, e := h.open(a[1], 0)
	if e != success {
		return e
	}
	if from == to {
		return success
	}
	h.fds.move(from, to)
	return errnoOf(old.close())
}

func fdSeek(h *Host, m memory, a []uint64) Errno {
	off, whence := int64(a[1]), uint32(a[2])
	need := rightSeek
	if off == 0 && whence == io.SeekCurrent {
		need = rightTell
	}
	f, e := h.openFile(a[0], need, espipe)
	if e != success {
		return e
	}
	if whence > io.SeekEnd {
		return einval
	}
	return seek(f, m, off, int(whence), uint32(a[3]))
}

func fdTell(h *Host, m memory, a []uint64) Errno {
	f, e := h.openFile(a[0], rightTell, espipe)
	if e != success {
		return e
	}
	return seek(f, m, 0, io.SeekCurrent, uint32(a[1]))
}

// seek uses the specification's whence, which has the values of package io.
func seek(f *vfs.File, m memory, off int64, whence int, result uint32) Errno {
	b := m.bytes(result, 8)
	pos, err := f.Seek(off, whence)
	if err != nil {
		return errnoOf(err)
	}
	binary.LittleEndian.PutUint64(b, uint64(pos))
	return success
}

func fdReaddir(h *Host, m memory, a []uint64) Errno {
	d, e := h.openDir(a[0], rightReaddir)
	if e != success {
		return e
	}
	buf := m.bytes(uint32(a[1]), uint32(a[2]))
	result := m.bytes(uint32(a[4]), 4)
	used := 0
	var header [24]byte
	err := d.dir.ReadDir(a[3], func(entry vfs.Entry) bool {
		le := binary.LittleEndian
		le.PutUint64(header[0:], entry.Next)
		le.PutUint64(header[8:], entry.Ino)
		le.PutUint32(header[16:], uint32(len(entry.Name)))
		header[20] = filetypes[entry.Type]
		// An entry that does not fit is cut, which tells the guest that there is more.
		used += copy(buf[used:], header[:])
		used += copy(buf[used:], entry.Name)
		return used < len(buf) && !h.stop.Ended()
	})
	if err != nil { // whatever came before: a buffer that is not full says that there is no more
		return errnoOf(err)
	}
	putLE32(result, uint32(used))
	return success
}
