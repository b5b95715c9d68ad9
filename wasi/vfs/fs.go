package vfs

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// FS is the file system of one guest: its mounts, opened, and what the guest has open. It is the owner of every
// descriptor behind it. Its methods may be called from any goroutine; the Dirs and Files it hands out belong to one guest
// thread at a time.
type FS struct {
	root     *place
	top      *Dir
	preopens []Preopen
	born     int64 // time of synthetic directories
	closed   atomic.Bool
	limit    int64 // bytes that a file may have: beyond, the kernel would end the process with SIGXFSZ

	use       shortcuts
	noOpenat2 atomic.Bool // it turned out to be missing, or refused
	askProc   sync.Once
	proc      *handle // what procfs returns

	mu     sync.Mutex
	open   map[*handle]struct{} // everything open; nil once closed
	mounts []*mount

	memories uint64 // how many tmpfs there are
}

// Preopen is a directory that the guest has open from the start.
type Preopen struct {
	Guest string // guest path of the mount
	Dir   *Dir
}

// New opens what mounts name and builds the guest's tree. Every Host is opened and every File duplicated, once: what
// the host renames or replaces later does not change what the guest has. Host paths are the caller's own, so links in
// them are followed.
//
// The error joins a [*wasi.FieldError] for each problem, with Field as in "Mounts[2].Host", and wraps
// [errors.ErrUnsupported] where a mount asks for what cannot be had: any mount on an operating system other than Linux, or
// a regular file given as File where /proc is not mounted. Nothing stays open after an error. The caller keeps
// ownership of each File and must Close the FS.
//
// A guest that makes a file of the host larger than the process's RLIMIT_FSIZE, as it is at New, gets EFBIG.
func New(mounts []wasi.Mount) (*FS, error) { return newFS(mounts, shortcuts{true, true}) }

// shortcuts are what the walk can do without. Whether they are there is found out at the first use.
type shortcuts struct {
	openat2 bool // whole runs of a path in one call
	proc    bool // to open by descriptor what was looked at, rather than by name and to compare then
}

// newFS is New with those shortcuts at most.
func newFS(mounts []wasi.Mount, use shortcuts) (*FS, error) {
	if err := (&wasi.Config{Mounts: mounts}).Validate(); err != nil {
		return nil, err
	}
	fs := &FS{
		born: time.Now().UnixNano(), limit: sizeLimit(), use: use, open: make(map[*handle]struct{}), mounts: make([]*mount, len(mounts)),
	}
	var errs []error
	for i, spec := range mounts {
		m, field, err := fs.mount(spec)
		if err != nil {
			var value any = spec.Guest
			if field == "Host" {
				value = spec.Host
			}
			errs = append(errs, &wasi.FieldError{Field: fmt.Sprintf("Mounts[%d].%s", i, field), Value: value, Err: err})
			if errors.Is(err, syscall.EMFILE) { // so will be the others
				break
			}
			continue
		}
		fs.mounts[i] = m
	}
	root, err := newTree(mounts, fs.mounts)
	fs.root = root
	if err = errors.Join(append(errs, err)...); err == nil {
		at := -1
		if root.owner != nil {
			at = root.owner.root.fd
		}
		err = root.cover(at)
	}
	if err != nil {
		fs.Close()
		return nil, err
	}
	fs.top = fs.dirAt(root)
	for i, m := range fs.mounts {
		if m.isDir() && !mounts[i].NoPreopen {
			fs.preopens = append(fs.preopens, Preopen{Guest: mounts[i].Guest, Dir: fs.dirAt(m.at)})
		}
	}
	return fs, nil
}

var (
	errKind   = errors.New("vfs: is neither a directory nor a regular file")
	errNoProc = fmt.Errorf("vfs: a regular file given open: %w where /proc is not mounted: give its path as Host", errors.ErrUnsupported)
)

