//go:build unix

package cache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wasmoci/wasmoci/internal/userns"
)

// trustedDir refuses a directory that somebody other than this user and root could change. One above the cache may be
// open to others if it is sticky, as /tmp is: then they cannot replace what is ours.
func trustedDir(path string, st fs.FileInfo, above bool) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return &UntrustedError{path, "its owner is unknown"}
	}
	if reason := trustedOwner(path, int(sys.Uid), above); reason != "" {
		return &UntrustedError{path, reason}
	}
	if st.Mode().Perm()&0o022 != 0 && !(above && st.Mode()&fs.ModeSticky != 0) {
		return &UntrustedError{path, fmt.Sprintf("others may write to it (mode %04o): chmod go-w %s, or name another cache directory", st.Mode().Perm(), path)}
	}
	return nil
}

// trustedOwner says why the directory path, which is shown as uid's, is somebody else's, or "". In a user namespace root and all other
// users outside are shown alike, so what is not this user's is taken only above the home directory: who could replace that is this user
// in any case.
func trustedOwner(path string, uid int, above bool) string {
	user := os.Geteuid()
	switch {
	case userns.Unmapped(uid):
		owned := userns.Owns(path)
		if owned && uid == user || !owned && above && aboveHome(path) {
			return ""
		}
		return fmt.Sprintf("whose it is cannot be told in this user namespace (user %d): name a cache directory in the home directory, and have HOME say where that is", uid)
	case uid == user || uid == 0:
		return ""
	}
	return fmt.Sprintf("it belongs to user %d, not to this one (%d): name another cache directory", uid, user)
}

// aboveHome says whether the home directory is somewhere below path.
func aboveHome(path string) bool {
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return false
	}
	if home, err = filepath.EvalSymlinks(home); err != nil {
		return false
	}
	below, err := filepath.Rel(path, home)
	return err == nil && below != "." && filepath.IsLocal(below)
}

// trustedFile says why a file is not to be used, or "".
func trustedFile(st fs.FileInfo) string {
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !ok || int(sys.Uid) != os.Geteuid() && sys.Uid != 0:
		return "it belongs to another user"
	case st.Mode().Perm()&0o022 != 0:
		return "others may write to it"
	}
	return ""
}
