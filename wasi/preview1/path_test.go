//go:build linux

package preview1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// content reads a file of the host.
func content(t *testing.T, host, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(host, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name, path string
		o          opening
		want       Errno
	}{
		{"file", "file", opening{base: rightRead}, success},
		{"no right at all", "file", opening{}, success},
		{"missing", "none", opening{base: rightRead}, enoent},
		{"missing directory", "none/file", opening{base: rightRead}, enoent},
		{"through a file", "file/x", opening{base: rightRead}, enotdir},
		{"create", "new", opening{oflags: openCreate, base: rightWrite}, success},
		{"create what exists", "file", opening{oflags: openCreate, base: rightWrite}, success},
		{"create only", "file", opening{oflags: openCreate | openExclusive, base: rightWrite}, eexist},
		{"create only, new", "new", opening{oflags: openCreate | openExclusive, base: rightWrite}, success},
		{"create only, over a dangling link", "dangling", opening{oflags: openCreate | openExclusive, lookup: lookupFollow}, eexist},
		{"create through a dangling link", "dangling", opening{oflags: openCreate, lookup: lookupFollow}, success},
		{"create in what is missing", "none/new", opening{oflags: openCreate}, enoent},
		{"create and directory", "new", opening{oflags: openCreate | openDirectory}, einval},
		{"create with a slash", "new/", opening{oflags: openCreate}, eisdir},
		{"create a directory's name", "dir", opening{oflags: openCreate}, eisdir},
		{"directory", "dir", opening{oflags: openDirectory, base: dirRights}, success},
		{"directory with a slash", "dir/", opening{oflags: openDirectory}, success},
		{"directory unasked", "dir", opening{base: rightReaddir}, success},
		{"directory for writing", "dir", opening{base: rightWrite}, eisdir},
		{"directory truncated", "dir", opening{oflags: openTruncate}, eisdir},
		{"directory non-blocking", ".", opening{fdflags: flagNonblock}, success},
		{"file as directory", "file", opening{oflags: openDirectory}, enotdir},
		{"file with a slash", "file/", opening{}, enotdir},
		{"link not followed", "link", opening{base: rightRead}, eloop},
		{"link followed", "link", opening{lookup: lookupFollow, base: rightRead}, success},
		{"link to a directory not followed", "dirlink", opening{oflags: openDirectory}, enotdir},
		{"link to a directory followed", "dirlink", opening{lookup: lookupFollow, oflags: openDirectory}, success},
		{"below a link to a directory", "dirlink/inner", opening{base: rightRead}, success},
		{"dangling link", "dangling", opening{lookup: lookupFollow}, enoent},
		{"loop", "loop", opening{lookup: lookupFollow}, eloop},
		{"truncate", "file", opening{oflags: openTruncate, base: rightWrite}, success},
		{"read-only mount", "locked/file", opening{base: rightRead}, success},
		{"read-only mount, write", "locked/file", opening{base: rightWrite}, erofs},
		{"read-only mount, truncate", "locked/file", opening{oflags: openTruncate}, erofs},
		{"read-only mount, create", "locked/new", opening{oflags: openCreate}, erofs},
		{"read-only mount, create what exists", "locked/file", opening{oflags: openCreate, base: rightRead}, success},
		{"absolute", "/file", opening{}, eperm},
		{"above", "../file", opening{}, eperm},
		{"above and back", "dir/../../file", opening{}, eperm},
		{"within", "dir/../file", opening{}, success},
		{"dots and slashes", ".//dir/./../file", opening{}, success},
		{"empty", "", opening{}, enoent},
		{"NUL", "fi\x00le", opening{}, einval},
		{"NUL at the end", "file\x00", opening{}, einval},
		{"not UTF-8", "fi\xffle", opening{}, eilseq},
		{"surrogate", "\xed\xa0\x80", opening{}, eilseq},
		{"long name", strings.Repeat("n", 256), opening{}, enametoolong},
		{"long path", strings.Repeat("./", 2048) + "file", opening{}, enametoolong},
		{"very long path", strings.Repeat("./", maxPath/2) + "file", opening{}, enametoolong},
		{"unknown lookupflags", "file", opening{lookup: 2}, einval},
		{"unknown high lookupflags", "file", opening{lookup: 1 << 31}, einval},
		{"unknown oflags", "file", opening{oflags: 1 << 4}, einval},
		{"unknown high oflags", "file", opening{oflags: 1 << 16}, einval},
		{"unknown fdflags", "file", opening{fdflags: 1 << 5}, einval},
		{"unknown high fdflags", "file", opening{fdflags: 1 << 16}, einval},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := world(t)
			g.mem = make([]byte, 1<<18)
			fd, e := g.tryOpen(c.path, c.o)
			if e != c.want {
				t.Fatalf("errno %d, want %d", e, c.want)
			}
			if e == success && fd != 5 {
				t.Errorf("descriptor %d, want 5", fd)
			}
			if e != success && g.h.fds.get(5) != nil {
				t.Error("an error left a descriptor")
			}
		})
	}
}

