//go:build linux

package prepared

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
)

// Store is a directory that only this user may write to.
type Store struct{ dir string }

// manifest is the name of the list of files with their digests. What it does not list does not exist.
const manifest = "files.json"

const tempPrefix = "tmp-"

// Open opens the directory, and makes it where it does not exist. One that others may write to is refused. Others may pass
// through it: a container in a user namespace has its code mounted from here.
func Open(dir string) (*Store, error) {
	d, err := cache.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	for _, part := range []string{"", "code", "containers", guesses} {
		path := filepath.Join(dir, part)
		if err := os.Mkdir(path, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := os.Chmod(path, 0o711); err != nil {
			return nil, err
		}
	}
	return &Store{dir}, nil
}

// Container is the directory for what the container id has of compiled code. owner is the directory with its state: others may use
// this store, and have containers of that name. It is not made yet.
func (s *Store) Container(owner, id string) string { return filepath.Join(s.containers(owner), id) }

func (s *Store) containers(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	return filepath.Join(s.dir, "containers", hex.EncodeToString(sum[:8]))
}

// Containers returns the names of owner's containers of which there are directories.
func (s *Store) Containers(owner string) (ids []string, err error) {
	entries, err := os.ReadDir(s.containers(owner))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids, err
}

// Code is the compiled code of one module for one runner.
type Code struct {
	Name   string            // of its directory, for the container too
	Size   int64             // of its files, bytes
	module [sha256.Size]byte // digest
	runner string
	dir    string
	files  map[string]string // path: digest
}

// Digest is the module's, as engine.ModuleInfo has it.
func (c *Code) Digest() string { return fmt.Sprintf("sha256:%x", c.module) }

// list is what the manifest has.
type list struct {
	Module string            `json:"module"` // digest
	Files  map[string]string `json:"files"`  // path: digest
}

// key names code by all that it depends on: the module, which has this digest, the runner and the processor.
func key(module [sha256.Size]byte, runner string) (string, error) {
	st, err := os.Stat(runner)
	if err != nil {
		return "", err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.ErrUnsupported
	}
	h := sha256.New()
	fmt.Fprintf(h, "3\x00%s\x00%d %d %d %d %d\x00%s\x00", runner, sys.Dev, sys.Ino, sys.Size, sys.Mtim.Nano(), sys.Ctim.Nano(), cache.CPU())
	h.Write(module[:])
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func digest(r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return sum, err
}

// Get returns the code of module for the runner at path runner, and has it compiled where there is none: make gets a copy of the
// module, and an empty directory to put the compiled code into, below "code", whose content is copied, not trusted to stay what it
// is. Of several processes that need the same code at once, one compiles and the others wait.
func (s *Store) Get(ctx context.Context, module *os.File, runner string, make Make) (*Code, error) {
	if st, err := module.Stat(); err != nil {
		return nil, err
	} else if limit := (engine.Options{}).ModuleLimit(); st.Size() > limit {
		return nil, &engine.TooLargeError{Name: module.Name(), Size: st.Size(), Max: limit}
	}
	sum, err := digest(within(ctx, module))
	if err != nil {
		return nil, err
	}
	name, err := key(sum, runner)
	if err != nil {
		return nil, err
	}
	c, err := s.get(ctx, name, module, runner, make)
	if err == nil {
		s.remember(module, runner, name)
	}
	return c, err
}

// get is Get for a module whose code has that name.
func (s *Store) get(ctx context.Context, name string, module *os.File, runner string, make Make) (*Code, error) {
	verified := func() (*Code, error) {
		c, err := s.read(name, runner)
		if err == nil {
			err = c.verify(ctx, c.dir)
		}
		return c, err
	}
	if c, err := verified(); err == nil {
		return c, nil
	}
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c, err := verified(); err == nil {
		return c, nil
	}
	if err := os.RemoveAll(s.path(name)); err != nil { // it is damaged, if it is there
		return nil, err
	}
	s.sweep()
	s.sweepGuesses()
	if err := s.make(ctx, name, module, runner, make); err != nil {
		return nil, err
	}
	return verified()
}

// Make compiles module into dir.
type Make func(ctx context.Context, module *os.File, dir string) error

// within reads module from its beginning, until ctx ends.
func within(ctx context.Context, module *os.File) io.Reader {
	return &bounded{ctx, io.NewSectionReader(module, 0, engine.Options{}.ModuleLimit())}
}

type bounded struct {
	ctx context.Context
	r   io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	return b.r.Read(p)
}

// tempAge is how old what somebody left half made has to be: no compilation takes that long.
const tempAge = 24 * time.Hour

// sweep removes what processes that were killed have left half made.
func (s *Store) sweep() {
	entries, err := os.ReadDir(filepath.Join(s.dir, "code"))
	if err != nil {
		return
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), tempPrefix) && time.Since(st.ModTime()) > tempAge {
			_ = os.RemoveAll(s.path(e.Name()))
		}
	}
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, "code", name) }

