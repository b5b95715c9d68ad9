package cache

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Scratch makes an empty directory inside the cache, as trusted as the cache is, for an engine that reads or writes its
// compiled code by path. Call remove when done with it; a process that dies leaves it to a later Open. For a cache that is
// opened read-only it is in the system's directory for temporary files, if that is one which nobody else can change.
func (d *Dir) Scratch() (path string, remove func(), err error) {
	if d.readOnly {
		return scratchElsewhere()
	}
	name := tempPrefix + rand.Text()
	if err := d.root.Mkdir(name, 0o700); err != nil {
		return "", nil, fmt.Errorf("cache: %w", err)
	}
	return filepath.Join(d.path, name), func() { _ = d.root.RemoveAll(name) }, nil
}

func scratchElsewhere() (path string, remove func(), err error) {
	above, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return "", nil, fmt.Errorf("cache: directory for temporary files: %w", err)
	}
	if err := trustedAbove(above); err != nil {
		return "", nil, err
	}
	path, err = os.MkdirTemp(above, "wasmoci-")
	if err != nil {
		return "", nil, fmt.Errorf("cache: %w", err)
	}
	return path, func() { _ = os.RemoveAll(path) }, nil
}

// Path is where the verified file of e is, for an engine that maps compiled code by path. Whatever this package puts there has
// the same content; where the entry has been removed since, there is nothing.
func (d *Dir) Path(e *Entry) string { return filepath.Join(d.path, filepath.FromSlash(e.name)) }

// Link gives the verified file of e, while it is open, a second name inside a directory that Scratch made, without copying
// it.
func (d *Dir) Link(e *Entry, path string) error {
	if d.readOnly {
		return linkElsewhere(e, path)
	}
	rel, err := filepath.Rel(d.path, path)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := d.root.Link(e.name, rel); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := sameFile(e, d.root.Lstat, rel); err != nil {
		_ = d.root.Remove(rel)
		return err
	}
	return nil
}

// linkElsewhere does without a hard link, which another file system could not have: where there is no procfs, by copying.
func linkElsewhere(e *Entry, path string) error {
	if err := os.Symlink("/proc/self/fd/"+strconv.Itoa(int(e.File.Fd())), path); err == nil {
		if sameFile(e, os.Stat, path) == nil {
			return nil
		}
		_ = os.Remove(path)
	}
	if err := e.copyTo(path, 0o600); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// sameFile is ErrMiss where path is another file than e: it was replaced since it was verified.
func sameFile(e *Entry, stat func(string) (os.FileInfo, error), path string) error {
	linked, err := stat(path)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if st, err := e.File.Stat(); err != nil || !os.SameFile(st, linked) {
		return ErrMiss
	}
	return nil
}
