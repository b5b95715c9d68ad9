//go:build linux

package vfs

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

const canary = "CANARY"

// cage is a granted directory and what lies around it on the host.
type cage struct {
	granted string // mounted
	outside string // never: every file in it holds the canary
	ro      string // mounted read-only
	before  map[string]string
	fs      *FS
	root    *Dir // the guest's widest directory
}

// snapshot describes everything below dirs so that any change shows, a further hard link included.
func snapshot(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			var st unix.Stat_t
			if err := unix.Lstat(name, &st); err != nil {
				return err
			}
			var b []byte
			if d.Type().IsRegular() {
				if b, err = os.ReadFile(name); err != nil {
					return err
				}
			}
			all[name] = fmt.Sprint(st.Ino, st.Mode, st.Nlink, st.Size, st.Mtim, string(b))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// reached fails if s is something of the outside.
func (c *cage) reached(t *testing.T, how string, s Stat) {
	t.Helper()
	for name := range c.before {
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err == nil && uint64(st.Dev) == s.Dev && st.Ino == s.Ino {
			t.Errorf("%s reached %s", how, name)
		}
	}
}

// try does everything that takes a path to path, and fails if any of it reaches the outside.
func (c *cage) try(t *testing.T, d *Dir, path string) {
	t.Helper()
	for _, follow := range []bool{false, true} {
		if s, err := d.Lookup(path, follow); err == nil {
			c.reached(t, "Lookup", s)
		}
		for _, o := range []OpenOptions{
			{Read: true},
			{Read: true, Directory: true},
			{Read: true, Write: true},
			{Write: true, Append: true},
			{Write: true, Truncate: true},
			{Read: true, Truncate: true},
			{Write: true, Create: true, Perm: 0o666},
			{Write: true, Create: true, Exclusive: true, Perm: 0o666},
		} {
			o.Follow = follow
			n, err := d.Open(path, o)
			if err != nil {
				continue
			}
			s, err := n.Stat()
			if err != nil {
				t.Error(err)
			}
			c.reached(t, fmt.Sprintf("Open %+v", o), s)
			switch n := n.(type) {
			case *File:
				b := make([]byte, 64)
				if k, _ := n.Read(b); bytes.Contains(b[:k], []byte(canary)) {
					t.Error("read the canary")
				}
				if !t.Failed() {
					_, _ = n.Write([]byte("over"))
				}
			case *Dir:
				for _, e := range entries(t, n) {
					if strings.Contains(e.Name, "secret") {
						t.Errorf("listed %s", e.Name)
					}
				}
				if s, err := n.Lookup("secret", true); err == nil {
					c.reached(t, "Lookup below", s)
				}
			}
			n.Close()
		}
		_ = d.SetTimesAt(path, follow, Times{SetMtim: true, Mtim: 1})
		if err := d.Link(path, follow, c.root, "linked"); err == nil {
			if s, err := c.root.Lookup("linked", false); err == nil {
				c.reached(t, "Link", s)
			}
			_ = c.root.Unlink("linked")
		}
	}
	_, _ = d.Readlink(path)
	_ = d.Mkdir(path, 0o777)
	_ = d.Symlink("x", path)
	_ = c.root.Link("file", false, d, path)
	_ = d.Mkdir(path+"/made", 0o777)
	_ = d.Rename(path, c.root, "renamed")
	_ = c.root.Rename("renamed", d, path)
	plantQuietly(c.root, "source")
	_ = c.root.Rename("source", d, path)
	_ = d.Rmdir(path)
	_ = d.Unlink(path)
}

func plantQuietly(d *Dir, name string) {
	if n, err := d.Open(name, OpenOptions{Create: true, Write: true, Perm: 0o600}); err == nil {
		n.Close()
	}
}

// attempt is one way out.
type attempt struct {
	name    string
	reaches string // what a host that falls for it would hand over
	plant   []string
	guest   func(t *testing.T, c *cage) // what the guest prepares
	host    func(t *testing.T, c *cage) // what happens on the host meanwhile
	from    string                      // the directory that the guest has open; "" its root
	path    string
	want    syscall.Errno // of following it
}

var ups = strings.Repeat("../", 40)

// out stands for the path from the root of the host to the outside, in links and paths.
const out = "OUTSIDE"

// inData are the attempts of a guest that has the granted directory at /data, and nothing at "/".
var inData = []attempt{
	{name: "dotdot", reaches: "the directory beside the grant", path: "../outside/secret", want: syscall.EPERM},
	{name: "dotdot alone", reaches: "the parent of the grant", path: "..", want: syscall.EPERM},
	{name: "dotdot with a slash", reaches: "the parent of the grant", path: "../", want: syscall.EPERM},
	{name: "dotdot in the middle", reaches: "the directory beside the grant", path: "a/../../outside/secret", want: syscall.EPERM},
	{name: "dotdot at the end", reaches: "the parent of the grant", path: "a/b/../../..", want: syscall.EPERM},
	{name: "many dotdots", reaches: "the host's root", path: ups + "etc/passwd", want: syscall.EPERM},
	{name: "dotdot behind dots and slashes", reaches: "the directory beside the grant", path: ".//a/.//..//./../outside//secret", want: syscall.EPERM},
	{name: "dotdot through a missing directory", reaches: "the directory beside the grant by text alone", path: "none/../../outside/secret", want: syscall.ENOENT},
	{name: "dotdot through a file", reaches: "the directory of the file by text alone", path: "file/../../outside/secret", want: syscall.ENOTDIR},
	{name: "absolute path", reaches: "the outside by its host path", path: "/" + out + "/secret", want: syscall.EPERM},
	{name: "absolute path with slashes", reaches: "the outside by its host path", path: "//" + out + "/secret", want: syscall.EPERM},
	{name: "absolute path of the grant", reaches: "nothing new, but by the host's names", path: "/GRANTED/file", want: syscall.EPERM},
	{name: "NUL in the path", reaches: "a path cut short after it was checked", path: "../outside/secret\x00/a", want: syscall.EINVAL},
	{name: "absolute link of the host", reaches: "a file outside", plant: []string{"l->/" + out + "/secret"}, path: "l", want: syscall.EPERM},
	{name: "absolute link to a directory", reaches: "all files of a directory outside", plant: []string{"l->/" + out}, path: "l/secret", want: syscall.EPERM},
	{name: "link to the root", reaches: "the host's whole tree", plant: []string{"l->/"}, path: "l/" + out + "/secret", want: syscall.EPERM},
	{name: "relative link of the host", reaches: "a file outside", plant: []string{"l->../outside/secret"}, path: "l", want: syscall.EPERM},
	{name: "relative link to a directory", reaches: "a directory outside", plant: []string{"l->../outside"}, path: "l/secret", want: syscall.EPERM},
	{name: "link to dotdot", reaches: "the parent of the grant", plant: []string{"l->.."}, path: "l/outside/secret", want: syscall.EPERM},
	{name: "link to dotdot with a slash", reaches: "the parent of the grant", plant: []string{"l->../"}, path: "l", want: syscall.EPERM},
	{name: "link deep below", reaches: "a file outside", plant: []string{"a/b/l->../../../outside/secret"}, path: "a/b/l", want: syscall.EPERM},
	{name: "link down and up", reaches: "a file outside", plant: []string{"l->a/b/../../../outside/secret"}, path: "l", want: syscall.EPERM},
	{name: "chain of links", reaches: "a file outside", plant: []string{"l->m", "m->a/n", "a/n->../o", "o->../outside/secret"}, path: "l", want: syscall.EPERM},
	{name: "links that are fine until the last", reaches: "a file outside", plant: []string{"l->a", "a/m->b", "a/b/n->../../../outside"}, path: "l/m/n/secret", want: syscall.EPERM},
	{name: "link to itself and up", reaches: "the directory beside the grant", plant: []string{"l->."}, path: "l/l/../outside/secret", want: syscall.EPERM},
	{name: "dotdot behind a link inside", reaches: "the parent of the grant if counted by text", plant: []string{"a/b/l->/"}, path: "a/b/l/../..", want: syscall.EPERM},
	{name: "dotdot behind a link that goes up", reaches: "the parent of the grant, two names deep by text", plant: []string{"a/b/top->../.."}, path: "a/b/top/../outside/secret", want: syscall.EPERM},
	{name: "loop of links", reaches: "the host's time", plant: []string{"l->m/x", "m->l"}, path: "l", want: syscall.ELOOP},
	{name: "link that doubles", reaches: "the host's memory", plant: []string{"l->l/l/l/l"}, path: "l", want: syscall.ELOOP},
	{name: "dangling link created through", reaches: "a new file outside", plant: []string{"l->../outside/new"}, path: "l", want: syscall.EPERM},
	{name: "absolute dangling link created through", reaches: "a new file outside", plant: []string{"l->/" + out + "/new"}, path: "l", want: syscall.EPERM},
	{name: "directory link created through", reaches: "a new file outside", plant: []string{"l->../outside"}, path: "l/new", want: syscall.EPERM},
	{name: "link with a slash behind", reaches: "a directory outside", plant: []string{"l->../outside"}, path: "l/", want: syscall.EPERM},
	{name: "link with dot behind", reaches: "a directory outside", plant: []string{"l->../outside"}, path: "l/.", want: syscall.EPERM},
	{name: "link to the process's root", reaches: "the host's tree through a magic link", plant: []string{"l->/proc/self/root"}, path: "l/" + out + "/secret", want: syscall.EPERM},
	{name: "link to the process's working directory", reaches: "the host's working directory", plant: []string{"l->/proc/self/cwd"}, path: "l", want: syscall.EPERM},
	{name: "link to a descriptor", reaches: "a directory that the host has open", plant: []string{"l->/proc/self/fd/HOSTFD"}, path: "l/secret", want: syscall.EPERM},
	{name: "link to the environment", reaches: "the host's environment", plant: []string{"l->/proc/self/environ"}, path: "l", want: syscall.EPERM},
	{name: "absolute link of the guest", reaches: "a file outside", guest: func(t *testing.T, c *cage) {
		errno(t, "Symlink", c.root.Symlink(c.outside+"/secret", "l"), 0)
	}, path: "l", want: syscall.EPERM},
	{name: "relative link of the guest", reaches: "a file outside", guest: func(t *testing.T, c *cage) {
		errno(t, "Symlink", c.root.Symlink("../outside/secret", "l"), 0)
	}, path: "l", want: syscall.EPERM},
	{name: "link of the guest moved up", reaches: "a file outside, by a link that was harmless where it was made", guest: func(t *testing.T, c *cage) {
		errno(t, "Symlink", c.root.Symlink("../outside/secret", "a/l"), 0)
		errno(t, "Rename", c.root.Rename("a/l", c.root, "l"), 0)
	}, path: "l", want: syscall.EPERM},
	{name: "hard link to a link", reaches: "a file outside, by the link under another name", plant: []string{"a/b/l->../outside/secret"}, guest: func(t *testing.T, c *cage) {
		errno(t, "Link", c.root.Link("a/b/l", false, c.root, "l"), 0)
	}, path: "l", want: syscall.EPERM},
	{name: "directory with a link moved up", reaches: "a file outside", plant: []string{"a/b/c/l->../../../outside/secret"}, guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a/b/c", c.root, "c"), 0)
	}, path: "c/l", want: syscall.EPERM},
	{name: "directory replaced by a link", reaches: "a directory outside, by a name that was a directory", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a", c.root, "old"), 0)
		errno(t, "Symlink", c.root.Symlink("../outside", "a"), 0)
	}, path: "a/secret", want: syscall.EPERM},
	{name: "open directory and dotdot", reaches: "the parent of what was opened", from: "a", path: "../file", want: syscall.EPERM},
	{name: "open directory and a link up", reaches: "what is above what was opened", from: "a", plant: []string{"a/l->../file"}, path: "l", want: syscall.EPERM},
	{name: "open directory moved to the top", reaches: "the parent of the grant, by its old depth", from: "a/b", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a/b", c.root, "b"), 0)
	}, path: "../../outside/secret", want: syscall.EPERM},
	{name: "open directory moved while below it", reaches: "the parent of the grant, through the open directory's new place", from: "a/b", plant: []string{"a/b/c/"}, guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a/b", c.root, "b"), 0)
	}, path: "c/../../../outside/secret", want: syscall.EPERM},
	{name: "open directory moved outside by the host", reaches: "the outside, which is now its parent", from: "a/b", plant: []string{"a/b/c/"}, host: func(t *testing.T, c *cage) {
		hostRename(t, c.granted+"/a/b", filepath.Dir(c.outside)+"/elsewhere")
	}, path: "c/../../outside/secret", want: syscall.EPERM},
	{name: "open directory removed", reaches: "the parent of nothing", from: "a/b/empty", plant: []string{"a/b/empty/"}, guest: func(t *testing.T, c *cage) {
		errno(t, "Rmdir", c.root.Rmdir("a/b/empty"), 0)
	}, path: "../../../../outside/secret", want: syscall.EPERM},
	{name: "name in another case", reaches: "the parent of the grant where case folds", path: "A/../../OUTSIDE/SECRET", want: syscall.ENOENT},
	{name: "dotdot in wide characters", reaches: "the parent of the grant where names are normalised", path: "．．/outside/secret", want: syscall.ENOENT},
	{name: "dotdot encoded", reaches: "the parent of the grant where names are decoded", path: "%2e%2e/outside/secret", want: syscall.ENOENT},
	{name: "backslashes", reaches: "the parent of the grant where they separate", path: `..\outside\secret`, want: syscall.ENOENT},
	{name: "overlong dotdot", reaches: "the parent of the grant where UTF-8 is not checked", path: "\xc0\xae\xc0\xae/outside/secret", want: syscall.ENOENT},
	{name: "three dots", reaches: "nothing, but it is no dotdot", path: ".../outside/secret", want: syscall.ENOENT},
}

