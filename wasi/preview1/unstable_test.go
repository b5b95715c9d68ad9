package preview1

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// unstable calls a function of the older snapshot.
func (g *guest) unstable(name string, args ...uint64) Errno {
	g.t.Helper()
	for i, f := range Table() {
		if f.Module == UnstableModuleName && f.Name == name {
			return g.h.Call(i, g.mem, args)
		}
	}
	g.t.Fatalf("no function %s", name)
	return 0
}

// TestUnstableFilestat compares the older layout with the newer.
func TestUnstableFilestat(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Unix(1, 2), time.Unix(3, 4)); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	path, n := g.put("file")
	newer, older := g.room(64), g.room(64)
	g.want(success, "path_filestat_get", root, 0, path, n, newer)
	if e := g.unstable("path_filestat_get", root, 0, path, n, older); e != success {
		t.Fatal(e)
	}
	compare := func() {
		t.Helper()
		for _, f := range []struct {
			name         string
			newer, older uint64
			size         int
		}{
			{"dev", 0, 0, 8},
			{"ino", 8, 8, 8},
			{"filetype", 16, 16, 1},
			{"nlink", 24, 20, 4},
			{"size", 32, 24, 8},
			{"atim", 40, 32, 8},
			{"mtim", 48, 40, 8},
			{"ctim", 56, 48, 8},
		} {
			if a, b := g.bytes(newer+f.newer, f.size), g.bytes(older+f.older, f.size); string(a) != string(b) {
				t.Errorf("%s is %x, in the older layout %x", f.name, a, b)
			}
		}
		if b := g.bytes(older+56, 8); string(b) != "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa" {
			t.Errorf("written beyond 56 bytes: %x", b)
		}
	}
	compare()
	if got := g.u64(older + 24); got != 5 {
		t.Errorf("size %d, want 5", got)
	}
	newer, older = g.room(64), g.room(64)
	g.want(success, "fd_filestat_get", root, newer)
	if e := g.unstable("fd_filestat_get", root, older); e != success {
		t.Fatal(e)
	}
	compare()
	if e := g.unstable("fd_filestat_get", none, older); e != ebadf {
		t.Errorf("of nothing: errno %d", e)
	}
	if e := g.unstable("path_filestat_get", root, 0, path, n, uint64(len(g.mem)-55)); e != efault {
		t.Errorf("beyond memory: errno %d", e)
	}
}

func TestUnstableSeek(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
	path, n := g.put("file")
	result := g.room(8)
	if e := g.unstable("path_open", root, 0, path, n, 0, uint64(rightRead|rightSeek), 0, 0, result); e != success {
		t.Fatal(e)
	}
	fd := uint64(g.u32(result))
	const current, end, set = 0, 1, 2
	for _, c := range []struct {
		off    int64
		whence uint64
		want   uint64
	}{{4, set, 4}, {3, current, 7}, {-1, end, 9}} {
		if e := g.unstable("fd_seek", fd, uint64(c.off), c.whence, result); e != success || g.u64(result) != c.want {
			t.Errorf("seek %d, %d: at %d, errno %d; want %d", c.off, c.whence, g.u64(result), e, c.want)
		}
	}
	if e := g.unstable("fd_seek", fd, 0, 3, result); e != einval {
		t.Errorf("whence 3: errno %d", e)
	}
}

func TestUnstablePoll(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	const size = 56
	in, out, result := g.room(2*size), g.room(64), g.room(4)
	clear(g.bytes(in, 2*size))
	le := binary.LittleEndian
	le.PutUint64(g.mem[in:], 7)                             // userdata of the clock
	le.PutUint64(g.mem[in+16:], 0xffff)                     // its identifier, which means nothing
	le.PutUint32(g.mem[in+24:], clockMonotonic)             //
	le.PutUint64(g.mem[in+32:], uint64(5*time.Millisecond)) // timeout
	le.PutUint64(g.mem[in+size:], 8)                        // userdata of the other
	g.mem[in+size+8] = eventRead                            //
	le.PutUint32(g.mem[in+size+16:], none)                  // descriptor
	if e := g.unstable("poll_oneoff", in, out, 2, result); e != success || g.u32(result) != 1 {
		t.Fatalf("errno %d, %d events", e, g.u32(result))
	}
	if b := g.bytes(out, 16); g.u64(out) != 8 || b[8] != byte(ebadf) || b[10] != eventRead {
		t.Errorf("event %x", b)
	}
	begin := time.Now()
	if e := g.unstable("poll_oneoff", in, out, 1, result); e != success || g.u32(result) != 1 || g.u64(out) != 7 {
		t.Fatalf("errno %d, %d events", e, g.u32(result))
	}
	if d := time.Since(begin); d < 5*time.Millisecond {
		t.Errorf("waited %v", d)
	}
}
