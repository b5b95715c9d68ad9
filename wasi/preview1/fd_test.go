//go:build linux

package preview1

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// all are every right that there is.
const all = fileRights | dirRights

// world is a guest with
//
//	3  /         writable: file ("content"), dir/inner ("inner"), link -> file, null (if root), loop -> loop, dangling -> none
//	4  /locked   read-only: file ("content"), link -> file
func world(t testing.TB) (g *guest, host string) {
	t.Helper()
	host, locked := t.TempDir(), t.TempDir()
	for _, f := range []struct{ dir, name, content string }{
		{host, "file", "content"}, {host, "dir/inner", "inner"}, {locked, "file", "content"}, {host, "locked/under", "not to be seen"},
	} {
		name := filepath.Join(f.dir, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(f.content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []struct{ target, dir, name string }{
		{"file", host, "link"}, {"loop", host, "loop"}, {"none", host, "dangling"}, {"file", locked, "link"}, {"dir", host, "dirlink"},
	} {
		if err := os.Symlink(l.target, filepath.Join(l.dir, l.name)); err != nil {
			t.Fatal(err)
		}
	}
	g = newGuest(t, &wasi.Config{
		Stdin:  strings.NewReader("input"),
		Mounts: []wasi.Mount{{Guest: "/", Host: host}, {Guest: "/locked", Host: locked, ReadOnly: true}},
	})
	return g, host
}

// TestDescriptorKinds calls each function of one descriptor on every kind of descriptor.
func TestDescriptorKinds(t *testing.T) {
	for _, c := range []struct {
		name                               string
		args                               func(g *guest, fd uint64) []uint64
		stdin, stdout, file, readOnly, dir Errno
	}{
		{"fd_advise", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, 0} }, espipe, espipe, success, success, ebadf},
		{"fd_allocate", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, 0, 10} }, espipe, espipe, success, erofs, eisdir},
		{"fd_close", func(_ *guest, fd uint64) []uint64 { return []uint64{fd} }, success, success, success, success, success},
		{"fd_datasync", func(_ *guest, fd uint64) []uint64 { return []uint64{fd} }, enotcapable, enotcapable, success, success, success},
		{"fd_fdstat_get", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(24)} }, success, success, success, success, success},
		{"fd_fdstat_set_flags", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, flagNonblock} }, success, success, success, success, success},
		{"fd_fdstat_set_rights", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0} }, success, success, success, success, success},
		{"fd_filestat_get", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(64)} }, success, success, success, success, success},
		{"fd_filestat_set_size", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, 3} }, einval, einval, success, erofs, eisdir},
		{"fd_filestat_set_times", func(_ *guest, fd uint64) []uint64 { return []uint64{fd, 1, 1, setAtim | setMtim} }, enotcapable, enotcapable, success, erofs, success},
		{"fd_pread", func(g *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, 0, g.room(4)} }, espipe, espipe, success, success, eisdir},
		{"fd_prestat_get", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(8)} }, ebadf, ebadf, ebadf, ebadf, ebadf},
		{"fd_prestat_dir_name", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(8), 8} }, ebadf, ebadf, ebadf, ebadf, ebadf},
		{"fd_pwrite", func(g *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, 0, g.room(4)} }, espipe, espipe, success, enotcapable, eisdir},
		{"fd_read", func(g *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, g.room(4)} }, success, enotcapable, success, success, eisdir},
		{"fd_readdir", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(64), 64, 0, g.room(4)} }, enotdir, enotdir, enotdir, enotdir, success},
		{"fd_seek", func(g *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, g.room(8)} }, espipe, espipe, success, success, eisdir},
		{"fd_sync", func(_ *guest, fd uint64) []uint64 { return []uint64{fd} }, enotcapable, enotcapable, success, success, success},
		{"fd_tell", func(g *guest, fd uint64) []uint64 { return []uint64{fd, g.room(8)} }, espipe, espipe, success, success, eisdir},
		{"fd_write", func(g *guest, fd uint64) []uint64 { return []uint64{fd, 0, 0, g.room(4)} }, enotcapable, success, success, enotcapable, eisdir},
		{"path_create_directory", onPath("new"), enotdir, enotdir, enotdir, enotdir, success},
		{"path_unlink_file", onPath("inner"), enotdir, enotdir, enotdir, enotdir, success},
		{"path_remove_directory", onPath("none"), enotdir, enotdir, enotdir, enotdir, enoent},
		{"path_filestat_get", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			return []uint64{fd, 0, p, n, g.room(64)}
		}, enotdir, enotdir, enotdir, enotdir, success},
		{"path_filestat_set_times", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			return []uint64{fd, 0, p, n, 0, 0, setAtimNow}
		}, enotdir, enotdir, enotdir, enotdir, success},
		{"path_link", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			q, m := g.put("linked")
			return []uint64{fd, 0, p, n, fd, q, m}
		}, enotdir, enotdir, enotdir, enotdir, success},
		{"path_open", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			return []uint64{fd, 0, p, n, 0, uint64(rightRead), 0, 0, g.room(4)}
		}, enotdir, enotdir, enotdir, enotdir, success},
		{"path_readlink", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			return []uint64{fd, p, n, g.room(8), 8, g.room(4)}
		}, enotdir, enotdir, enotdir, enotdir, einval},
		{"path_rename", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("inner")
			q, m := g.put("renamed")
			return []uint64{fd, p, n, fd, q, m}
		}, enotdir, enotdir, enotdir, enotdir, success},
		{"path_symlink", func(g *guest, fd uint64) []uint64 {
			p, n := g.put("target")
			q, m := g.put("symlink")
			return []uint64{p, n, fd, q, m}
		}, enotdir, enotdir, enotdir, enotdir, success},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := world(t)
			file := g.open("file", opening{base: fileRights})
			readOnly := g.open("file", opening{dir: locked, base: fileRights &^ rightWrite})
			dir := g.open("dir", opening{base: dirRights, inheriting: all})
			for _, d := range []struct {
				kind string
				fd   uint64
				want Errno
			}{
				{"not open", none, ebadf},
				{"largest number", bad, ebadf},
				{"stdin", stdin, c.stdin},
				{"stdout", stdout, c.stdout},
				{"file", file, c.file},
				{"read-only file", readOnly, c.readOnly},
				{"directory", dir, c.dir},
			} {
				if got := g.call(c.name, c.args(g, d.fd)...); got != d.want {
					t.Errorf("%s: errno %d, want %d", d.kind, got, d.want)
				}
			}
		})
	}
}

