package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// OpenExported opens a directory that [Dir.Export] wrote to, or a copy of it, and never writes to it. Nothing is verified: neither
// who may write to the directory, nor what is in it. Whoever may, can run code in this process.
func OpenExported(path string) (*Dir, error) {
	path, err := filepath.Abs(path) // links stay: of /proc/self/fd, what one leads to may have no name here
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Dir{path: path, readOnly: true}, nil
}

// Exported tells whether the directory was opened by [OpenExported].
func (d *Dir) Exported() bool { return d.root == nil }

// exported returns what Export wrote for k.
func (d *Dir) exported(k Key) (*Entry, error) {
	name := k.String()
	for place := ""; ; {
		found, err := os.ReadDir(filepath.Join(d.path, name, place))
		switch {
		case place == "" && errors.Is(err, fs.ErrNotExist):
			return nil, ErrMiss
		case err != nil:
			return nil, fmt.Errorf("cache: %w", err)
		case len(found) != 1:
			return nil, fmt.Errorf("cache: %s has %d names where an export has one", filepath.Join(d.path, name, place), len(found))
		}
		place = filepath.Join(place, found[0].Name())
		if found[0].IsDir() {
			continue
		}
		f, err := os.Open(filepath.Join(d.path, name, place))
		if err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
		return &Entry{File: f, Label: place, name: filepath.Join(name, place)}, nil
	}
}

// Export puts the verified entry e of k into dir, for [OpenExported], whoever opens it there: at place, which may have
// folders, in the folder of k, which must not exist. Where the file system is the same it becomes a second name of e's file, which takes
// no room, else a copy. Files get the mode 0644 and folders 0755, whatever the umask. Where it fails it leaves nothing.
func (d *Dir) Export(k Key, e *Entry, dir, place string) error {
	folder := filepath.Join(dir, k.String())
	err := os.Mkdir(folder, 0o755)
	if err != nil {
		return fmt.Errorf("cache: export: %w", err)
	}
	if err = d.export(e, folder, place); err != nil {
		_ = os.RemoveAll(folder)
		return fmt.Errorf("cache: export: %w", err)
	}
	return nil
}

func (d *Dir) export(e *Entry, folder, place string) error {
	path := filepath.Join(folder, place)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	for above := filepath.Dir(path); ; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			return err
		}
		if above == folder {
			break
		}
	}
	st, err := e.File.Stat()
	if err != nil {
		return err
	}
	if st.Mode().Perm()&entryMode == entryMode && os.Link(d.Path(e), path) == nil {
		if sameFile(e, os.Lstat, path) == nil {
			return nil
		}
		if err := os.Remove(path); err != nil { // it was replaced since it was verified
			return err
		}
	}
	return e.copyTo(path, entryMode)
}

// copyTo writes the content of e to a file that does not exist.
func (e *Entry) copyTo(path string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(e.File, 0, math.MaxInt64))
	if err == nil {
		err = f.Chmod(mode)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
