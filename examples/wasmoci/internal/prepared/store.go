//go:build linux

package prepared

import (
	"context"
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
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
)

// Store is a directory that only this user may write to.
type Store struct {
	dir   string
	limit int64 // bytes, of all that is in dir

	// Damaged is told why code that was there is made anew; nil is not told.
	Damaged func(reason error)
}

// manifest is the name of the list of files with their digests. What it does not list does not exist.
const manifest = "files.json"

const tempPrefix = "tmp-"

// Open opens the directory, and makes it where it does not exist. One that others may write to is refused. Others may pass
// through it: a container in a user namespace has its code mounted from here. When something is put there that makes it larger than
// limit, in bytes, the code that was used least recently goes, unless containers use it.
func Open(dir string, limit int64) (*Store, error) {
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
	return &Store{dir: dir, limit: limit}, nil
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

// Code is the compiled code of one module for one runner. It stays in the store until it is closed.
type Code struct {
	Name   string            // of its directory, for the container too
	Size   int64             // of its files, bytes
	module [sha256.Size]byte // digest
	dir    string
	files  map[string]string // path: digest
	held   *os.File
}

// Close lets others remove the code from the store. What Link has made stays.
func (c *Code) Close() { c.held.Close() }

// Digest is the module's, as engine.ModuleInfo has it.
func (c *Code) Digest() string { return fmt.Sprintf("sha256:%x", c.module) }

// list is what the manifest has.
type list struct {
	Module string            `json:"module"` // digest
	Files  map[string]string `json:"files"`  // path: digest
}

func digest(r io.Reader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return sum, err
}

// Get returns the code of module for runner, and has it compiled where there is none: make gets a copy of the
// module, and an empty directory to put the compiled code into, below "code". Of several processes that need the same code at once, one
// compiles and the others wait. The caller closes it.
func (s *Store) Get(ctx context.Context, module *os.File, runner Runner, make Make) (*Code, error) {
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
func (s *Store) get(ctx context.Context, name string, module *os.File, runner Runner, make Make) (*Code, error) {
	verified := func() (*Code, error) {
		c, err := s.read(name, runner)
		if err != nil {
			return nil, err
		}
		if err := c.verify(ctx, c.dir); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
	if c, err := verified(); err == nil || ctx.Err() != nil { // what nobody waits to look at is not damaged
		return c, err
	}
	lock, err := s.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock(lock)
	c, err := verified()
	if err == nil || ctx.Err() != nil {
		return c, err
	}
	if s.Damaged != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Damaged(err)
	}
	if err := errors.Join(os.RemoveAll(s.path(name)), s.removeHalf(name)); err != nil { // it is damaged, if it is there
		return nil, err
	}
	s.sweepGuesses()
	made, err := s.make(ctx, name, module, runner, make)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	if c, err = verified(); err != nil {
		return nil, err
	}
	if err := s.evict(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
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

// Sweep removes what processes that were killed have left half made, and the files of their locks: whose lock is free, nobody makes.
func (s *Store) Sweep() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "code"))
	if err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), tempPrefix); ok {
			name, _, _ = strings.Cut(name, "-")
			names[name] = true
		} else if name, ok := strings.CutSuffix(e.Name(), lockSuffix); ok {
			names[name] = true
		}
	}
	for name := range names {
		f, err := s.tryLock(name)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		err = s.removeHalf(name)
		unlock(f)
		if err != nil {
			return err
		}
	}
	return nil
}

// removeHalf removes what is half made of the code name, whose lock is held.
func (s *Store) removeHalf(name string) error {
	half, err := filepath.Glob(s.path(tempPrefix + name + "*"))
	for _, dir := range half {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, "code", name) }

const lockSuffix = ".lock"

// lock holds the name among processes until unlock.
func (s *Store) lock(ctx context.Context, name string) (*os.File, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		if f, err := s.tryLock(name); f != nil || err != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// tryLock holds the name, or returns nil where somebody else does.
func (s *Store) tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(s.path(name)+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		held, herr := f.Stat()
		there, terr := os.Stat(f.Name())
		if herr == nil && terr == nil && os.SameFile(held, there) {
			return f, nil
		}
	}
	f.Close()
	if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
		return nil, err
	}
	return nil, nil
}

// unlock removes a lock's file while it is held: who waits for it finds out, and takes the next.
func unlock(f *os.File) {
	_ = os.Remove(f.Name())
	f.Close()
}

// make has code compiled into a directory of its own, which becomes the entry, and holds that: nobody evicts it until the caller closes it. What is compiled is a copy: the module's file is the container's or
// another's to change, and what it is then must not come under the name of what it was.
func (s *Store) make(ctx context.Context, name string, module *os.File, runner Runner, compile Make) (held *os.File, err error) {
	private, err := os.MkdirTemp(filepath.Join(s.dir, "code"), tempPrefix+name+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	copied, err := snapshot(within(ctx, module), filepath.Join(private, "module"))
	if err != nil {
		return nil, err
	}
	defer copied.Close()
	sum, err := digest(within(ctx, copied))
	if err != nil {
		return nil, err
	}
	if now, err := key(sum, runner); err != nil {
		return nil, err
	} else if now != name {
		return nil, fmt.Errorf("%s is being written to: create the container again when it is complete", module.Name())
	}
	made := filepath.Join(private, "made")
	if err := os.Mkdir(made, 0o700); err != nil {
		return nil, err
	}
	if err := compile(ctx, copied, made); err != nil {
		return nil, err
	}
	code := filepath.Join(made, "code")
	if err := record(code, sum); err != nil {
		return nil, fmt.Errorf("compiled code: %w", err)
	}
	if held, err = openDirectory(code); err != nil {
		return nil, err
	}
	if err = flock(held, unix.LOCK_SH); err == nil {
		err = os.Rename(code, s.path(name))
	}
	if err != nil {
		held.Close()
		return nil, err
	}
	return held, nil
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

// record writes the manifest of what is in the directory code, for a module with this digest.
func record(code string, module [sha256.Size]byte) error {
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(code), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path == manifest || !d.Type().IsRegular() {
			return fmt.Errorf("%q is no file of an engine's", path)
		}
		files[path], err = digestFile(context.Background(), filepath.Join(code, path))
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("the runner left none")
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(list{hex.EncodeToString(module[:]), files})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(code, manifest), text, 0o600)
}

// digestFile returns that of the content of a regular file.
func digestFile(ctx context.Context, path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, err := digest(&bounded{ctx, f})
	return hex.EncodeToString(sum[:]), err
}

// folder makes a directory, and those above it, that every user may read, whatever the umask is.
func folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// read holds an entry, reads its manifest, and notes that it was used. Of the files it looks only whether they are there.
func (s *Store) read(name string, runner Runner) (_ *Code, err error) {
	c := &Code{Name: name, dir: s.path(name)}
	if c.held, err = s.holdEntry(name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	data, err := os.ReadFile(filepath.Join(c.dir, manifest))
	if err != nil {
		return nil, fmt.Errorf("the list of files: %v", err) // that it does not exist is damage, not absence
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
	now := time.Now()
	_ = os.Chtimes(filepath.Join(c.dir, manifest), now, now) // on a full disk it is evicted a bit too early
	return c, nil
}

// verify says whether the files of c are in dir as they were when they were listed.
func (c *Code) verify(ctx context.Context, dir string) error {
	for path, listed := range c.files {
		sum, err := digestFile(ctx, filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if sum != listed {
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