func onPath(path string) func(g *guest, fd uint64) []uint64 {
	return func(g *guest, fd uint64) []uint64 {
		p, n := g.put(path)
		return []uint64{fd, p, n}
	}
}

func TestReadAndWrite(t *testing.T) {
	g, host := world(t)
	fd := g.open("file", opening{base: fileRights})
	if s, e := g.read(fd, 3, 0, 2, 100); e != success || s != "content" {
		t.Errorf("%q, %d", s, e)
	}
	if s, e := g.read(fd, 10); e != success || s != "" {
		t.Errorf("at the end: %q, %d", s, e)
	}
	if s, e := g.pread(fd, 3, 2, 2); e != success || s != "tent" {
		t.Errorf("pread: %q, %d", s, e)
	}
	if s, e := g.pread(fd, 100, 2); e != success || s != "" {
		t.Errorf("pread beyond the end: %q, %d", s, e)
	}
	if g.tell(fd) != 7 {
		t.Errorf("pread moved the offset to %d", g.tell(fd))
	}
	if n, e := g.write(fd, "ab", "", "c"); e != success || n != 3 {
		t.Errorf("%d, %d", n, e)
	}
	if n, e := g.pwrite(fd, 1, "O", "NT"); e != success || n != 3 || g.tell(fd) != 10 {
		t.Errorf("pwrite: %d, %d, offset %d", n, e, g.tell(fd))
	}
	if n, e := g.pwrite(fd, 12, "z"); e != success || n != 1 {
		t.Errorf("pwrite beyond the end: %d, %d", n, e)
	}
	if n, e := g.write(fd); e != success || n != 0 {
		t.Errorf("no buffer: %d, %d", n, e)
	}
	if b, err := os.ReadFile(filepath.Join(host, "file")); err != nil || string(b) != "cONTentabc\x00\x00z" {
		t.Errorf("%q, %v", b, err)
	}
	for _, off := range []uint64{1 << 63, math.MaxUint64} {
		if _, e := g.pread(fd, off, 1); e != einval {
			t.Errorf("pread at %x: %d", off, e)
		}
		if _, e := g.pwrite(fd, off, "x"); e != einval {
			t.Errorf("pwrite at %x: %d", off, e)
		}
	}
	if _, e := g.pwrite(fd, math.MaxInt64, "x"); e != efbig && e != einval {
		t.Errorf("pwrite at the largest offset: %d", e)
	}
}

