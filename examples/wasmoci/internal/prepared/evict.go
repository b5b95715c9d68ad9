//go:build linux

package prepared

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// holdEntry keeps the directory of an entry from being evicted while it is open. It is fs.ErrNotExist where there is none.
func (s *Store) holdEntry(name string) (*os.File, error) {
	for {
		dir, err := openDirectory(s.path(name))
		if err != nil {
			return nil, err
		}
		if err := flock(dir, unix.LOCK_SH); err != nil {
			dir.Close()
			return nil, err
		}
		held, herr := dir.Stat()
		if there, terr := os.Lstat(dir.Name()); herr == nil && terr == nil && os.SameFile(held, there) {
			return dir, nil
		}
		dir.Close() // evicted while this waited
	}
}

func openDirectory(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// flock takes a lock on an open file, which lasts until it is closed.
func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

// entry is code in the store.
type entry struct {
	name  string
	used  time.Time // last
	bytes int64
	inUse bool // by a container, where it has a second name: it takes no less room without the first
}

// evict removes the code that was used least recently, until all that the store has takes no more than its limit; but nothing that a
// container uses, or somebody else holds.
func (s *Store) evict() error {
	all, err := openDirectory(filepath.Join(s.dir, "code")) // whose lock lets one evict at a time
	if err != nil {
		return err
	}
	defer all.Close()
	if err := flock(all, unix.LOCK_EX); err != nil {
		return err
	}
	bytes, entries, err := s.measure()
	if err != nil {
		return fmt.Errorf("what the cache holds: %w", err)
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, e := range entries {
		if bytes <= s.limit {
			break
		}
		if e.inUse {
			continue
		}
		gone, err := s.remove(e.name)
		if err != nil {
			return err
		}
		if gone {
			bytes -= e.bytes
		}
	}
	return nil
}

// remove removes an entry at once, unless somebody holds it.
func (s *Store) remove(name string) (gone bool, err error) {
	dir, err := openDirectory(s.path(name))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), nil // damaged: it is made anew when it is needed
	}
	defer dir.Close()
	if err := flock(dir, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil
	}
	held, herr := dir.Stat()
	if there, terr := os.Lstat(dir.Name()); herr != nil || terr != nil || !os.SameFile(held, there) {
		return false, nil // made anew meanwhile
	}
	aside := s.path(tempPrefix + rand.Text()) // which sweep removes should this process be killed
	if err := os.Rename(dir.Name(), aside); err != nil {
		return false, err
	}
	return true, os.RemoveAll(aside)
}

// measure returns how much room all files of the store take, and its entries.
func (s *Store) measure() (bytes int64, entries []entry, err error) {
	type file struct{ dev, ino uint64 }
	seen := make(map[file]bool)
	count := func(dir string, each func(*syscall.Stat_t)) error {
		return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) { // others remove theirs meanwhile
					return nil
				}
				return err
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				if f := (file{st.Dev, st.Ino}); !seen[f] {
					seen[f] = true
					bytes += st.Blocks * 512
				}
				if !d.IsDir() {
					each(st)
				}
			}
			return nil
		})
	}
	folders, err := os.ReadDir(filepath.Join(s.dir, "code"))
	if err != nil {
		return 0, nil, err
	}
	for _, d := range folders {
		if _, err := hex.DecodeString(d.Name()); err != nil || !d.IsDir() {
			continue // it is not an entry, or not yet
		}
		e, before := entry{name: d.Name()}, bytes
		err := count(s.path(e.name), func(st *syscall.Stat_t) { e.inUse = e.inUse || st.Nlink > 1 })
		if err != nil {
			return 0, nil, err
		}
		if st, err := os.Stat(filepath.Join(s.path(e.name), manifest)); err == nil {
			e.used = st.ModTime()
		}
		e.bytes = bytes - before
		entries = append(entries, e)
	}
	return bytes, entries, count(s.dir, func(*syscall.Stat_t) {})
}