// inRoot are the attempts of a guest that has the granted directory at "/", with a hidden place, a read-only mount, and a
// mount point whose directory has files of its own beneath.
var inRoot = []attempt{
	{name: "absolute link to the outside", reaches: "a file outside", plant: []string{"l->/" + out + "/secret"}, path: "l", want: syscall.ENOENT},
	{name: "relative link above the root", reaches: "a file outside", plant: []string{"l->" + ups + out + "/secret"}, path: "l", want: syscall.ENOENT},
	{name: "link beside the root", reaches: "a file outside", plant: []string{"l->../outside/secret"}, path: "l", want: syscall.ENOENT},
	{name: "dotdot from the root", reaches: "the parent of the grant", path: "../outside/secret", want: syscall.EPERM},
	{name: "dotdot behind a link to the root", reaches: "the parent of the grant", plant: []string{"a/l->/"}, path: "a/l/../outside/secret", want: syscall.EPERM},
	{name: "link to the process's root within", reaches: "the host's tree", plant: []string{"l->/proc/self/root"}, path: "l/" + out + "/secret", want: syscall.ENOENT},
	{name: "link to a descriptor within", reaches: "a directory that the host has open", plant: []string{"l->/proc/self/fd/HOSTFD"}, path: "l/secret", want: syscall.ENOENT},
	{name: "hidden by name", reaches: "what is hidden", path: "hidden/secret", want: syscall.ENOENT},
	{name: "hidden by an absolute link", reaches: "what is hidden", plant: []string{"l->/hidden/secret"}, path: "l", want: syscall.ENOENT},
	{name: "hidden by a relative link", reaches: "what is hidden", plant: []string{"a/b/l->../../hidden"}, path: "a/b/l/secret", want: syscall.ENOENT},
	{name: "hidden by dotdot", reaches: "what is hidden", path: "a/../hidden/secret", want: syscall.ENOENT},
	{name: "hidden through an open directory", reaches: "what is hidden", from: "p", path: "hidden/secret", want: syscall.ENOENT},
	{name: "hidden by moving its parent", reaches: "what is hidden, under a path that is not", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("p", c.root, "q"), syscall.EBUSY)
	}, path: "q/hidden/secret", want: syscall.ENOENT},
	{name: "hidden by replacing it", reaches: "a hidden place that is somebody else's", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a", c.root, "hidden"), syscall.EROFS)
		errno(t, "Mkdir", c.root.Mkdir("hidden", 0o777), syscall.EROFS)
		errno(t, "Symlink", c.root.Symlink("a", "hidden"), syscall.EROFS)
	}, path: "hidden", want: syscall.ENOENT},
	{name: "hidden from the mount beside it", reaches: "what is hidden", from: "mnt", plant: nil, guest: func(t *testing.T, c *cage) {
		errno(t, "Symlink", c.root.Symlink("../hidden/secret", "mnt/l"), 0)
	}, path: "l", want: syscall.ENOENT},
	{name: "link above the mount", reaches: "the parent of the mount on the host", guest: func(t *testing.T, c *cage) {
		errno(t, "Symlink", c.root.Symlink("../outside/secret", "mnt/l"), 0)
	}, path: "mnt/l", want: syscall.ENOENT},
	{name: "dotdot from the mount", reaches: "the parent of the mount on the host", path: "mnt/../outside/secret", want: syscall.ENOENT},
	{name: "what a mount covers", reaches: "the files under a mount point", path: "mnt/secret", want: syscall.ENOENT},
	{name: "what a mount covers, by moving the mount point", reaches: "the files under a mount point", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("mnt", c.root, "q"), syscall.EBUSY)
		errno(t, "Rmdir", c.root.Rmdir("mnt"), syscall.EBUSY)
	}, path: "q/secret", want: syscall.ENOENT},
	{name: "what a mount covers, by moving a directory over it", reaches: "a mount point of the guest's making", guest: func(t *testing.T, c *cage) {
		errno(t, "Rename", c.root.Rename("a", c.root, "mnt"), syscall.EBUSY)
	}, path: "mnt/b", want: syscall.ENOENT},
	{name: "what a mount covers, by the host's renaming", reaches: "the files under a mount point, by a name that is none", host: func(t *testing.T, c *cage) {
		hostRename(t, c.granted+"/mnt", c.granted+"/moved")
	}, path: "moved/secret", want: syscall.ENOENT},
	{name: "write through the read-only mount", reaches: "a file that may only be read", path: "ro/secret-ro/new", want: syscall.ENOENT},
	{name: "write through a link into the read-only mount", reaches: "a file that may only be read", plant: []string{"l->/ro/new"}, path: "l", want: syscall.ENOENT},
	{name: "hard link out of the read-only mount", reaches: "a writable name of a file that may only be read", guest: func(t *testing.T, c *cage) {
		errno(t, "Link", c.root.Link("ro/file", false, c.root, "rw"), syscall.EXDEV)
		errno(t, "Rename", c.root.Rename("ro/file", c.root, "rw"), syscall.EXDEV)
	}, path: "rw", want: syscall.ENOENT},
}

