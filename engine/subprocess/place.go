//go:build linux

package subprocess

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// place is a directory for compiled code that children share and nobody else uses. It is locked as long as its process lives: what
// one that was killed has left, the next removes.
type place struct {
	path string
	lock *os.File // the directory
}

const (
	privatePrefix = "wasmoci-engine-"
	settled       = time.Minute // an unlocked directory that is younger may be just being made
)

func newPlace() (*place, error) {
	sweep(os.TempDir())
	path, err := os.MkdirTemp("", privatePrefix)
	if err != nil {
		return nil, fmt.Errorf("subprocess: make a place for compiled code: %w (set Options.CacheDir or TMPDIR)", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	c := &place{path: path}
	if c.lock, err = os.Open(path); err == nil {
		err = flock(c.lock)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("subprocess: lock the place for compiled code: %w", err)
	}
	return c, nil
}

func (c *place) close() {
	_ = os.RemoveAll(c.path)
	_ = c.lock.Close()
}

// private returns what a name in the engine's place is called from outside. The place is made when it is first asked for.
func (e *subEngine) private(name string) (path string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.place == nil {
		if e.place, err = newPlace(); err != nil {
			return "", err
		}
	}
	return filepath.Join(e.place.path, name), nil
}

// sweep removes what others of this user have left. Whatever goes wrong concerns nobody.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), privatePrefix) || !e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		st, err := f.Stat()
		if err == nil && time.Since(st.ModTime()) > settled && st.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) && flock(f) == nil {
			_ = os.RemoveAll(path)
		}
		f.Close()
	}
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
