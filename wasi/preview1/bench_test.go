//go:build linux

package preview1

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// repeat measures one call with fixed arguments, and fails if it does not succeed.
func (g *guest) repeat(b *testing.B, name string, args ...uint64) {
	b.Helper()
	i := indexes[name]
	b.ReportAllocs()
	for b.Loop() {
		if e := g.h.Call(i, g.mem, args); e != success {
			b.Fatalf("%s: errno %d", name, e)
		}
	}
}

// withFile is a guest with a file of 1 MiB open for everything.
func withFile(t testing.TB) (g *guest, fd uint64) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	g = newGuest(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	return g, g.open("file", opening{base: fileRights})
}

func BenchmarkArgsSizesGet(b *testing.B) {
	g := newGuest(b, &wasi.Config{Args: []string{"guest"}})
	g.repeat(b, "args_sizes_get", 0, 8)
}

func BenchmarkClockTimeGet(b *testing.B) {
	g := newGuest(b, &wasi.Config{})
	g.repeat(b, "clock_time_get", clockMonotonic, 1, 8)
}

func BenchmarkFdWrite64(b *testing.B) {
	g, fd := withFile(b)
	array, n, _ := g.buffers(64)
	result := g.room(4)
	write, seek := indexes["fd_write"], indexes["fd_seek"]
	args, start := []uint64{fd, array, n, result}, []uint64{fd, 0, 0, g.room(8)}
	b.ReportAllocs()
	b.SetBytes(64)
	for i := 0; b.Loop(); i++ {
		if i%(1<<14) == 0 { // stay within the file's MiB
			g.h.Call(seek, g.mem, start)
		}
		if e := g.h.Call(write, g.mem, args); e != success {
			b.Fatalf("errno %d", e)
		}
	}
}

func BenchmarkFdRead(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			g, fd := withFile(b)
			array, n, _ := g.buffers(size)
			b.SetBytes(int64(size))
			g.repeat(b, "fd_pread", fd, array, n, 0, g.room(4))
		})
	}
}

func BenchmarkFdWriteNull(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	g := newGuest(b, &wasi.Config{Stdout: null})
	array, n, _ := g.buffers(64)
	g.repeat(b, "fd_write", 1, array, n, g.room(4))
}

func BenchmarkPathOpenClose(b *testing.B) {
	g, _ := withFile(b)
	p, n := g.put("file")
	result := g.room(4)
	open, closing := indexes["path_open"], indexes["fd_close"]
	args, opened := []uint64{3, 0, p, n, 0, uint64(fileRights), 0, 0, result}, []uint64{0}
	b.ReportAllocs()
	for b.Loop() {
		if e := g.h.Call(open, g.mem, args); e != success {
			b.Fatalf("errno %d", e)
		}
		opened[0] = uint64(g.u32(result))
		if e := g.h.Call(closing, g.mem, opened); e != success {
			b.Fatalf("errno %d", e)
		}
	}
}

func BenchmarkPathFilestatGet(b *testing.B) {
	g, _ := withFile(b)
	p, n := g.put("file")
	g.repeat(b, "path_filestat_get", 3, 0, p, n, g.room(64))
}

func BenchmarkFdReaddir1000(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("entry-%04d", i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	g := newGuest(b, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	buf, result := g.room(64<<10), g.room(4)
	g.repeat(b, "fd_readdir", 3, buf, 64<<10, 0, result)
	if used := g.u32(result); used < 1000*(24+10) {
		b.Fatalf("%d bytes are not a thousand entries", used)
	}
}

// TestNoAllocation: the calls that guests make most cost the collector nothing.
func TestNoAllocation(t *testing.T) {
	g, fd := withFile(t)
	array, n, _ := g.buffers(64, 64)
	result := g.room(8)
	for _, c := range []struct {
		name string
		args []uint64
	}{
		{"args_sizes_get", []uint64{result, result}},
		{"clock_time_get", []uint64{clockRealtime, 0, result}},
		{"fd_write", []uint64{fd, array, n, result}},
		{"fd_read", []uint64{fd, array, n, result}},
		{"fd_pwrite", []uint64{fd, array, n, 0, result}},
		{"fd_pread", []uint64{fd, array, n, 0, result}},
		{"fd_seek", []uint64{fd, 0, 0, result}},
		{"fd_tell", []uint64{fd, result}},
		{"fd_fdstat_get", []uint64{fd, g.room(24)}},
		{"fd_filestat_get", []uint64{fd, g.room(64)}},
		{"random_get", []uint64{g.room(16), 16}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := indexes[c.name]
			if n := testing.AllocsPerRun(100, func() {
				if e := g.h.Call(i, g.mem, c.args); e != success {
					t.Fatalf("errno %d", e)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
