//go:build linux

package subprocess

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

// defaultTmpfs is what a wasi.Tmpfs holds whose SizeBytes is 0.
const defaultTmpfs = 64 << 20

// limitData bounds what this process may have of private memory that can be written to: what it has now, what the run
// may have, and Headroom. Memory that engines only reserve does not count, as it does in RLIMIT_AS.
func limitData(cfg *wasi.Config) error {
	var pages [6]uint64
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages[0], &pages[1], &pages[2], &pages[3], &pages[4], &pages[5])
	}
	held := pages[5] * uint64(os.Getpagesize())
	if err != nil { // without /proc: as much again as it may have beyond that
		held = Headroom
	}
	limit := held + Headroom + cfg.Limits.MemoryBytes
	for _, m := range cfg.Mounts {
		if m.Tmpfs != nil && m.Tmpfs.SizeBytes == 0 {
			limit += defaultTmpfs
		} else if m.Tmpfs != nil {
			limit += m.Tmpfs.SizeBytes
		}
	}
	var old unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_DATA, nil, &old); err != nil {
		return fmt.Errorf("subprocess: bound the child's memory: %w", err)
	}
	if limit = min(limit, old.Max); limit >= old.Cur {
		return nil
	}
	return os.NewSyscallError("prlimit", unix.Prlimit(0, unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}, nil))
}
