//go:build linux

package preview1

import (
	"fmt"
	"testing"
)

// TestRights takes from each function what it needs: without it the answer is ENOTCAPABLE, with it alone it is success.
func TestRights(t *testing.T) {
	path := func(name string) func(g *guest, fd uint64) Errno {
		return func(g *guest, fd uint64) Errno { return g.at(name, fd, "x") }
	}
	plain := func(name string, rest ...uint64) func(g *guest, fd uint64) Errno {
		return func(g *guest, fd uint64) Errno { return g.call(name, append([]uint64{fd}, rest...)...) }
	}
	opens := func(o opening) func(g *guest, fd uint64) Errno {
		return func(g *guest, fd uint64) Errno {
			o.dir = fd
			_, e := g.tryOpen("x", o)
			return e
		}
	}
	for _, c := range []struct {
		name string
		dir  bool // a directory, which has a file x, or a file
		need rights
		call func(g *guest, fd uint64) Errno
		want Errno // with the rights; 0 is success
	}{
		{"fd_datasync", false, rightDatasync, plain("fd_datasync"), 0},
		{"fd_datasync of a directory", true, rightDatasync, plain("fd_datasync"), 0},
		{"fd_sync", false, rightSync, plain("fd_sync"), 0},
		{"fd_sync of a directory", true, rightSync, plain("fd_sync"), 0},
		{"fd_advise", false, rightAdvise, plain("fd_advise", 0, 0, 0), 0},
		{"fd_allocate", false, rightAllocate, plain("fd_allocate", 0, 1), ebadf}, // not open for writing
		{"fd_fdstat_set_flags", false, rightSetFlags, plain("fd_fdstat_set_flags", 0), 0},
		{"fd_filestat_get", false, rightFilestatGet, plain("fd_filestat_get", 0), 0},
		{"fd_filestat_get of a directory", true, rightFilestatGet, plain("fd_filestat_get", 0), 0},
		{"fd_filestat_set_size", false, rightFilestatSetSize, plain("fd_filestat_set_size", 0), einval}, // not open for writing
		{"fd_filestat_set_times", false, rightFilestatSetTimes, plain("fd_filestat_set_times", 0, 0, 0), 0},
		{"fd_read", false, rightRead, plain("fd_read", 0, 0, 8), 0},
		{"fd_pread", false, rightRead | rightSeek, plain("fd_pread", 0, 0, 0, 8), 0},
		{"fd_write", false, rightWrite, plain("fd_write", 0, 0, 8), 0},
		{"fd_pwrite", false, rightWrite | rightSeek, plain("fd_pwrite", 0, 0, 0, 8), 0},
		{"fd_seek", false, rightSeek, plain("fd_seek", 1, 0, 8), 0},
		{"fd_seek to nowhere", false, rightTell, plain("fd_seek", 0, 1, 8), 0},
		{"fd_tell", false, rightTell, plain("fd_tell", 8), 0},
		{"fd_readdir", true, rightReaddir, plain("fd_readdir", 0, 0, 0, 8), 0},
		{"path_create_directory", true, rightPathCreateDirectory, path("path_create_directory"), eexist},
		{"path_remove_directory", true, rightPathRemoveDirectory, path("path_remove_directory"), enotdir},
		{"path_unlink_file", true, rightPathUnlinkFile, path("path_unlink_file"), 0},
		{"path_filestat_get", true, rightPathFilestatGet, func(g *guest, fd uint64) Errno {
			p, n := g.put("x")
			return g.call("path_filestat_get", fd, 0, p, n, g.room(64))
		}, 0},
		{"path_filestat_set_times", true, rightPathFilestatSetTimes, func(g *guest, fd uint64) Errno {
			p, n := g.put("x")
			return g.call("path_filestat_set_times", fd, 0, p, n, 0, 0, 0)
		}, 0},
		{"path_link from", true, rightPathLinkSource, func(g *guest, fd uint64) Errno {
			p, n := g.put("x")
			q, m := g.put("y")
			return g.call("path_link", fd, 0, p, n, root, q, m)
		}, 0},
		{"path_link to", true, rightPathLinkTarget, func(g *guest, fd uint64) Errno {
			p, n := g.put("file")
			q, m := g.put("y")
			return g.call("path_link", root, 0, p, n, fd, q, m)
		}, 0},
		{"path_rename from", true, rightPathRenameSource, func(g *guest, fd uint64) Errno {
			p, n := g.put("x")
			q, m := g.put("y")
			return g.call("path_rename", fd, p, n, root, q, m)
		}, 0},
		{"path_rename to", true, rightPathRenameTarget, func(g *guest, fd uint64) Errno {
			p, n := g.put("file")
			q, m := g.put("y")
			return g.call("path_rename", root, p, n, fd, q, m)
		}, 0},
		{"path_symlink", true, rightPathSymlink, func(g *guest, fd uint64) Errno {
			p, n := g.put("target")
			q, m := g.put("y")
			return g.call("path_symlink", p, n, fd, q, m)
		}, 0},
		{"path_readlink", true, rightPathReadlink, func(g *guest, fd uint64) Errno {
			p, n := g.put("x")
			return g.call("path_readlink", fd, p, n, 0, 0, g.room(4))
		}, einval},
		{"path_open", true, rightPathOpen, opens(opening{}), 0},
		{"path_open to create", true, rightPathOpen | rightPathCreateFile, opens(opening{oflags: openCreate}), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			everything := fileRights
			name := "dir/x"
			if c.dir {
				everything, name = dirRights, "dir"
			}
			for bit := rights(1); bit <= rightPollReadwrite; bit <<= 1 {
				if c.need&bit == 0 || bit == rightTell && everything&rightSeek != 0 {
					continue
				}
				g, _ := world(t)
				g.open("dir/x", opening{oflags: openCreate})
				fd := g.open(name, opening{base: everything, inheriting: all})
				st := g.fdstat(fd)
				g.want(success, "fd_fdstat_set_rights", fd, uint64(st.base&^bit), uint64(st.inheriting))
				if e := c.call(g, fd); e != enotcapable {
					t.Errorf("without %#x: errno %d", uint64(bit), e)
				}
			}
			g, _ := world(t)
			g.open("dir/x", opening{oflags: openCreate})
			fd := g.open(name, opening{base: c.need, inheriting: all})
			if got := g.fdstat(fd).base &^ rightPathFilestatSetSize; got != c.need {
				t.Errorf("rights %#x, want %#x", uint64(got), uint64(c.need))
			}
			if e := c.call(g, fd); e != c.want {
				t.Errorf("with nothing else: errno %d, want %d", e, c.want)
			}
		})
	}
}

