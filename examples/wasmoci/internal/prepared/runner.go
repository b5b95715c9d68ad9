//go:build linux

package prepared

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wasmoci/wasmoci/engine/cache"
)

// Runner is what code is compiled for, and executed by. It is plain data.
type Runner struct {
	Path      string // of the executable
	Libraries string // the directory of its shared libraries, which have the engine; "" is none
}

// key names code by all that it depends on: the module, which has this digest, the runner, its libraries and the processor.
func key(module [sha256.Size]byte, runner Runner) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "5\x00%s\x00", cache.CPU())
	if err := identify(h, runner.Path); err != nil {
		return "", err
	}
	if runner.Libraries != "" {
		if err := identifyAll(h, runner.Libraries); err != nil {
			return "", err
		}
	}
	h.Write(module[:])
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// Identify returns what tells the files of a directory from every others, and from what they were before they were written to.
func Identify(dir string) (string, error) {
	h := sha256.New()
	err := identifyAll(h, dir)
	return hex.EncodeToString(h.Sum(nil)), err
}

func identifyAll(h hash.Hash, dir string) error {
	files, err := os.ReadDir(dir) // sorted
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintf(h, "%s\x00", f.Name())
		if err := identify(h, filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// identify writes what tells a file from every other, and from what it was before it was written to.
func identify(h hash.Hash, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.ErrUnsupported
	}
	fmt.Fprintf(h, "%d %d %d %d %d\x00", sys.Dev, sys.Ino, sys.Size, sys.Mtim.Nano(), sys.Ctim.Nano())
	return nil
}
