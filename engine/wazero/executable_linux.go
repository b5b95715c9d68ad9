package wazero

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// mayExecute says why this process can have no compiled code. wazero would interpret instead, and say nothing.
func mayExecute() error {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" { // there is no compiler
		return nil
	}
	page, err := unix.Mmap(-1, 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		err = unix.Mprotect(page, unix.PROT_READ|unix.PROT_EXEC)
		_ = unix.Munmap(page)
	}
	if err != nil {
		return fmt.Errorf("this process can have no executable memory: %w: raise its limit, or allow mprotect with PROT_EXEC (seccomp, SELinux, MemoryDenyWriteExecute)", err)
	}
	return nil
}