// TestLargeTransfer: what takes several calls of the system is one transfer for the guest.
func TestLargeTransfer(t *testing.T) {
	content := make([]byte, 3*chunk+5)
	for i := range content {
		content[i] = byte(i % 251)
	}
	in, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := in.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, &wasi.Config{
		Stdin:  in,
		Mounts: []wasi.Mount{{Guest: "/", Host: t.TempDir()}, {Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}}},
	})
	g.mem = make([]byte, 32*chunk)
	tmp := g.open("tmp", opening{base: dirRights, inheriting: all})
	for name, dir := range map[string]uint64{"host": root, "tmpfs": tmp} {
		t.Run(name, func(t *testing.T) {
			g.t = t
			fd := g.open("large", opening{dir: dir, oflags: openCreate, base: fileRights})
			parts := []string{string(content[:10]), string(content[10 : 2*chunk+10]), "", string(content[2*chunk+10:])}
			if n, e := g.write(fd, parts...); e != success || n != len(content) {
				t.Fatalf("wrote %d, errno %d", n, e)
			}
			if s, e := g.pread(fd, 3, 2*chunk, 2*chunk); e != success || s != string(content[3:]) {
				t.Errorf("pread gave %d bytes, errno %d", len(s), e)
			}
			if n, e := g.pwrite(fd, 7, string(content)); e != success || n != len(content) {
				t.Errorf("pwrote %d, errno %d", n, e)
			}
			g.want(success, "fd_seek", fd, 7, 0, g.room(8))
			if s, e := g.read(fd, chunk+1, 3*chunk); e != success || s != string(content) {
				t.Errorf("read %d bytes, errno %d", len(s), e)
			}
		})
	}
	g.t = t
	if s, e := g.read(stdin, chunk+1, 3*chunk); e != success || s != string(content) {
		t.Errorf("read %d bytes of stdin, errno %d", len(s), e)
	}
}