// mount opens what spec names. After an error field says which field is to blame.
func (fs *FS) mount(spec wasi.Mount) (m *mount, field string, err error) {
	m = &mount{readOnly: spec.ReadOnly, hidden: spec.Hidden}
	var fd int
	switch {
	case spec.Tmpfs != nil:
		if err := supported(); err != nil {
			return nil, "Tmpfs", err
		}
		fs.memories++
		n := newTmpfs(spec.Tmpfs, syntheticDev-fs.memories)
		m.info = n.stat()
		m.root, err = fs.keepNode(n)
		return m, "Tmpfs", err
	case spec.Hidden:
		return m, "Hidden", supported()
	case spec.File != nil:
		field = "File"
		fd, err = dupFile(spec.File)
	default:
		field, m.host = "Host", spec.Host
		fd, err = openHost(spec.Host)
	}
	if err == syscall.EMFILE {
		err = fmt.Errorf("%w: each mount takes a descriptor: raise the limit (RLIMIT_NOFILE) or mount less", err)
	}
	if err != nil {
		return nil, field, fmt.Errorf("vfs: open: %w", err)
	}
	if m.root, err = fs.keep(fd); err != nil {
		return nil, field, err
	}
	if m.info, err = statFD(fd); err != nil {
		return nil, field, fmt.Errorf("vfs: stat: %w", err)
	}
	switch {
	case m.info.Type != Directory && m.info.Type != Regular:
		return nil, field, errKind
	case m.info.Type == Regular && m.host == "" && fs.procfs() == nil:
		return nil, field, errNoProc
	}
	return m, "", nil
}

// Close closes every descriptor of the FS, those of Files and Dirs still open among them; a system call in progress
// keeps its own until it returns. It is idempotent and may be called from any goroutine. Operations on what was closed
// are EBADF.
func (fs *FS) Close() error {
	fs.closed.Store(true)
	fs.mu.Lock()
	open := fs.open
	fs.open = nil
	fs.mu.Unlock()
	for h := range open {
		h.close()
	}
	return nil
}

// Preopens returns every directory mount in the order given to New. Hidden mounts, single files and what is to be no preopen are not
// among them. Closing a preopen's Dir does not take the mount out of the tree.
func (fs *FS) Preopens() []Preopen { return append([]Preopen(nil), fs.preopens...) }

// Root returns "/" of the guest's tree. Where nothing is mounted at "/" it is a read-only directory that has the mount
// points and nothing else. It is the same Dir each time, and not one of the preopens; Close of the FS closes it.
func (fs *FS) Root() *Dir { return fs.top }

// keep makes the FS the owner of fd.
func (fs *FS) keep(fd int) (*handle, error) { return fs.own(&handle{fd: fd}) }

// keepNode opens n, of which the FS owns the handle; errReplaced if n is no more.
func (fs *FS) keepNode(n *inode) (*handle, error) {
	if !n.opened() {
		return nil, errReplaced
	}
	return fs.own(&handle{fd: -1, node: n})
}

func (fs *FS) own(h *handle) (*handle, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.open == nil {
		h.free()
		return nil, syscall.EBADF
	}
	fs.open[h] = struct{}{}
	return h, nil
}

// procfs is the directory of this process's descriptors, nil where there is none.
func (fs *FS) procfs() *handle {
	fs.askProc.Do(func() {
		if !fs.use.proc {
			return
		}
		if fd, err := openProc(); err == nil {
			fs.proc, _ = fs.keep(fd)
		}
	})
	return fs.proc
}

// drop closes h, of which the FS is the owner.
func (fs *FS) drop(h *handle) {
	fs.mu.Lock()
	delete(fs.open, h)
	fs.mu.Unlock()
	h.close()
}

// rooted says whether the host has a directory at the guest's "/": whether links may lead anywhere in the tree.
func (fs *FS) rooted() bool { return fs.root.mount != nil }

// syntheticDev is the device of synthetic directories. Those of tmpfs are the numbers below.
const syntheticDev = ^uint64(0)

// synthetic describes the directory at p where the host has none.
func (fs *FS) synthetic(p *place) Stat {
	return Stat{Dev: syntheticDev, Ino: p.number, Nlink: 1, Type: Directory, Atim: fs.born, Mtim: fs.born, Ctim: fs.born}
}
