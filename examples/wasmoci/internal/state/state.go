//go:build linux

package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/internal/userns"
	"github.com/wasmoci/wasmoci/oci"
)

// Version is that of the files. Files of a later version are refused; those of version 1 have no digest.
const Version = 2

// maxBytes bounds what is read of a file.
const maxBytes = 32 << 20

// ErrExists means that there is a container of this name.
var ErrExists = errors.New("a container with this ID exists")

// Container is one WebAssembly container.
type Container struct {
	Version    int            `json:"version"`
	ID         string         `json:"id"`
	Bundle     string         `json:"bundle"`              // the caller's, absolute
	Created    time.Time      `json:"created"`             //
	Engine     string         `json:"engine"`              //
	Module     string         `json:"module"`              // guest path
	Runner     string         `json:"runner"`              // its executable, on the host
	RunnerFile File           `json:"runnerFile,omitzero"` // what was there then; state of version 1 does not say
	Libraries  string         `json:"libraries,omitempty"` // what was there then of those that come with the runner, as prepared.Identify tells
	Delegate   string         `json:"delegate"`            // that made it
	Code       string         `json:"code"`                // directory with compiled code, on the host; the container has it read-only
	Name       string         `json:"name"`                // of the runner in there
	Record     string         `json:"record,omitempty"`    // file in which the runner says how the guest ended
	Cgroup     string         `json:"cgroup,omitempty"`    // that counts its memory, below the hierarchy's root
	Complete   bool           `json:"complete"`            // the delegate has made it, and it is what was asked for
	Ahead      bool           `json:"ahead,omitempty"`     // the delegate has started it, and its runner waits for the start
	Native     bool           `json:"native,omitempty"`    // it is a native container, of a bundle without its annotations
	Made       oci.Delegation `json:"made"`                // what it was derived with
	Compiled   time.Duration  `json:"compiled,omitempty"`  // what compiling its module took; 0: compiled code was there
	Trace      *Trace         `json:"trace,omitempty"`     // nil: it is not traced
}

// File tells a file from every other, and from what it was before it was written to.
type File struct {
	Device, Inode, Size uint64
	Modified, Changed   time.Time
	Born                time.Time `json:",omitzero"` // which nobody can set; not of every file system, nor in earlier state
}

// FileOf returns the file that path leads to from the directory dir, or dir itself where path is empty.
func FileOf(dir int, path string) (File, error) {
	var st unix.Statx_t
	if err := unix.Statx(dir, path, unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return File{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	at := func(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }
	f := File{Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino, Size: st.Size, Modified: at(st.Mtime), Changed: at(st.Ctime)}
	if st.Mask&unix.STATX_BTIME != 0 {
		f.Born = at(st.Btime)
	}
	return f, nil
}

// Is says whether other, which is not of an earlier state, is the file f: the same one, whatever its names are by now.
func (f File) Is(other File) bool {
	other.Changed = f.Changed
	if f.Born.IsZero() {
		other.Born = f.Born
	}
	return f == other
}

// Trace is a container's span, which ends when it is deleted.
type Trace struct {
	Span   string    `json:"span"`             // itself, as a traceparent
	Within string    `json:"within,omitempty"` // what it is part of, as a traceparent; "" is nothing
	Begun  time.Time `json:"begun"`
}

// Store is the containers under one root directory of the delegate. It is safe for concurrent use, by processes too.
type Store struct{ dir string }

// Open returns the store in dir for the delegate's root directory root, "" for its default. Nothing is made yet. A directory that
// another user could write to is refused: what is in there names programs to start.
func Open(dir, root string) (*Store, error) {
	name := "default"
	if root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(abs))
		name = hex.EncodeToString(sum[:8])
	}
	s := &Store{filepath.Join(dir, name)}
	return s, s.trusted()
}

// trusted refuses directories that are not this user's or root's alone. Those that do not exist are nobody's.
func (s *Store) trusted() error {
	for _, dir := range []string{filepath.Dir(s.dir), s.dir} {
		st, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		sys, ok := st.Sys().(*syscall.Stat_t)
		switch {
		case !ok || !st.IsDir():
			return fmt.Errorf("state: %s is no directory: remove it, or configure another state", dir)
		case sys.Uid != 0 && sys.Uid != uint32(os.Geteuid()) || userns.Unmapped(int(sys.Uid)) && !userns.Owns(dir):
			return fmt.Errorf("state: %s belongs to user %d: remove it, or configure another state", dir, sys.Uid)
		case st.Mode().Perm()&0o022 != 0:
			return fmt.Errorf("state: others may write to %s (mode %04o): chmod go-w it", dir, st.Mode().Perm())
		}
	}
	return nil
}

