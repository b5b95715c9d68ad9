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

// privateCache is a directory for compiled code that children share and nobody else uses. It is locked as long as its process
// lives: what one that was killed has left, the next removes.
type privateCache struct {
	path string
	lock *os.File // the directory
}

const (
	privatePrefix = "wasmoci-engine-"
	settled       = time.Minute // an unlocked directory that is younger may be just being made
)

func newPrivateCache() (*privateCache, error) {
	sweep(os.TempDir())
	path, err := os.MkdirTemp("", privatePrefix)
	if err != nil {
		return nil, fmt.Errorf("subprocess: make a place for compiled code: %w (set Options.CacheDir or TMPDIR)", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	c := &privateCache{path: path}
	if c.lock, err = os.Open(path); err == nil {
		err = flock(c.lock)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("subprocess: lock the place for compiled code: %w", err)
	}
	return c, nil
}

func (c *privateCache) close() {
	_ = os.RemoveAll(c.path)
	_ = c.lock.Close()
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