func TestOpenEffects(t *testing.T) {
	g, host := world(t)
	g.open("file", opening{oflags: openTruncate})
	if got := content(t, host, "file"); got != "" {
		t.Errorf("truncated to %q", got)
	}
	fd := g.open("dangling", opening{oflags: openCreate, lookup: lookupFollow, base: rightWrite})
	g.write(fd, "through")
	if got := content(t, host, "none"); got != "through" {
		t.Errorf("created %q", got)
	}
	if _, e := g.tryOpen("locked/file", opening{oflags: openTruncate}); e != erofs {
		t.Errorf("errno %d", e)
	}
	opened := g.open("locked/file", opening{base: rightRead})
	if s, e := g.read(opened, 10); e != success || s != "content" {
		t.Errorf("the read-only file has %q, errno %d", s, e)
	}
	// What is open stays what it was.
	file := g.open("dir/inner", opening{base: rightRead})
	if err := os.Rename(filepath.Join(host, "dir"), filepath.Join(host, "moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(host, "moved/inner")); err != nil {
		t.Fatal(err)
	}
	if s, e := g.read(file, 10); e != success || s != "inner" {
		t.Errorf("%q, %d", s, e)
	}
}

func TestReadlink(t *testing.T) {
	g, host := world(t)
	if err := os.Symlink("/absolute/ä", filepath.Join(host, "abs")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		room int
		want Errno
		text string
	}{
		{"link", 10, success, "file"},
		{"link", 4, success, "file"},
		{"link", 3, success, "fil"},
		{"link", 0, success, ""},
		{"abs", 64, success, "/absolute/ä"},
		{"locked/link", 64, success, "file"},
		{"dangling", 64, success, "none"},
		{"loop", 64, success, "loop"},
		{"file", 64, einval, ""},
		{"dir", 64, einval, ""},
		{"none", 64, enoent, ""},
		{"../x", 64, eperm, ""},
	} {
		t.Run(c.path, func(t *testing.T) {
			p, n := g.put(c.path)
			buf, result := g.room(c.room+8), g.room(4)
			g.want(c.want, "path_readlink", root, p, n, buf, uint64(c.room), result)
			if c.want != success {
				return
			}
			used := int(g.u32(result))
			if got := string(g.bytes(buf, used)); got != c.text {
				t.Errorf("%q, want %q", got, c.text)
			}
			if rest := string(g.bytes(buf+uint64(used), 8)); rest != strings.Repeat("\xaa", 8) {
				t.Errorf("behind the link: %q", rest)
			}
		})
	}
}

// TestNames covers the calls that make, remove and rename names.
func TestNames(t *testing.T) {
	two := func(name string) func(g *guest, from, to string) Errno {
		return func(g *guest, from, to string) Errno {
			p, n := g.put(from)
			q, m := g.put(to)
			switch name {
			case "path_symlink":
				return g.call(name, p, n, root, q, m)
			case "path_link":
				return g.call(name, root, 0, p, n, root, q, m)
			}
			return g.call(name, root, p, n, root, q, m)
		}
	}
	one := func(name string) func(g *guest, path, _ string) Errno {
		return func(g *guest, path, _ string) Errno { return g.at(name, root, path) }
	}
	for _, c := range []struct {
		name     string
		call     func(g *guest, from, to string) Errno
		from, to string
		want     Errno
	}{
		{"mkdir", one("path_create_directory"), "new", "", success},
		{"mkdir with a slash", one("path_create_directory"), "new/", "", success},
		{"mkdir what exists", one("path_create_directory"), "dir", "", eexist},
		{"mkdir over a file", one("path_create_directory"), "file", "", eexist},
		{"mkdir over a dangling link", one("path_create_directory"), "dangling", "", eexist},
		{"mkdir in what is missing", one("path_create_directory"), "none/new", "", enoent},
		{"mkdir in a file", one("path_create_directory"), "file/new", "", enotdir},
		{"mkdir on a read-only mount", one("path_create_directory"), "locked/new", "", erofs},
		{"mkdir above", one("path_create_directory"), "../new", "", eperm},
		{"mkdir not UTF-8", one("path_create_directory"), "\xc0", "", eilseq},
		{"rmdir", one("path_remove_directory"), "empty", "", success},
		{"rmdir with a slash", one("path_remove_directory"), "empty/", "", success},
		{"rmdir with content", one("path_remove_directory"), "dir", "", enotempty},
		{"rmdir of a file", one("path_remove_directory"), "file", "", enotdir},
		{"rmdir of a link", one("path_remove_directory"), "dirlink", "", enotdir},
		{"rmdir of what is missing", one("path_remove_directory"), "none", "", enoent},
		{"rmdir of a mount point", one("path_remove_directory"), "locked", "", ebusy},
		{"rmdir of itself", one("path_remove_directory"), ".", "", einval},
		{"unlink", one("path_unlink_file"), "file", "", success},
		{"unlink a link", one("path_unlink_file"), "dirlink", "", success},
		{"unlink a dangling link", one("path_unlink_file"), "dangling", "", success},
		{"unlink a directory", one("path_unlink_file"), "dir", "", eisdir},
		{"unlink a directory with a slash", one("path_unlink_file"), "dir/", "", eisdir},
		{"unlink with a slash", one("path_unlink_file"), "file/", "", enotdir},
		{"unlink what is missing", one("path_unlink_file"), "none", "", enoent},
		{"unlink on a read-only mount", one("path_unlink_file"), "locked/file", "", erofs},
		{"rename", two("path_rename"), "file", "new", success},
		{"rename onto itself", two("path_rename"), "file", "file", success},
		{"rename over a file", two("path_rename"), "file", "dir/inner", success},
		{"rename a directory over an empty one", two("path_rename"), "dir", "empty", success},
		{"rename a directory over a full one", two("path_rename"), "empty", "dir", enotempty},
		{"rename a directory over a file", two("path_rename"), "dir", "file", enotdir},
		{"rename a file over a directory", two("path_rename"), "file", "empty", eisdir},
		{"rename into itself", two("path_rename"), "dir", "dir/sub", einval},
		{"rename what is missing", two("path_rename"), "none", "new", enoent},
		{"rename to what is missing", two("path_rename"), "file", "none/new", enoent},
		{"rename a link, not its target", two("path_rename"), "dangling", "new", success},
		{"rename to another mount", two("path_rename"), "file", "locked/new", exdev},
		{"rename from another mount", two("path_rename"), "locked/file", "new", exdev},
		{"rename on a read-only mount", two("path_rename"), "locked/file", "locked/new", erofs},
		{"rename a mount point", two("path_rename"), "locked", "new", ebusy},
		{"rename above", two("path_rename"), "file", "../new", eperm},
		{"symlink", two("path_symlink"), "file", "new", success},
		{"symlink to what is missing", two("path_symlink"), "no/thing", "new", success},
		{"symlink over a file", two("path_symlink"), "dir", "file", eexist},
		{"symlink over a link", two("path_symlink"), "dir", "dangling", eexist},
		{"symlink of nothing", two("path_symlink"), "", "new", enoent},
		{"symlink with a slash", two("path_symlink"), "file", "new/", enoent},
		{"symlink on a read-only mount", two("path_symlink"), "file", "locked/new", erofs},
		{"symlink with a NUL", two("path_symlink"), "fi\x00le", "new", einval},
		{"symlink not UTF-8", two("path_symlink"), "\xff", "new", eilseq},
		{"link", two("path_link"), "file", "new", success},
		{"link a link", two("path_link"), "dangling", "new", success},
		{"link over a file", two("path_link"), "file", "dir/inner", eexist},
		{"link over itself", two("path_link"), "file", "file", eexist},
		{"link over a dangling link", two("path_link"), "file", "dangling", eexist},
		{"link a directory", two("path_link"), "dir", "new", eperm},
		{"link with a slash", two("path_link"), "file", "new/", enoent},
		{"link what is missing", two("path_link"), "none", "new", enoent},
		{"link to another mount", two("path_link"), "file", "locked/new", erofs},
		{"link from another mount", two("path_link"), "locked/file", "new", exdev},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, host := world(t)
			if err := os.Mkdir(filepath.Join(host, "empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			before := tree(t, host)
			if e := c.call(g, c.from, c.to); e != c.want {
				t.Errorf("errno %d, want %d", e, c.want)
			}
			if after := tree(t, host); c.want != success && after != before {
				t.Errorf("an error changed the files from\n%s\nto\n%s", before, after)
			} else if c.want == success && c.from != c.to && after == before {
				t.Error("nothing has changed")
			}
		})
	}
}

// tree lists what is below a directory of the host, with targets and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(name)
		if e.Type().IsRegular() {
			c, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			b.WriteString(": " + string(c))
		} else if target, err := os.Readlink(name); err == nil {
			b.WriteString(" -> " + target)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLinkFlags(t *testing.T) {
	g, _ := world(t)
	p, n := g.put("link")
	q, m := g.put("new")
	for _, flags := range []uint64{lookupFollow, 2, bad} {
		g.want(einval, "path_link", root, flags, p, n, root, q, m)
	}
}

// TestLinkTimes: without follow, the times set are the link's own.
func TestLinkTimes(t *testing.T) {
	g, _ := world(t)
	p, n := g.put("link")
	g.want(success, "path_filestat_set_times", root, 0, p, n, 1111, 2222, setAtim|setMtim)
	if st, _ := g.filestat("path_filestat_get", root, 0, p, n); st.modified != 2222 || st.filetype != 7 {
		t.Errorf("link: %+v", st)
	}
	if st, _ := g.filestat("path_filestat_get", root, lookupFollow, p, n); st.modified < 1e18 {
		t.Errorf("target: %+v", st)
	}
	g.want(success, "path_filestat_set_times", root, lookupFollow, p, n, 1111, 3333, setAtim|setMtim)
	if st, _ := g.filestat("path_filestat_get", root, lookupFollow, p, n); st.modified != 3333 {
		t.Errorf("target: %+v", st)
	}
	g.want(einval, "path_filestat_set_times", root, 2, p, n, 0, 0, 0)
}
