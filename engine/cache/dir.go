package cache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrMiss means that the cache has no entry for a key.
var ErrMiss = errors.New("cache: no entry")

// UntrustedError is a directory that somebody else could put code into.
type UntrustedError struct {
	Path   string // the directory, or the one above it that is at fault
	Reason string
}

// Error implements error.
func (e *UntrustedError) Error() string {
	return fmt.Sprintf("cache: %s cannot hold code that will be executed: %s", e.Path, e.Reason)
}

// DamagedError is an entry whose content is not what was put. It has been removed, unless the directory is read-only.
type DamagedError struct {
	Key    Key
	Reason string
}

// Error implements error.
func (e *DamagedError) Error() string { return fmt.Sprintf("cache: entry %s: %s", e.Key, e.Reason) }

// Dir is a cache directory: a folder for each key, in it a file named by the digest of its content. It is safe for
// concurrent use, by processes too.
type Dir struct {
	root     *os.Root // nil where it was exported
	path     string
	readOnly bool
}

// entryMode lets exported code be used by others, under a second name of the same file. Nobody else comes as far as the entries in
// the cache: its directory is private.
const entryMode = 0o644

// tempPrefix begins the names of what is being written. What a crash left behind is removed after tempAge.
const (
	tempPrefix = "tmp-"
	tempAge    = 24 * time.Hour
)

// Open opens the directory path, and makes it, private to its user, where it does not exist. It is an *UntrustedError
// where somebody other than this user and root owns it or may write to it, or could replace it by writing to a
// directory above; nothing is made below such a directory. It is [errors.ErrUnsupported] on systems where that cannot be
// told. Close it when done.
func Open(path string) (*Dir, error) {
	d, err := openTrusted(path, false)
	if err != nil {
		return nil, err
	}
	d.sweep()
	return d, nil
}

// OpenReadOnly opens a directory that exists, trusted as by Open, and never writes to it: Get does not remove what is
// damaged, and the methods that write fail with [fs.ErrPermission].
func OpenReadOnly(path string) (*Dir, error) { return openTrusted(path, true) }

func openTrusted(path string, readOnly bool) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	above, err := existing(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err := trustedAbove(above); err != nil {
		return nil, err
	}
	if !readOnly {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	d := &Dir{root: root, path: path, readOnly: readOnly}
	if err := d.trusted(); err != nil {
		root.Close()
		return nil, err
	}
	return d, nil
}

// writable refuses to write to a directory opened read-only.
func (d *Dir) writable(op string) error {
	if d.readOnly {
		return fmt.Errorf("cache: %s: opened read-only: %w", op, fs.ErrPermission)
	}
	return nil
}

// existing returns what exists at path, or else the nearest directory above it that does, by a name without links.
func existing(path string) (string, error) {
	for {
		found, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return found, err
		}
		path = filepath.Dir(path)
	}
}

// trusted checks the opened directory itself, and those above it by name: they may be others than those that were there
// before it was made.
func (d *Dir) trusted() error {
	st, err := d.root.Stat(".")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := trustedDir(d.path, st, false); err != nil {
		return err
	}
	return trustedAbove(filepath.Dir(d.path))
}

// trustedAbove checks path and the directories above it as what a cache is in.
func trustedAbove(path string) error {
	for ; ; path = filepath.Dir(path) {
		st, err := os.Lstat(path)
		if err != nil {
			return fmt.Errorf("cache: %w", err)
		}
		if err := trustedDir(path, st, true); err != nil {
			return err
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// sweep removes what processes that died left half written.
func (d *Dir) sweep() {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), tempPrefix) && time.Since(info.ModTime()) > tempAge {
			_ = d.root.RemoveAll(e.Name())
		}
	}
}

// Close closes d. Entries that were got stay open.
func (d *Dir) Close() error {
	if d.Exported() {
		return nil
	}
	return d.root.Close()
}

// Entry is compiled code whose content has been verified, or that was exported.
type Entry struct {
	File  *os.File // at its beginning; the caller closes it
	Label string   // as given to Put; of an exported one the place in its folder
	name  string
}

// Get returns the entry for k: ErrMiss where there is none, a *DamagedError where there was one that is not used. Both
// mean: compile, and Put. It waits for nothing but the disk, whatever has the place of an entry.
func (d *Dir) Get(k Key) (*Entry, error) {
	if d.Exported() {
		return d.exported(k)
	}
	folder := k.String()
	damaged := func(name, reason string) (*Entry, error) {
		if !d.readOnly {
			_ = d.root.RemoveAll(name)
		}
		return nil, &DamagedError{k, reason}
	}
	st, err := d.root.Lstat(folder)
	if err == nil && !st.IsDir() {
		return damaged(folder, "its folder is no directory")
	}
	var names []fs.DirEntry
	if err == nil {
		names, err = fs.ReadDir(d.root.FS(), folder)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil, ErrMiss
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	name := folder + "/" + names[0].Name()
	if !names[0].Type().IsRegular() { // a link, or what opening would do more to than open it
		return damaged(name, irregular)
	}
	// It may be a FIFO by now, in whose opening one would wait.
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return nil, ErrMiss
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	digest, label, _ := strings.Cut(names[0].Name(), "-")
	if reason := verify(f, digest); reason != "" {
		f.Close()
		return damaged(name, reason)
	}
	return &Entry{File: f, Label: label, name: name}, nil
}

const irregular = "it is no regular file"

// verify returns why f is not to be used, or "".
func verify(f *os.File, digest string) string {
	st, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	if !st.Mode().IsRegular() {
		return irregular
	}
	if err := trustedFile(st); err != "" {
		return err
	}
	got, err := fileDigest(f, st.Size())
	if err != nil {
		return err.Error()
	}
	if hex.EncodeToString(got[:]) != digest {
		return "its content does not match its digest"
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err.Error()
	}
	return ""
}

// Put keeps content under k, with a label for an engine that needs a name, or "": a hundred letters, digits and dashes or so. An
// entry that is there already is replaced.
func (d *Dir) Put(k Key, label string, content io.Reader) error {
	if err := d.writable("put"); err != nil {
		return err
	}
	temp := tempPrefix + rand.Text()
	f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	err = d.put(k, label, content, f, temp)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = d.root.Remove(temp)
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

func (d *Dir) put(k Key, label string, content io.Reader, f *os.File, temp string) error {
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), content); err != nil {
		return err
	}
	_ = f.Chmod(entryMode)           // whatever the umask; where it cannot be had, exports are copies
	if err := f.Sync(); err != nil { // or a crash of the machine would leave a name without its content
		return err
	}
	folder := k.String()
	if err := d.root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := hex.EncodeToString(h.Sum(nil))
	if label != "" {
		name += "-" + label
	}
	if err := d.root.Rename(temp, folder+"/"+name); err != nil {
		return err
	}
	others, err := fs.ReadDir(d.root.FS(), folder)
	for _, o := range others { // an engine's output need not be the same twice; the newest stays
		if o.Name() != name {
			_ = d.root.Remove(folder + "/" + o.Name())
		}
	}
	return err
}
