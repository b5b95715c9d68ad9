package preview1

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// guest is a guest without a module: a memory, and calls by name.
type guest struct {
	t    testing.TB
	h    *Host
	mem  []byte
	next uint32 // where the next argument goes
}

// soon is how long what should happen at once may take on a machine that is busy; what it is not told from takes for ever.
const soon = 10 * time.Second

// bad is a pointer beyond any memory of these tests.
const bad = 0xffffffff

// The descriptors that calls are tried on.
const (
	stdin  = 0
	stdout = 1
	root   = 3
	locked = 4
	none   = 99 // not open
)

// current is the functions of ModuleName, which Table has first.
var current = Table()[:len(snapshot1)]

// indexes of current by name.
var indexes = func() map[string]int {
	m := make(map[string]int)
	for i, f := range current {
		m[f.Name] = i
	}
	return m
}()

func newGuest(t testing.TB, cfg *wasi.Config) *guest {
	t.Helper()
	h, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Err(); err != nil {
			t.Errorf("the host failed: %v", err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &guest{t: t, h: h, mem: make([]byte, 4<<16)}
}

func (g *guest) call(name string, args ...uint64) Errno {
	g.t.Helper()
	i, ok := indexes[name]
	if !ok || len(args) != len(Table()[i].Params) {
		g.t.Fatalf("no function %s of %d parameters", name, len(args))
	}
	args = slices.Clone(args)
	for k, p := range Table()[i].Params {
		if p == 'i' { // engines leave anything in the upper half
			args[k] = args[k]&math.MaxUint32 | 0xdeadbeef<<32
		}
	}
	return g.h.Call(i, g.mem, args)
}

// want calls a function and compares its answer.
func (g *guest) want(e Errno, name string, args ...uint64) {
	g.t.Helper()
	if got := g.call(name, args...); got != e {
		g.t.Errorf("%s(%x): errno %d, want %d", name, args, got, e)
	}
}

// room returns n bytes of memory that are aligned and filled with a pattern.
func (g *guest) room(n int) uint64 {
	g.next = (g.next + 7) &^ 7
	if int(g.next)+n > len(g.mem) {
		g.next = 0
	}
	p := g.next
	g.next += uint32(n)
	for i := range g.mem[p:g.next] {
		g.mem[int(p)+i] = 0xaa
	}
	return uint64(p)
}

func (g *guest) put(s string) (ptr, n uint64) {
	p := g.room(len(s))
	copy(g.mem[p:], s)
	return p, uint64(len(s))
}

func (g *guest) bytes(ptr uint64, n int) []byte { return g.mem[ptr : int(ptr)+n] }
func (g *guest) u32(ptr uint64) uint32          { return binary.LittleEndian.Uint32(g.mem[ptr:]) }
func (g *guest) u64(ptr uint64) uint64          { return binary.LittleEndian.Uint64(g.mem[ptr:]) }

// iovecs lays out an array of buffers: pointer, length, pointer, length.
func (g *guest) iovecs(v ...uint64) (ptr, n uint64) {
	p := g.room(4 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(g.mem[p+4*uint64(i):], uint32(x))
	}
	return p, uint64(len(v) / 2)
}

// buffers makes room for reads of those sizes.
func (g *guest) buffers(sizes ...int) (array, n uint64, at []uint64) {
	var v []uint64
	for _, size := range sizes {
		p := g.room(size)
		v, at = append(v, p, uint64(size)), append(at, p)
	}
	array, n = g.iovecs(v...)
	return array, n, at
}

func (g *guest) read(fd uint64, sizes ...int) (string, Errno) {
	array, n, at := g.buffers(sizes...)
	result := g.room(4)
	if e := g.call("fd_read", fd, array, n, result); e != success {
		return "", e
	}
	return g.gather(at, sizes, int(g.u32(result))), success
}

func (g *guest) pread(fd, off uint64, sizes ...int) (string, Errno) {
	array, n, at := g.buffers(sizes...)
	result := g.room(4)
	if e := g.call("fd_pread", fd, array, n, off, result); e != success {
		return "", e
	}
	return g.gather(at, sizes, int(g.u32(result))), success
}

func (g *guest) gather(at []uint64, sizes []int, total int) string {
	var s []byte
	for i, p := range at {
		n := min(sizes[i], total-len(s))
		s = append(s, g.bytes(p, n)...)
	}
	if len(s) != total {
		g.t.Fatalf("%d bytes are said to be read into %v", total, sizes)
	}
	return string(s)
}

func (g *guest) vectors(texts []string) (array, n uint64) {
	var v []uint64
	for _, s := range texts {
		p, n := g.put(s)
		v = append(v, p, n)
	}
	return g.iovecs(v...)
}

func (g *guest) write(fd uint64, texts ...string) (int, Errno) {
	array, n := g.vectors(texts)
	result := g.room(4)
	if e := g.call("fd_write", fd, array, n, result); e != success {
		return 0, e
	}
	return int(g.u32(result)), success
}

func (g *guest) pwrite(fd, off uint64, texts ...string) (int, Errno) {
	array, n := g.vectors(texts)
	result := g.room(4)
	if e := g.call("fd_pwrite", fd, array, n, off, result); e != success {
		return 0, e
	}
	return int(g.u32(result)), success
}

// opening is the arguments of path_open but for the memory. The zero value opens fd 3, follows no link and asks for nothing.
type opening struct {
	dir              uint64
	lookup           uint64
	oflags           uint64
	base, inheriting rights
	fdflags          uint64
}

func (g *guest) tryOpen(path string, o opening) (uint64, Errno) {
	g.t.Helper()
	if o.dir == 0 {
		o.dir = 3
	}
	p, n := g.put(path)
	result := g.room(4)
	e := g.call("path_open", o.dir, o.lookup, p, n, o.oflags, uint64(o.base), uint64(o.inheriting), o.fdflags, result)
	return uint64(g.u32(result)), e
}

func (g *guest) open(path string, o opening) uint64 {
	g.t.Helper()
	fd, e := g.tryOpen(path, o)
	if e != success {
		g.t.Fatalf("path_open %q: errno %d", path, e)
	}
	return fd
}

// path calls a function of a directory and a path, which have their places in args where dir and path are.
func (g *guest) at(name string, dir uint64, path string) Errno {
	g.t.Helper()
	p, n := g.put(path)
	return g.call(name, dir, p, n)
}

// fdstat is what fd_fdstat_get answers.
type fdstat struct {
	filetype         uint8
	flags            uint16
	base, inheriting rights
}

func (g *guest) fdstat(fd uint64) fdstat {
	g.t.Helper()
	p := g.room(24)
	g.want(success, "fd_fdstat_get", fd, p)
	return fdstat{g.mem[p], binary.LittleEndian.Uint16(g.mem[p+2:]), rights(g.u64(p + 8)), rights(g.u64(p + 16))}
}

// filestat is what fd_filestat_get and path_filestat_get answer.
type filestat struct {
	dev, ino               uint64
	filetype               uint8
	nlink, size            uint64
	accessed, modified, at uint64
}

func (g *guest) filestat(name string, args ...uint64) (filestat, Errno) {
	g.t.Helper()
	p := g.room(64)
	e := g.call(name, append(args, p)...)
	return filestat{
		g.u64(p), g.u64(p + 8), g.mem[p+16], g.u64(p + 24), g.u64(p + 32), g.u64(p + 40), g.u64(p + 48), g.u64(p + 56),
	}, e
}

// tell is fd_tell's answer.
func (g *guest) tell(fd uint64) uint64 {
	g.t.Helper()
	p := g.room(8)
	g.want(success, "fd_tell", fd, p)
	return g.u64(p)
}