func TestAppend(t *testing.T) {
	g, host := world(t)
	content := func() string {
		b, err := os.ReadFile(filepath.Join(host, "file"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	fd := g.open("file", opening{base: fileRights, fdflags: flagAppend})
	g.write(fd, "1")
	g.want(success, "fd_seek", fd, 0, 0, g.room(8))
	g.write(fd, "2", "3")
	if content() != "content123" {
		t.Errorf("appended: %q", content())
	}
	g.pwrite(fd, 0, "C", "O") // POSIX: at the offset, whatever O_APPEND says
	if content() != "COntent123" {
		t.Errorf("pwrite: %q", content())
	}
	g.want(success, "fd_fdstat_set_flags", fd, 0)
	g.want(success, "fd_seek", fd, 2, 0, g.room(8))
	g.write(fd, "N")
	if content() != "CONtent123" || g.fdstat(fd).flags != 0 {
		t.Errorf("no longer appending: %q", content())
	}
	g.want(success, "fd_fdstat_set_flags", fd, flagAppend)
	g.write(fd, "4")
	if content() != "CONtent1234" || g.fdstat(fd).flags != flagAppend {
		t.Errorf("appending again: %q", content())
	}
}

func TestSeekAndTell(t *testing.T) {
	g, _ := world(t)
	fd := g.open("file", opening{base: fileRights})
	p := g.room(8)
	neg := func(n int64) uint64 { return uint64(-n) }
	for _, c := range []struct {
		name       string
		off        uint64
		whence     uint64
		want       Errno
		at, result uint64
	}{
		{"set", 3, 0, success, 3, 3},
		{"forward", 2, 1, success, 5, 5},
		{"back", neg(4), 1, success, 1, 1},
		{"nowhere", 0, 1, success, 1, 1},
		{"from the end", neg(2), 2, success, 5, 5},
		{"beyond the end", 1000, 2, success, 1007, 1007},
		{"before the start", neg(1), 0, einval, 1007, 0},
		{"before the start from here", neg(2000), 1, einval, 1007, 0},
		{"before the start from the end", neg(8), 2, einval, 1007, 0},
		{"lowest", 1 << 63, 1, einval, 1007, 0},
		{"overflow", math.MaxInt64, 1, einval, 1007, 0},
		{"unknown whence", 0, 3, einval, 1007, 0},
		{"largest whence", 0, bad, einval, 1007, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := g.call("fd_seek", fd, c.off, c.whence, p)
			if got == eoverflow && c.name == "overflow" {
				got = einval // either is lseek's
			}
			if got != c.want || got == success && g.u64(p) != c.result {
				t.Errorf("errno %d, offset %d; want %d, %d", got, g.u64(p), c.want, c.result)
			}
			if at := g.tell(fd); at != c.at {
				t.Errorf("then at %d, want %d", at, c.at)
			}
		})
	}
}

func TestSizeAndAllocate(t *testing.T) {
	g, _ := world(t)
	fd := g.open("file", opening{base: fileRights})
	size := func() uint64 {
		st, e := g.filestat("fd_filestat_get", fd)
		if e != success {
			t.Fatalf("errno %d", e)
		}
		return st.size
	}
	for _, c := range []struct {
		name string
		call string
		args []uint64
		want Errno
		size uint64
	}{
		{"cut", "fd_filestat_set_size", []uint64{3}, success, 3},
		{"extend", "fd_filestat_set_size", []uint64{50}, success, 50},
		{"negative size", "fd_filestat_set_size", []uint64{1 << 63}, einval, 50},
		{"allocate within", "fd_allocate", []uint64{10, 10}, success, 50},
		{"allocate beyond", "fd_allocate", []uint64{40, 20}, success, 60},
		{"allocate nothing", "fd_allocate", []uint64{0, 0}, einval, 60},
		{"allocate at a negative offset", "fd_allocate", []uint64{1 << 63, 1}, einval, 60},
		{"allocate a negative length", "fd_allocate", []uint64{0, 1 << 63}, einval, 60},
		{"allocate beyond any file", "fd_allocate", []uint64{math.MaxInt64, math.MaxInt64}, efbig, 60},
		{"advise", "fd_advise", []uint64{0, 0, 5}, success, 60},
		{"advise on a negative offset", "fd_advise", []uint64{1 << 63, 0, 0}, einval, 60},
		{"advise on a negative length", "fd_advise", []uint64{0, 1 << 63, 0}, einval, 60},
		{"unknown advice", "fd_advise", []uint64{0, 0, 6}, einval, 60},
		{"unknown advice that is 0 in a byte", "fd_advise", []uint64{0, 0, 256}, einval, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.want(c.want, c.call, append([]uint64{fd}, c.args...)...)
			if n := size(); n != c.size {
				t.Errorf("size %d, want %d", n, c.size)
			}
		})
	}
	reader := g.open("file", opening{base: all &^ rightWrite})
	g.want(einval, "fd_filestat_set_size", reader, 0)
	g.want(ebadf, "fd_allocate", reader, 0, 1)
}

func TestTimes(t *testing.T) {
	g, _ := world(t)
	fd := g.open("file", opening{base: fileRights})
	p, n := g.put("file")
	for _, c := range []struct {
		name               string
		atim, mtim, flags  uint64
		want               Errno
		accessed, modified uint64 // 0: about now
	}{
		{"both", 1111, 2222, setAtim | setMtim, success, 1111, 2222},
		{"neither", 5, 5, 0, success, 1111, 2222},
		{"accessed", 3333, 5, setAtim, success, 3333, 2222},
		{"modified", 5, 4444, setMtim, success, 3333, 4444},
		{"accessed twice", 5, 5, setAtim | setAtimNow, einval, 3333, 4444},
		{"modified twice", 5, 5, setMtim | setMtimNow, einval, 3333, 4444},
		{"unknown flag", 5, 5, 1 << 4, einval, 3333, 4444},
		{"unknown high flag", 5, 5, 1<<16 | setAtim, einval, 3333, 4444},
		{"beyond the host's time", 1 << 63, 5, setAtim, einval, 3333, 4444},
		{"beyond, but not asked for", 1 << 63, 5555, setMtim, success, 3333, 5555},
		{"now and set", 5, 6666, setAtimNow | setMtim, success, 0, 6666},
		{"now", 5, 5, setMtimNow | setAtim, success, 5, 0},
	} {
		for _, f := range []struct {
			call string
			args []uint64
		}{
			{"fd_filestat_set_times", []uint64{fd, c.atim, c.mtim, c.flags}},
			{"path_filestat_set_times", []uint64{root, 0, p, n, c.atim, c.mtim, c.flags}},
		} {
			t.Run(c.name+" "+f.call, func(t *testing.T) {
				g.want(c.want, f.call, f.args...)
				st, e := g.filestat("fd_filestat_get", fd)
				if e != success {
					t.Fatalf("errno %d", e)
				}
				for what, times := range map[string][2]uint64{"accessed": {st.accessed, c.accessed}, "modified": {st.modified, c.modified}} {
					if got, want := times[0], times[1]; got != want && (want != 0 || got < 1e18) {
						t.Errorf("%s at %d, want %d", what, got, want)
					}
				}
			})
		}
	}
}

func TestFlags(t *testing.T) {
	g, _ := world(t)
	file := g.open("file", opening{base: fileRights})
	synced := g.open("file", opening{base: fileRights, fdflags: flagSync | flagAppend})
	for _, c := range []struct {
		name  string
		fd    uint64
		flags uint64
		want  Errno
		after uint16
	}{
		{"append and non-blocking", file, flagAppend | flagNonblock, success, flagAppend | flagNonblock},
		{"none", file, 0, success, 0},
		{"unknown", file, 1 << 5, einval, 0},
		{"unknown above 16 bits", file, 1 << 16, einval, 0},
		{"becoming synchronous", file, flagSync, enotsup, 0},
		{"becoming data synchronous", file, flagDsync, enotsup, 0},
		{"becoming read synchronous", file, flagRsync, enotsup, 0},
		{"staying synchronous", synced, flagSync, success, flagSync},
		{"no longer synchronous", synced, flagAppend, enotsup, flagSync},
		{"stream that does not block", stdin, flagNonblock, success, flagNonblock},
		{"stream that appends", stdout, flagAppend, einval, 0},
		{"stream that is synchronous", stdout, flagSync, einval, 0},
		{"directory that appends", root, flagAppend, einval, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.want(c.want, "fd_fdstat_set_flags", c.fd, c.flags)
			if got := g.fdstat(c.fd).flags; got != c.after {
				t.Errorf("flags %#x, want %#x", got, c.after)
			}
		})
	}
}

