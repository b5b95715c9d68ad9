//go:build linux

package vfs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// world is where the tables of errors run: a writable mount at "/", with a read-only one, a single file, a hidden place and
// a mount point that the host knows nothing of.
var world = []string{
	"d/f=text", "d/sub/g=text", "d/empty/", "f=text", "link->f", "dlink->d", "dangling->nowhere", "loop->loop", "ring1->ring2", "ring2->ring1",
	"ro/", "one=covered", "hid/secret=hidden", "up/hid/secret=hidden", "self->.", "abs->/d/f", "absdir->/d", "tail->d/", "ftail->f/",
	"into->ro/r", "deep->d/sub/../../link",
}

func openWorld(t *testing.T, open opener) (*FS, string) {
	t.Helper()
	dir := plant(t, t.TempDir(), world...)
	ro := plant(t, t.TempDir(), "r=read", "rd/", "rlink->r")
	one := filepath.Join(plant(t, t.TempDir(), "one=single"), "one")
	rw := plant(t, t.TempDir(), "w=write", "wd/")
	for name, kind := range map[string]uint32{"fifo": syscall.S_IFIFO, "sock": syscall.S_IFSOCK} {
		if err := syscall.Mknod(filepath.Join(dir, name), kind|0o666, 0); err != nil {
			t.Fatal(err)
		}
	}
	return open(
		wasi.Mount{Guest: "/", Host: dir},
		wasi.Mount{Guest: "/ro", Host: ro, ReadOnly: true},
		wasi.Mount{Guest: "/one", Host: one},
		wasi.Mount{Guest: "/hid", Hidden: true},
		wasi.Mount{Guest: "/up/hid", Hidden: true},
		wasi.Mount{Guest: "/nil/hid", Hidden: true},
		wasi.Mount{Guest: "/syn/thetic/rw", Host: rw},
		wasi.Mount{Guest: "/link2/rw", Host: rw},
	), dir
}