func hostRename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func newCage(t *testing.T, open opener, a attempt, rooted bool) *cage {
	t.Helper()
	base := t.TempDir()
	c := &cage{granted: base + "/granted", outside: base + "/outside", ro: base + "/ro"}
	plant(t, base, "granted/a/b/", "granted/file=file", "outside/secret="+canary, "outside/more/secret="+canary, "ro/file=read")
	hostDir, err := os.Open(c.outside)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hostDir.Close() })
	fill := strings.NewReplacer("/"+out, c.outside, out, c.outside[1:], "GRANTED", c.granted[1:], "HOSTFD", strconv.Itoa(int(hostDir.Fd())))
	for _, p := range a.plant {
		plant(t, c.granted, fill.Replace(p))
	}
	secret := []string{c.outside, c.ro}
	if rooted {
		plant(t, base, "granted/hidden/secret="+canary, "granted/p/hidden/secret="+canary, "granted/mnt/secret="+canary, "mnt/")
		secret = append(secret, c.granted+"/hidden", c.granted+"/p/hidden", c.granted+"/mnt")
		c.fs = open(
			wasi.Mount{Guest: "/", Host: c.granted}, wasi.Mount{Guest: "/hidden", Hidden: true}, wasi.Mount{Guest: "/p/hidden", Hidden: true},
			wasi.Mount{Guest: "/mnt", Host: base + "/mnt"}, wasi.Mount{Guest: "/ro", Host: c.ro, ReadOnly: true},
		)
	} else {
		c.fs = open(wasi.Mount{Guest: "/data", Host: c.granted})
	}
	c.root = c.fs.Preopens()[0].Dir
	c.before = snapshot(t, secret...)
	// What may be read is not reached by being seen.
	for name := range c.before {
		if strings.HasPrefix(name, c.ro) {
			delete(c.before, name)
		}
	}
	return c
}