func TestStat(t *testing.T) {
	g, host := world(t)
	if err := os.Link(filepath.Join(host, "file"), filepath.Join(host, "second")); err != nil {
		t.Fatal(err)
	}
	file := g.open("file", opening{base: fileRights})
	byDescriptor, e := g.filestat("fd_filestat_get", file)
	if e != success || byDescriptor.filetype != 4 || byDescriptor.size != 7 || byDescriptor.nlink != 2 || byDescriptor.ino == 0 {
		t.Errorf("%+v, %d", byDescriptor, e)
	}
	p, n := g.put("second")
	if byPath, e := g.filestat("path_filestat_get", root, 0, p, n); e != success || byPath != byDescriptor {
		t.Errorf("%+v, %d; want %+v", byPath, e, byDescriptor)
	}
	for _, c := range []struct {
		name   string
		lookup uint64
		want   Errno
		typ    uint8
	}{
		{"dir", 0, success, 3},
		{".", 0, success, 3},
		{"link", 0, success, 7},
		{"link", lookupFollow, success, 4},
		{"link/", 0, enotdir, 0},
		{"dirlink", 0, success, 7},
		{"dirlink/", 0, success, 3},
		{"dangling", 0, success, 7},
		{"dangling", lookupFollow, enoent, 0},
		{"loop", 0, success, 7},
		{"loop", lookupFollow, eloop, 0},
		{"none", 0, enoent, 0},
		{"file/", 0, enotdir, 0},
		{"file/x", 0, enotdir, 0},
		{"locked/under", 0, enoent, 0},
		{"locked/file", 0, success, 4},
		{"..", 0, eperm, 0},
		{"/file", 0, eperm, 0},
		{"", 0, enoent, 0},
		{"file", 2, einval, 0},
		{"file", bad, einval, 0},
	} {
		t.Run(fmt.Sprintf("%q with %d", c.name, c.lookup), func(t *testing.T) {
			p, n := g.put(c.name)
			st, e := g.filestat("path_filestat_get", root, c.lookup, p, n)
			if e != c.want || e == success && st.filetype != c.typ {
				t.Errorf("errno %d, type %d; want %d, %d", e, st.filetype, c.want, c.typ)
			}
		})
	}
}