func TestErrors(t *testing.T) {
	long, deep := strings.Repeat("n", 256), strings.Repeat("d/../", 819)+"f" // 4096 bytes
	lookup := func(follow bool) func(*Dir, string) error {
		return func(d *Dir, p string) error { _, err := d.Lookup(p, follow); return err }
	}
	open := func(o OpenOptions) func(*Dir, string) error {
		return func(d *Dir, p string) error {
			n, err := d.Open(p, o)
			if err == nil {
				err = n.Close()
			}
			return err
		}
	}
	mkdir := func(d *Dir, p string) error { return d.Mkdir(p, 0o777) }
	rmdir := func(d *Dir, p string) error { return d.Rmdir(p) }
	unlink := func(d *Dir, p string) error { return d.Unlink(p) }
	symlink := func(d *Dir, p string) error { return d.Symlink("target", p) }
	readlink := func(d *Dir, p string) error { _, err := d.Readlink(p); return err }
	times := func(d *Dir, p string) error { return d.SetTimesAt(p, false, Times{SetMtim: true}) }
	from := func(d *Dir, p string) error { return d.Link(p, false, d, "new") }
	followed := func(d *Dir, p string) error { return d.Link(p, true, d, "new") }
	to := func(d *Dir, p string) error { return d.Link("f", false, d, p) }
	rename := func(d *Dir, p string) error { return d.Rename(p, d, "new") }
	over := func(d *Dir, p string) error { return d.Rename("f", d, p) }
	overDir := func(d *Dir, p string) error { return d.Rename("d", d, p) }
	r, w := OpenOptions{Read: true}, OpenOptions{Write: true}
	c := OpenOptions{Write: true, Create: true, Follow: true, Perm: 0o666}
	x := OpenOptions{Write: true, Create: true, Exclusive: true, Follow: true, Perm: 0o666}
	tr := OpenOptions{Write: true, Truncate: true}

	for _, c := range []struct {
		name  string
		looks bool // and changes nothing
		op    func(*Dir, string) error
		want  map[string]syscall.Errno
	}{
		{"lookup", true, lookup(false), map[string]syscall.Errno{
			"": syscall.ENOENT, "none": syscall.ENOENT, "none/x": syscall.ENOENT, "f/x": syscall.ENOTDIR, "f/": syscall.ENOTDIR, "f/.": syscall.ENOTDIR,
			"f/..": syscall.ENOTDIR, "d/": 0, "d//sub/.//g": 0, ".": 0, "./": 0, "d/..": 0, "..": syscall.EPERM, "d/../..": syscall.EPERM,
			"/": syscall.EPERM, "/f": syscall.EPERM, "a\x00b": syscall.EINVAL, long: syscall.ENAMETOOLONG, "d/" + long: syscall.ENAMETOOLONG,
			long + "/x": syscall.ENAMETOOLONG, deep: syscall.ENAMETOOLONG, deep[5:]: 0, "loop": 0, "loop/": syscall.ELOOP, "loop/x": syscall.ELOOP,
			"ring1/x": syscall.ELOOP, "dangling": 0, "dangling/": syscall.ENOENT, "link": 0, "link/": syscall.ENOTDIR, "dlink/sub/g": 0, "dlink/": 0,
			"self/self/self/f": 0, "abs": 0, "absdir/sub/g": 0, "tail": 0, "tail/f": 0, "hid": syscall.ENOENT, "hid/secret": syscall.ENOENT, "up": 0,
			"up/hid": syscall.ENOENT, "up/hid/": syscall.ENOENT, "up/hid/secret": syscall.ENOENT, "one": 0, "one/": syscall.ENOTDIR, "one/x": syscall.ENOTDIR,
			"ro/r": 0, "syn": 0, "syn/thetic": 0, "syn/none": syscall.ENOENT, "syn/thetic/rw/w": 0, "link2/rw/../../d/f": 0, "fifo": 0, "sock": 0,
		}},
		{"lookup following", true, lookup(true), map[string]syscall.Errno{
			"link": 0, "dlink": 0, "dangling": syscall.ENOENT, "loop": syscall.ELOOP, "ring1": syscall.ELOOP, "abs": 0, "absdir": 0, "tail": 0,
			"ftail": syscall.ENOTDIR, "into": 0, "deep": 0,
		}},
		{"open", true, open(r), map[string]syscall.Errno{
			"": syscall.ENOENT, "none": syscall.ENOENT, "f": 0, "f/": syscall.ENOTDIR, "link": syscall.ELOOP, "loop": syscall.ELOOP, "d": 0, "d/": 0, ".": 0,
			"fifo": syscall.ENOTSUP, "sock": syscall.ENXIO, "hid": syscall.ENOENT, "one": 0, "ro/r": 0, "syn": 0, "ro/../f": 0, "..": syscall.EPERM,
		}},
		{"open following", true, open(OpenOptions{Read: true, Follow: true}), map[string]syscall.Errno{
			"link": 0, "loop": syscall.ELOOP, "dangling": syscall.ENOENT, "dlink": 0, "abs": 0, "into": 0, "deep": 0,
		}},
		{"open to write", true, open(w), map[string]syscall.Errno{"f": 0, "d": syscall.EISDIR, "d/": syscall.EISDIR, "ro/r": syscall.EROFS, "ro/rd": syscall.EISDIR, "one": 0, "syn": syscall.EISDIR}},
		{"open directory", true, open(OpenOptions{Read: true, Directory: true}), map[string]syscall.Errno{
			"d": 0, "f": syscall.ENOTDIR, "dlink": syscall.ENOTDIR, "dlink/": 0, "one": syscall.ENOTDIR, "fifo": syscall.ENOTDIR,
		}},
		{"open truncating", false, open(tr), map[string]syscall.Errno{"f": 0, "d": syscall.EISDIR, "ro/r": syscall.EROFS, "none": syscall.ENOENT}},
		{"open truncating for reading", false, open(OpenOptions{Read: true, Truncate: true}), map[string]syscall.Errno{"f": 0, "ro/r": syscall.EROFS}},
		{"create", false, open(c), map[string]syscall.Errno{
			"new": 0, "f": 0, "new/": syscall.EISDIR, "d": syscall.EISDIR, "none/new": syscall.ENOENT, "f/new": syscall.ENOTDIR, "ro/new": syscall.EROFS,
			"ro/r": syscall.EROFS, "nil": syscall.EROFS, "hid": syscall.EROFS, "hid/new": syscall.ENOENT, "up/hid": syscall.EROFS, "syn/new": syscall.EROFS, "syn/thetic/rw/new": 0,
			"link": 0, "dangling": 0, "loop": syscall.ELOOP, long: syscall.ENAMETOOLONG, "syn/" + long: syscall.ENAMETOOLONG, "one": 0, "..": syscall.EPERM,
		}},
		{"create for reading", false, open(OpenOptions{Create: true, Read: true}), map[string]syscall.Errno{
			"ro/r": 0, "ro/new": syscall.EROFS, "dangling": syscall.ELOOP, "link": syscall.ELOOP,
		}},
		{"create exclusively", false, open(x), map[string]syscall.Errno{
			"new": 0, "f": syscall.EEXIST, "d": syscall.EEXIST, "link": syscall.EEXIST, "dangling": syscall.EEXIST, "ro/r": syscall.EEXIST, "syn": syscall.EEXIST, "one": syscall.EEXIST,
		}},
		{"create a directory", true, open(OpenOptions{Create: true, Directory: true}), map[string]syscall.Errno{"new": syscall.EINVAL, "d": syscall.EINVAL}},
		{"mkdir", false, mkdir, map[string]syscall.Errno{
			"nil": 0, "new": 0, "new/": 0, "new//": 0, "d/new": 0, "d": syscall.EEXIST, "f": syscall.EEXIST, "link": syscall.EEXIST, "dangling": syscall.EEXIST, ".": syscall.EEXIST,
			"d/..": syscall.EEXIST, "": syscall.ENOENT, "none/new": syscall.ENOENT, "f/new": syscall.ENOTDIR, "ro": syscall.EEXIST, "ro/new": syscall.EROFS,
			"ro/rd": syscall.EEXIST, "hid": syscall.EROFS, "hid/new": syscall.ENOENT, "syn": syscall.EEXIST, "syn/new": syscall.EROFS, "one": syscall.EEXIST,
			"..": syscall.EPERM, "../new": syscall.EPERM, long: syscall.ENAMETOOLONG, "ro/" + long: syscall.ENAMETOOLONG, "up": syscall.EEXIST, "link2": syscall.EEXIST,
		}},
		{"rmdir", false, rmdir, map[string]syscall.Errno{
			"d/empty": 0, "d/empty/": 0, "d": syscall.ENOTEMPTY, "f": syscall.ENOTDIR, "dlink": syscall.ENOTDIR, "dlink/": syscall.ENOTDIR, "none": syscall.ENOENT,
			".": syscall.EINVAL, "d/.": syscall.EINVAL, "d/sub/..": syscall.ENOTEMPTY, "ro": syscall.EBUSY, "ro/rd": syscall.EROFS, "syn": syscall.EBUSY,
			"syn/thetic": syscall.EBUSY, "syn/none": syscall.EROFS, "hid": syscall.ENOENT, "up": syscall.EBUSY, "one": syscall.EBUSY, "..": syscall.EPERM, "": syscall.ENOENT,
		}},
		{"unlink", false, unlink, map[string]syscall.Errno{
			"f": 0, "f/": syscall.ENOTDIR, "d": syscall.EISDIR, "d/": syscall.EISDIR, "link": 0, "dlink": 0, "dlink/": syscall.ENOTDIR, "none": syscall.ENOENT,
			".": syscall.EISDIR, "one": syscall.EBUSY, "ro": syscall.EBUSY, "ro/r": syscall.EROFS, "hid": syscall.ENOENT, "fifo": 0, "": syscall.ENOENT, "..": syscall.EPERM,
		}},
		{"symlink", false, symlink, map[string]syscall.Errno{
			"nil": syscall.EROFS, "new": 0, "new/": syscall.ENOENT, "f": syscall.EEXIST, "d": syscall.EEXIST, "d/": syscall.EEXIST, "dangling": syscall.EEXIST, ".": syscall.EEXIST, "": syscall.ENOENT,
			"ro/new": syscall.EROFS, "ro/r": syscall.EEXIST, "hid": syscall.EROFS, "syn": syscall.EEXIST, "syn/new": syscall.EROFS, "none/new": syscall.ENOENT, "..": syscall.EPERM,
		}},
		{"readlink", true, readlink, map[string]syscall.Errno{
			"link": 0, "dangling": 0, "ro/rlink": 0, "f": syscall.EINVAL, "d": syscall.EINVAL, "dlink/": syscall.EINVAL, "none": syscall.ENOENT, ".": syscall.EINVAL,
			"hid": syscall.ENOENT, "one": syscall.EINVAL, "syn": syscall.EINVAL, "": syscall.ENOENT,
		}},
		{"set times", false, times, map[string]syscall.Errno{
			"f": 0, "d": 0, "d/": 0, ".": 0, "link": 0, "dangling": 0, "fifo": 0, "one": 0, "none": syscall.ENOENT, "ro": syscall.EROFS, "ro/r": syscall.EROFS,
			"ro/rlink": syscall.EROFS, "syn": syscall.EROFS, "hid": syscall.ENOENT, "f/": syscall.ENOTDIR, "ro/none": syscall.ENOENT,
		}},
		{"link from", false, from, map[string]syscall.Errno{
			"f": 0, "link": 0, "dangling": 0, "d": syscall.EPERM, "none": syscall.ENOENT, "f/": syscall.ENOTDIR, "ro/r": syscall.EXDEV, "one": syscall.EXDEV,
			"syn/thetic/rw/w": syscall.EXDEV, "fifo": syscall.EPERM, "sock": syscall.EPERM, "hid/secret": syscall.ENOENT, "syn": syscall.EPERM, "": syscall.ENOENT,
		}},
		{"link following", false, followed, map[string]syscall.Errno{"link": 0, "dangling": syscall.ENOENT, "dlink": syscall.EPERM, "into": syscall.EXDEV, "loop": syscall.ELOOP}},
		{"link to", false, to, map[string]syscall.Errno{
			"nil": syscall.EROFS, "new": 0, "new/": syscall.ENOENT, "f": syscall.EEXIST, "d": syscall.EEXIST, "dangling": syscall.EEXIST, "ro/new": syscall.EROFS, "ro/r": syscall.EEXIST,
			"syn/thetic/rw/new": syscall.EXDEV, "hid": syscall.EROFS, "syn/new": syscall.EROFS, "none/new": syscall.ENOENT, "": syscall.ENOENT, "..": syscall.EPERM,
		}},
		{"rename", false, rename, map[string]syscall.Errno{
			"nil": syscall.ENOENT, "f": 0, "d": 0, "d/": 0, "link": 0, "f/": syscall.ENOTDIR, "none": syscall.ENOENT, ".": syscall.EBUSY, "d/..": syscall.EBUSY, "ro": syscall.EBUSY, "one": syscall.EBUSY,
			"ro/r": syscall.EXDEV, "hid": syscall.ENOENT, "up": syscall.EBUSY, "syn": syscall.EBUSY, "syn/none": syscall.EROFS, "": syscall.ENOENT, "..": syscall.EPERM,
		}},
		{"rename over", false, over, map[string]syscall.Errno{
			"nil": syscall.EROFS, "link": 0, "new": 0, "d": syscall.EISDIR, "new/": syscall.ENOTDIR, "ro": syscall.EBUSY, "ro/new": syscall.EXDEV, "one": syscall.EBUSY, "hid": syscall.EROFS,
			"up": syscall.EBUSY, "up/hid": syscall.EROFS, "syn/new": syscall.EROFS, "syn/thetic/rw/new": syscall.EXDEV, "f": 0, "none/new": syscall.ENOENT, ".": syscall.EBUSY,
		}},
		{"rename directory over", false, overDir, map[string]syscall.Errno{"nil": syscall.EROFS, "d/new": syscall.EINVAL, "f": syscall.ENOTDIR, "new/": 0, "d": 0, "link2": syscall.EBUSY, "hid": syscall.EROFS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, open opener) {
				var fs *FS
				for _, path := range slices.Sorted(maps.Keys(c.want)) {
					if fs == nil {
						fs, _ = openWorld(t, open)
					}
					errno(t, strconv.Quote(path[:min(len(path), 40)]), c.op(fs.Root(), path), c.want[path])
					if c.want[path] == 0 && !c.looks { // the world has changed
						fs.Close()
						fs = nil
					}
				}
			})
		})
	}
}