// At returns the store whose containers are in the directory dir.
func At(dir string) *Store { return &Store{dir} }

// CheckID refuses what is no name for a container, as runc does.
func CheckID(id string) error {
	ok := id != "" && id != "." && id != ".." && len(id) <= 255
	for _, c := range []byte(id) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_+-.", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("container ID %q: use up to 255 letters, digits, dots and _ + -", id)
	}
	return nil
}

// Path is the directory of a container's files.
func (s *Store) Path(id string) string { return filepath.Join(s.dir, id) }

// Get returns the container, or nil where none of this name is in the store. A file that cannot be read is an error, for which
// Remove still works.
func (s *Store) Get(id string) (*Container, error) {
	if CheckID(id) != nil {
		return nil, nil
	}
	c, err := read(filepath.Join(s.Path(id), stateFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && c.Version > Version:
		err = fmt.Errorf("a later version of this program has written it (%d): use that", c.Version)
	case err == nil && c.ID != id:
		err = fmt.Errorf("it is that of %q", c.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("state of container %q: %w; delete --force removes the container all the same", id, err)
	}
	return c, nil
}

// stateFile is a line of JSON, and one with its digest: the paths in there are removed and executed.
const stateFile = "state.json"

var errDamaged = errors.New("the file is damaged")

func read(name string) (*Container, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes))
	if err != nil {
		return nil, err
	}
	line, digest, _ := bytes.Cut(data, []byte("\n"))
	c := &Container{}
	if err := json.Unmarshal(line, c); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if c.Version != 1 && string(digest) != digestOf(line) || c.Version == 1 && len(digest) > 0 {
		return nil, errDamaged
	}
	return c, nil
}

// digestOf is the second line of a file.
func digestOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:]) + "\n"
}

// List returns the names of the containers, sorted.
func (s *Store) List() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, err
}

// Lock holds a container's name, so that no two processes make or remove it at once. The directory exists while it is held.
type Lock struct {
	store *Store
	id    string
	dir   *os.File
	fresh bool
}

// Lock waits until nobody else holds id, and holds it.
func (s *Store) Lock(id string) (*Lock, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o711); err != nil {
		return nil, err
	}
	if err := s.trusted(); err != nil { // somebody else may have made it
		return nil, err
	}
	for {
		err := os.Mkdir(s.Path(id), 0o711)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		dir, oerr := os.Open(s.Path(id))
		if errors.Is(oerr, fs.ErrNotExist) {
			continue
		} else if oerr != nil {
			return nil, oerr
		}
		for {
			if oerr = unix.Flock(int(dir.Fd()), unix.LOCK_EX); oerr != unix.EINTR {
				break
			}
		}
		if oerr != nil {
			dir.Close()
			return nil, fmt.Errorf("lock %s: %w", s.Path(id), oerr)
		}
		held, herr := dir.Stat()
		there, terr := os.Stat(s.Path(id))
		if herr == nil && terr == nil && os.SameFile(held, there) {
			_, err := dir.ReadDir(1) // who made the directory says nothing: somebody else may have locked it first
			return &Lock{s, id, dir, err == io.EOF}, nil
		}
		dir.Close() // removed while this waited
	}
}

// Fresh says whether the directory was empty when it was locked: nothing of an earlier container is left.
func (l *Lock) Fresh() bool { return l.fresh }

// Path is the directory of the container's files.
func (l *Lock) Path() string { return l.store.Path(l.id) }

// Save writes the container.
func (l *Lock) Save(c *Container) error {
	c.Version, c.ID = Version, l.id
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return write(filepath.Join(l.Path(), stateFile), append(append(line, '\n'), digestOf(line)...))
}

// Remove removes the container's files, and with them its name.
func (l *Lock) Remove() error { return os.RemoveAll(l.Path()) }

// Empty removes the container's files, and keeps its name.
func (l *Lock) Empty() error {
	entries, err := os.ReadDir(l.Path())
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(l.Path(), e.Name())))
	}
	return err
}

// Unlock lets others have the name.
func (l *Lock) Unlock() { _ = l.dir.Close() }

// WriteJSON writes a file that is there whole or not at all.
func WriteJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return write(name, data)
}

func write(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