func TestPrestat(t *testing.T) {
	g, _ := world(t)
	p := g.room(8)
	for fd, name := range map[uint64]string{root: "/", locked: "/locked"} {
		g.want(success, "fd_prestat_get", fd, p)
		if tag, n := g.mem[p], g.u32(p+4); tag != 0 || int(n) != len(name) {
			t.Errorf("fd %d: tag %d, length %d", fd, tag, n)
		}
		buf := g.room(16)
		g.want(enametoolong, "fd_prestat_dir_name", fd, buf, uint64(len(name)-1))
		g.want(success, "fd_prestat_dir_name", fd, buf, 16)
		if got := string(g.bytes(buf, 16)); got != name+strings.Repeat("\xaa", 16-len(name)) {
			t.Errorf("fd %d: %q", fd, got)
		}
	}
	g.want(ebadf, "fd_prestat_get", 5, p) // the end, for libraries that count up
}

// TestDescriptorNumbers: the lowest free number is given out.
func TestDescriptorNumbers(t *testing.T) {
	g, _ := world(t)
	open := func() uint64 { return g.open("file", opening{base: fileRights}) }
	for want := uint64(5); want < 10; want++ {
		if fd := open(); fd != want {
			t.Fatalf("got %d, want %d", fd, want)
		}
	}
	for _, fd := range []uint64{8, 6, 0, locked} {
		g.want(success, "fd_close", fd)
		g.want(ebadf, "fd_close", fd)
	}
	for _, want := range []uint64{0, 4, 6, 8, 10} {
		if fd := open(); fd != want {
			t.Errorf("got %d, want %d", fd, want)
		}
	}
}

