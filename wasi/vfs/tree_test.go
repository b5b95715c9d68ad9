//go:build linux

package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestTree(t *testing.T) {
	hosts := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		plant(t, hosts, name+"/at="+name, name+"/sub/at="+name+"/sub", name+"/sub/sub/at="+name+"/sub/sub")
	}
	plant(t, hosts, "l/link->to", "l/at=l", "l/to/at=l/to", "l/to/sub/at=l/to/sub")
	at := func(name string) string { return filepath.Join(hosts, name) }
	for _, c := range []struct {
		name   string
		mounts []wasi.Mount
		want   map[string]string // path → content, or the error
	}{
		{"beside each other", []wasi.Mount{{Guest: "/x", Host: at("a")}, {Guest: "/y", Host: at("b")}}, map[string]string{
			"x/at": "a", "y/at": "b", "at": syscall.ENOENT.Error(), "x/../y/at": "b", "y/sub/../../x/sub/at": "a/sub",
		}},
		{"parent first", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub", Host: at("b")}, {Guest: "/sub/sub", Host: at("c")}}, map[string]string{
			"at": "a", "sub/at": "b", "sub/sub/at": "c", "sub/sub/sub/at": "c/sub", "sub/sub/../at": "b", "sub/sub/../../at": "a",
		}},
		{"parent last", []wasi.Mount{{Guest: "/sub/sub", Host: at("c")}, {Guest: "/sub", Host: at("b")}, {Guest: "/", Host: at("a")}}, map[string]string{
			"at": "a", "sub/at": "b", "sub/sub/at": "c", "sub/sub/../../at": "a",
		}},
		{"one between that has a directory", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub/sub", Host: at("c")}}, map[string]string{
			"sub/at": "a/sub", "sub/sub/at": "c", "sub/sub/../at": "a/sub", "sub/sub/sub/../../at": "a/sub",
		}},
		{"one between that has none", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/no/such/x", Host: at("c")}}, map[string]string{
			"no/such/x/at": "c", "no/such/x/../../../at": "a", "no/at": syscall.ENOENT.Error(), "no/such/y": syscall.ENOENT.Error(), "no": syscall.EISDIR.Error(),
		}},
		{"one between that has a file", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/at/x", Host: at("c")}}, map[string]string{
			"at": syscall.EISDIR.Error(), "at/x/at": "c", "at/x/../../sub/at": "a/sub",
		}},
		{"over a file", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/at", Host: at("b")}}, map[string]string{"at/at": "b"}},
		{"a file over a directory", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub", Host: at("b/at")}}, map[string]string{"sub": "b", "sub/at": syscall.ENOTDIR.Error()}},
		{"a file over a file", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/at", Host: at("b/at")}, {Guest: "/sub/at", Host: at("c/at")}}, map[string]string{"at": "b", "sub/at": "c", "sub/../at": "b"}},
		{"a file where there is nothing", []wasi.Mount{{Guest: "/etc/hosts", Host: at("b/at")}}, map[string]string{"etc/hosts": "b", "etc/passwd": syscall.ENOENT.Error()}},
		{"hidden", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub", Hidden: true}}, map[string]string{
			"sub": syscall.ENOENT.Error(), "sub/at": syscall.ENOENT.Error(), "at": "a", "sub/../at": syscall.ENOENT.Error(),
		}},
		{"a mount beneath hidden", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub", Hidden: true}, {Guest: "/sub/x/y", Host: at("b")}}, map[string]string{
			"sub/at": syscall.ENOENT.Error(), "sub/sub/at": syscall.ENOENT.Error(), "sub/x/y/at": "b", "sub/x/y/../../../at": "a", "sub": syscall.EISDIR.Error(),
		}},
		{"hidden beneath hidden", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub", Hidden: true}, {Guest: "/sub/sub", Hidden: true}}, map[string]string{
			"sub": syscall.ENOENT.Error(), "sub/sub/at": syscall.ENOENT.Error(), "at": "a",
		}},
		{"hidden deep below a host's directory", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/sub/sub", Hidden: true}}, map[string]string{
			"sub/at": "a/sub", "sub/sub/at": syscall.ENOENT.Error(), "sub": syscall.EISDIR.Error(),
		}},
		{"hidden behind a link", []wasi.Mount{{Guest: "/", Host: at("l")}, {Guest: "/link/sub", Hidden: true}}, map[string]string{
			"link": syscall.ENOENT.Error(), "link/sub/at": syscall.ENOENT.Error(), "link/at": syscall.ENOENT.Error(), "at": "l", "to/at": "l/to",
		}},
		{"hidden beneath nothing", []wasi.Mount{{Guest: "/", Host: at("a")}, {Guest: "/none/x", Hidden: true}}, map[string]string{
			"none": syscall.ENOENT.Error(), "none/x": syscall.ENOENT.Error(), "at": "a",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, open opener) {
				for range 2 { // the order does not matter
					root := open(c.mounts...).Root()
					for path, want := range c.want {
						got, err := content(root, path)
						if err != nil {
							got = err.Error()
						}
						if got != want {
							t.Errorf("%s: %s, want %s", path, got, want)
						}
						if listed := slices.Contains(list(t, root), path); !strings.Contains(path, "/") && listed != (want != syscall.ENOENT.Error()) {
							t.Errorf("%s: listed %v", path, listed)
						}
					}
					slices.Reverse(c.mounts)
				}
			})
		})
	}
}