// What the operations do, seen from the host.
func TestChanges(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		fs, dir := openWorld(t, open)
		root := fs.Root()
		host := func(name string) string { return filepath.Join(dir, name) }
		sub := openDirAt(t, root, "d/sub")

		errno(t, "Mkdir", root.Mkdir("new", 0o755), 0)
		if err := os.Mkdir(host("newhost"), 0o755); err != nil {
			t.Fatal(err)
		}
		a, err := os.Stat(host("new"))
		b, _ := os.Stat(host("newhost"))
		if err != nil || a.Mode() != b.Mode() {
			t.Errorf("mkdir: %v, mode %v, want %v", err, a.Mode(), b.Mode())
		}
		errno(t, "Rename", root.Rename("f", sub, "moved"), 0)
		if b, err := os.ReadFile(host("d/sub/moved")); string(b) != "text" {
			t.Errorf("rename: %q, %v", b, err)
		}
		errno(t, "Link", sub.Link("moved", false, root, "again"), 0)
		s, err := root.Lookup("again", false)
		if err != nil || s.Nlink != 2 || s.Size != 4 || s.Type != Regular {
			t.Errorf("link: %+v, %v", s, err)
		}
		errno(t, "Symlink", sub.Symlink("../../again", "l"), 0)
		if target, err := os.Readlink(host("d/sub/l")); target != "../../again" {
			t.Errorf("symlink: %q, %v", target, err)
		}
		for _, target := range []string{strings.Repeat("t", 255), strings.Repeat("long/", 800)} {
			errno(t, "Symlink", root.Symlink(target, "long"), 0)
			if got, err := root.Readlink("long"); got != target {
				t.Errorf("readlink: %d bytes, %v", len(got), err)
			}
			errno(t, "Unlink", root.Unlink("long"), 0)
		}
		errno(t, "empty target", root.Symlink("", "x"), syscall.ENOENT)
		errno(t, "target with NUL", root.Symlink("a\x00b", "x"), syscall.EINVAL)
		errno(t, "target of 4096", root.Symlink(strings.Repeat("t", 4096), "x"), syscall.ENAMETOOLONG)
		errno(t, "Unlink", root.Unlink("again"), 0)
		errno(t, "Rmdir", root.Rmdir("new"), 0)
		for _, name := range []string{"again", "new"} {
			if _, err := os.Lstat(host(name)); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", name, err)
			}
		}
		f := openFileAt(t, root, "dangling", OpenOptions{Create: true, Follow: true, Write: true, Perm: 0o640})
		if _, err := f.Write([]byte("made")); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(host("nowhere")); string(b) != "made" {
			t.Errorf("create through a link: %q, %v", b, err)
		}
		if b, err := os.ReadFile(host("hid/secret")); string(b) != "hidden" {
			t.Errorf("hidden: %q, %v", b, err)
		}
		errno(t, "Sync", sub.Sync(), 0)
		other, err := New([]wasi.Mount{{Guest: "/", Host: dir}})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		errno(t, "rename between guests", sub.Rename("g", other.Root(), "g"), syscall.EXDEV)
		errno(t, "link between guests", sub.Link("g", false, other.Root(), "g"), syscall.EXDEV)
	})
}