func TestRenumber(t *testing.T) {
	t.Run("file onto file", func(t *testing.T) {
		g, _ := world(t)
		a := g.open("file", opening{base: fileRights, fdflags: flagAppend})
		b := g.open("dir/inner", opening{base: rightRead})
		g.want(success, "fd_renumber", a, b)
		g.want(ebadf, "fd_close", a)
		if st := g.fdstat(b); st.flags != flagAppend || st.base != fileRights {
			t.Errorf("%+v", st)
		}
		if s, e := g.read(b, 20); e != success || s != "content" {
			t.Errorf("%q, %d", s, e)
		}
		if fd := g.open("file", opening{}); fd != a {
			t.Errorf("next number %d, want %d", fd, a)
		}
	})
	t.Run("onto itself", func(t *testing.T) {
		g, _ := world(t)
		fd := g.open("file", opening{base: fileRights})
		g.want(success, "fd_renumber", fd, fd)
		if s, e := g.read(fd, 20); e != success || s != "content" {
			t.Errorf("%q, %d", s, e)
		}
	})
	t.Run("not open", func(t *testing.T) {
		g, _ := world(t)
		fd := g.open("file", opening{base: fileRights})
		g.want(ebadf, "fd_renumber", none, fd)
		g.want(ebadf, "fd_renumber", fd, none)
		g.want(ebadf, "fd_renumber", fd, bad)
		g.want(success, "fd_close", fd)
	})
	t.Run("file onto stdin", func(t *testing.T) {
		g, _ := world(t)
		g.want(success, "fd_renumber", g.open("file", opening{base: fileRights}), stdin)
		if s, e := g.read(stdin, 20); e != success || s != "content" {
			t.Errorf("%q, %d", s, e)
		}
	})
	t.Run("stdin onto preopen", func(t *testing.T) {
		g, _ := world(t)
		g.want(success, "fd_renumber", stdin, root)
		if s, e := g.read(root, 20); e != success || s != "input" {
			t.Errorf("%q, %d", s, e)
		}
		g.want(ebadf, "fd_prestat_get", root, g.room(8))
		g.want(enotdir, "path_create_directory", root, 0, 0)
	})
	t.Run("preopen onto another", func(t *testing.T) {
		g, _ := world(t)
		g.want(success, "fd_renumber", locked, root)
		buf := g.room(16)
		g.want(success, "fd_prestat_dir_name", root, buf, 16)
		if !strings.HasPrefix(string(g.bytes(buf, 16)), "/locked\xaa") {
			t.Errorf("%q", g.bytes(buf, 16))
		}
		if e := g.at("path_create_directory", root, "new"); e != erofs {
			t.Errorf("errno %d", e)
		}
		g.want(ebadf, "fd_prestat_get", locked, buf)
	})
}

// exhaust opens path until there is no descriptor left for it.
func (g *guest) exhaust(path string, o opening) (opened []uint64) {
	g.t.Helper()
	for {
		fd, e := g.tryOpen(path, o)
		if e == emfile {
			return opened
		}
		if e != success {
			g.t.Fatalf("after %d descriptors: errno %d", len(opened), e)
		}
		opened = append(opened, fd)
	}
}

func TestDescriptorExhaustion(t *testing.T) {
	g, _ := world(t)
	last := uint64(len(g.h.fds.list) + maxOpened - 1)
	if fds := g.exhaust("file", opening{base: fileRights}); len(fds) != maxOpened || fds[maxOpened-1] != last {
		t.Errorf("%d descriptors up to %d, want %d up to %d", len(fds), fds[len(fds)-1], maxOpened, last)
	}
	if _, e := g.tryOpen("created", opening{oflags: openCreate}); e != emfile {
		t.Errorf("errno %d, want %d", e, emfile)
	}
	p, n := g.put("created")
	if _, e := g.filestat("path_filestat_get", root, 0, p, n); e != enoent {
		t.Errorf("a file was created that could not be opened: %d", e)
	}
	for _, c := range []struct {
		name string
		call string
		args []uint64
		free []uint64 // what can be opened then
	}{
		{"close", "fd_close", []uint64{last}, []uint64{last}},
		{"close of what was given", "fd_close", []uint64{stdout}, nil},
		{"renumber over what was opened", "fd_renumber", []uint64{last, last - 1}, []uint64{stdout}},
		{"renumber of what was opened over what was given", "fd_renumber", []uint64{last - 1, locked}, nil},
		{"renumber of what was given over what was opened", "fd_renumber", []uint64{stdin, locked}, []uint64{stdin}},
		{"renumber onto itself", "fd_renumber", []uint64{last - 2, last - 2}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.t = t
			g.want(success, c.call, c.args...)
			if fds := g.exhaust("file", opening{base: fileRights}); !slices.Equal(fds, c.free) {
				t.Errorf("then %d can be opened, want %d", fds, c.free)
			}
		})
	}
}

// TestGreedyGuest: a guest that opens what it can leaves the others of its process able to open.
func TestGreedyGuest(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lower := limit
	lower.Cur = min(limit.Cur, 3072)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	greedy, _ := world(t)
	modest, _ := world(t)
	fds := greedy.exhaust("dir", opening{base: dirRights, inheriting: all})
	if len(fds) != maxOpened {
		t.Errorf("%d descriptors, want %d", len(fds), maxOpened)
	}
	buf, result := greedy.room(512), greedy.room(4)
	for _, fd := range fds {
		greedy.want(success, "fd_readdir", fd, buf, 512, 0, result)
	}
	modest.open("file", opening{base: fileRights})
	modest.want(success, "fd_readdir", root, buf, 512, 0, result)
}