func TestEscape(t *testing.T) {
	if n := len(inData) + len(inRoot); n < 60 {
		t.Errorf("only %d attempts", n)
	}
	eachMode(t, func(t *testing.T, open opener) {
		for i, a := range slices.Concat(inData, inRoot) {
			t.Run(a.name, func(t *testing.T) {
				c := newCage(t, open, a, i >= len(inData))
				ro := snapshot(t, c.ro)
				from := c.root
				if a.from != "" {
					from = openDirAt(t, c.root, a.from)
				}
				if a.guest != nil {
					a.guest(t, c)
				}
				if a.host != nil {
					a.host(t, c)
				}
				path := strings.NewReplacer("/"+out, c.outside, out, c.outside[1:], "GRANTED", c.granted[1:]).Replace(a.path)
				_, err := from.Lookup(path, true)
				errno(t, "Lookup", err, a.want)
				_, err = from.Open(path, OpenOptions{Read: true, Follow: true})
				errno(t, "Open", err, a.want)
				c.try(t, from, path)
				c.fs.Close()
				for name, want := range ro {
					c.before[name] = want
				}
				var dirs []string
				for name := range c.before {
					if _, ok := c.before[filepath.Dir(name)]; !ok && a.host == nil {
						dirs = append(dirs, name)
					}
				}
				if a.host != nil { // it has moved some of it
					dirs = []string{c.outside, c.ro}
				}
				after := snapshot(t, dirs...)
				for name, is := range after {
					if was, ok := c.before[name]; !ok || was != is {
						t.Errorf("changed %s, which would be %s", name, a.reaches)
					}
				}
				for name := range c.before {
					if _, ok := after[name]; !ok && a.host == nil {
						t.Errorf("removed %s, which would be %s", name, a.reaches)
					}
				}
				if t.Failed() {
					t.Logf("it would reach %s", a.reaches)
				}
			})
		}
	})
}

