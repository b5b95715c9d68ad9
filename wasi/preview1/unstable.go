package preview1

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// UnstableModuleName is the module of WASI's first snapshot, which older toolchains made guests for. A guest may import from
// it instead of [ModuleName]. It has the same functions but for sock_accept, and lays out four things differently.
const UnstableModuleName = "wasi_unstable"

// snapshot0 is the module UnstableModuleName.
func snapshot0() []function {
	own := map[string]func(*Host, memory, []uint64) Errno{
		"fd_filestat_get":   unstableFdFilestatGet,
		"fd_seek":           unstableFdSeek,
		"path_filestat_get": unstablePathFilestatGet,
		"poll_oneoff":       unstablePollOneoff,
	}
	functions := slices.DeleteFunc(slices.Clone(snapshot1), func(f function) bool { return f.name == "sock_accept" })
	for i := range functions {
		if call := own[functions[i].name]; call != nil {
			functions[i].call = call
		}
	}
	return functions
}

// unstableWhence has another order than the specification's later one, which is that of package io.
var unstableWhence = [...]uint64{io.SeekCurrent, io.SeekEnd, io.SeekStart}

func unstableFdSeek(h *Host, m memory, a []uint64) Errno {
	whence := uint32(a[2])
	if whence >= uint32(len(unstableWhence)) {
		return einval
	}
	return fdSeek(h, m, []uint64{a[0], a[1], unstableWhence[whence], a[3]})
}

func unstableFdFilestatGet(h *Host, m memory, a []uint64) Errno {
	st, e := h.filestat(a[0])
	if e != success {
		return e
	}
	return putUnstableFilestat(m, uint32(a[1]), st)
}

func unstablePathFilestatGet(h *Host, m memory, a []uint64) Errno {
	st, e := h.pathFilestat(m, a)
	if e != success {
		return e
	}
	return putUnstableFilestat(m, uint32(a[4]), st)
}

// putUnstableFilestat has a link count of 32 bits.
func putUnstableFilestat(m memory, ptr uint32, st vfs.Stat) Errno {
	b := m.bytes(ptr, 56)
	clear(b)
	le := binary.LittleEndian
	le.PutUint64(b[0:], st.Dev)
	le.PutUint64(b[8:], st.Ino)
	b[16] = filetypes[st.Type]
	le.PutUint32(b[20:], uint32(min(st.Nlink, 1<<32-1)))
	le.PutUint64(b[24:], st.Size)
	le.PutUint64(b[32:], uint64(st.Atim))
	le.PutUint64(b[40:], uint64(st.Mtim))
	le.PutUint64(b[48:], uint64(st.Ctim))
	return success
}

// unstablePollOneoff takes subscriptions with eight more bytes in front of a clock: an identifier that means nothing.
func unstablePollOneoff(h *Host, m memory, a []uint64) Errno {
	return h.poll(m, a, subscriptions{size: 56, clock: 24})
}
