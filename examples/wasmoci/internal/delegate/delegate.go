//go:build linux

package delegate

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Names are the runtimes that are looked for, the first first.
var Names = []string{"crun", "runc"}

// places are looked through after PATH, which clients often leave empty.
var places = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Delegate is an OCI runtime.
type Delegate struct {
	Path string // absolute
	From string // who named it: a flag, a configuration file, PATH

	copied *copied // nil until Prepare
}

// ErrNone means that there is no runtime for containers on this machine.
var ErrNone = errors.New("no OCI runtime for containers found: install crun or runc, or name one with --delegate or as delegate in the configuration")

// ErrSelf means that a runtime that was named is this program.
var ErrSelf = errors.New("is this program itself: name the runtime that it stands before")

// Find returns the runtime at named, or where that is "" the first of [Names] in the directories of searchPath (as PATH) and in
// those where distributions install. This program under another name is an error where it was named, and passed over
// where it was found.
func Find(named, from, searchPath string) (Delegate, error) {
	if named != "" {
		if !filepath.IsAbs(named) {
			return Delegate{}, fmt.Errorf("delegate %q (%s) is not an absolute path", named, from)
		}
		if err := executable(named); err != nil {
			return Delegate{}, fmt.Errorf("delegate %q (%s): %w", named, from, err)
		}
		if isSelf(named) {
			return Delegate{}, fmt.Errorf("delegate %q (%s): %w", named, from, ErrSelf)
		}
		return Delegate{Path: named, From: from}, nil
	}
	if all := find(searchPath, 1); len(all) > 0 {
		return all[0], nil
	}
	return Delegate{}, ErrNone
}

// All returns every runtime that Find may find, the first first.
func All(searchPath string) []Delegate { return find(searchPath, math.MaxInt) }

func find(searchPath string, most int) (all []Delegate) {
	for _, name := range Names {
		for _, dir := range append(filepath.SplitList(searchPath), places...) {
			d := Delegate{Path: filepath.Join(dir, name), From: "PATH"}
			if filepath.IsAbs(d.Path) && !slices.Contains(all, d) && executable(d.Path) == nil && !isSelf(d.Path) {
				if all = append(all, d); len(all) == most {
					return all
				}
			}
		}
	}
	return all
}

func executable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return errors.New("is not a file")
	}
	if err := unix.Access(path, unix.X_OK); err != nil { // which also knows of mounts that are noexec
		return fmt.Errorf("is not executable: %w", err)
	}
	return nil
}

// isSelf says whether path is this program: the same file, a copy of it, which knows what it was built from, or a script
// around it, which answers as this program does.
func isSelf(path string) bool {
	self, err := os.Stat("/proc/self/exe")
	if st, serr := os.Stat(path); err == nil && serr == nil && os.SameFile(self, st) {
		return true
	}
	if info, err := buildinfo.ReadFile(path); err == nil {
		own, ok := debug.ReadBuildInfo()
		return ok && info.Path == own.Path
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 2)
	if n, _ := f.Read(head); string(head[:n]) != "#!" {
		return false
	}
	out, _ := exec.Command(path, "--version").Output()
	return strings.HasPrefix(string(out), "wasmoci ")
}
