//go:build linux

package vfs

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

const raceTime = 300 * time.Millisecond // in each of four modes

// race runs host again and again beside guest, each in a thread of its own, and fails unless guest has said at least once
// that it found the one thing and at least once the other: a race that only one side wins shows nothing.
func race(t *testing.T, host func() error, guest func() (one, other bool)) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := host(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var ones, others int
	for end := time.Now().Add(raceTime); time.Now().Before(end) && !t.Failed() || ones == 0 || others == 0; {
		if time.Now().After(end.Add(20*time.Second)) || t.Failed() {
			t.Errorf("found the one %d times, the other %d times", ones, others)
			break
		}
		one, other := guest()
		if one {
			ones++
		}
		if other {
			others++
		}
	}
	close(stop)
	wg.Wait()
}

func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// A directory on the way is a link to the outside at every other moment.
func TestRaceDirectoryAndLink(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		base := plant(t, t.TempDir(), "granted/a/d/e/file=good", "outside/e/file="+canary, "granted/a/x->../../outside")
		root := open(wasi.Mount{Guest: "/data", Host: base + "/granted"}).Preopens()[0].Dir
		outside := snapshot(t, base+"/outside")
		i := 0
		race(t, func() error { return exchange(base+"/granted/a/d", base+"/granted/a/x") }, func() (bool, bool) {
			i++
			var err error
			var got string
			switch i % 4 {
			case 0:
				got, err = content(root, "a/d/e/file")
			case 1:
				got, err = content(root, "a/d/e/../../d/e/file")
			case 2:
				err = root.Mkdir("a/d/e/new", 0o777)
				_ = root.Rmdir("a/d/e/new")
			case 3:
				err = root.Rename("a/d/e/file", root, "a/d/e/file2")
				_ = root.Rename("a/d/e/file2", root, "a/d/e/file")
				_ = root.Rename("a/x/e/file2", root, "a/x/e/file")
			}
			if got == canary {
				t.Error("read the canary")
			}
			return err == nil, err == syscall.EPERM
		})
		for name, was := range outside {
			if is := snapshot(t, base+"/outside")[name]; is != was {
				t.Errorf("changed %s", name)
			}
		}
	})
}

// The directory that the walk stands in moves out of the grant and back.
func TestRaceDirectoryMovedOut(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		base := plant(t, t.TempDir(), "granted/a/b/c/d/", "granted/a/secret=good", "outside/a/secret="+canary)
		root := open(wasi.Mount{Guest: "/", Host: base + "/granted"}).Root()
		out := false
		i := 0
		race(t, func() error {
			from, to := base+"/granted/a/b", base+"/outside/a/b"
			if out {
				from, to = to, from
			}
			out = !out
			return os.Rename(from, to)
		}, func() (bool, bool) {
			i++
			got, err := content(root, []string{"a/b/c/d/../../../secret", "a/b/../secret", "a/b/c/../../../a/secret", "a/b/c/../c/d/../../../b/../secret"}[i%4])
			if got == canary {
				t.Error("read the canary")
			}
			if err != nil && err != syscall.ENOENT {
				t.Error(err)
			}
			return got == "good", err == syscall.ENOENT
		})
	})
}

// A file is a link to the outside, or a FIFO, at every other moment: it is not opened, emptied or waited for.
func TestRaceFile(t *testing.T) {
	for _, kind := range []string{"link", "fifo"} {
		t.Run(kind, func(t *testing.T) {
			eachMode(t, func(t *testing.T, open opener) {
				base := plant(t, t.TempDir(), "granted/f=good", "outside/secret="+canary)
				other := base + "/granted/x"
				refused := syscall.EPERM
				if kind == "fifo" {
					refused = syscall.ENOTSUP
					if err := syscall.Mkfifo(other, 0o666); err != nil {
						t.Fatal(err)
					}
				} else if err := os.Symlink("../outside/secret", other); err != nil {
					t.Fatal(err)
				}
				root := open(wasi.Mount{Guest: "/data", Host: base + "/granted"}).Preopens()[0].Dir
				i := 0
				race(t, func() error { return exchange(base+"/granted/f", other) }, func() (bool, bool) {
					i++
					o := []OpenOptions{{Read: true}, {Write: true, Truncate: true}, {Write: true, Create: true}}[i%3]
					o.Follow = true
					n, err := root.Open("f", o)
					if err != nil {
						if err != refused && err != syscall.ESTALE {
							t.Error(err)
						}
						return false, true
					}
					defer n.Close()
					if s, err := n.Stat(); err != nil || s.Type != Regular {
						t.Errorf("opened %+v, %v", s, err)
					}
					return true, false
				})
				if b, err := os.ReadFile(filepath.Join(base, "outside/secret")); string(b) != canary {
					t.Errorf("outside: %q, %v", b, err)
				}
			})
		})
	}
}

// A name that is created is somebody else's link at every other moment.
func TestRaceCreate(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		base := plant(t, t.TempDir(), "granted/", "outside/")
		root := open(wasi.Mount{Guest: "/data", Host: base + "/granted"}).Preopens()[0].Dir
		name := base + "/granted/new"
		race(t, func() error {
			if err := os.Symlink("../outside/new", name); err != nil && !os.IsExist(err) {
				return err
			}
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				return err
			}
			return nil
		}, func() (bool, bool) {
			n, err := root.Open("new", OpenOptions{Write: true, Create: true, Follow: true, Truncate: true})
			if err == nil {
				n.Close()
			}
			return err == nil, err == syscall.EPERM
		})
		if all, err := os.ReadDir(base + "/outside"); len(all) > 0 || err != nil {
			t.Errorf("outside has %v, %v", all, err)
		}
	})
}
