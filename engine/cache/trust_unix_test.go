//go:build unix

package cache

import (
	"os"
	"syscall"
)

func fifo(path string) error { return syscall.Mkfifo(path, 0o600) }

// foreign makes path another user's, or, where only root could do that, a directory that another user may write to.
func foreign(path string) error {
	if os.Geteuid() != 0 {
		return os.Chmod(path, 0o757)
	}
	return os.Chown(path, 12345, 12345)
}