// The host's own "/" is granted, read-only: everything but other processes.
func TestEscapeThroughHostRoot(t *testing.T) {
	dir := plant(t, t.TempDir(), "secret="+canary, "l->/proc/self/environ", "rel->"+ups+"proc/self/root", "dir->/proc/1", "fd->/proc/self/fd/0")
	here := strings.TrimPrefix(dir, "/")
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: "/", ReadOnly: true}).Root()
		if got, err := content(root, here+"/secret"); got != canary { // so the rest is not refused by chance
			t.Fatalf("%q, %v", got, err)
		}
		for path, reaches := range map[string]string{
			"proc":                          "the list of processes",
			"proc/":                         "the list of processes",
			"proc/self":                     "this process",
			"proc/self/environ":             "the host's environment",
			"proc/thread-self/environ":      "the host's environment",
			"proc/self/mem":                 "the host's memory",
			"proc/self/root/" + here:        "everything, around hidden and read-only mounts",
			"proc/self/cwd":                 "the host's working directory",
			"proc/self/exe":                 "the host's program",
			"proc/self/fd/0":                "the host's standard input",
			"proc/1/root":                   "another process's tree",
			"proc/1/environ":                "another process's environment",
			"proc/sys/kernel/core_pattern":  "the kernel's settings",
			"proc/sysrq-trigger":            "the machine",
			"proc/../proc/self/environ":     "the host's environment",
			"etc/../proc/self/environ":      "the host's environment",
			"./proc//./self/environ":        "the host's environment",
			"dev/fd/0":                      "the host's standard input",
			"dev/stdin":                     "the host's standard input",
			here + "/l":                     "the host's environment",
			here + "/rel/" + here:           "everything again",
			here + "/dir/environ":           "another process's environment",
			here + "/fd":                    "the host's standard input",
			"proc/self/map_files":           "the host's mapped files",
			"proc/self/task/self/environ":   "the host's environment",
			"proc/self/attr/current":        "the host's security label",
			"proc/self/ns/mnt":              "the host's namespaces",
			"proc/kcore":                    "the kernel's memory",
			"proc/net/../self/environ":      "the host's environment",
			"proc/self/root/proc/1/environ": "another process's environment",
		} {
			for _, o := range []OpenOptions{{Read: true, Follow: true}, {Write: true, Follow: true}, {Read: true, Directory: true, Follow: true}} {
				if _, err := root.Open(path, o); err != syscall.EACCES && err != syscall.ENOENT {
					t.Errorf("%s: %v; it would reach %s", path, err, reaches)
				}
			}
			if _, err := root.Lookup(path, true); err != syscall.EACCES && err != syscall.ENOENT {
				t.Errorf("Lookup %s: %v; it would reach %s", path, err, reaches)
			}
			if _, err := root.Readlink(path); err == nil && strings.HasPrefix(path, "proc") {
				t.Errorf("Readlink %s", path)
			}
		}
		_, err := root.Lookup("proc/self/environ", true)
		errno(t, "procfs", err, syscall.EACCES)
		// A place on the procfs opens no way to the rest of it.
		beside := open(wasi.Mount{Guest: "/", Host: "/", ReadOnly: true}, wasi.Mount{Guest: "/proc/self/hidden", Hidden: true}).Root()
		for _, path := range []string{"proc", "proc/self/environ", "proc/1/root"} {
			_, err := beside.Lookup(path, true)
			errno(t, path, err, syscall.ENOENT)
		}
		if _, err := root.Lookup("proc/..", true); err != syscall.EACCES {
			t.Errorf("proc/..: %v", err)
		}
	})
}

