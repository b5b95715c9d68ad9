package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// defaultPath is where execvp looks when there is no PATH.
const defaultPath = "/bin:/usr/bin"

// NotFoundError is a module that is not where args[0] says. Its exit status is 127, as a shell's.
type NotFoundError struct {
	Name     string // what args[0] names
	Searched []Miss // where it was looked for, in that order
}

// Miss is one place where a module was looked for.
type Miss struct {
	Path string // absolute guest path
	Err  error  // why it is not there, or cannot be taken
}

// Error implements error. It says where the module was looked for, and what to write instead.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "oci: open module: %q not found in the container's file system:", shorten(e.Name))
	for i, m := range e.Searched {
		if i == 8 {
			fmt.Fprintf(&b, ", and %d more", len(e.Searched)-i)
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s: %v", shorten(m.Path), m.Err)
	}
	if !strings.Contains(e.Name, "/") {
		fmt.Fprintf(&b, ` (a name without "/" is looked up in PATH: write "./%s" for the working directory)`, shorten(e.Name))
	}
	return b.String()
}

// Unwrap returns the causes, and [io/fs.ErrNotExist].
func (e *NotFoundError) Unwrap() []error {
	errs := []error{fs.ErrNotExist}
	for _, m := range e.Searched {
		errs = append(errs, m.Err)
	}
	return errs
}

// ExitStatus returns 127.
func (e *NotFoundError) ExitStatus() int { return 127 }

// FileError is a module that is there and cannot be used. Its exit status is 126, as a shell's.
type FileError struct {
	Path string // absolute guest path
	Err  error  // why not: a directory, a FIFO, no permission, …
}

// Error implements error.
func (e *FileError) Error() string {
	return fmt.Sprintf("oci: open module: %q: %v", shorten(e.Path), e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// ExitStatus returns 126.
func (e *FileError) ExitStatus() int { return 126 }

// Open finds the module in the guest's file system and opens it for reading: through the mounts of the plan, from the
// working directory, with links resolved as in the container and never out of it. A name without '/' is looked up in
// the last PATH of the guest's environment, as execvp does it, but the file need not be executable; without PATH the
// places are /bin and /usr/bin. A path that climbs above "/" on its way, "/a/../../b", is refused rather than bent.
//
// Detection and compilation should read the file returned, not open it again by name, so that both see one file.
// The caller closes it. The error is a [*NotFoundError], a [*FileError] for what is there and is no readable
// regular file, or what the mounts could not be opened with. Open never blocks on what it finds, opens the mounts anew
// each time, and may be called concurrently. It needs Linux.
func (p *Plan) Open() (*os.File, error) {
	f, _, err := p.open()
	return f, err
}

// open also returns the absolute guest path at which the module was found.
func (p *Plan) open() (f *os.File, guest string, err error) {
	tree, err := vfs.New(p.Config.Mounts)
	if err != nil {
		return nil, "", fmt.Errorf("oci: open module: %w: look at root.path and at the mounts' sources in config.json", err)
	}
	defer tree.Close()
	cwd := "/" + strings.TrimPrefix(p.Config.Dir, "/")
	if strings.Contains(p.Module, "/") {
		guest := within(cwd, p.Module)
		f, err := openRegular(tree.Root(), guest)
		if isMissing(err) {
			return nil, "", &NotFoundError{Name: p.Module, Searched: []Miss{{guest, err}}}
		} else if err != nil {
			return nil, "", &FileError{Path: guest, Err: err}
		}
		return f, guest, nil
	}
	notFound := &NotFoundError{Name: p.Module}
	for dir := range strings.SplitSeq(p.searchPath(), ":") {
		guest := within(within(cwd, dir), p.Module)
		f, err := openRegular(tree.Root(), guest)
		if err == nil {
			return f, guest, nil
		}
		notFound.Searched = append(notFound.Searched, Miss{guest, err})
	}
	return nil, "", notFound
}

// searchPath is PATH as the guest sees it: of two, the last.
func (p *Plan) searchPath() string {
	for _, e := range slices.Backward(p.Config.Env) {
		if dirs, ok := strings.CutPrefix(e, "PATH="); ok {
			return dirs
		}
	}
	return defaultPath
}

// within is name seen from dir. It does not clean: what ".." means behind a link is for the walk to find out.
func within(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "/"):
		return name
	case name == "":
		return dir
	case strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

// openRegular opens a regular file by its absolute guest path.
func openRegular(root *vfs.Dir, guest string) (*os.File, error) {
	rel := strings.TrimLeft(guest, "/")
	for rel == ".." || strings.HasPrefix(rel, "../") { // above the root is the root
		rel = strings.TrimLeft(rel[len(".."):], "/")
	}
	if rel == "" {
		return nil, errDirectory
	}
	node, err := root.Open(rel, vfs.OpenOptions{Read: true, Follow: true})
	if err != nil {
		if !isMissing(err) {
			if stat, err := root.Lookup(rel, true); err == nil && stat.Type != vfs.Regular {
				return nil, notRegular(stat.Type)
			}
		}
		return nil, err
	}
	defer node.Close()
	stat, err := node.Stat()
	if err != nil {
		return nil, err
	}
	file, ok := node.(*vfs.File)
	if !ok || stat.Type != vfs.Regular {
		return nil, notRegular(stat.Type)
	}
	return file.OSFile(guest)
}

var errDirectory = errors.New("is a directory")

func notRegular(t vfs.FileType) error {
	switch t {
	case vfs.Directory:
		return errDirectory
	case vfs.Pipe:
		return errors.New("is a FIFO")
	case vfs.CharDevice, vfs.BlockDevice:
		return errors.New("is a device")
	case vfs.SocketStream, vfs.SocketDgram:
		return errors.New("is a socket")
	}
	return errors.New("is not a regular file")
}

// isMissing says whether an error means that there is no such file, rather than one that cannot be used.
func isMissing(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}
