//go:build linux

package operator

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wasmoci/wasmoci/internal/userns"
)

// User is who runs the program. It is plain data.
type User struct {
	Root bool // of the system, and not merely of a user namespace
	ID   int  // as the namespace above knows it, in which such a user has logged in
}

// Current returns the user of this process. Rootless podman calls runtimes as user 0 of a user namespace; what tells that from root
// is that the root directory's owner has no number there.
func Current() User {
	id := os.Geteuid()
	st, err := os.Stat("/")
	if id == 0 && (err != nil || !userns.Unmapped(owner(st))) {
		return User{Root: true}
	}
	return User{ID: userns.Outside(id)}
}

// owner returns the number of a file's owner.
func owner(st os.FileInfo) int {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(sys.Uid)
	}
	return -1
}

// places returns the default directories for state and cache. Nothing of the environment counts for root, whose clients empty it now and
// then. The state of others is where crun and runc have theirs.
func (u User) places() (state, cache string) {
	if u.Root {
		return "/run/wasmoci", "/var/cache/wasmoci"
	}
	state = filepath.Join(os.TempDir(), fmt.Sprintf("wasmoci-%d", u.ID))
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), fmt.Sprintf("/run/user/%d", u.ID)} {
		if st, err := os.Stat(dir); filepath.IsAbs(dir) && err == nil && st.IsDir() {
			state = filepath.Join(dir, "wasmoci")
			break
		}
	}
	home, _ := os.UserCacheDir()
	return state, filepath.Join(cmp.Or(home, state), "wasmoci", "containers")
}