// TestTruncationRight: it is the directory's, whatever the directory passes on.
func TestTruncationRight(t *testing.T) {
	g, host := world(t)
	dir := g.open(".", opening{base: dirRights, inheriting: all &^ rightFilestatSetSize &^ rightWrite})
	g.open("file", opening{dir: dir, oflags: openTruncate})
	if size := len(content(t, host, "file")); size != 0 {
		t.Errorf("size %d", size)
	}
	st := g.fdstat(dir)
	g.want(success, "fd_fdstat_set_rights", dir, uint64(st.base&^rightPathFilestatSetSize), uint64(st.inheriting))
	if _, e := g.tryOpen("file", opening{dir: dir, oflags: openTruncate}); e != enotcapable {
		t.Errorf("errno %d", e)
	}
}

func TestSetRights(t *testing.T) {
	g, _ := world(t)
	dir := g.open(".", opening{base: rightPathOpen | rightReaddir, inheriting: rightRead | rightSeek})
	start := g.fdstat(dir)
	for _, c := range []struct {
		name             string
		base, inheriting rights
		want             Errno
	}{
		{"the same", start.base, start.inheriting, success},
		{"more of its own", start.base | rightPathSymlink, start.inheriting, enotcapable},
		{"more to pass on", start.base, start.inheriting | rightWrite, enotcapable},
		{"what does not exist", start.base | 1<<63, start.inheriting, enotcapable},
		{"less", rightPathOpen, rightRead, success},
		{"back again", start.base, start.inheriting, enotcapable},
		{"nothing", 0, 0, success},
		{"something", rightRead, 0, enotcapable},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := g.fdstat(dir)
			g.want(c.want, "fd_fdstat_set_rights", dir, uint64(c.base), uint64(c.inheriting))
			want := before
			if c.want == success {
				want.base, want.inheriting = c.base, c.inheriting
			}
			if got := g.fdstat(dir); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// TestInheritedRights: path_open gives what was asked for, as far as the directory passes it on and the type has it.
func TestInheritedRights(t *testing.T) {
	for _, c := range []struct {
		name, path       string
		passed           rights // by the directory
		asked            opening
		base, inheriting rights
	}{
		{"file, all asked", "file", all, opening{base: ^rights(0), inheriting: ^rights(0)}, fileRights, all},
		{"file, some passed", "file", rightRead | rightReaddir, opening{base: fileRights, inheriting: all}, rightRead, rightRead | rightReaddir},
		{"file, some asked", "file", all, opening{base: rightRead | rightTell}, rightRead | rightTell, 0},
		{"file, none", "file", all, opening{}, 0, 0},
		{"directory, all asked", "dir", all, opening{base: ^rights(0) &^ rightWrite, inheriting: ^rights(0)}, dirRights, all},
		{"directory for writing below", "dir", all, opening{oflags: openDirectory, base: ^rights(0), inheriting: ^rights(0)}, dirRights, all},
		{"directory, some passed", "dir", rightRead | rightReaddir, opening{base: dirRights, inheriting: all}, rightReaddir, rightRead | rightReaddir},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := world(t)
			c.asked.dir = g.open(".", opening{base: rightPathOpen, inheriting: c.passed | rightPathOpen})
			g.want(success, "fd_fdstat_set_rights", c.asked.dir, uint64(rightPathOpen), uint64(c.passed))
			got := g.fdstat(g.open(c.path, c.asked))
			if got.base&^rightPathFilestatSetSize != c.base&^rightPathFilestatSetSize || got.inheriting != c.inheriting {
				t.Errorf("%#x, %#x; want %#x, %#x", uint64(got.base), uint64(got.inheriting), uint64(c.base), uint64(c.inheriting))
			}
		})
	}
}