// TestManyPreopens: what a guest is given is not counted.
func TestManyPreopens(t *testing.T) {
	const many = 10_000
	mounts := make([]wasi.Mount, many)
	for i := range mounts {
		mounts[i] = wasi.Mount{Guest: fmt.Sprintf("/%d", i), Tmpfs: &wasi.Tmpfs{}}
	}
	g := newGuest(t, &wasi.Config{Mounts: mounts})
	g.want(success, "fd_prestat_get", root+many-1, g.room(8))
	fds := g.exhaust("file", opening{oflags: openCreate, base: fileRights})
	if len(fds) != maxOpened || fds[0] != root+many {
		t.Errorf("%d descriptors, want %d", len(fds), maxOpened)
	}
}

// TestOverlappingVectors: what the buffers are is settled when the call begins, and they may be anywhere.
func TestOverlappingVectors(t *testing.T) {
	t.Run("reading over the array", func(t *testing.T) {
		g, host := world(t)
		first := g.room(8)
		second, at := g.room(8), g.room(16)
		// What is read into the first buffer, the second iovec, would make that point elsewhere.
		content := make([]byte, 16)
		binary.LittleEndian.PutUint32(content, 0xfffffff0)
		binary.LittleEndian.PutUint32(content[4:], 100)
		copy(content[8:], "12345678")
		if err := os.WriteFile(filepath.Join(host, "file"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		le := binary.LittleEndian
		le.PutUint32(g.mem[first:], uint32(second))
		le.PutUint32(g.mem[first+4:], 8)
		le.PutUint32(g.mem[second:], uint32(at))
		le.PutUint32(g.mem[second+4:], 8)
		fd, result := g.open("file", opening{base: fileRights}), g.room(4)
		g.want(success, "fd_read", fd, first, 2, result)
		if got := string(g.bytes(at, 8)); got != "12345678" || g.u32(result) != 16 {
			t.Errorf("%q, %d bytes", got, g.u32(result))
		}
	})
	t.Run("overlapping buffers", func(t *testing.T) {
		g, _ := world(t)
		fd, at, result := g.open("file", opening{base: fileRights}), g.room(8), g.room(4)
		array, n := g.iovecs(at, 4, at+1, 3)
		g.want(success, "fd_read", fd, array, n, result)
		if got := string(g.bytes(at, 4)); got != "cent" || g.u32(result) != 7 {
			t.Errorf("%q, %d bytes", got, g.u32(result))
		}
	})
	t.Run("result within the buffer", func(t *testing.T) {
		g, _ := world(t)
		fd, at := g.open("file", opening{base: fileRights}), g.room(8)
		array, n := g.iovecs(at, 7)
		g.want(success, "fd_read", fd, array, n, at+2)
		if got := string(g.bytes(at, 7)); got != "co\x07\x00\x00\x00t" {
			t.Errorf("%q", got)
		}
	})
}

// writes keeps what each Write is given.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, string(b))
	return len(b), nil
}

// TestWrittenAtOnce: several buffers are one write, as of writev, as long as they are not large: whoever reads a stream sees lines whole.
func TestWrittenAtOnce(t *testing.T) {
	var out writes
	g := newGuest(t, &wasi.Config{Stdout: &out})
	g.mem = make([]byte, 1<<20)
	half := strings.Repeat("h", gathered/2)
	for _, parts := range [][]string{{"a line", "", "\n"}, {half, half}, {half, half, "x"}, {"alone"}, {"", ""}} {
		if n, e := g.write(stdout, parts...); e != success || n != len(strings.Join(parts, "")) {
			t.Errorf("wrote %d, errno %d", n, e)
		}
	}
	if want := (writes{"a line\n", half + half, half, half, "x", "alone"}); !slices.Equal(out, want) {
		for i, s := range out {
			t.Errorf("write %d of %d bytes", i, len(s))
		}
	}
}
