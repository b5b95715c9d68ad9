//go:build linux

package vfs

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// FuzzPaths lets a guest do anything with any paths, in a tree with a canary outside, under hidden places and under a mount
// point, and fails when one of them is reached. A line of the program is an operation, a path and, behind a space, a second.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{
		"\x00../outside/secret\n\x01a/../../outside\n",
		"\x05../outside l\n\x00l/secret\n\x08l m\n\x00m\n",
		"\x02a\n\x02a/b\n\x05../../../outside a/b/l\n\x07a/b/l l\n\x01l\n\x00l/secret\n",
		"\x05/ r\n\x00r/r/../hid/secret\n\x07p q\n\x00q/hid/secret\n\x0amnt\n",
		"\x05.. u\n\x05u/u v\n\x00v/v/../outside/secret\n\x09v/x\n\x03u\n\x04l\n\x06l\n",
	} {
		f.Add([]byte(seed), uint8(len(seed)))
	}
	base := f.TempDir()
	f.Fuzz(func(t *testing.T, program []byte, mode uint8) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		plant(t, dir, "outside/secret="+canary, "granted/a/b/", "granted/f=good", "granted/hid/secret="+canary, "granted/p/hid/secret="+canary, "mnt/x=good", "granted/mnt/secret="+canary)
		c := &cage{before: snapshot(t, dir+"/outside", dir+"/granted/hid", dir+"/granted/p/hid", dir+"/granted/mnt")}
		mounts := []wasi.Mount{{Guest: "/", Host: dir + "/granted"}, {Guest: "/hid", Hidden: true}, {Guest: "/p/hid", Hidden: true}, {Guest: "/mnt", Host: dir + "/mnt"}}
		if mode&4 != 0 {
			for i := range mounts {
				mounts[i].Guest = strings.TrimSuffix("/data"+mounts[i].Guest, "/")
			}
		}
		fs, err := newFS(mounts, shortcuts{mode&1 != 0, mode&2 != 0})
		if err != nil {
			t.Fatal(err)
		}
		defer fs.Close()
		d := fs.Preopens()[0].Dir
		lines := strings.Split(string(program), "\n")
		for _, line := range lines[:min(len(lines), 64)] {
			if line == "" {
				continue
			}
			op := line[0] % 12
			path, second, _ := strings.Cut(line[1:], " ")
			var n Node
			switch op {
			case 0:
				n, err = d.Open(path, OpenOptions{Read: true, Follow: true})
			case 1:
				var s Stat
				if s, err = d.Lookup(path, true); err == nil {
					c.reached(t, "Lookup", s)
				}
			case 2:
				err = d.Mkdir(path, 0o777)
			case 3:
				err = d.Rmdir(path)
			case 4:
				err = d.Unlink(path)
			case 5:
				err = d.Symlink(path, second)
			case 6:
				_, err = d.Readlink(path)
			case 7:
				err = d.Rename(path, d, second)
			case 8:
				err = d.Link(path, len(program)%2 == 0, d, second)
			case 9:
				n, err = d.Open(path, OpenOptions{Write: true, Create: true, Truncate: true, Follow: true, Perm: 0o666})
			case 10:
				if n, err = d.Open(path, OpenOptions{Directory: true, Follow: true, Read: true}); err == nil {
					d = n.(*Dir)
					entries(t, d)
				}
			case 11:
				err = d.SetTimesAt(path, true, Times{MtimNow: true, AtimNow: true})
			}
			if _, plain := err.(syscall.Errno); err != nil && !plain {
				t.Errorf("%v is no plain errno", err)
			}
			if err == errReplaced {
				t.Error("errReplaced")
			}
			if err != nil || n == nil {
				continue
			}
			s, err := n.Stat()
			if err != nil {
				t.Error(err)
			}
			c.reached(t, "Open", s)
			if file, ok := n.(*File); ok {
				b := make([]byte, 64)
				if k, _ := file.Read(b); strings.Contains(string(b[:k]), canary) {
					t.Error("read the canary")
				}
				_, _ = file.Write([]byte("over"))
				file.Close()
			}
		}
		after := snapshot(t, dir+"/outside", dir+"/granted/hid", dir+"/granted/p/hid", dir+"/granted/mnt")
		if len(after) != len(c.before) {
			t.Errorf("%d names, want %d", len(after), len(c.before))
		}
		for name, was := range c.before {
			if after[name] != was {
				t.Errorf("changed %s", name)
			}
		}
	})
}
