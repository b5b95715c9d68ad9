//go:build linux

package prepared

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// guesses is the directory of what modules were the last time: links with the name of code in place of a path.
const guesses = "guesses"

const (
	samples    = 8
	sampleSize = 4096 // bytes
)

// guess is the name under which is remembered what code a module has: a module of the same size, of which the samples are the same, is
// likely to be the same. It takes a part of the time that to digest all of it takes.
func (s *Store) guess(module *os.File, runner Runner) (string, error) {
	st, err := module.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, st.Size())
	for i := range int64(samples) {
		at := max(0, st.Size()-sampleSize) * i / (samples - 1)
		if _, err := io.Copy(h, io.NewSectionReader(module, at, sampleSize)); err != nil {
			return "", err
		}
	}
	name, err := key([sha256.Size]byte(h.Sum(nil)), runner)
	return filepath.Join(s.dir, guesses, name), err
}

// Guess returns the code that a module which looks like this one had the last time, or nil. Neither the code nor that it is this
// module's is verified: nothing of it is to be executed before [Code.Verify] has found both.
func (s *Store) Guess(module *os.File, runner Runner) *Code {
	path, err := s.guess(module, runner)
	if err != nil {
		return nil
	}
	name, err := os.Readlink(path)
	if err != nil || name != filepath.Base(name) {
		return nil
	}
	c, err := s.read(name, runner)
	if err != nil {
		return nil
	}
	return c
}

// Verify returns an error where c, of [Store.Guess], is not the code of module, or where dir/Name does not have what was put into the
// store: what [Code.Link] put there is the same files, or copies.
func (c *Code) Verify(ctx context.Context, module *os.File, dir string) error {
	sum, err := digest(within(ctx, module))
	if err == nil && sum != c.module {
		err = fmt.Errorf("%s: the code that was taken for its is another module's", module.Name())
	}
	if err != nil {
		return err
	}
	return c.verify(ctx, filepath.Join(dir, c.Name))
}

// remember has the next Guess for a module like this one return the code name. Nothing depends on it.
func (s *Store) remember(module *os.File, runner Runner, name string) {
	path, err := s.guess(module, runner)
	if err != nil {
		return
	}
	if known, err := os.Readlink(path); err == nil && known == name {
		return
	}
	_ = os.Remove(path)
	_ = os.Symlink(name, path)
}

// sweepGuesses removes those of code that there is no more.
func (s *Store) sweepGuesses() {
	dir := filepath.Join(s.dir, guesses)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil {
			_, err = os.Lstat(s.path(name))
		}
		if err != nil {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