func TestTimes(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		fs, _ := openWorld(t, open)
		root := fs.Root()
		for _, path := range []string{"f", "d", "link", "one", ".", "fifo"} {
			before, err := root.Lookup(path, false)
			errno(t, path, err, 0)
			errno(t, path, root.SetTimesAt(path, false, Times{SetMtim: true, Mtim: -1_500_000_001}), 0)
			s, err := root.Lookup(path, false)
			if err != nil || s.Mtim != -1_500_000_001 || s.Atim != before.Atim {
				t.Errorf("%s: %+v, %v", path, s, err)
			}
			start := time.Now().Add(-time.Second).UnixNano()
			errno(t, path, root.SetTimesAt(path, false, Times{SetMtim: true, MtimNow: true, SetAtim: true, Atim: 7}), 0)
			if s, err = root.Lookup(path, false); s.Mtim < start || s.Atim != 7 {
				t.Errorf("%s: %+v, %v", path, s, err)
			}
		}
		errno(t, "through a link", root.SetTimesAt("link", true, Times{SetMtim: true, Mtim: 11}), 0)
		s, _ := root.Lookup("f", false)
		l, _ := root.Lookup("link", false)
		if s.Mtim != 11 || l.Mtim == 11 {
			t.Errorf("file %d, link %d", s.Mtim, l.Mtim)
		}
		d := openDirAt(t, root, "d")
		errno(t, "Dir.SetTimes", d.SetTimes(Times{SetAtim: true, Atim: 5, SetMtim: true, Mtim: 6}), 0)
		if s, err := d.Stat(); s.Atim != 5 || s.Mtim != 6 || s.Type != Directory {
			t.Errorf("%+v, %v", s, err)
		}
		f := openFileAt(t, root, "f", OpenOptions{Read: true})
		errno(t, "File.SetTimes", f.SetTimes(Times{SetAtim: true, Atim: 5, SetMtim: true, Mtim: 6}), 0)
		if s, err := f.Stat(); s.Atim != 5 || s.Mtim != 6 || s.Type != Regular {
			t.Errorf("%+v, %v", s, err)
		}
		errno(t, "read-only", openFileAt(t, root, "ro/r", OpenOptions{Read: true}).SetTimes(Times{SetAtim: true}), syscall.EROFS)
		errno(t, "read-only", openDirAt(t, root, "ro/rd").SetTimes(Times{SetAtim: true}), syscall.EROFS)
	})
}

