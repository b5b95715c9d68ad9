//go:build unix

package cache

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// trustedDir refuses a directory that somebody other than this user and root could change. One above the cache may be
// open to others if it is sticky, as /tmp is: then they cannot replace what is ours.
func trustedDir(path string, st fs.FileInfo, above bool) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return &UntrustedError{path, "its owner is unknown"}
	}
	if uid := os.Geteuid(); int(sys.Uid) != uid && sys.Uid != 0 {
		return &UntrustedError{path, fmt.Sprintf("it belongs to user %d, not to this one (%d): name another cache directory", sys.Uid, uid)}
	}
	if st.Mode().Perm()&0o022 != 0 && !(above && st.Mode()&fs.ModeSticky != 0) {
		return &UntrustedError{path, fmt.Sprintf("others may write to it (mode %04o): chmod go-w %s, or name another cache directory", st.Mode().Perm(), path)}
	}
	return nil
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