// TestNoWriteByInheritance: what a directory does not pass on cannot be had below it, however deep.
func TestNoWriteByInheritance(t *testing.T) {
	g, host := world(t)
	g.want(success, "fd_fdstat_set_rights", root, uint64(dirRights), uint64(all&^rightWrite))
	dir := g.open("dir", opening{base: all, inheriting: all, oflags: openDirectory})
	fd := g.open("inner", opening{dir: dir, base: fileRights})
	if _, e := g.write(fd, "x"); e != enotcapable {
		t.Errorf("errno %d", e)
	}
	if got := content(t, host, "dir/inner"); got != "inner" {
		t.Errorf("%q", got)
	}
}

// TestSyncRights: the flags of synchronous writes need the rights to synchronise.
func TestSyncRights(t *testing.T) {
	for _, c := range []struct {
		flags  uint64
		passed rights
		want   Errno
	}{
		{flagSync, rightSync, success},
		{flagSync, rightDatasync, enotcapable},
		{flagRsync, rightSync, success},
		{flagRsync, 0, enotcapable},
		{flagDsync, rightDatasync, success},
		{flagDsync, rightSync, success},
		{flagDsync, rightRead, enotcapable},
		{flagAppend | flagNonblock, 0, success},
	} {
		t.Run(fmt.Sprintf("%#x with %#x", c.flags, uint64(c.passed)), func(t *testing.T) {
			g, _ := world(t)
			g.want(success, "fd_fdstat_set_rights", root, uint64(dirRights), uint64(c.passed|rightWrite))
			fd, e := g.tryOpen("file", opening{base: rightWrite, fdflags: c.flags})
			if e != c.want || e == success && uint64(g.fdstat(fd).flags) != c.flags {
				t.Errorf("errno %d, want %d", e, c.want)
			}
		})
	}
}

// TestPollRights: a subscription needs the right to poll and that to do what it waits for.
func TestPollRights(t *testing.T) {
	g, _ := world(t)
	file := g.open("file", opening{base: rightPollReadwrite | rightRead})
	for _, c := range []struct {
		name string
		sub  subscription
		base rights
		want Errno
	}{
		{"read", readable(stdin), rightPollReadwrite | rightRead, success},
		{"read without read", readable(stdin), rightPollReadwrite, enotcapable},
		{"write without write", writable(file), rightPollReadwrite | rightRead, enotcapable},
		{"read a file", readable(file), rightPollReadwrite | rightRead, success},
		{"read a file without poll", readable(file), rightRead, enotcapable},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.h.fds.get(uint32(c.sub.fd)).base = c.base
			if ev := g.poll(t, c.sub); len(ev) != 1 || ev[0].errno != c.want {
				t.Errorf("%+v, want errno %d", ev, c.want)
			}
		})
	}
}