// Links and the tree: where a mount is at "/", a link leads where it would in a container.
func TestLinksInTree(t *testing.T) {
	hosts := plant(t, t.TempDir(),
		"root/f=root", "root/d/f=root/d", "root/abs->/m/f", "root/d/rel->../m/f", "root/clamp->../../../../f", "root/todir->/m/sub",
		"m/f=m", "m/sub/f=m/sub", "m/abs->/f", "m/up->../f", "m/sub/up->../../d/f", "m/clamp->../../../d/f", "m/sub/in->../f", "m/sub/self->/m/f", "m/dd->..",
		"root/d/e/f=root/d/e", "root/d/e/g/f=root/d/e/g", "root/d/in->e/g")
	root, m := filepath.Join(hosts, "root"), filepath.Join(hosts, "m")
	refused := syscall.EPERM.Error()
	eachMode(t, func(t *testing.T, open opener) {
		with := open(wasi.Mount{Guest: "/", Host: root}, wasi.Mount{Guest: "/m", Host: m})
		without := open(wasi.Mount{Guest: "/m", Host: m})
		for _, c := range []struct {
			name string
			d    *Dir
			want map[string]string
		}{
			{"from the root", with.Root(), map[string]string{
				"d/in/../f": "root/d/e", "d/in/../../f": "root/d", "abs": "m", "d/rel": "m", "clamp": "root", "todir/f": "m/sub", "m/abs": "root", "m/up": "root", "m/sub/up": "root/d", "m/clamp": "root/d", "m/sub/in": "m",
				"m/sub/self": "m", "m/dd/f": "root", "todir/..": syscall.EISDIR.Error(), "todir/../f": "m", "todir/../../f": "root", "todir/../../../f": refused, "m/dd/..": refused,
			}},
			{"from the mount", with.Preopens()[1].Dir, map[string]string{
				"abs": "root", "up": "root", "sub/up": "root/d", "clamp": "root/d", "sub/in": "m", "sub/self": "m", "dd/f": "root", "dd/m/f": "m", "dd/m/../f": refused, "../f": refused,
			}},
			{"from below the mount", openDirAt(t, with.Root(), "m/sub"), map[string]string{"up": "root/d", "in": "m", "self": "m", "../f": refused}},
			{"without a root, from the mount", without.Preopens()[0].Dir, map[string]string{
				"abs": refused, "up": refused, "sub/up": refused, "clamp": refused, "sub/in": "m", "sub/self": refused, "dd": refused, "dd/m/f": refused,
			}},
			{"without a root, from the synthetic one", without.Root(), map[string]string{
				"m/abs": refused, "m/up": syscall.ENOENT.Error(), "m/sub/up": syscall.ENOENT.Error(), "m/clamp": refused, "m/sub/in": "m", "m/dd/m/f": "m",
			}},
			{"without a root, from below", openDirAt(t, without.Root(), "m/sub"), map[string]string{"in": refused, "up": refused, "f": "m/sub"}},
		} {
			for path, want := range c.want {
				got, err := content(c.d, path)
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("%s: %s: %s, want %s", c.name, path, got, want)
				}
			}
		}
	})
}