// lock holds the name among processes until unlock, which removes the file.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		f, err := os.OpenFile(s.path(name)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			held, herr := f.Stat()
			there, terr := os.Stat(f.Name())
			if herr == nil && terr == nil && os.SameFile(held, there) {
				return func() {
					_ = os.Remove(f.Name()) // while it is held: who waits for it finds out, and takes the next
					f.Close()
				}, nil
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// make has code compiled into a directory of its own and takes over what is in there. The directory is within one that is closed
// to whoever compiles: others of that user do not come as far. What is compiled is a copy: the module's file is the container's or
// another's to change, and what it is then must not come under the name of what it was.
func (s *Store) make(ctx context.Context, name string, module *os.File, runner string, compile Make) error {
	private, err := os.MkdirTemp(filepath.Join(s.dir, "code"), tempPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	copied, err := snapshot(within(ctx, module), filepath.Join(private, "module"))
	if err != nil {
		return err
	}
	defer copied.Close()
	sum, err := digest(within(ctx, copied))
	if err != nil {
		return err
	}
	if now, err := key(sum, runner); err != nil {
		return err
	} else if now != name {
		return fmt.Errorf("%s is being written to: create the container again when it is complete", module.Name())
	}
	made, kept := filepath.Join(private, "made"), filepath.Join(private, "kept")
	if err := errors.Join(os.Mkdir(made, 0o700), folder(kept)); err != nil {
		return err
	}
	if err := compile(ctx, copied, made); err != nil {
		return err
	}
	if err := adopt(filepath.Join(made, "code"), kept, sum); err != nil {
		return fmt.Errorf("compiled code: %w", err)
	}
	return os.Rename(kept, s.path(name))
}

// snapshot copies module into a new file, and opens that for reading.
func snapshot(module io.Reader, name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, module)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// Bounds of what a compiler may leave.
const (
	maxFiles = 64
	maxDepth = 4
	maxSize  = 4 << 30
)

// adopt copies regular files and directories from one directory, which somebody else has made, to another, and writes the
// manifest there, for a module with this digest.
func adopt(from, to string, module [sha256.Size]byte) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	a := &adoption{root: root, to: to, files: make(map[string]string)}
	if err := a.folder(".", 0); err != nil {
		return err
	}
	if len(a.files) == 0 {
		return errors.New("the runner left none")
	}
	text, err := json.Marshal(list{hex.EncodeToString(module[:]), a.files})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, manifest), text, 0o600)
}

type adoption struct {
	root  *os.Root
	to    string
	files map[string]string // path: digest
	names int
	size  int64
}

// folder adopts what is in the directory path. It never reads more names than an engine makes.
func (a *adoption) folder(path string, depth int) error {
	dir, err := a.root.Open(path)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(maxFiles + 1)
	dir.Close()
	if err != nil && err != io.EOF {
		return err
	}
	if a.names += len(entries); a.names > maxFiles || depth > maxDepth {
		return fmt.Errorf("%q: more files than an engine makes", path)
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		switch {
		case name == manifest:
			return fmt.Errorf("%q is no file of an engine's", name)
		case e.IsDir():
			if err = folder(filepath.Join(a.to, name)); err == nil {
				err = a.folder(name, depth+1)
			}
		case e.Type().IsRegular():
			err = a.file(name)
		default:
			return fmt.Errorf("%q is no regular file", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *adoption) file(path string) error {
	in, err := a.root.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	if st, err := in.Stat(); err != nil || !st.Mode().IsRegular() {
		return fmt.Errorf("%q is no regular file", path)
	}
	out, err := os.OpenFile(filepath.Join(a.to, path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(in, maxSize-a.size+1))
	if a.size += n; err == nil && a.size > maxSize {
		err = fmt.Errorf("is larger than %d GiB", int64(maxSize)>>30)
	}
	if err == nil {
		err = errors.Join(out.Chmod(0o644), out.Sync())
	}
	a.files[path] = sum(h)
	return errors.Join(err, out.Close())
}

// folder makes a directory, and those above it, that every user may read, whatever the umask is.
func folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// read reads the manifest. Nothing else is looked at, but that there are the files.
func (s *Store) read(name, runner string) (*Code, error) {
	c := &Code{Name: name, runner: runner, dir: s.path(name)}
	data, err := os.ReadFile(filepath.Join(c.dir, manifest))
	if err != nil {
		return nil, err
	}
	var l list
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, err
	}
	sum, err := hex.DecodeString(l.Module)
	if err != nil || len(sum) != len(c.module) {
		return nil, errors.New("the list of files is of no module")
	}
	c.module = [sha256.Size]byte(sum)
	if own, err := key(c.module, runner); err != nil || own != name {
		return nil, errors.New("the list of files is of other code")
	}
	if c.files = l.Files; len(c.files) == 0 {
		return nil, errors.New("the list of files is empty")
	}
	for path := range c.files {
		if !filepath.IsLocal(path) {
			return nil, fmt.Errorf("%q is not within the code", path)
		}
		st, err := os.Lstat(filepath.Join(c.dir, path))
		if err != nil {
			return nil, errors.New(err.Error()) // the list without its file is damage, not absence
		}
		c.Size += st.Size()
	}
	return c, nil
}

// verify says whether the files of c are in dir as they were when they were listed.
func (c *Code) verify(ctx context.Context, dir string) error {
	for path, listed := range c.files {
		f, err := os.OpenFile(filepath.Join(dir, path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		sum, err := digest(&bounded{ctx, f})
		f.Close()
		if err != nil {
			return err
		}
		if hex.EncodeToString(sum[:]) != listed {
			return fmt.Errorf("%q is not what was put there", path)
		}
	}
	return nil
}

// Link gives the files of c a second name below dir/Name, or copies them to another file system. It does nothing where they are
// there already.
func (c *Code) Link(dir string) error {
	to := filepath.Join(dir, c.Name)
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(dir, tempPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	paths := make([]string, 0, len(c.files))
	for path := range c.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if above := filepath.Dir(path); above != "." {
			if err := folder(filepath.Join(temp, above)); err != nil {
				return err
			}
		}
		if err := os.Link(filepath.Join(c.dir, path), filepath.Join(temp, path)); err != nil {
			if err = copyFile(filepath.Join(c.dir, path), filepath.Join(temp, path)); err != nil {
				return err
			}
		}
	}
	if err := os.Rename(temp, to); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