// A mount on a procfs by name is granted, with that procfs; the links of it are text like any others.
func TestGrantedProc(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		d := open(wasi.Mount{Guest: "/p", Host: "/proc/self", ReadOnly: true}).Preopens()[0].Dir
		if got, err := content(d, "status"); !strings.HasPrefix(got, "Name:") {
			t.Errorf("status: %q, %v", got, err)
		}
		for _, path := range []string{"cwd", "root", "exe", "root/etc/passwd", "cwd/."} {
			_, err := d.Open(path, OpenOptions{Read: true, Follow: true})
			errno(t, path, err, syscall.EPERM)
		}
		fs := open(wasi.Mount{Guest: "/", Host: t.TempDir()}, wasi.Mount{Guest: "/status", Host: "/proc/self/status", ReadOnly: true})
		if got, err := content(fs.Root(), "status"); !strings.HasPrefix(got, "Name:") {
			t.Errorf("a file: %q, %v", got, err)
		}
	})
}

// Nothing waits, and nothing of the kinds that act is opened.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	here, err := os.Open(dir) // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	l, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/sock", here.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	plant(t, dir, "tofifo->fifo", "tosock->sock")
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: dir}).Root()
		for path, want := range map[string]syscall.Errno{"fifo": syscall.ENOTSUP, "tofifo": syscall.ENOTSUP, "sock": syscall.ENXIO, "tosock": syscall.ENXIO} {
			for _, o := range []OpenOptions{{Read: true}, {Write: true}, {Read: true, Write: true}, {Write: true, Create: true, Truncate: true}, {}} {
				o.Follow = true
				_, err := root.Open(path, o)
				errno(t, path, err, want)
			}
			errno(t, "Link "+path, root.Link(path, true, root, "new"), syscall.EPERM)
		}
	})
}

// Everything that the package does leaves no descriptor behind while the FS lives on, errors included.
func TestNoDescriptorLeak(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		all := slices.Concat(inData, inRoot)
		for i := 0; i < len(all); i += 6 {
			a := all[i]
			c := newCage(t, open, a, i >= len(inData))
			before := descriptors(t)
			for _, path := range []string{a.path, "a/b/../b/./c", "file", "a", "a/b", "mnt", "ro/file", "hidden", "p/x", "l/x"} {
				c.try(t, c.root, path)
			}
			if after := descriptors(t); after > before+1 { // the root's listing stays open with it
				t.Fatalf("%s: %d descriptors more", a.name, after-before)
			}
			c.fs.Close()
		}
	})
}
