package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Bounds of what a compiler may leave beside the bytes.
const (
	maxFiles = 64
	maxDepth = 4
)

// adopt copies what a compiler left in the directory "code" of its place to the directory to, which it makes: regular files and
// directories, which every user may read, whatever the umask is; of no more than so many bytes, as a file there may have more of them than
// room.
func adopt(place *os.File, to string, bytes int64) error {
	root, err := os.OpenRoot("/proc/self/fd/" + strconv.Itoa(int(place.Fd())) + "/.")
	if err != nil {
		return err
	}
	defer root.Close()
	code, err := root.Lstat("code")
	if err == nil && !code.IsDir() {
		err = errors.New("the runner left none")
	}
	if err != nil {
		return err
	}
	if err := folder(to); err != nil {
		return err
	}
	return (&adoption{root: root, to: to, left: bytes}).folder(".", 0)
}

type adoption struct {
	root  *os.Root
	to    string
	names int
	left  int64 // bytes
}

// folder adopts what is in the directory path. It never reads more names than an engine makes.
func (a *adoption) folder(path string, depth int) error {
	dir, err := a.root.OpenFile(filepath.Join("code", path), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
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

// file copies a file.
func (a *adoption) file(path string) error {
	in, err := a.root.OpenFile(filepath.Join("code", path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
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
	n, err := io.Copy(out, io.LimitReader(in, a.left+1))
	if a.left -= n; err == nil && a.left < 0 {
		err = ErrCompileSize
	}
	if err == nil {
		err = errors.Join(out.Chmod(0o644), out.Sync())
	}
	return errors.Join(err, out.Close())
}

// folder makes a directory that every user may read.
func folder(path string) error {
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