// Forty links are followed, as on Linux, and no more; the number is for the whole path.
func TestLinkCount(t *testing.T) {
	dir := plant(t, t.TempDir(), "f=end", "d/", "l0->f", "s->.")
	for i := range 41 {
		plant(t, dir, "l"+strconv.Itoa(i+1)+"->l"+strconv.Itoa(i))
	}
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: dir}).Root()
		for path, want := range map[string]syscall.Errno{
			"l39": 0, "l40": syscall.ELOOP, strings.Repeat("s/", 40) + "f": 0, strings.Repeat("s/", 41) + "f": syscall.ELOOP, strings.Repeat("s/", 20) + "l20": syscall.ELOOP,
		} {
			_, err := root.Lookup(path, true)
			errno(t, path, err, want)
		}
	})
}

// A guest cannot make the host work for long with one path.
func TestBoundedWork(t *testing.T) {
	dir := plant(t, t.TempDir(), strings.Repeat("d/", 600), "d/l->"+strings.Repeat("d/", 599)+strings.Repeat("../", 599)+"l")
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: dir}).Root()
		start := time.Now()
		_, err := root.Lookup("d/l", true)
		errno(t, "many steps", err, syscall.ELOOP)
		_, err = root.Lookup(strings.Repeat("d/", 600)+strings.Repeat("../", 600)+"d", true)
		errno(t, "fewer steps", err, syscall.ELOOP)
		if took := time.Since(start); took > 6*soon {
			t.Errorf("took %v", took)
		}
	})
}

// A directory deeper than a path is long works, but for links that lead above it.
func TestDeepDirectory(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		host := t.TempDir()
		fs := open(wasi.Mount{Guest: "/", Host: host})
		name := strings.Repeat("n", 200)
		d := fs.Root()
		for range 30 {
			if err := d.Mkdir(name, 0o777); err != nil {
				t.Fatal(err)
			}
			next := openDirAt(t, d, name)
			d.Close()
			d = next
		}
		errno(t, "Mkdir", d.Mkdir("x", 0o777), 0)
		_, err := d.Lookup("x/../x/.", true)
		errno(t, "Lookup", err, 0)
		_, err = d.Lookup("..", true)
		errno(t, "..", err, syscall.EPERM)
		errno(t, "Symlink", d.Symlink("../"+name+"/x", "up"), 0)
		_, err = d.Lookup("up", true)
		errno(t, "link above", err, syscall.ENOENT)
		errno(t, "Symlink", d.Symlink("/", "root"), 0)
		_, err = d.Lookup("root/"+name, true)
		errno(t, "absolute link", err, 0)
		errno(t, "ReadDir", d.ReadDir(0, func(Entry) bool { return true }), 0)
	})
}