// A directory that was moved is left by ".." of a link only if the tree still has it where it was opened.
func TestMovedDirectory(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: plant(t, t.TempDir(), "f=top", "a/f=a", "a/b/f=b", "a/b/up->../f", "a/b/c/up->../f", "x/")}).Root()
		b, c := openDirAt(t, root, "a/b"), openDirAt(t, root, "a/b/c")
		errno(t, "Rename", root.Rename("a/b", root, "x/y"), 0)
		for _, at := range []struct {
			d    *Dir
			path string
			want string
		}{{b, "f", "b"}, {b, "c/../f", "b"}, {b, "up", syscall.ENOENT.Error()}, {b, "c/up", "b"}, {c, "up", syscall.ENOENT.Error()}, {root, "x/y/c/up", "b"}} {
			got, err := content(at.d, at.path)
			if err != nil {
				got = err.Error()
			}
			if got != at.want {
				t.Errorf("%s: %s, want %s", at.path, got, at.want)
			}
		}
		// Another directory has its place now.
		errno(t, "Mkdir", root.Mkdir("a/b", 0o777), 0)
		_, err := content(b, "up")
		errno(t, "up", err, syscall.ENOENT)
	})
}

// A host's file system that folds case has a second name for a mount point. Here the host renames what is under it, which
// is the same to the walk: a name that is not a mount point's leads to what the mount point covers.
func TestAliasOfMountPoint(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "hid/secret=hidden", "hidden-file=hidden", "ro/f=covered", "up/hid/secret=hidden", "file=covered", "two=ordinary", "free=ordinary")
		if err := os.Link(filepath.Join(dir, "two"), filepath.Join(dir, "names")); err != nil {
			t.Fatal(err)
		}
		ro := plant(t, t.TempDir(), "f=mounted")
		fs := open(
			wasi.Mount{Guest: "/", Host: dir}, wasi.Mount{Guest: "/hid", Hidden: true}, wasi.Mount{Guest: "/hidden-file", Hidden: true}, wasi.Mount{Guest: "/ro", Host: ro, ReadOnly: true},
			wasi.Mount{Guest: "/up/hid", Hidden: true}, wasi.Mount{Guest: "/file", Host: filepath.Join(ro, "f")}, wasi.Mount{Guest: "/two", Hidden: true},
		)
		for _, name := range []string{"hid", "hidden-file", "ro", "up", "file"} {
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+"2")); err != nil {
				t.Fatal(err)
			}
		}
		root := fs.Root()
		for path, want := range map[string]string{
			"hid2": syscall.ENOENT.Error(), "hid2/secret": syscall.ENOENT.Error(), "hidden-file2": syscall.ENOENT.Error(), "ro2/f": "mounted", "file2": "mounted",
			"up2/hid/secret": syscall.ENOENT.Error(), "names": "ordinary", "free": "ordinary",
		} {
			got, err := content(root, path)
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		errno(t, "Rename", root.Rename("hid2", root, "x"), syscall.EBUSY)
		errno(t, "Rename over", root.Rename("free", root, "hidden-file2"), syscall.EBUSY)
		errno(t, "Unlink", root.Unlink("file2"), syscall.EBUSY)
		errno(t, "Rmdir", root.Rmdir("ro2"), syscall.EBUSY)
		errno(t, "Link", root.Link("file2", false, root, "x"), syscall.EXDEV)
		_, err := root.Open("ro2/new", OpenOptions{Create: true, Write: true})
		errno(t, "create", err, syscall.EROFS)
		want := []string{"file", "free", "names", "ro"}
		if got := list(t, root); !slices.Equal(got, want) {
			t.Errorf("lists %v, want %v", got, want)
		}
	})
}

func TestManyMounts(t *testing.T) {
	host := plant(t, t.TempDir(), "f=x")
	var mounts []wasi.Mount
	for i := range 300 {
		mounts = append(mounts, wasi.Mount{Guest: fmt.Sprintf("/m%d/n", i), Host: host})
	}
	before := descriptors(t)
	fs, err := New(mounts)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	if got, err := content(fs.Root(), "m299/n/f"); got != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if got := list(t, fs.Root()); len(got) != len(mounts) {
		t.Errorf("lists %d", len(got))
	}
	if n := descriptors(t) - before; n > len(mounts)+2 {
		t.Errorf("%d descriptors", n)
	}
}
